//! Keys and constraints.

use super::thrift_struct;

thrift_struct! {
    /// A column of a primary key.
    SQLPrimaryKey {
        1: optional table_db: String,
        2: optional table_name: String,
        3: optional column_name: String,
        4: value key_seq: i32,
        5: optional pk_name: String,
        6: value enable_cstr: bool,
        7: value validate_cstr: bool,
        8: value rely_cstr: bool,
        9: optional cat_name: String,
    }

    /// A column of a foreign key.
    SQLForeignKey {
        1: optional pktable_db: String,
        2: optional pktable_name: String,
        3: optional pkcolumn_name: String,
        4: optional fktable_db: String,
        5: optional fktable_name: String,
        6: optional fkcolumn_name: String,
        7: value key_seq: i32,
        8: value update_rule: i32,
        9: value delete_rule: i32,
        10: optional fk_name: String,
        11: optional pk_name: String,
        12: value enable_cstr: bool,
        13: value validate_cstr: bool,
        14: value rely_cstr: bool,
        15: optional cat_name: String,
    }

    /// A column of a unique constraint.
    SQLUniqueConstraint {
        1: optional cat_name: String,
        2: optional table_db: String,
        3: optional table_name: String,
        4: optional column_name: String,
        5: value key_seq: i32,
        6: optional uk_name: String,
        7: value enable_cstr: bool,
        8: value validate_cstr: bool,
        9: value rely_cstr: bool,
    }

    /// A column that is not null.
    SQLNotNullConstraint {
        1: optional cat_name: String,
        2: optional table_db: String,
        3: optional table_name: String,
        4: optional column_name: String,
        5: optional nn_name: String,
        6: value enable_cstr: bool,
        7: value validate_cstr: bool,
        8: value rely_cstr: bool,
    }

    /// A column's default value.
    SQLDefaultConstraint {
        1: optional cat_name: String,
        2: optional table_db: String,
        3: optional table_name: String,
        4: optional column_name: String,
        5: optional default_value: String,
        6: optional dc_name: String,
        7: value enable_cstr: bool,
        8: value validate_cstr: bool,
        9: value rely_cstr: bool,
    }

    /// A condition that every row fulfils.
    SQLCheckConstraint {
        1: optional cat_name: String,
        2: optional table_db: String,
        3: optional table_name: String,
        4: optional column_name: String,
        5: optional check_expression: String,
        6: optional dc_name: String,
        7: value enable_cstr: bool,
        8: value validate_cstr: bool,
        9: value rely_cstr: bool,
    }

    /// Which table's primary key is wanted.
    PrimaryKeysRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: optional cat_name: String,
    }

    /// A primary key, column by column.
    PrimaryKeysResponse {
        1: required primary_keys: Vec<SQLPrimaryKey>,
    }

    /// Which foreign keys are wanted: those to a table, from a table, or between two.
    ForeignKeysRequest {
        1: optional parent_db_name: String,
        2: optional parent_tbl_name: String,
        3: optional foreign_db_name: String,
        4: optional foreign_tbl_name: String,
        5: optional cat_name: String,
    }

    /// Foreign keys, column by column.
    ForeignKeysResponse {
        1: required foreign_keys: Vec<SQLForeignKey>,
    }

    /// Which table's unique constraints are wanted.
    UniqueConstraintsRequest {
        1: required cat_name: String,
        2: required db_name: String,
        3: required tbl_name: String,
    }

    /// Unique constraints, column by column.
    UniqueConstraintsResponse {
        1: required unique_constraints: Vec<SQLUniqueConstraint>,
    }

    /// Which table's columns that are not null are wanted.
    NotNullConstraintsRequest {
        1: required cat_name: String,
        2: required db_name: String,
        3: required tbl_name: String,
    }

    /// Columns that are not null.
    NotNullConstraintsResponse {
        1: required not_null_constraints: Vec<SQLNotNullConstraint>,
    }
}
