//! Statistics of columns.

use super::{BTreeMap, Binary, thrift_struct, thrift_union};

thrift_struct! {
    /// Statistics of a boolean column. A sketch (`bit_vectors`) counts distinct values.
    BooleanColumnStatsData {
        1: required num_trues: i64,
        2: required num_falses: i64,
        3: required num_nulls: i64,
        4: optional bit_vectors: Binary,
    }

    /// Statistics of a floating-point column.
    DoubleColumnStatsData {
        1: optional low_value: f64,
        2: optional high_value: f64,
        3: required num_nulls: i64,
        4: required num_dvs: i64,
        5: optional bit_vectors: Binary,
    }

    /// Statistics of an integer column.
    LongColumnStatsData {
        1: optional low_value: i64,
        2: optional high_value: i64,
        3: required num_nulls: i64,
        4: required num_dvs: i64,
        5: optional bit_vectors: Binary,
    }

    /// Statistics of a text column.
    StringColumnStatsData {
        1: required max_col_len: i64,
        2: required avg_col_len: f64,
        3: required num_nulls: i64,
        4: required num_dvs: i64,
        5: optional bit_vectors: Binary,
    }

    /// Statistics of a binary column.
    BinaryColumnStatsData {
        1: required max_col_len: i64,
        2: required avg_col_len: f64,
        3: required num_nulls: i64,
        4: optional bit_vectors: Binary,
    }

    /// A decimal: a big-endian two's complement number, divided by ten to the power of `scale`.
    Decimal {
        1: required unscaled: Binary,
        3: required scale: i16,
    }

    /// Statistics of a decimal column.
    DecimalColumnStatsData {
        1: optional low_value: Decimal,
        2: optional high_value: Decimal,
        3: required num_nulls: i64,
        4: required num_dvs: i64,
        5: optional bit_vectors: Binary,
    }

    /// A date.
    Date {
        1: required days_since_epoch: i64,
    }

    /// Statistics of a date column.
    DateColumnStatsData {
        1: optional low_value: Date,
        2: optional high_value: Date,
        3: required num_nulls: i64,
        4: required num_dvs: i64,
        5: optional bit_vectors: Binary,
    }

    /// A time.
    Timestamp {
        1: required seconds_since_epoch: i64,
    }

    /// Statistics of a timestamp column.
    TimestampColumnStatsData {
        1: optional low_value: Timestamp,
        2: optional high_value: Timestamp,
        3: required num_nulls: i64,
        4: required num_dvs: i64,
        5: optional bit_vectors: Binary,
    }

    /// A column and its statistics.
    ColumnStatisticsObj {
        1: required col_name: String,
        2: required col_type: String,
        3: required stats_data: ColumnStatisticsData,
    }

    /// What statistics are of: a table, or a partition that is named.
    ColumnStatisticsDesc {
        1: required is_tbl_level: bool,
        2: required db_name: String,
        3: required table_name: String,
        4: optional part_name: String,
        5: optional last_analyzed: i64,
        6: optional cat_name: String,
    }

    /// Statistics of columns of a table or partition.
    ColumnStatistics {
        1: required stats_desc: ColumnStatisticsDesc,
        2: required stats_obj: Vec<ColumnStatisticsObj>,
        3: optional is_stats_compliant: bool,
        4: optional engine: String,
    }

    /// Statistics over several partitions, and how many had some.
    AggrStats {
        1: required col_stats: Vec<ColumnStatisticsObj>,
        2: required parts_found: i64,
        3: optional is_stats_compliant: bool,
    }

    /// Statistics to be set.
    SetPartitionsStatsRequest {
        1: required col_stats: Vec<ColumnStatistics>,
        2: optional need_merge: bool,
        3: optional write_id: i64,
        4: optional valid_write_id_list: String,
        5: optional engine: String,
    }

    /// Whether statistics were set.
    SetPartitionsStatsResponse {
        1: required result: bool,
    }

    /// Which statistics of a table are wanted.
    TableStatsRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: required col_names: Vec<String>,
        4: optional cat_name: String,
        5: optional valid_write_id_list: String,
        6: optional engine: String,
    }

    /// Statistics of those columns that have some.
    TableStatsResult {
        1: required table_stats: Vec<ColumnStatisticsObj>,
        2: optional is_stats_compliant: bool,
    }

    /// Which statistics of partitions are wanted.
    PartitionsStatsRequest {
        1: required db_name: String,
        2: required tbl_name: String,
        3: required col_names: Vec<String>,
        4: required part_names: Vec<String>,
        5: optional cat_name: String,
        6: optional valid_write_id_list: String,
        7: optional engine: String,
    }

    /// Statistics by partition name.
    PartitionsStatsResult {
        1: required part_stats: BTreeMap<String, Vec<ColumnStatisticsObj>>,
        2: optional is_stats_compliant: bool,
    }
}

thrift_union! {
    /// Statistics of a column, by the kind of its type.
    ColumnStatisticsData {
        1: Boolean(BooleanColumnStatsData),
        2: Long(LongColumnStatsData),
        3: Double(DoubleColumnStatsData),
        4: String(StringColumnStatsData),
        5: Binary(BinaryColumnStatsData),
        6: Decimal(DecimalColumnStatsData),
        7: Date(DateColumnStatsData),
        8: Timestamp(TimestampColumnStatsData),
    }
}
