//! Connections to a remote metastore.

use parking_lot::Mutex;
use quern_common::{Error, Result};
use quern_proto::hive_metastore::{CallError, ClientOptions, HiveMetastoreClient, Method};
use std::any::Any;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A call, made by a client.
type Work = Box<dyn FnOnce(&mut HiveMetastoreClient) -> Answer + Send>;
/// What a call gave, whose type the caller knows.
type Answer = Box<dyn Any + Send>;

/// Clients of one metastore. A call takes one for itself, so that there are as many calls at one
/// time as there are clients.
#[derive(Debug)]
pub(super) struct Pool {
    uris: String,
    options: ClientOptions,
    idle: Mutex<Vec<HiveMetastoreClient>>,
    permits: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(uris: &str, options: ClientOptions, clients_max: usize) -> Result<Self> {
        // Made to see whether the URIs are some.
        let first =
            HiveMetastoreClient::new(uris, options.clone()).map_err(super::errors::of_store)?;
        Ok(Self {
            uris: uris.to_owned(),
            options,
            idle: Mutex::new(vec![first]),
            permits: Arc::new(Semaphore::new(clients_max.clamp(1, Semaphore::MAX_PERMITS))),
        })
    }

    /// Calls a method on a thread that may block.
    pub(super) async fn call<M>(self: &Arc<Self>, args: M) -> Result<Result<M::Reply, CallError>>
    where
        M: Method + Send + 'static,
        M::Reply: Send + 'static,
    {
        let work: Work = Box::new(move |client| Box::new(client.call(&args)));
        let answer = self.run(work).await?.downcast();
        answer.map(|answer| *answer).map_err(|_| Error::internal("an answer to another call"))
    }

    /// Does what is not told apart by methods, so that it is compiled once.
    async fn run(self: &Arc<Self>, work: Work) -> Result<Answer> {
        let closed = |_| Error::internal("the metastore's connections are closed");
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(closed)?;
        let pool = Arc::clone(self);
        let call = tokio::task::spawn_blocking(move || {
            // The thread goes on when nobody waits for it any more.
            let _permit = permit;
            let idle = pool.idle.lock().pop();
            let mut client = match idle {
                Some(client) => client,
                // The URIs were seen to be some.
                None => HiveMetastoreClient::new(&pool.uris, pool.options.clone())
                    .map_err(super::errors::of_store)?,
            };
            let answer = work(&mut client);
            pool.idle.lock().push(client);
            Ok(answer)
        });
        call.await.map_err(|err| Error::internal(format!("a metastore call panicked: {err}")))?
    }
}
