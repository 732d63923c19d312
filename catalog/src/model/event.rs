//! The log of changes, from which other catalogues keep themselves up to date.

/// What our stores log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// A database was created.
    CreateDatabase,
    /// A database was altered.
    AlterDatabase,
    /// A database was dropped, with what was in it.
    DropDatabase,
    /// A table or view was created.
    CreateTable,
    /// A table or view was altered or renamed.
    AlterTable,
    /// A table or view was dropped.
    DropTable,
    /// Partitions were added.
    AddPartition,
    /// Partitions were altered, or one was renamed.
    AlterPartition,
    /// Partitions were dropped.
    DropPartition,
    /// Statistics of columns of a table were set.
    UpdateTableColumnStatistics,
    /// Statistics of columns of a table were deleted.
    DeleteTableColumnStatistics,
    /// Statistics of columns of a partition were set.
    UpdatePartitionColumnStatistics,
    /// Statistics of columns of a partition were deleted.
    DeletePartitionColumnStatistics,
    /// A function was created.
    CreateFunction,
    /// A function was dropped.
    DropFunction,
}

impl EventKind {
    /// Hive's name, such as `CREATE_TABLE`.
    pub(crate) const fn hive_name(self) -> &'static str {
        match self {
            Self::CreateDatabase => "CREATE_DATABASE",
            Self::AlterDatabase => "ALTER_DATABASE",
            Self::DropDatabase => "DROP_DATABASE",
            Self::CreateTable => "CREATE_TABLE",
            Self::AlterTable => "ALTER_TABLE",
            Self::DropTable => "DROP_TABLE",
            Self::AddPartition => "ADD_PARTITION",
            Self::AlterPartition => "ALTER_PARTITION",
            Self::DropPartition => "DROP_PARTITION",
            Self::UpdateTableColumnStatistics => "UPDATE_TBL_COL_STAT_EVENT",
            Self::DeleteTableColumnStatistics => "DELETE_TBL_COL_STAT_EVENT",
            Self::UpdatePartitionColumnStatistics => "UPDATE_PART_COL_STAT_EVENT",
            Self::DeletePartitionColumnStatistics => "DELETE_PART_COL_STAT_EVENT",
            Self::CreateFunction => "CREATE_FUNCTION",
            Self::DropFunction => "DROP_FUNCTION",
        }
    }
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The number; they count up in the order in which changes became visible.
    pub id: i64,
    /// When it happened, in seconds since 1970.
    pub time: i64,
    /// What happened, by Hive's name: `CREATE_TABLE`, `ADD_PARTITION`, …
    pub kind: String,
    /// The database, by its name after the change.
    pub database: Option<String>,
    /// The table, by its name after the change.
    pub table: Option<String>,
    /// More about it, as JSON: `partitions`, `function`, or the name `before` a rename.
    pub message: String,
}
