//! Tables as DataFusion sees them: Hive tables, those of `information_schema` and
//! `system.metadata`, and the names that lead to them.

mod catalog_list;
mod hidden;
mod hive_scan;
mod hive_table;
pub mod information_schema;
mod known;
pub mod metadata;
mod partition_pruning;

pub(crate) use catalog_list::scan_of_rows;
pub use catalog_list::{QueryCatalogs, SystemTables, table_of_rows};
pub use hidden::{HiddenColumn, hide_from_wildcards, mentions_hidden_column};
pub use hive_scan::StatisticsCache;
pub use hive_table::{HiveTable, ScanContext, StringLayout};
pub(crate) use information_schema::{
    TABLES as INFORMATION_SCHEMA_TABLES, rows as information_schema_rows,
};
pub(crate) use known::{KnownColumn, bounds_of_texts};
