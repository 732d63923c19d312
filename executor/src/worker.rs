//! The worker of pipelined queries: datafusion-distributed's, with our functions, codec,
//! connections and errors.

use crate::stand_in::StandIn;
use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions};
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use datafusion_distributed::{
    BroadcastExec, ChannelResolver, DistributedExt, Worker, WorkerChannel, WorkerPlanRewriteEvent,
    WorkerPlanRewriteEventResponse, WorkerQueryContext, WorkerSessionBuilder,
};
use futures::StreamExt;
use quern_engine::codec::QuernPhysicalCodec;
use quern_engine::error::{from_datafusion, to_datafusion};
use quern_engine::runtime::EngineRuntime;
use quern_engine::session::QueryLimits;
use quern_proto::cluster::Channels;
use std::sync::Arc;
use url::Url;

/// A worker that uses the process's memory, caches and storage.
pub(crate) fn worker(runtime: &EngineRuntime, channels: Channels) -> Worker {
    Worker::from_session_builder(WorkerSessions { runtime: runtime.clone(), channels })
        .with_runtime_env(Arc::clone(runtime.shared_env()))
}

struct WorkerSessions {
    runtime: EngineRuntime,
    channels: Channels,
}

#[async_trait]
impl WorkerSessionBuilder for WorkerSessions {
    async fn build_session_state(&self, ctx: WorkerQueryContext) -> Result<SessionState> {
        // Functions that are not built in carry what they need in the plan; the codec makes them.
        // The limit of a query holds for each of its tasks: they do not say whose they are.
        let limits = QueryLimits::from_headers(&ctx.headers)?;
        Ok(ctx
            .builder
            .with_runtime_env(self.runtime.query_env(limits.memory_bytes_max))
            .with_distributed_user_codec(QuernPhysicalCodec::default())
            .with_distributed_channel_resolver(Peers { channels: self.channels.clone() })
            .with_distributed_worker_plan_rewrite_handler(keep_codes)
            .build())
    }
}

/// The other workers.
struct Peers {
    channels: Channels,
}

#[async_trait]
impl ChannelResolver for Peers {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        let url = url.as_str().trim_end_matches('/');
        let channel = self.channels.get(url).await.map_err(to_datafusion)?;
        Ok(create_worker_client(BoxCloneSyncChannel::new(channel)))
    }
}

fn keep_codes(event: WorkerPlanRewriteEvent<'_>) -> Result<WorkerPlanRewriteEventResponse> {
    let plan = event.plan;
    // The worker replaces such a head by another one over the same input.
    let is_replaced = plan.is::<RepartitionExec>() || plan.is::<BroadcastExec>();
    let plan = if is_replaced {
        let inputs = plan.children().into_iter().map(with_codes).collect();
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
        plan.replace_children(inputs, options)?
    } else {
        with_codes(&plan)
    };
    Ok(WorkerPlanRewriteEventResponse::new(plan))
}

/// Turns an operator's errors into text that begins with their code: of an error that is not
/// DataFusion's own, the wire carries only the `Display`.
fn with_codes(inner: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    StandIn::over(inner, |rows| {
        let rows = rows.map_err(with_code)?;
        let schema = rows.schema();
        let rows = rows.map(|batch| batch.map_err(with_code));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    })
}

fn with_code(err: DataFusionError) -> DataFusionError {
    DataFusionError::Execution(format!("{:?}", from_datafusion(err)))
}
