//! Catalogs by their properties: which kinds there are, what each needs, and opening one.
//!
//! | connector | what it is | properties |
//! |---|---|---|
//! | `hive` | a Hive metastore that exists | `uri` (`thrift://host:port`, several separated by commas), `connections`, `timeout`, `cache_ttl`, `cache_max_tables`, `cache_max_partitions` |
//! | `quern` | the catalogue of another Quern, in PostgreSQL | `uri` (`postgres://user:password@host/database`), `warehouse` |

use crate::metastore::{
    CacheOptions, CachedMetastore, EmbeddedMetastore, Metastore, MetastoreOptions, RemoteMetastore,
    RemoteOptions,
};
use crate::model::Parameters;
use quern_common::config::{HumanDuration, MetastoreConfig};
use quern_common::{Error, ErrorCode, Result};
use std::str::FromStr;
use std::sync::Arc;

/// The property that names the kind of catalog.
pub const CONNECTOR: &str = "connector";
/// The property that says where it is.
const URI: &str = "uri";
const WAREHOUSE: &str = "warehouse";
/// What is shown of a secret.
const MASK: &str = "***";
/// Schemes of URLs that an `@` may stand in for its own sake.
const LOCATIONS: &[&str] = &["s3", "s3a", "s3n", "file"];

/// Puts a property's value into the options that the process's configuration began.
type Apply = fn(&mut MetastoreConfig, &str) -> Option<()>;

struct Connector {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [(&'static str, Apply)],
}

const CONNECTORS: &[Connector] = &[
    Connector {
        name: "hive",
        required: &[URI],
        optional: &[
            ("cache_max_partitions", |config, value| set(&mut config.cache_max_partitions, value)),
            ("cache_max_tables", |config, value| set(&mut config.cache_max_tables, value)),
            ("cache_ttl", |config, value| set_duration(&mut config.cache_ttl, value)),
            ("connections", |config, value| set(&mut config.remote_connections, value)),
            ("timeout", |config, value| set_duration(&mut config.remote_timeout, value)),
        ],
    },
    Connector { name: "quern", required: &[URI, WAREHOUSE], optional: &[] },
];

fn set<T: FromStr>(field: &mut T, value: &str) -> Option<()> {
    *field = value.parse().ok()?;
    Some(())
}

fn set_duration(field: &mut HumanDuration, value: &str) -> Option<()> {
    *field = value.parse().ok()?;
    Some(())
}

/// Checks a catalog's properties. Nothing is connected to.
///
/// # Errors
/// `INVALID_CATALOG_PROPERTY` naming a property that is missing, unknown or outside its domain.
pub fn check(properties: &Parameters) -> Result<()> {
    options(properties, &MetastoreConfig::default()).map(|_| ())
}

/// Opens a catalog; what its properties leave open is as in `defaults`.
///
/// # Errors
/// Those of [`check`], and `HIVE_METASTORE_ERROR` when a database cannot be reached. A Hive
/// metastore is connected to when it is first asked.
pub async fn open(
    properties: &Parameters,
    defaults: &MetastoreConfig,
) -> Result<Arc<dyn Metastore>> {
    let (connector, config) = options(properties, defaults)?;
    let value = |name: &str| properties.get(name).map(String::as_str).unwrap_or_default();
    let (uri, warehouse) = (value(URI), value(WAREHOUSE));
    if connector.name == "hive" {
        return open_hive(uri, &config);
    }
    let options = MetastoreOptions::from(&config);
    Ok(Arc::new(EmbeddedMetastore::open_postgres(uri, warehouse, options).await?))
}

/// A Hive metastore that exists, behind a cache.
///
/// # Errors
/// `CONFIGURATION_INVALID` when `uris` are none.
pub fn open_hive(uris: &str, config: &MetastoreConfig) -> Result<Arc<dyn Metastore>> {
    let remote = RemoteMetastore::new(uris, RemoteOptions::from(config))?;
    Ok(Arc::new(CachedMetastore::new(Arc::new(remote), &CacheOptions::from(config))))
}

/// The properties as they may be shown: without passwords.
pub fn shown_properties(properties: &Parameters) -> Parameters {
    properties.iter().map(|(name, value)| (name.clone(), without_passwords(value))).collect()
}

/// A text without the users and passwords of the URLs in it. Those of locations have none.
pub fn without_passwords(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || "'\"`".contains(c));
        let (url, next) = after.split_at(end.unwrap_or(after.len()));
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next();
        match url.rsplit_once('@').filter(|_| !LOCATIONS.contains(&scheme.unwrap_or_default())) {
            Some((_, host)) => shown.push_str(&format!("{MASK}@{host}")),
            None => shown.push_str(url),
        }
        rest = next;
    }
    shown + rest
}

fn options(
    properties: &Parameters,
    defaults: &MetastoreConfig,
) -> Result<(&'static Connector, MetastoreConfig)> {
    let names =
        || CONNECTORS.iter().map(|c| format!("\"{}\"", c.name)).collect::<Vec<_>>().join(", ");
    let named = properties.get(CONNECTOR).ok_or_else(|| {
        invalid(format!("a catalog needs the property \"{CONNECTOR}\""))
            .with_hint(format!("there is {}", names()))
    })?;
    let connector = CONNECTORS.iter().find(|known| known.name == named).ok_or_else(|| {
        invalid(format!("there is no connector \"{named}\""))
            .with_hint(format!("there is {}", names()))
    })?;
    for required in connector.required {
        if properties.get(*required).is_none_or(String::is_empty) {
            return Err(invalid(format!(
                "connector \"{named}\" needs the property \"{required}\""
            )));
        }
    }
    let mut config = defaults.clone();
    for (name, value) in properties {
        if name != CONNECTOR && !connector.required.contains(&name.as_str()) {
            apply(connector, &mut config, name, value)?;
        }
    }
    check_uri(connector, properties, &config)?;
    Ok((connector, config))
}

fn apply(
    connector: &Connector,
    config: &mut MetastoreConfig,
    name: &str,
    value: &str,
) -> Result<()> {
    let known = connector.optional.iter().find(|(known, _)| *known == name);
    let Some((_, apply)) = known else {
        let names = connector.required.iter().copied();
        let names = names.chain(connector.optional.iter().map(|(name, _)| *name));
        return Err(invalid(format!(
            "connector \"{}\" has no property \"{name}\"",
            connector.name
        ))
        .with_hint(format!("it has {}", names.collect::<Vec<_>>().join(", "))));
    };
    apply(config, value)
        .ok_or_else(|| invalid(format!("catalog property \"{name}\" cannot be \"{value}\"")))
}

/// The value is not repeated: it may hold a password.
fn check_uri(
    connector: &Connector,
    properties: &Parameters,
    config: &MetastoreConfig,
) -> Result<()> {
    let uri = properties.get(URI).map(String::as_str).unwrap_or_default();
    let (ok, form) = match connector.name {
        "hive" => (
            !uri.contains('@') && RemoteMetastore::new(uri, RemoteOptions::from(config)).is_ok(),
            "thrift://host:port",
        ),
        _ => (
            uri.starts_with("postgres://") || uri.starts_with("postgresql://"),
            "postgres://user:password@host/database",
        ),
    };
    match ok {
        true => Ok(()),
        false => {
            Err(invalid(format!("catalog property \"{URI}\" is no address of this connector"))
                .with_hint(format!("it is like {form}")))
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::InvalidCatalogProperty, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn properties_are_checked_by_their_connector() {
        let hive = ("connector", "hive");
        let uri = ("uri", "thrift://a:9083,thrift://b:9083");
        check(&parameters(&[hive, uri])).unwrap();
        check(&parameters(&[hive, uri, ("cache_ttl", "5m"), ("connections", "2")])).unwrap();
        for (bad, word) in [
            (parameters(&[uri]), "connector"),
            (parameters(&[("connector", "mysql"), uri]), "mysql"),
            (parameters(&[hive]), "uri"),
            (parameters(&[hive, ("uri", "http://a:1")]), "uri"),
            (parameters(&[hive, ("uri", "thrift://u:p@a:1")]), "uri"),
            (parameters(&[hive, uri, ("cache_ttl", "soon")]), "cache_ttl"),
            (parameters(&[hive, uri, ("warehouse", "/w")]), "warehouse"),
            (parameters(&[("connector", "quern"), ("uri", "postgres://h/d")]), "warehouse"),
        ] {
            let err = check(&bad).unwrap_err();
            assert_eq!(err.code(), ErrorCode::InvalidCatalogProperty);
            assert!(err.message().contains(word), "{err}");
        }
    }

    #[test]
    fn a_value_overrides_the_process_configuration() {
        let properties = parameters(&[
            ("connector", "hive"),
            ("uri", "thrift://a:1"),
            ("cache_max_tables", "7"),
        ]);
        let defaults = MetastoreConfig { cache_max_partitions: 9, ..MetastoreConfig::default() };
        let (_, config) = options(&properties, &defaults).unwrap();
        assert_eq!((config.cache_max_tables, config.cache_max_partitions), (7, 9));
    }

    #[test]
    fn passwords_are_not_shown() {
        for (text, shown) in [
            ("postgres://user:hush@host/db", "postgres://***@host/db"),
            ("postgres://user:hu@s/h@host/db", "postgres://***@host/db"),
            (
                "x('postgres://u:hush@h', 'mysql://u:hush@g')",
                "x('postgres://***@h', 'mysql://***@g')",
            ),
            ("thrift://host:1", "thrift://host:1"),
            ("LOCATION 's3://bucket/a@b' -- me@home", "LOCATION 's3://bucket/a@b' -- me@home"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
        let hush = parameters(&[("connector", "quern"), ("uri", "mysql://u:hush@h")]);
        assert!(!format!("{:?}", check(&hush).unwrap_err()).contains("hush"));
        assert_eq!(shown_properties(&hush)["uri"], "mysql://***@h");
    }
}
