//! `quern metastore`.

use super::serve::{absolute, create_data_dir, default_policy, init_log, print, shutdown_signal};
use crate::args::MetastoreArgs;
use crate::{config, metastore};
use quern_catalog::storage::Storage;
use quern_common::Result;
use std::process::ExitCode;

/// Hive's port, where its clients look first.
const DEFAULT_LISTEN: &str = "127.0.0.1:9083";

pub(crate) async fn run(args: MetastoreArgs) -> Result<ExitCode> {
    let mut config = config::load(&args.config)?;
    if let Some(listen) = args.metastore_listen {
        config.metastore.listen = listen;
    }
    if config.metastore.listen.is_empty() {
        DEFAULT_LISTEN.clone_into(&mut config.metastore.listen);
    }
    init_log(&config)?;
    let policy = default_policy(&config)?;
    config.data_dir = absolute(&config.data_dir)?;
    create_data_dir(&config)?;
    let storage = Storage::new(&config.storage, policy)?;
    let store = metastore::open(&config).await?.metastore;
    let listener = metastore::listen(&config, &store, &storage).await?;
    let address = listener.local_address();
    if args.print_addresses {
        print(&serde_json::json!({ "metastore": address.to_string() }))?;
    }
    tracing::info!(metastore = %address, "ready");
    shutdown_signal().await;
    tracing::info!("shutting down");
    listener.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
