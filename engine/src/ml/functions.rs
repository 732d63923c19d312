//! The functions that carry a model: scoring as a scalar function, evaluation as an aggregate.
//! Neither is registered: only [`super::relation`] makes them, and the codec rebuilds them.

use super::loaded::LoadedModel;
use crate::error::to_datafusion;
use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, StringArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use quern_ml::{Evaluation, Model};
use std::sync::Arc;

/// Name of the scalar function.
pub(super) const SCORE: &str = "ml_score";
/// Name of the aggregate function.
pub(super) const EVALUATE: &str = "ml_metrics";

/// `ml_score(features…)`: a struct with the model's outputs.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ScoreFunction {
    loaded: LoadedModel,
    name: String,
    signature: Signature,
}

impl ScoreFunction {
    pub(super) fn udf(loaded: LoadedModel) -> ScalarUDF {
        let signature = Signature::variadic_any(Volatility::Immutable);
        let name = format!("{SCORE}[{}]", loaded.label);
        ScalarUDF::new_from_impl(Self { loaded, name, signature })
    }

    pub(super) fn loaded(&self) -> &LoadedModel {
        &self.loaded
    }
}

/// The model's outputs as the fields of a struct, all nullable.
fn output_fields(model: &Model) -> quern_common::Result<Fields> {
    Ok(model.output_fields()?.into_iter().map(|field| field.with_nullable(true)).collect())
}

impl ScalarUDFImpl for ScoreFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(output_fields(&self.loaded.model).map_err(to_datafusion)?))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let outputs = self.loaded.model.predict(&columns).map_err(to_datafusion)?;
        let fields = output_fields(&self.loaded.model).map_err(to_datafusion)?;
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(fields, outputs, None)?)))
    }
}

/// `ml_metrics(features… [, target])`: a list of (metric, value).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct EvaluateFunction {
    loaded: LoadedModel,
    signature: Signature,
}

impl EvaluateFunction {
    pub(super) fn udaf(loaded: LoadedModel) -> AggregateUDF {
        let signature = Signature::variadic_any(Volatility::Immutable);
        AggregateUDF::new_from_impl(Self { loaded, signature })
    }

    pub(super) fn loaded(&self) -> &LoadedModel {
        &self.loaded
    }
}

fn metric_fields() -> Fields {
    Fields::from(vec![
        Field::new("metric", DataType::Utf8, true),
        Field::new("value", DataType::Float64, true),
    ])
}

impl AggregateUDFImpl for EvaluateFunction {
    fn name(&self) -> &str {
        EVALUATE
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::new_list(DataType::Struct(metric_fields()), true))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{}[state]", args.name);
        Ok(vec![Arc::new(Field::new(name, DataType::Binary, true))])
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let model = Arc::clone(&self.loaded.model);
        let evaluation = Evaluation::new(&model);
        Ok(Box::new(EvaluateAccumulator { model, evaluation }))
    }
}

#[derive(Debug)]
struct EvaluateAccumulator {
    model: Arc<Model>,
    evaluation: Evaluation,
}

impl Accumulator for EvaluateAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let n_features = self.model.features().len();
        let (features, target) = values.split_at(n_features.min(values.len()));
        self.evaluation.update(&self.model, features, target.first()).map_err(to_datafusion)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let metrics = self.evaluation.finish(&self.model);
        let names = StringArray::from_iter_values(metrics.iter().map(|(name, _)| name));
        let values = Float64Array::from_iter_values(metrics.iter().map(|(_, value)| *value));
        let rows =
            StructArray::try_new(metric_fields(), vec![Arc::new(names), Arc::new(values)], None)?;
        let list = SingleRowListArrayBuilder::new(Arc::new(rows)).with_nullable(true);
        Ok(ScalarValue::List(Arc::new(list.build_list_array())))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.evaluation.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let bytes = self.evaluation.to_bytes().map_err(to_datafusion)?;
        Ok(vec![ScalarValue::Binary(Some(bytes))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some(states) = states.first().and_then(|array| array.as_binary_opt::<i32>()) else {
            return Err(DataFusionError::Internal("an evaluation state is not binary".to_owned()));
        };
        for bytes in states.iter().flatten() {
            let other = Evaluation::from_bytes(bytes).map_err(to_datafusion)?;
            self.evaluation.merge(other).map_err(to_datafusion)?;
        }
        Ok(())
    }
}
