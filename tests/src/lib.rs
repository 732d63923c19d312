//! What the tests of the whole system share: real `quern` processes on free ports, rows as text,
//! and TPC-H data.
//!
//! Owns: [`process`] (servers, clusters), [`rows`] (results that can be compared), [`tpch`].

#![warn(missing_docs)]

pub mod process;
pub mod rows;
pub mod tpch;
