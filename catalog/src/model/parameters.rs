//! Names of table parameters that Hive gives a meaning.

/// A table's comment.
pub const COMMENT: &str = "comment";
/// `TRUE` for an external table, beside its type.
pub const EXTERNAL: &str = "EXTERNAL";
/// When a definition was changed last, in seconds since 1970.
pub const LAST_DDL_TIME: &str = "transient_lastDdlTime";
