//! A training pass as an aggregate function: update and merge run wherever the rows are, the
//! step on the driver. The pass travels inside the function.

use crate::error::to_datafusion;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use quern_ml::{PassState, TrainingPass};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Name of the function; users cannot call it, since it is registered nowhere.
pub(super) const NAME: &str = "quern_training_pass";

/// One pass of one training.
#[derive(Debug)]
pub(super) struct PassFunction {
    pass: TrainingPass,
    bytes: Vec<u8>,
    signature: Signature,
}

impl PassFunction {
    pub(super) fn udaf(pass: TrainingPass) -> quern_common::Result<AggregateUDF> {
        let bytes = pass.to_bytes()?;
        let signature = Signature::variadic_any(Volatility::Immutable);
        Ok(AggregateUDF::new_from_impl(Self { pass, bytes, signature }))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Arc<AggregateUDF>> {
        let pass = TrainingPass::from_bytes(bytes).map_err(to_datafusion)?;
        Self::udaf(pass).map(Arc::new).map_err(to_datafusion)
    }
}

impl PartialEq for PassFunction {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for PassFunction {}

impl Hash for PassFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl AggregateUDFImpl for PassFunction {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{}[state]", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let state = self.pass.start().map_err(to_datafusion)?;
        Ok(Box::new(PassAccumulator { state }))
    }
}

#[derive(Debug)]
struct PassAccumulator {
    state: PassState,
}

impl PassAccumulator {
    fn to_scalar(&self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(Some(self.state.to_bytes().map_err(to_datafusion)?)))
    }
}

impl Accumulator for PassAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.state.update(values).map_err(to_datafusion)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.to_scalar()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.state.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.to_scalar()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(states) = states.first().and_then(|array| array.as_binary_opt::<i32>()) else {
            return Err(DataFusionError::Internal("a training state is not binary".to_owned()));
        };
        for bytes in states.iter().flatten() {
            self.state.merge_bytes(bytes).map_err(to_datafusion)?;
        }
        Ok(())
    }
}

/// The merged state that an aggregate over all rows returned.
pub(super) fn merged_state(
    pass: &TrainingPass,
    column: &ArrayRef,
) -> quern_common::Result<PassState> {
    let mut state = pass.start()?;
    let bytes = column.as_binary_opt::<i32>().filter(|array| array.len() == 1 && array.is_valid(0));
    let bytes = bytes.ok_or_else(|| {
        quern_common::Error::internal("a training pass returned something else than its state")
    })?;
    state.merge_bytes(bytes.value(0))?;
    Ok(state)
}
