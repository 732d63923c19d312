//! One file a command.

pub mod check_config;
pub mod demo;
pub mod executor;
pub mod serve;
pub mod sql;
