//! DataFusion's way to stores.

use super::Storage;
use datafusion_common::DataFusionError;
use datafusion_execution::object_store::ObjectStoreRegistry;
use object_store::ObjectStore;
use std::sync::Arc;
use url::Url;

/// Answers every URL from [`Storage`], so that no plan reaches a store past the policy.
#[derive(Debug)]
pub(super) struct StorageRegistry {
    pub(super) storage: Arc<Storage>,
}

impl ObjectStoreRegistry for StorageRegistry {
    /// Does nothing but log: a store that [`Storage`] did not make would escape the policy.
    /// The trait leaves no room for an error.
    fn register_store(
        &self,
        url: &Url,
        _store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        tracing::warn!(%url, "ignored the registration of a foreign object store");
        None
    }

    fn get_store(&self, url: &Url) -> datafusion_common::Result<Arc<dyn ObjectStore>> {
        self.storage.store_for(url).map_err(|err| DataFusionError::External(Box::new(err)))
    }
}
