//! Databases, tables and partitions.

use super::{BTreeMap, thrift_struct};
use super::{ColumnStatistics, PrincipalPrivilegeSet, PrincipalType, Properties};

thrift_struct! {
    /// A column, or a partition key.
    FieldSchema {
        1: optional name: String,
        2: optional type_name: String,
        3: optional comment: String,
    }

    /// A database.
    Database {
        1: optional name: String,
        2: optional description: String,
        3: optional location_uri: String,
        4: optional parameters: Properties,
        5: optional privileges: PrincipalPrivilegeSet,
        6: optional owner_name: String,
        7: optional owner_type: PrincipalType,
        8: optional catalog_name: String,
        9: optional create_time: i32,
        10: optional managed_location_uri: String,
    }

    /// How rows become bytes.
    SerDeInfo {
        1: optional name: String,
        2: optional serialization_lib: String,
        3: optional parameters: Properties,
        4: optional description: String,
        5: optional serializer_class: String,
        6: optional deserializer_class: String,
    }

    /// A column that buckets are sorted by, and the direction: 1 ascending, 0 descending.
    Order {
        1: optional col: String,
        2: value order: i32,
    }

    /// Values that are so frequent that they have directories of their own.
    SkewedInfo {
        1: optional skewed_col_names: Vec<String>,
        2: optional skewed_col_values: Vec<Vec<String>>,
        3: optional skewed_col_value_location_maps: BTreeMap<Vec<String>, String>,
    }

    /// Where and how rows are stored.
    StorageDescriptor {
        1: optional cols: Vec<FieldSchema>,
        2: optional location: String,
        3: optional input_format: String,
        4: optional output_format: String,
        5: value compressed: bool,
        6: value num_buckets: i32,
        7: optional serde_info: SerDeInfo,
        8: optional bucket_cols: Vec<String>,
        9: optional sort_cols: Vec<Order>,
        10: optional parameters: Properties,
        11: optional skewed_info: SkewedInfo,
        12: optional stored_as_sub_directories: bool,
    }

    /// A table or view.
    Table {
        1: optional table_name: String,
        2: optional db_name: String,
        3: optional owner: String,
        4: value create_time: i32,
        5: value last_access_time: i32,
        6: value retention: i32,
        7: optional sd: StorageDescriptor,
        8: optional partition_keys: Vec<FieldSchema>,
        9: optional parameters: Properties,
        10: optional view_original_text: String,
        11: optional view_expanded_text: String,
        12: optional table_type: String,
        13: optional privileges: PrincipalPrivilegeSet,
        14: optional temporary: bool,
        15: optional rewrite_enabled: bool,
        17: optional cat_name: String,
        18: optional owner_type: PrincipalType,
        21: optional col_stats: ColumnStatistics,
    }

    /// A partition of a table.
    Partition {
        1: optional values: Vec<String>,
        2: optional db_name: String,
        3: optional table_name: String,
        4: value create_time: i32,
        5: value last_access_time: i32,
        6: optional sd: StorageDescriptor,
        7: optional parameters: Properties,
        8: optional privileges: PrincipalPrivilegeSet,
        9: optional cat_name: String,
        12: optional col_stats: ColumnStatistics,
    }

    /// A partition whose storage others share; its directory is below theirs.
    PartitionWithoutSD {
        1: optional values: Vec<String>,
        2: value create_time: i32,
        3: value last_access_time: i32,
        4: optional relative_path: String,
        5: optional parameters: Properties,
        6: optional privileges: PrincipalPrivilegeSet,
    }

    /// Partitions with one storage descriptor.
    PartitionSpecWithSharedSD {
        1: optional partitions: Vec<PartitionWithoutSD>,
        2: optional sd: StorageDescriptor,
    }

    /// Partitions, each with its storage descriptor.
    PartitionListComposingSpec {
        1: optional partitions: Vec<Partition>,
    }

    /// Partitions of one table, in the shorter form where they are stored alike.
    PartitionSpec {
        1: optional db_name: String,
        2: optional table_name: String,
        3: optional root_path: String,
        4: optional shared_sd_partition_spec: PartitionSpecWithSharedSD,
        5: optional partition_list: PartitionListComposingSpec,
        6: optional cat_name: String,
    }

    /// What a call says beside its arguments.
    EnvironmentContext {
        1: optional properties: Properties,
    }
}
