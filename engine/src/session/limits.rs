//! The limits of a query that travel with it to executors.

use datafusion::common::config::{ConfigEntry, ConfigExtension, ExtensionOptions};
use datafusion::common::config_err;
use datafusion::error::Result;
use http::{HeaderMap, HeaderValue};
use std::any::Any;

/// Configuration key of Ballista's messages.
const KEY: &str = "quern.memory_bytes_max";
/// Header of datafusion-distributed's messages.
const HEADER: &str = "quern-memory-bytes-max";

/// What a query may use in each of its tasks. Staged tasks find it in their configuration,
/// pipelined ones in the headers of their messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueryLimits {
    /// Bytes of memory; none when only the executor's own limits hold.
    pub memory_bytes_max: Option<usize>,
}

impl QueryLimits {
    /// The headers that [`Self::from_headers`] reads.
    pub fn headers(self) -> HeaderMap {
        let limit = self.memory_bytes_max.map(|bytes| (HEADER, bytes));
        let named = |(name, bytes)| (http::HeaderName::from_static(name), HeaderValue::from(bytes));
        limit.map(named).into_iter().collect()
    }

    /// Reads the limits of a pipelined query.
    ///
    /// # Errors
    /// When a header is no number.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self> {
        let mut limits = Self::default();
        if let Some(value) = headers.get(HEADER) {
            limits.set(KEY, value.to_str().unwrap_or_default())?;
        }
        Ok(limits)
    }
}

impl ConfigExtension for QueryLimits {
    const PREFIX: &'static str = "quern";
}

impl ExtensionOptions for QueryLimits {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(*self)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        // The key comes with the prefix from `entries` and without it from `ConfigOptions`.
        if key != KEY && Some(key) != KEY.split('.').next_back() {
            return config_err!("there is no option \"{key}\"");
        }
        match value.parse() {
            Ok(bytes) => self.memory_bytes_max = Some(bytes),
            Err(_) => return config_err!("{key}: \"{value}\" is no number of bytes"),
        }
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        vec![ConfigEntry {
            key: KEY.to_owned(),
            value: self.memory_bytes_max.map(|bytes| bytes.to_string()),
            description: "bytes of memory that a task of the query may reserve",
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::config::ConfigOptions;

    const LIMITED: QueryLimits = QueryLimits { memory_bytes_max: Some(1 << 20) };

    #[test]
    fn limits_travel_in_headers() {
        for limits in [LIMITED, QueryLimits::default()] {
            assert_eq!(QueryLimits::from_headers(&limits.headers()).unwrap(), limits);
        }
        let mut headers = LIMITED.headers();
        headers.insert(HEADER, HeaderValue::from_static("much"));
        QueryLimits::from_headers(&headers).unwrap_err();
    }

    #[test]
    fn limits_travel_in_a_configuration() {
        let mut sent = ConfigOptions::new();
        sent.extensions.insert(LIMITED);
        let mut received = ConfigOptions::new();
        received.extensions.insert(QueryLimits::default());
        for entry in sent.entries().into_iter().filter(|entry| entry.key.starts_with("quern.")) {
            received.set(&entry.key, &entry.value.unwrap()).unwrap();
        }
        assert_eq!(received.extensions.get::<QueryLimits>(), Some(&LIMITED));
    }
}
