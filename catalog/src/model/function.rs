//! Functions in Java. Quern keeps them for Hive and Spark and cannot call them.

use super::OwnerType;
use serde::{Deserialize, Serialize};

/// What a file is that a function needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// Java classes.
    Jar,
    /// Any file.
    File,
    /// Files that are unpacked.
    Archive,
}

/// A file that a function needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionResource {
    /// What it is.
    pub kind: ResourceKind,
    /// Where it is.
    pub uri: String,
}

/// A function in Java.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiveFunction {
    /// Lower-case database name.
    pub database: String,
    /// Lower-case name.
    pub name: String,
    /// The Java class.
    pub class_name: String,
    /// Who owns it.
    pub owner: Option<String>,
    /// What `owner` is the name of.
    pub owner_type: Option<OwnerType>,
    /// Seconds since 1970.
    pub create_time: i64,
    /// The files that it needs.
    pub resources: Vec<FunctionResource>,
}
