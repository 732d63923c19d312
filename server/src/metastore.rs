//! Opens the metastore that the configuration names, and listens for clients of Hive's.

use crate::commands::serve::{bind, warehouse};
use quern_catalog::connector;
use quern_catalog::metastore::{
    EmbeddedMetastore, HiveListener, HiveService, MetadataStore, Metastore, MetastoreOptions,
};
use quern_catalog::storage::Storage;
use quern_common::config::Config;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;
use tokio::runtime::Handle;

/// The kinds of `metastore.url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
    Hive,
}

fn kind(url: &str) -> Result<Kind> {
    match url.split_once("://") {
        None if url.is_empty() => Ok(Kind::Sqlite),
        Some(("postgres" | "postgresql", _)) => Ok(Kind::Postgres),
        Some(("thrift", _)) => Ok(Kind::Hive),
        // The URL is not repeated: it may hold a password.
        _ => Err(Error::new(
            ErrorCode::ConfigurationInvalid,
            "metastore.url is neither postgres://… nor thrift://…",
        )),
    }
}

/// The default catalog, and what is kept beside it.
pub(crate) struct Stores {
    pub(crate) metastore: Arc<dyn Metastore>,
    pub(crate) metadata: Arc<dyn MetadataStore>,
}

pub(crate) async fn open(config: &Config) -> Result<Stores> {
    let warehouse = warehouse(config)?;
    let url = config.metastore.url.expose();
    let options = MetastoreOptions::from(&config.metastore);
    let kind = kind(url)?;
    let embedded = match kind {
        Kind::Postgres => EmbeddedMetastore::open_postgres(url, &warehouse, options).await?,
        // A Hive metastore has no place for what Quern keeps beside it.
        Kind::Sqlite | Kind::Hive => {
            let path = config.data_dir.join("metastore.sqlite");
            EmbeddedMetastore::open_sqlite_with(&path, &warehouse, options).await?
        }
    };
    let embedded = Arc::new(embedded);
    let metastore: Arc<dyn Metastore> = match kind {
        Kind::Hive => connector::open_hive(url, &config.metastore)?,
        Kind::Sqlite | Kind::Postgres => Arc::<EmbeddedMetastore>::clone(&embedded),
    };
    Ok(Stores { metastore, metadata: embedded })
}

/// Listens for clients of a Hive metastore.
pub(crate) async fn listen(
    config: &Config,
    metastore: &Arc<dyn Metastore>,
    storage: &Arc<Storage>,
) -> Result<HiveListener> {
    if kind(config.metastore.url.expose())? == Kind::Hive {
        return Err(Error::new(
            ErrorCode::ConfigurationInvalid,
            "metastore.listen cannot be set with a metastore.url of thrift://…",
        )
        .with_hint("clients of Hive can use that metastore themselves"));
    }
    let listener = bind("metastore.listen", &config.metastore.listen).await?;
    let service = HiveService::new(Arc::clone(metastore), Arc::clone(storage), Handle::current());
    HiveListener::start(listener, service, &config.metastore)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_kind_of_metastore_and_is_not_repeated() {
        assert_eq!(kind("").unwrap(), Kind::Sqlite);
        assert_eq!(kind("postgresql://u:p@h/d").unwrap(), Kind::Postgres);
        assert_eq!(kind("thrift://a:1,thrift://b:2").unwrap(), Kind::Hive);
        let err = kind("mysql://u:hush@h/d").unwrap_err();
        assert_eq!(err.code(), ErrorCode::ConfigurationInvalid);
        assert!(!format!("{err:?}").contains("hush"));
        assert!(kind("metastore.db").is_err());
    }
}
