//! The worker of pipelined queries: datafusion-distributed's, with our functions, codec,
//! connections and errors.

use async_trait::async_trait;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
    ReplaceChildrenOptions,
};
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use datafusion_distributed::{
    BroadcastExec, ChannelResolver, DistributedExt, Worker, WorkerChannel, WorkerPlanRewriteEvent,
    WorkerPlanRewriteEventResponse, WorkerQueryContext, WorkerSessionBuilder,
};
use futures::StreamExt;
use quern_engine::codec::QuernPhysicalCodec;
use quern_engine::error::{from_datafusion, to_datafusion};
use quern_engine::runtime::EngineRuntime;
use quern_proto::cluster::Channels;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// A worker that uses the process's memory, caches and storage.
pub(crate) fn worker(runtime: &EngineRuntime, channels: Channels) -> Worker {
    Worker::from_session_builder(WorkerSessions { channels })
        .with_runtime_env(Arc::clone(runtime.shared_env()))
}

struct WorkerSessions {
    channels: Channels,
}

#[async_trait]
impl WorkerSessionBuilder for WorkerSessions {
    async fn build_session_state(&self, ctx: WorkerQueryContext) -> Result<SessionState> {
        // Functions that are not built in carry what they need in the plan; the codec makes them.
        Ok(ctx
            .builder
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
        let inputs = plan.children().into_iter().map(KeepCodes::over).collect();
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
        plan.replace_children(inputs, options)?
    } else {
        KeepCodes::over(&plan)
    };
    Ok(WorkerPlanRewriteEventResponse::new(plan))
}

/// Stands for the operator in it, and turns its errors into text that begins with their code:
/// of an error that is not DataFusion's own, the wire carries only the `Display`.
struct KeepCodes {
    inner: Arc<dyn ExecutionPlan>,
}

impl KeepCodes {
    fn over(inner: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
        Arc::new(Self { inner: Arc::clone(inner) })
    }
}

impl fmt::Debug for KeepCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl DisplayAs for KeepCodes {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_as(t, f)
    }
}

impl ExecutionPlan for KeepCodes {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn downcast_delegate(&self) -> Option<&dyn ExecutionPlan> {
        Some(self.inner.as_ref())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.inner.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.inner.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        let inner = Arc::clone(&self.inner).replace_children(children, options)?;
        Ok(Arc::new(Self { inner }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.inner.execute(partition, context).map_err(with_code)?;
        let schema = rows.schema();
        let rows = rows.map(|batch| batch.map_err(with_code));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.inner.metrics()
    }
}

fn with_code(err: DataFusionError) -> DataFusionError {
    DataFusionError::Execution(format!("{:?}", from_datafusion(err)))
}
