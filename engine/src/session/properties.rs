//! Session properties: their names, types, defaults and checks, in one table.

use crate::missing;
use quern_common::config::{ByteSize, HumanDuration};
use quern_common::{Error, ErrorCode, Result};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where the session wants its queries to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestedMode {
    /// Where it is best, by the size of the scan.
    #[default]
    Auto,
    /// In the scheduler's process.
    Local,
    /// Over executors, exchanges streaming in memory.
    Pipelined,
    /// Over executors in stages, exchanges on disk.
    Staged,
}

impl RequestedMode {
    const NAMES: [(&'static str, Self); 4] = [
        ("auto", Self::Auto),
        ("local", Self::Local),
        ("pipelined", Self::Pipelined),
        ("staged", Self::Staged),
    ];
}

/// A property that a session can set.
#[derive(Debug, Clone, Copy)]
pub struct SessionProperty {
    /// Name.
    pub name: &'static str,
    /// Type as SHOW SESSION prints it.
    pub type_name: &'static str,
    /// Default as SHOW SESSION prints it; empty when the server's configuration decides.
    pub default: &'static str,
    /// What it does.
    pub description: &'static str,
    /// Reads a value into [`SessionProperties`].
    apply: fn(&mut SessionProperties, &str) -> Option<()>,
    /// What a value must be, for the error.
    domain: &'static str,
}

/// Every session property, by name.
pub const SESSION_PROPERTIES: &[SessionProperty] = &[
    SessionProperty {
        name: "batch_size",
        type_name: "integer",
        default: "8192",
        description: "Rows that operators pass on at once",
        apply: |p, text| number(text, 1..=1_048_576).map(|n| p.batch_size = Some(n)),
        domain: "a number from 1 to 1048576",
    },
    SessionProperty {
        name: "collect_statistics",
        type_name: "boolean",
        default: "true",
        description: "Whether planning reads statistics, from the catalogue and the footers of files",
        apply: |p, text| boolean(text).map(|on| p.collect_statistics = on),
        domain: "true or false",
    },
    SessionProperty {
        name: "execution_mode",
        type_name: "varchar",
        default: "auto",
        description: "Where queries run: auto, local, pipelined or staged",
        apply: |p, text| {
            let found =
                RequestedMode::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
            found.map(|(_, mode)| p.execution_mode = *mode)
        },
        domain: "auto, local, pipelined or staged",
    },
    SessionProperty {
        name: "flight_view_types",
        type_name: "boolean",
        default: "false",
        description: "Whether results may have Arrow's view types (Utf8View, BinaryView)",
        apply: |p, text| boolean(text).map(|on| p.flight_view_types = on),
        domain: "true or false",
    },
    SessionProperty {
        name: "memory_limit",
        type_name: "varchar",
        default: "",
        description: "Memory that a query may hold on one node, such as 2GiB; the server's limit at most",
        apply: |p, text| {
            let size: ByteSize = text.parse().ok()?;
            (size.0 > 0).then(|| p.memory_limit = Some(size))
        },
        domain: "a size such as 2GiB",
    },
    SessionProperty {
        name: "query_max_run_time",
        type_name: "varchar",
        default: "",
        description: "Longest run time of a query, such as 10m; the server's limit at most",
        apply: |p, text| {
            let time: HumanDuration = text.parse().ok()?;
            (!time.0.is_zero()).then(|| p.max_run_time = Some(time.0))
        },
        domain: "a duration such as 10m",
    },
    SessionProperty {
        name: "target_partitions",
        type_name: "integer",
        default: "0",
        description: "Parts that a plan works on at once; 0 lets the server choose",
        apply: |p, text| number(text, 0..=4_096).map(|n| p.target_partitions = n),
        domain: "a number from 0 to 4096",
    },
    SessionProperty {
        name: "time_zone",
        type_name: "varchar",
        default: "UTC",
        description: "Time zone of the session; there is UTC",
        apply: |_, text| text.eq_ignore_ascii_case("utc").then_some(()),
        domain: "UTC",
    },
];

fn number(text: &str, range: std::ops::RangeInclusive<usize>) -> Option<usize> {
    text.trim().parse().ok().filter(|n| range.contains(n))
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The session's properties, read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionProperties {
    execution_mode: RequestedMode,
    target_partitions: usize,
    batch_size: Option<usize>,
    max_run_time: Option<Duration>,
    memory_limit: Option<ByteSize>,
    flight_view_types: bool,
    collect_statistics: bool,
}

impl Default for SessionProperties {
    fn default() -> Self {
        Self {
            execution_mode: RequestedMode::Auto,
            target_partitions: 0,
            batch_size: None,
            max_run_time: None,
            memory_limit: None,
            flight_view_types: false,
            collect_statistics: true,
        }
    }
}

impl SessionProperties {
    /// Reads what a session has set.
    ///
    /// # Errors
    /// `INVALID_SESSION_PROPERTY` for an unknown name or a value outside its domain.
    pub fn from_settings(settings: &BTreeMap<String, String>) -> Result<Self> {
        let mut properties = Self::default();
        for (name, value) in settings {
            apply(&mut properties, name, value)?;
        }
        Ok(properties)
    }

    /// Checks one property without setting it.
    ///
    /// # Errors
    /// `INVALID_SESSION_PROPERTY` for an unknown name or a value outside its domain.
    pub fn check(name: &str, value: &str) -> Result<()> {
        apply(&mut Self::default(), name, value)
    }

    /// Where queries run.
    pub fn execution_mode(&self) -> RequestedMode {
        self.execution_mode
    }

    /// Parts that a plan aims at; none lets the server choose.
    pub fn target_partitions(&self) -> Option<usize> {
        Some(self.target_partitions).filter(|n| *n > 0)
    }

    /// Rows in a batch; none is the default.
    pub fn batch_size(&self) -> Option<usize> {
        self.batch_size
    }

    /// Longest run time of a query: the session's, but no longer than the server's.
    pub fn max_run_time(&self, server: Duration) -> Duration {
        self.max_run_time.map_or(server, |session| session.min(server))
    }

    /// Memory that a query may hold on one node; none is the server's limit.
    pub fn memory_limit_bytes(&self) -> Option<usize> {
        self.memory_limit.map(ByteSize::as_usize)
    }

    /// Whether results may have view types.
    pub fn flight_view_types(&self) -> bool {
        self.flight_view_types
    }

    /// Whether planning reads statistics from files.
    pub fn collect_statistics(&self) -> bool {
        self.collect_statistics
    }
}

/// Finds a property by its lower-case name.
///
/// # Errors
/// `INVALID_SESSION_PROPERTY` with the names that are close.
pub fn find(name: &str) -> Result<&'static SessionProperty> {
    SESSION_PROPERTIES.iter().find(|property| property.name == name).ok_or_else(|| {
        let names: Vec<_> = SESSION_PROPERTIES.iter().map(|p| p.name).collect();
        let err = Error::new(
            ErrorCode::InvalidSessionProperty,
            format!("session property \"{name}\" does not exist"),
        );
        let hint = missing::hint(name, &names);
        err.with_hint(hint.unwrap_or_else(|| "SHOW SESSION lists them".to_owned()))
    })
}

fn apply(properties: &mut SessionProperties, name: &str, value: &str) -> Result<()> {
    let property = find(name)?;
    (property.apply)(properties, value).ok_or_else(|| {
        Error::new(
            ErrorCode::InvalidSessionProperty,
            format!("session property \"{name}\" takes {}, not \"{value}\"", property.domain),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_property() {
        for property in SESSION_PROPERTIES.iter().filter(|p| !p.default.is_empty()) {
            SessionProperties::check(property.name, property.default).unwrap();
        }
        let names: Vec<_> = SESSION_PROPERTIES.iter().map(|p| p.name).collect();
        assert!(names.is_sorted());
    }

    #[test]
    fn values_are_read_and_wrong_ones_are_refused() {
        let set = |pairs: &[(&str, &str)]| {
            let map = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            SessionProperties::from_settings(&map)
        };
        let read = set(&[
            ("execution_mode", "Staged"),
            ("memory_limit", "2GiB"),
            ("query_max_run_time", "2h"),
            ("target_partitions", "0"),
        ])
        .unwrap();
        assert_eq!(read.execution_mode(), RequestedMode::Staged);
        assert_eq!(read.memory_limit_bytes(), Some(2 << 30));
        assert_eq!(read.max_run_time(Duration::from_secs(60)), Duration::from_secs(60));
        assert_eq!(read.max_run_time(Duration::from_secs(86_400)), Duration::from_secs(7_200));
        assert_eq!(read.target_partitions(), None);
        for (name, value) in [
            ("execution_mode", "fast"),
            ("batch_size", "0"),
            ("batch_size", "many"),
            ("memory_limit", "0"),
            ("collect_statistics", "maybe"),
            ("time_zone", "Europe/Berlin"),
        ] {
            let err = set(&[(name, value)]).unwrap_err();
            assert_eq!(err.code(), ErrorCode::InvalidSessionProperty);
            assert!(err.message().contains(name), "{err}");
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_close_ones() {
        let err = SessionProperties::check("batch_sise", "1").unwrap_err();
        assert_eq!(err.hint(), Some("did you mean \"batch_size\"?"));
        let err = SessionProperties::check("zzzzzzzzzzzzzzzzzz", "1").unwrap_err();
        assert!(err.hint().is_some());
    }
}
