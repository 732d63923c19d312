//! Catalogs that statements made.

use super::Parameters;
use serde::{Deserialize, Serialize};

/// What CREATE CATALOG said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogDefinition {
    /// Lower-case name.
    pub name: String,
    /// What it is for.
    pub comment: Option<String>,
    /// Who made it.
    pub owner: String,
    /// Seconds since 1970.
    pub create_time: i64,
    /// How it is reached: `connector` and what that needs. May hold passwords: what is shown goes
    /// through [`shown_properties`](crate::connector::shown_properties).
    pub properties: Parameters,
}
