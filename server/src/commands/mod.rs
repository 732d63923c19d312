//! One file a command.

pub(crate) mod check_config;
pub(crate) mod demo;
pub(crate) mod executor;
pub(crate) mod metastore;
pub(crate) mod serve;
pub(crate) mod sql;
