//! Hive's model of metadata: database, table, partition, storage descriptor, SerDe,
//! parameters, column statistics; and models of machine learning as catalogue objects.
//!
//! Field names follow `hive_metastore.thrift`. Names of databases, tables, columns and
//! partition keys are lower case; partition values keep their case.

mod catalog;
mod event;
mod format;
mod function;
mod lock;
mod metadata;
mod ml;
mod parameters;
mod partition_filter;
mod partition_name;
mod recorded;
mod spark_source;
mod stats;

pub use catalog::CatalogDefinition;
pub use event::Event;
pub(crate) use event::EventKind;
pub use format::{StorageFormat, TableFormat};
pub use function::{FunctionResource, HiveFunction, ResourceKind};
pub use lock::{HeldLock, LockComponent, LockMode, LockRequest, LockState, LockStatus};
pub use metadata::{
    Annotation, AnnotationKind, Dataset, DatasetKind, Forgotten, GlossaryTerm, LineageEdge,
    NameFilter, ObjectName, Operation, SENSITIVITIES,
};
pub use ml::{ModelVersion, NewModelVersion};
pub use parameters::{COMMENT, EXTERNAL, LAST_DDL_TIME};
pub(crate) use partition_filter::{
    CheckedFilter, Condition, Decimal, KeyType, KeyValue, is_null_value, read_values,
};
pub use partition_filter::{CompareOp, PartitionFilter, PartitionValue};
pub use partition_name::{
    HIVE_DEFAULT_PARTITION, escape_path_name, parse_partition_name, partition_name,
    unescape_path_name,
};
pub use recorded::{
    FileTotals, Measured, has_column_statistics, is_stale, is_statistics_parameter,
    record_for_hive, record_for_spark, rows_recorded, spark_column_names, spark_statistics,
};
pub(crate) use stats::mark_column_statistics;
pub use stats::{
    COLUMN_STATS_ACCURATE, ColumnStatistics, NUM_FILES, NUM_ROWS, QUERY_ID, TOTAL_SIZE,
    TableStatistics,
};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Parameters of a database, table, partition, storage descriptor or SerDe.
pub type Parameters = BTreeMap<String, String>;

/// What the name of an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerType {
    /// A user.
    User,
    /// A role.
    Role,
    /// A group.
    Group,
}

impl OwnerType {
    /// Hive's name: `USER`, `ROLE`, `GROUP`.
    pub const fn hive_name(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::Role => "ROLE",
            Self::Group => "GROUP",
        }
    }

    /// Reads Hive's name.
    pub fn from_hive_name(name: &str) -> Option<Self> {
        [Self::User, Self::Role, Self::Group].into_iter().find(|t| t.hive_name() == name)
    }
}

/// A database; SQL calls it a schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Database {
    /// Lower-case name.
    pub name: String,
    /// Comment.
    pub description: Option<String>,
    /// URL under which tables without LOCATION are placed.
    pub location: String,
    /// Who owns it.
    pub owner: Option<String>,
    /// What `owner` is the name of.
    pub owner_type: Option<OwnerType>,
    /// Free parameters (`WITH DBPROPERTIES`).
    pub parameters: Parameters,
}

/// A column of a table, or a partition key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Column {
    /// Lower-case name.
    pub name: String,
    /// Hive type text, such as `bigint`, `decimal(10,2)` or `array<string>`.
    pub hive_type: String,
    /// Comment.
    pub comment: Option<String>,
}

impl Column {
    /// A column without comment.
    pub fn new(name: impl Into<String>, hive_type: impl Into<String>) -> Self {
        Self { name: name.into(), hive_type: hive_type.into(), comment: None }
    }
}

/// Serializer/deserializer of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SerDe {
    /// A name that somebody gave to it; mostly there is none.
    pub name: Option<String>,
    /// Java class name, by which Hive and Spark know the format.
    pub library: String,
    /// `field.delim`, `serialization.format` and the like.
    pub parameters: Parameters,
}

/// A column that rows are sorted by within their bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SortColumn {
    /// Its name.
    pub name: String,
    /// Hive's number for the direction: 1 is ascending, 0 descending.
    pub order: i32,
}

/// Values that are so frequent that they may have directories of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SkewedInfo {
    /// The columns that have such values.
    pub columns: Vec<String>,
    /// Values, one a column.
    pub values: Vec<Vec<String>>,
    /// Where the rows with some of the values are.
    pub locations: BTreeMap<Vec<String>, String>,
}

/// Where and how rows are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageDescriptor {
    /// Data columns, without partition keys.
    pub columns: Vec<Column>,
    /// URL of the directory.
    pub location: String,
    /// Java class name of the input format.
    pub input_format: String,
    /// Java class name of the output format.
    pub output_format: String,
    /// SerDe.
    pub serde: SerDe,
    /// Columns that rows are bucketed by.
    pub bucket_columns: Vec<String>,
    /// Number of buckets; -1 or 0 for none.
    pub num_buckets: i32,
    /// Columns that the rows of a bucket are sorted by.
    pub sort_columns: Vec<SortColumn>,
    /// Whether Hive compresses what it writes.
    pub compressed: bool,
    /// Frequent values.
    pub skewed: SkewedInfo,
    /// Whether frequent values have directories of their own.
    pub stored_as_sub_directories: bool,
    /// Free parameters.
    pub parameters: Parameters,
}

/// Who deletes the files when the table is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TableType {
    /// Quern owns the files: DROP TABLE deletes them.
    #[default]
    Managed,
    /// The files stay.
    External,
    /// A view; there are none.
    View,
}

impl TableType {
    /// Hive's name: `MANAGED_TABLE`, `EXTERNAL_TABLE`, `VIRTUAL_VIEW`.
    pub const fn hive_name(self) -> &'static str {
        match self {
            Self::Managed => "MANAGED_TABLE",
            Self::External => "EXTERNAL_TABLE",
            Self::View => "VIRTUAL_VIEW",
        }
    }

    /// Reads Hive's name.
    pub fn from_hive_name(name: &str) -> Option<Self> {
        [Self::Managed, Self::External, Self::View].into_iter().find(|t| t.hive_name() == name)
    }
}

/// A table or view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Lower-case database name.
    pub database: String,
    /// Lower-case name.
    pub name: String,
    /// Who owns it.
    pub owner: Option<String>,
    /// What `owner` is the name of.
    pub owner_type: Option<OwnerType>,
    /// Seconds since 1970.
    pub create_time: i64,
    /// Seconds since 1970; Hive writes 0 for "unknown".
    pub last_access_time: i64,
    /// Days, which Hive stores and does not act on.
    pub retention: i32,
    /// Whether the table belongs to one session of a client.
    pub temporary: bool,
    /// Storage of the table; of a partitioned table, the template of its partitions.
    pub sd: StorageDescriptor,
    /// Partition keys, in path order. Empty for a table that is not partitioned.
    pub partition_keys: Vec<Column>,
    /// Free parameters (`TBLPROPERTIES`), statistics and `comment` among them.
    pub parameters: Parameters,
    /// Managed, external or view.
    pub table_type: TableType,
    /// A view's text as written.
    pub view_original_text: Option<String>,
    /// A view's text with names resolved.
    pub view_expanded_text: Option<String>,
    /// Differs after each change, and from every version of other tables that had or will have
    /// this name; the store sets it. Compared by `alter_table`.
    pub version: i64,
}

/// A partition of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HivePartition {
    /// One value a partition key, in order, as text. NULL is [`HIVE_DEFAULT_PARTITION`].
    pub values: Vec<String>,
    /// Seconds since 1970.
    pub create_time: i64,
    /// Seconds since 1970; Hive writes 0 for "unknown".
    pub last_access_time: i64,
    /// Storage of this partition.
    pub sd: StorageDescriptor,
    /// Free parameters, statistics among them.
    pub parameters: Parameters,
}
