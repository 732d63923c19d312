//! A finished job's rows, fetched from executors file by file as they are read.

use super::job::Job;
use super::scheduler::endpoint_override;
use crate::cluster::Cluster;
use arrow::record_batch::RecordBatch;
use ballista_core::client::BallistaClient;
use ballista_core::error::BallistaError;
use ballista_core::extension::BallistaConfigGrpcEndpoint;
use ballista_core::serde::protobuf::PartitionLocation;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use quern_common::{Error, ErrorCode, Result};
use std::collections::VecDeque;
use std::sync::Arc;

/// The rows of a job. Dropping it removes the job's files.
pub(super) struct Results {
    files: VecDeque<PartitionLocation>,
    open: Option<SendableRecordBatchStream>,
    endpoint: Arc<BallistaConfigGrpcEndpoint>,
    message_bytes: usize,
    _job: Job,
}

impl Results {
    pub(super) fn new(cluster: &Cluster, job: Job, mut files: Vec<PartitionLocation>) -> Self {
        // In the order of the output's partitions, not of the tasks' ends.
        files.sort_by_key(|file| {
            (file.partition_id.as_ref().map(|id| id.partition_id), file.map_partition_id)
        });
        Self {
            files: files.into(),
            open: None,
            endpoint: Arc::new(BallistaConfigGrpcEndpoint::new(endpoint_override(
                cluster.secret(),
            ))),
            message_bytes: cluster.config().max_message_size.as_usize(),
            _job: job,
        }
    }

    /// The next batch. Nothing is fetched ahead but what fills the connection's window.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(open) = &mut self.open {
                match open.next().await {
                    Some(Ok(batch)) => return Ok(Some(batch)),
                    Some(Err(err)) => return Err(lost(&err)),
                    None => self.open = None,
                }
            }
            match self.files.pop_front() {
                None => return Ok(None),
                Some(file) => self.open = Some(self.fetch(file).await?),
            }
        }
    }

    async fn fetch(&mut self, file: PartitionLocation) -> Result<SendableRecordBatchStream> {
        let layout = file.layout();
        let (Some(executor), Some(partition)) = (file.executor_meta, file.partition_id) else {
            return Err(Error::internal("a result without a place"));
        };
        let port = u16::try_from(executor.port)
            .map_err(|_| Error::internal(format!("executor port {}", executor.port)))?;
        let fetched = async {
            let endpoint = Some(Arc::clone(&self.endpoint));
            let mut client = BallistaClient::try_new(
                &executor.host,
                port,
                self.message_bytes,
                false,
                endpoint,
                1,
                0,
                0,
                0,
            )
            .await?;
            // Files as they are, decoded here: the executor's thread only copies bytes.
            let partition = partition.into();
            client.fetch_partition(&executor.id, &partition, file.file_id, layout, false).await
        };
        fetched.await.map_err(|err: BallistaError| lost(&err))
    }
}

fn lost(err: &dyn std::error::Error) -> Error {
    Error::new(ErrorCode::RemoteHostGone, format!("a result was lost with its executor: {err}"))
}
