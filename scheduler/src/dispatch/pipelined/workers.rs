//! How datafusion-distributed finds the executors and reaches them.

use crate::cluster::Registry;
use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use datafusion_distributed::{ChannelResolver, WorkerChannel, WorkerResolver};
use quern_engine::error::to_datafusion;
use quern_engine::session::Workers;
use quern_proto::cluster::Channels;
use std::sync::Arc;
use url::Url;

/// The executors that are there whenever a query is planned or placed.
pub(crate) fn workers(nodes: Arc<Registry>, channels: Channels, partition_bytes: usize) -> Workers {
    Workers {
        resolver: Arc::new(LiveNodes { nodes }),
        channels: Arc::new(Members { channels }),
        partition_bytes,
    }
}

struct LiveNodes {
    nodes: Arc<Registry>,
}

impl WorkerResolver for LiveNodes {
    fn get_urls(&self) -> Result<Vec<Url>> {
        let urls = self.nodes.all().into_iter().map(|node| Url::parse(&node.url()));
        urls.collect::<Result<_, _>>().map_err(|err| DataFusionError::External(Box::new(err)))
    }
}

/// Connections that carry the cluster's secret.
struct Members {
    channels: Channels,
}

#[async_trait]
impl ChannelResolver for Members {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        let url = url.as_str().trim_end_matches('/');
        let channel = self.channels.get(url).await.map_err(to_datafusion)?;
        Ok(create_worker_client(BoxCloneSyncChannel::new(channel)))
    }
}
