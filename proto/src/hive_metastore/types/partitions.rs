//! Requests about partitions.

use super::{Binary, thrift_struct, thrift_union};
use super::{EnvironmentContext, FieldSchema, Partition};

thrift_struct! {
    /// Partitions to be added.
    AddPartitionsRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: required parts: Vec<Partition>,
        4: required if_not_exists: bool,
        5: value need_result: bool = true,
        6: optional cat_name: String,
    }

    /// The partitions that were added.
    AddPartitionsResult {
        1: optional partitions: Vec<Partition>,
        2: optional is_stats_compliant: bool,
    }

    /// Partitions by an expression that only Hive can read.
    DropPartitionsExpr {
        1: required expr: Binary,
        2: optional part_archive_level: i32,
    }

    /// Partitions to be dropped.
    DropPartitionsRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: required parts: RequestPartsSpec,
        4: optional delete_data: bool,
        5: value if_exists: bool = true,
        6: optional ignore_protection: bool,
        7: optional environment_context: EnvironmentContext,
        8: value need_result: bool = true,
        9: optional cat_name: String,
    }

    /// The partitions that were dropped.
    DropPartitionsResult {
        1: optional partitions: Vec<Partition>,
    }

    /// Which values of partition keys are wanted.
    PartitionValuesRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: required partition_keys: Vec<FieldSchema>,
        4: value apply_distinct: bool = true,
        5: optional filter: String,
        6: optional partition_order: Vec<FieldSchema>,
        7: value ascending: bool = true,
        8: value max_parts: i64 = -1,
        9: optional cat_name: String,
    }

    /// Values of one partition.
    PartitionValuesRow {
        1: required row: Vec<String>,
    }

    /// Values of partition keys.
    PartitionValuesResponse {
        1: required partition_values: Vec<PartitionValuesRow>,
    }

    /// Partitions by an expression that only Hive can read. An empty one means all.
    PartitionsByExprRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: required expr: Binary,
        4: optional default_partition_name: String,
        5: value max_parts: i16 = -1,
        6: optional cat_name: String,
        7: optional order: String,
    }

    /// Which partition is wanted.
    GetPartitionRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required tbl_name: String,
        4: required part_vals: Vec<String>,
    }

    /// A partition.
    GetPartitionResponse {
        1: required partition: Partition,
    }

    /// Which table's partitions are wanted.
    PartitionsRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required tbl_name: String,
        4: value max_parts: i16 = -1,
    }

    /// Partitions.
    PartitionsResponse {
        1: required partitions: Vec<Partition>,
    }

    /// Which partitions' names are wanted, by a part of their values.
    GetPartitionNamesPsRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required tbl_name: String,
        4: optional part_values: Vec<String>,
        5: value max_parts: i16 = -1,
    }

    /// Names of partitions.
    GetPartitionNamesPsResponse {
        1: required names: Vec<String>,
    }

    /// Which partitions are wanted, by a part of their values.
    GetPartitionsPsWithAuthRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required tbl_name: String,
        4: optional part_vals: Vec<String>,
        5: value max_parts: i16 = -1,
        6: optional user_name: String,
        7: optional group_names: Vec<String>,
    }

    /// Partitions.
    GetPartitionsPsWithAuthResponse {
        1: required partitions: Vec<Partition>,
    }

    /// Which partitions are wanted, by their names.
    GetPartitionsByNamesRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: optional names: Vec<String>,
        4: optional get_col_stats: bool,
        7: optional engine: String,
    }

    /// Partitions.
    GetPartitionsByNamesResult {
        1: required partitions: Vec<Partition>,
    }

    /// Partitions' new definitions.
    AlterPartitionsRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required table_name: String,
        4: required partitions: Vec<Partition>,
        5: optional environment_context: EnvironmentContext,
    }

    /// Nothing.
    AlterPartitionsResponse {}

    /// A partition's new values.
    RenamePartitionRequest {
        1: optional cat_name: String,
        2: required db_name: String,
        3: required table_name: String,
        4: required part_vals: Vec<String>,
        5: required new_part: Partition,
    }

    /// Nothing.
    RenamePartitionResponse {}
}

thrift_union! {
    /// Which partitions are to be dropped.
    RequestPartsSpec {
        1: Names(Vec<String>),
        2: Exprs(Vec<DropPartitionsExpr>),
    }
}
