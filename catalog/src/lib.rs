//! From a name to a table, its partitions, their splits and the readers of their files.
//!
//! Owns: Hive's model of metadata ([`model`]), the metastore ([`metastore`]), catalogs by their
//! properties ([`connector`]), storage ([`storage`]) and the scan of data files ([`scan`]).
//! Never knows: SQL text, sessions, users, queries, or who runs a scan.
//! Read in this order: [`model`], [`metastore`], [`hive_type`], [`storage`], [`scan`].

#![warn(missing_docs)]

pub mod connector;
pub mod hive_type;
pub mod metastore;
pub mod model;
pub mod scan;
pub mod storage;
