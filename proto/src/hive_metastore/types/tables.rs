//! Requests about databases and tables.

use super::{
    EnvironmentContext, FieldSchema, SQLCheckConstraint, SQLDefaultConstraint, SQLForeignKey,
    SQLNotNullConstraint, SQLPrimaryKey, SQLUniqueConstraint, Table,
};
use super::{thrift_enum, thrift_struct};

thrift_enum! {
    /// What a client can cope with.
    ClientCapability { #[default] 1: TestCapability, 2: InsertOnlyTables }
}

thrift_struct! {
    /// What a client can cope with.
    ClientCapabilities {
        1: required values: Vec<ClientCapability>,
    }

    /// Which database is wanted.
    GetDatabaseRequest {
        1: optional name: String,
        2: optional catalog_name: String,
    }

    /// A database to be dropped.
    DropDatabaseRequest {
        1: required name: String,
        2: optional catalog_name: String,
        3: required ignore_unknown_db: bool,
        4: required delete_data: bool,
        5: required cascade: bool,
    }

    /// Which table is wanted.
    GetTableRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: optional capabilities: ClientCapabilities,
        4: optional cat_name: String,
        7: optional get_column_stats: bool,
        10: optional engine: String,
    }

    /// A table.
    GetTableResult {
        1: required table: Table,
        2: optional is_stats_compliant: bool,
    }

    /// Which tables are wanted.
    GetTablesRequest {
        1: required db_name: String,
        2: optional tbl_names: Vec<String>,
        3: optional capabilities: ClientCapabilities,
        4: optional cat_name: String,
        8: optional tables_pattern: String,
    }

    /// Tables.
    GetTablesResult {
        1: required tables: Vec<Table>,
    }

    /// What a list of tables shows.
    TableMeta {
        1: required db_name: String,
        2: required table_name: String,
        3: required table_type: String,
        4: optional comments: String,
        5: optional cat_name: String,
    }

    /// A table to be made.
    CreateTableRequest {
        1: required table: Table,
        2: optional env_context: EnvironmentContext,
        3: optional primary_keys: Vec<SQLPrimaryKey>,
        4: optional foreign_keys: Vec<SQLForeignKey>,
        5: optional unique_constraints: Vec<SQLUniqueConstraint>,
        6: optional not_null_constraints: Vec<SQLNotNullConstraint>,
        7: optional default_constraints: Vec<SQLDefaultConstraint>,
        8: optional check_constraints: Vec<SQLCheckConstraint>,
    }

    /// A table's new definition.
    AlterTableRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required table_name: String,
        4: required table: Table,
        5: optional environment_context: EnvironmentContext,
    }

    /// Nothing.
    AlterTableResponse {}

    /// Which table's columns are wanted.
    GetFieldsRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required tbl_name: String,
        4: optional env_context: EnvironmentContext,
    }

    /// Columns.
    GetFieldsResponse {
        1: required fields: Vec<FieldSchema>,
    }

    /// Which table's columns and partition keys are wanted.
    GetSchemaRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required tbl_name: String,
        4: optional env_context: EnvironmentContext,
    }

    /// Columns and partition keys.
    GetSchemaResponse {
        1: required fields: Vec<FieldSchema>,
    }

    /// Which catalogue is wanted.
    GetCatalogRequest {
        1: optional name: String,
    }

    /// A catalogue of databases.
    Catalog {
        1: optional name: String,
        2: optional description: String,
        3: optional location_uri: String,
        4: optional create_time: i32,
    }

    /// A catalogue.
    GetCatalogResponse {
        1: optional catalog: Catalog,
    }

    /// The names of all catalogues.
    GetCatalogsResponse {
        1: optional names: Vec<String>,
    }
}
