//! Configuration: what the file can say, with the defaults.
//!
//! Only the `server` crate reads files and environment; every other crate takes the part of
//! [`Config`] that concerns it. `config/example.toml` lists every key with its default.

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::{Error, ErrorCode, Result};

/// A number of bytes, written `300MiB`, `1GB` or as a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// `n` mebibytes.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// The size as `usize`, saturating.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

const BYTE_UNITS: &[(&str, u64)] = &[
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
    ("", 1),
];

impl FromStr for ByteSize {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(digits_end);
        let invalid = || {
            Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("\"{text}\" is not a size such as 300MiB or 2GB"),
            )
        };
        let n: u64 = digits.parse().map_err(|_| invalid())?;
        let factor = BYTE_UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))
            .map(|(_, factor)| *factor)
            .ok_or_else(invalid)?;
        n.checked_mul(factor).map(Self).ok_or_else(invalid)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = BYTE_UNITS[..4]
            .iter()
            .rev()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        match unit {
            Some((name, factor)) => write!(f, "{}{name}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// A duration, written `250ms`, `15s`, `5m` or `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// `n` seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }
}

const TIME_UNITS: &[(&str, u64)] = &[("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for HumanDuration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let digits_end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(digits_end);
        let invalid = || {
            Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("\"{text}\" is not a duration such as 250ms, 15s or 5m"),
            )
        };
        let n: u64 = digits.parse().map_err(|_| invalid())?;
        let factor = TIME_UNITS
            .iter()
            .find(|(name, _)| *name == unit.trim())
            .map(|(_, factor)| *factor)
            .ok_or_else(invalid)?;
        let millis = n.checked_mul(factor).ok_or_else(invalid)?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let unit = TIME_UNITS
            .iter()
            .find(|(_, factor)| millis >= *factor && millis.is_multiple_of(*factor));
        match unit {
            Some((name, factor)) => write!(f, "{}{name}", millis / factor),
            None => f.write_str("0s"),
        }
    }
}

macro_rules! serde_by_text {
    ($type:ident, $expecting:literal, $from_integer:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TextVisitor;
                impl Visitor<'_> for TextVisitor {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(|err: Error| E::custom(err.to_string()))
                    }

                    fn visit_i64<E: de::Error>(self, n: i64) -> Result<$type, E> {
                        let n = u64::try_from(n).map_err(E::custom)?;
                        let from_integer: fn(u64) -> $type = $from_integer;
                        Ok(from_integer(n))
                    }

                    fn visit_u64<E: de::Error>(self, n: u64) -> Result<$type, E> {
                        let from_integer: fn(u64) -> $type = $from_integer;
                        Ok(from_integer(n))
                    }
                }
                deserializer.deserialize_any(TextVisitor)
            }
        }
    };
}

serde_by_text!(ByteSize, "a size such as 300MiB", ByteSize);
serde_by_text!(HumanDuration, "a duration such as 15s", HumanDuration::seconds);

/// A text that is never printed.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "\"***\"" })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "***" })
    }
}

/// The whole configuration file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the metastore, models, managed tables and scratch files live.
    pub data_dir: PathBuf,
    /// Log filter, such as `info,quern=debug`.
    pub log: String,
    /// `text` or `json`.
    pub log_format: String,
    /// The Flight SQL listener.
    pub flight_sql: FlightSqlConfig,
    /// The HTTP listener (metrics, health).
    pub http: ListenConfig,
    /// The cluster-internal listener.
    pub internal: InternalConfig,
    /// Who may connect.
    pub auth: AuthConfig,
    /// Which data may be read, and how S3 is reached.
    pub storage: StorageConfig,
    /// The catalogue.
    pub catalog: CatalogConfig,
    /// Where the catalogue is kept, and its service for clients of a Hive metastore.
    pub metastore: MetastoreConfig,
    /// Limits of queries.
    pub query: QueryConfig,
    /// The executor's own limits.
    pub executor: ExecutorConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("quern-data"),
            log: "warn,quern=info".to_owned(),
            log_format: "text".to_owned(),
            flight_sql: FlightSqlConfig::default(),
            http: ListenConfig { listen: "127.0.0.1:8080".to_owned() },
            internal: InternalConfig::default(),
            auth: AuthConfig::default(),
            storage: StorageConfig::default(),
            catalog: CatalogConfig::default(),
            metastore: MetastoreConfig::default(),
            query: QueryConfig::default(),
            executor: ExecutorConfig::default(),
        }
    }
}

/// The Flight SQL front door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FlightSqlConfig {
    /// `HOST:PORT`; port 0 takes a free one.
    pub listen: String,
    /// Sessions that are kept at most; one more is refused.
    pub max_sessions: usize,
    /// A session that was not used for this long is closed.
    pub session_idle_timeout: HumanDuration,
    /// Prepared statements a session may hold.
    pub max_prepared_statements: usize,
    /// Largest message that is accepted or sent.
    pub max_message_size: ByteSize,
    /// A result that nobody fetched for this long is cancelled.
    pub result_idle_timeout: HumanDuration,
}

impl Default for FlightSqlConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:50051".to_owned(),
            max_sessions: 10_000,
            session_idle_timeout: HumanDuration::seconds(3_600),
            max_prepared_statements: 1_000,
            max_message_size: ByteSize::mib(64),
            result_idle_timeout: HumanDuration::seconds(300),
        }
    }
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenConfig {
    /// `HOST:PORT`; port 0 takes a free one.
    pub listen: String,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:0".to_owned() }
    }
}

/// The cluster-internal listeners, which clients never use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InternalConfig {
    /// `HOST:PORT`; port 0 takes a free one.
    pub listen: String,
    /// The name under which other nodes reach this one; the listener's address when empty.
    pub advertise_host: String,
    /// The secret that scheduler and executors share. Needed off loopback.
    pub secret: Secret,
    /// How often an executor reports.
    pub heartbeat_interval: HumanDuration,
    /// An executor that did not report for this long is lost.
    pub executor_timeout: HumanDuration,
    /// How long a query waits for an executor when there is none.
    pub no_executors_grace: HumanDuration,
    /// Largest message between nodes.
    pub max_message_size: ByteSize,
}

impl Default for InternalConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:0".to_owned(),
            advertise_host: String::new(),
            secret: Secret::default(),
            heartbeat_interval: HumanDuration::seconds(2),
            executor_timeout: HumanDuration::seconds(10),
            no_executors_grace: HumanDuration::seconds(15),
            max_message_size: ByteSize::mib(128),
        }
    }
}

/// Authentication of clients.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// User name to password. With none, every client on loopback is let in unasked, and a
    /// listener off loopback is refused at start.
    pub users: BTreeMap<String, Secret>,
}

/// Object storage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// Prefixes (`file:///data/`, `s3://bucket/x/`) that tables may lie under, beside the
    /// warehouse. With none: the working directory, the data directory, and every S3 bucket the
    /// credentials reach.
    pub allow_locations: Vec<String>,
    /// How S3 is reached.
    pub s3: S3Config,
}

/// How S3 is reached. Empty values are taken from the AWS environment variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct S3Config {
    /// Endpoint URL of a service other than AWS.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Whether buckets are in the path (`http://host/bucket/key`) rather than in the host name.
    pub path_style: bool,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Secret,
    /// Session token.
    pub session_token: Secret,
    /// Profile in the AWS credentials file.
    pub profile: String,
    /// Send no credentials.
    pub anonymous: bool,
    /// Requests that are tried again at most this often.
    pub max_retries: usize,
    /// A request is given up after this time, retries included.
    pub retry_timeout: HumanDuration,
    /// One attempt's time limit.
    pub request_timeout: HumanDuration,
}

impl Default for S3Config {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            region: String::new(),
            path_style: false,
            access_key_id: String::new(),
            secret_access_key: Secret::default(),
            session_token: Secret::default(),
            profile: String::new(),
            anonymous: false,
            max_retries: 10,
            retry_timeout: HumanDuration::seconds(120),
            request_timeout: HumanDuration::seconds(30),
        }
    }
}

/// The catalogue and its caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogConfig {
    /// Name of the catalog that the embedded metastore serves.
    pub name: String,
    /// Base location of schemas without LOCATION; `warehouse` in the data directory when empty.
    pub warehouse: String,
    /// How long a listing of a table's files may be used without asking the storage again.
    pub file_list_ttl: HumanDuration,
    /// Memory for file listings.
    pub file_list_cache_size: ByteSize,
    /// Memory for Parquet footers.
    pub footer_cache_size: ByteSize,
    /// Listings of directories that run at once.
    pub listing_concurrency: usize,
    /// Rows that a table of `system.metadata` may have; more are an error.
    pub metadata_max_rows: usize,
    /// Memory for the texts of the catalogs that `search_catalog` looks through.
    pub search_cache_size: ByteSize,
    /// How long those texts are believed that others may have changed.
    pub search_cache_ttl: HumanDuration,
    /// Results of one search; only the best are returned.
    pub search_max_results: usize,
}

impl Default for CatalogConfig {
    fn default() -> Self {
        Self {
            name: "hive".to_owned(),
            warehouse: String::new(),
            file_list_ttl: HumanDuration::seconds(60),
            file_list_cache_size: ByteSize::mib(64),
            footer_cache_size: ByteSize::mib(64),
            listing_concurrency: 32,
            metadata_max_rows: 1_000_000,
            search_cache_size: ByteSize::mib(64),
            search_cache_ttl: HumanDuration::seconds(60),
            search_max_results: 1_000,
        }
    }
}

/// Where the catalogue is kept, and its service for clients of a Hive metastore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetastoreConfig {
    /// `postgres://…`: a database that schedulers may share; `thrift://HOST:PORT,…`: a Hive
    /// metastore that exists; an SQLite file in the data directory when empty.
    pub url: Secret,
    /// `HOST:PORT` of the Hive metastore's protocol; port 0 takes a free one, and nothing is
    /// listened on when it is empty.
    pub listen: String,
    /// Lets the listener be off loopback, although the protocol knows no passwords.
    pub allow_remote: bool,
    /// Connections at one time; one more is closed.
    pub max_connections: usize,
    /// Largest request that is accepted.
    pub max_message_size: ByteSize,
    /// Memory that all requests which are being read take together.
    pub request_memory: ByteSize,
    /// A connection that asked nothing for this long is closed.
    pub idle_timeout: HumanDuration,
    /// A lock whose holder was not heard of for this long is given to others.
    pub lock_timeout: HumanDuration,
    /// Locks that are held or waited for at one time.
    pub max_locks: usize,
    /// How long the log of changes is kept.
    pub event_max_age: HumanDuration,
    /// Changes that the log keeps at most.
    pub max_events: u32,
    /// Connections to a Hive metastore that exists.
    pub remote_connections: usize,
    /// How long a Hive metastore that exists may take to answer.
    pub remote_timeout: HumanDuration,
    /// How long its answers are believed.
    pub cache_ttl: HumanDuration,
    /// Its tables that are remembered.
    pub cache_max_tables: u64,
    /// Its partitions that are remembered.
    pub cache_max_partitions: u64,
}

impl Default for MetastoreConfig {
    fn default() -> Self {
        Self {
            url: Secret::default(),
            listen: String::new(),
            allow_remote: false,
            max_connections: 512,
            max_message_size: ByteSize::mib(64),
            request_memory: ByteSize::mib(512),
            idle_timeout: HumanDuration::seconds(3_600),
            lock_timeout: HumanDuration::seconds(300),
            max_locks: 10_000,
            event_max_age: HumanDuration::seconds(7 * 24 * 3_600),
            max_events: 100_000,
            remote_connections: 8,
            remote_timeout: HumanDuration::seconds(120),
            cache_ttl: HumanDuration::seconds(60),
            cache_max_tables: 10_000,
            cache_max_partitions: 100_000,
        }
    }
}

/// Limits of queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueryConfig {
    /// Memory that all queries of one process share; half the machine's when 0.
    pub memory_pool_size: ByteSize,
    /// Memory that one query may hold on one node; the whole pool when 0.
    pub memory_limit: ByteSize,
    /// Disk for spilling.
    pub spill_size: ByteSize,
    /// Queries that run at once; more are queued.
    pub max_running: usize,
    /// Queries that wait; one more is refused.
    pub max_queued: usize,
    /// Longest statement text.
    pub max_text_size: ByteSize,
    /// Longest run time, planning included.
    pub max_run_time: HumanDuration,
    /// Finished queries that `system.runtime.queries` remembers.
    pub history: usize,
    /// Threads that run query work; one a core when 0.
    pub threads: usize,
    /// Smallest scan, in bytes, that `auto` distributes over executors.
    pub distribute_above: ByteSize,
    /// Smallest scan, in bytes, that `auto` runs in stages that survive the loss of an executor.
    pub stage_above: ByteSize,
    /// Bytes of files that one partition of a pipelined scan reads. A scan is divided over
    /// executors only when it has more than one executor's partitions hold.
    pub pipelined_partition_size: ByteSize,
}

impl Default for QueryConfig {
    fn default() -> Self {
        Self {
            memory_pool_size: ByteSize(0),
            memory_limit: ByteSize(0),
            spill_size: ByteSize::mib(100 << 10),
            max_running: 100,
            max_queued: 1_000,
            max_text_size: ByteSize::mib(4),
            max_run_time: HumanDuration::seconds(24 * 3_600),
            history: 1_000,
            threads: 0,
            distribute_above: ByteSize::mib(64),
            stage_above: ByteSize::mib(64 << 10),
            pipelined_partition_size: ByteSize::mib(16),
        }
    }
}

/// One executor's limits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutorConfig {
    /// Tasks that run at once; one a core when 0.
    pub task_slots: usize,
    /// Directory for shuffle files; `shuffle` in the data directory when empty.
    pub work_dir: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_back_as_written() {
        for text in ["300MiB", "1GiB", "17B", "5TiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        assert_eq!("2GB".parse::<ByteSize>().unwrap(), ByteSize(2_000_000_000));
        assert!("many".parse::<ByteSize>().is_err());
        assert!("99999999999TiB".parse::<ByteSize>().is_err());
        for text in ["250ms", "15s", "5m", "1h"] {
            assert_eq!(text.parse::<HumanDuration>().unwrap().to_string(), text);
        }
        assert!("soon".parse::<HumanDuration>().is_err());
    }

    #[test]
    fn an_unknown_key_is_an_error_and_secrets_are_not_printed() {
        let err = toml::from_str::<Config>("[query]\nmax_runing = 3\n").unwrap_err();
        assert!(err.to_string().contains("max_runing"), "{err}");
        let config: Config = toml::from_str("[internal]\nsecret = \"hush\"\n").unwrap();
        assert!(!format!("{config:?}").contains("hush"));
        assert!(!toml::to_string(&config).unwrap().contains("hush"));
    }
}
