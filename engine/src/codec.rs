//! How plans travel: the codec that scheduler and executors share.
//!
//! Our nodes begin with a tag byte of ours; anything else is Ballista's. Functions travel by
//! name, except those that carry a model, which travel as its reference (see [`crate::ml`]).

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::arrow::datatypes::Schema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::physical_planning_context::ScalarSubqueryResults;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::proto::{ExecutionPlanDecode, ExecutionPlanDecodeCtx};
use datafusion_proto::physical_plan::{
    PhysicalExtensionCodec, PhysicalPlanDecodeContext, PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::{PhysicalExprNode, PhysicalPlanNode};
use prost::Message;
use quern_catalog::scan::text::{TEXT_SCAN_TAG, TextSource};
use quern_catalog::scan::{PARQUET_SCAN_TAG, ParquetScan, open_envelope};
use std::sync::Arc;

/// First byte of a node of Ballista.
const BALLISTA_TAG: u8 = b'B';

/// Encodes and decodes what DataFusion does not know.
#[derive(Debug, Default)]
pub struct QuernPhysicalCodec {
    ballista: BallistaPhysicalExtensionCodec,
}

impl PhysicalExtensionCodec for QuernPhysicalCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = open_envelope(buf)?;
        let Some((tag, body)) = scan.as_deref().unwrap_or(buf).split_first() else {
            return Err(DataFusionError::Internal("an empty plan node".to_owned()));
        };
        match *tag {
            PARQUET_SCAN_TAG => {
                let node = PhysicalPlanNode::decode(body)
                    .map_err(|err| DataFusionError::External(Box::new(err)))?;
                let decode_ctx = PhysicalPlanDecodeContext::new(ctx, self);
                ParquetScan::rewrap(&converter.proto_to_execution_plan(&node, &decode_ctx)?)
            }
            TEXT_SCAN_TAG => {
                let decoder = NodeDecoder { ctx, codec: self, converter };
                TextSource::try_from_proto(body, &ExecutionPlanDecodeCtx::new(&decoder))
            }
            BALLISTA_TAG => self.ballista.try_decode(body, inputs, ctx, converter),
            other => Err(DataFusionError::Internal(format!("an unknown plan node, tag {other}"))),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        buf.push(BALLISTA_TAG);
        self.ballista.try_encode(node, buf, converter)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        crate::ml::encode_function(node, buf);
        Ok(())
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        crate::ml::decode_function(name, buf)
    }

    fn try_encode_udaf(&self, node: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
        crate::ml::encode_aggregate(node, buf);
        Ok(())
    }

    fn try_decode_udaf(&self, name: &str, buf: &[u8]) -> Result<Arc<AggregateUDF>> {
        crate::ml::decode_aggregate(name, buf)
    }

    fn try_decode_higher_order_function(
        &self,
        name: &str,
        buf: &[u8],
    ) -> Result<Arc<HigherOrderUDF>> {
        self.ballista.try_decode_higher_order_function(name, buf)
    }
}

/// Lets a file source of ours decode what its scan contains.
struct NodeDecoder<'a> {
    ctx: &'a TaskContext,
    codec: &'a QuernPhysicalCodec,
    converter: &'a dyn PhysicalProtoConverterExtension,
}

impl NodeDecoder<'_> {
    fn context(&self) -> PhysicalPlanDecodeContext<'_> {
        PhysicalPlanDecodeContext::new(self.ctx, self.codec)
    }
}

fn not_in_a_scan<T>(what: &str) -> Result<T> {
    Err(DataFusionError::Internal(format!("a file scan holds no {what}")))
}

impl ExecutionPlanDecode for NodeDecoder<'_> {
    fn decode_plan(&self, node: &PhysicalPlanNode) -> Result<Arc<dyn ExecutionPlan>> {
        self.converter.proto_to_execution_plan(node, &self.context())
    }

    fn decode_plan_with_scalar_subquery_results(
        &self,
        node: &PhysicalPlanNode,
        results: ScalarSubqueryResults,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let context = self.context().with_scalar_subquery_results(results);
        self.converter.proto_to_execution_plan(node, &context)
    }

    fn decode_expr(
        &self,
        node: &PhysicalExprNode,
        input_schema: &Schema,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        self.converter.proto_to_physical_expr(node, input_schema, &self.context())
    }

    fn task_ctx(&self) -> &TaskContext {
        self.ctx
    }

    fn decode_udf(&self, name: &str, payload: Option<&[u8]>) -> Result<Arc<ScalarUDF>> {
        self.codec.try_decode_udf(name, payload.unwrap_or_default())
    }

    fn decode_udaf(&self, name: &str, payload: Option<&[u8]>) -> Result<Arc<AggregateUDF>> {
        self.codec.try_decode_udaf(name, payload.unwrap_or_default())
    }

    fn decode_udwf(&self, _name: &str, _payload: Option<&[u8]>) -> Result<Arc<WindowUDF>> {
        not_in_a_scan("window function")
    }
}
