//! Bytes on wires: what Quern's processes say to each other and to others.
//!
//! Owns: how nodes of a cluster find and trust each other ([`cluster`]); the protocol of the Hive
//! metastore ([`hive_metastore`]); what Flight SQL's messages leave open ([`flight_sql`]).
//! Never knows: Arrow, DataFusion, or what is computed.

#![warn(missing_docs)]

pub mod cluster;
pub mod flight_sql;
pub mod hive_metastore;
