//! From SQL text and a catalogue to a plan that can be run: what scheduler and executors must
//! agree on.
//!
//! Owns: statements ([`statement`], [`ddl`], [`maintenance`]), sessions ([`session`]), tables
//! ([`tables`]), planning ([`plan`]), the wire form of plans ([`codec`]), models in SQL ([`ml`]),
//! the search over catalogs ([`search`]), and the process-wide resources of execution
//! ([`runtime`]).
//! Never knows: processes, ports, Flight, or who schedules tasks.
//! Read in this order: [`statement`], [`catalogs`], [`plan`], [`tables`], [`session`], [`codec`].

#![warn(missing_docs)]

pub mod catalogs;
pub mod codec;
pub mod ddl;
pub mod error;
pub mod maintenance;
mod missing;
pub mod ml;
pub mod optimizer;
pub mod plan;
pub mod runtime;
pub mod search;
pub mod session;
pub mod statement;
pub mod tables;
