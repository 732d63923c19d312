//! Reading data files: the scan's leaf and how it travels to executors.
//!
//! Every table scan is a `DataSourceExec` over a `FileScanConfig`, because that is the one
//! leaf that both distributed engines divide rightly over tasks (Ballista gives every task all
//! partitions of a leaf that it does not know). What differs by format is the [`FileSource`]:
//! [`ParquetScan`] here and [`text`] for delimited text. Neither needs the metastore: a split
//! carries location, byte range, partition values and schema.
//!
//! [`FileSource`]: datafusion_datasource::file::FileSource

mod column_names;
mod footers;
mod located;
mod parquet;
pub mod text;
mod wire;

pub use column_names::{names_in_any_case, with_names_of_file};
pub use footers::with_known_nulls;
pub use located::{locate_error, located};
pub use parquet::{PARQUET_SCAN_TAG, ParquetScan};
pub use wire::open_envelope;
