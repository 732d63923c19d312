//! The metastore's types, as tables of what is on the wire.
//!
//! Field numbers are those of Hive 4, which adds to Hive 2.3's and moves none but two: `Table`
//! has its catalogue in field 17, and `GetOpenTxnsResponse` has a list where 2.3 has a set.
//! Fields that only Hive itself uses (write ids, capabilities, projections) are left out: they
//! are read over.

mod catalog;
mod constraints;
mod functions;
mod locks;
mod notifications;
mod partitions;
mod privileges;
mod service;
mod statistics;
mod tables;

pub use catalog::*;
pub use constraints::*;
pub use functions::*;
pub use locks::*;
pub use notifications::*;
pub use partitions::*;
pub use privileges::*;
pub use service::*;
pub use statistics::*;
pub use tables::*;

pub(super) use super::wire::{Binary, thrift_enum, thrift_struct, thrift_union};
pub(super) use std::collections::BTreeMap;

/// Free parameters.
pub type Properties = BTreeMap<String, String>;
