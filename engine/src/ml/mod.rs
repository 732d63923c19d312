//! Models in SQL: CREATE MODEL, and model functions in FROM. The mathematics are `quern_ml`'s.

mod call;
mod functions;
mod loaded;
mod pass_function;
mod relation;
mod trainer;

pub use trainer::{ModelTrainer, PassRunner, TrainingRun};

use crate::catalogs::CatalogRegistry;
use crate::error::to_datafusion;
use crate::session::SessionSettings;
use call::{ModelCall, calls_in, expand_table_arguments, name_parts};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::planner::RelationPlanner;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::sql::sqlparser::ast::Query;
use functions::{EVALUATE, EvaluateFunction, SCORE, ScoreFunction};
use loaded::LoadedModel;
use pass_function::PassFunction;
use quern_catalog::storage::Storage;
use quern_common::{Error, ErrorCode, Result};
use relation::{ModelRelations, model_key};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Loads the models that a query names and returns the planner of its model functions.
///
/// # Errors
/// `MODEL_NOT_FOUND`, `INVALID_ARGUMENTS`, and those of reading the artifact.
pub async fn relation_planner(
    query: &mut Query,
    settings: &SessionSettings,
    registry: &CatalogRegistry,
    storage: &Storage,
) -> Result<Arc<dyn RelationPlanner>> {
    expand_table_arguments(query)?;
    let mut models = HashMap::new();
    for call in calls_in(query)? {
        if let Entry::Vacant(place) = models.entry(model_key(&call)) {
            place.insert(load(&call, settings, registry, storage).await?);
        }
    }
    Ok(Arc::new(ModelRelations { models }))
}

async fn load(
    call: &ModelCall,
    settings: &SessionSettings,
    registry: &CatalogRegistry,
    storage: &Storage,
) -> Result<LoadedModel> {
    let parts = name_parts(&call.model);
    let (catalog, schema, name) = match parts.as_slice() {
        [name] => (settings.catalog.as_str(), settings.schema.as_str(), name),
        [schema, name] => (settings.catalog.as_str(), schema.as_str(), name),
        [catalog, schema, name] => (catalog.as_str(), schema.as_str(), name),
        _ => {
            return Err(Error::new(
                ErrorCode::InvalidArguments,
                format!("\"{}\" is no model name", call.model),
            ));
        }
    };
    let metastore = registry.get(catalog).await?;
    let version = metastore.get_model(schema, name, call.version).await?;
    let model = &version.model;
    let bytes = storage.get(&storage.check(&model.artifact_location)?).await?;
    let label = format!("{schema}.{name}@{}", version.version);
    LoadedModel::verified(&label, &bytes, &model.artifact_sha256)
}

/// Writes the model or pass that a scalar function of ours carries; nothing for others.
pub fn encode_function(function: &ScalarUDF, buf: &mut Vec<u8>) {
    if let Some(score) = function.inner().downcast_ref::<ScoreFunction>() {
        score.loaded().to_wire(buf);
    }
}

/// Rebuilds a scalar function of ours.
///
/// # Errors
/// For a name that is not ours, and a model that does not read.
pub fn decode_function(name: &str, buf: &[u8]) -> DataFusionResult<Arc<ScalarUDF>> {
    if name.starts_with(SCORE) {
        let loaded = LoadedModel::from_wire(buf).map_err(to_datafusion)?;
        return Ok(Arc::new(ScoreFunction::udf(loaded)));
    }
    Err(DataFusionError::Internal(format!("function \"{name}\" has no wire form")))
}

/// Writes the model or pass that an aggregate function of ours carries; nothing for others.
pub fn encode_aggregate(function: &AggregateUDF, buf: &mut Vec<u8>) {
    if let Some(evaluate) = function.inner().downcast_ref::<EvaluateFunction>() {
        evaluate.loaded().to_wire(buf);
    }
    if let Some(pass) = function.inner().downcast_ref::<PassFunction>() {
        buf.extend(pass.bytes());
    }
}

/// Rebuilds an aggregate function of ours.
///
/// # Errors
/// For a name that is not ours, and a model or pass that does not read.
pub fn decode_aggregate(name: &str, buf: &[u8]) -> DataFusionResult<Arc<AggregateUDF>> {
    match name {
        EVALUATE => {
            let loaded = LoadedModel::from_wire(buf).map_err(to_datafusion)?;
            Ok(Arc::new(EvaluateFunction::udaf(loaded)))
        }
        pass_function::NAME => PassFunction::decode(buf),
        other => Err(DataFusionError::Internal(format!("aggregate \"{other}\" has no wire form"))),
    }
}
