//! `ml_predict` and `ml_evaluate` in FROM.
//!
//! `ml_predict(m, input)` becomes `SELECT input.*, outputs of ml_score(features) FROM input`: a
//! plain projection, so that pruning, pushdown and distribution work through it.
//! `ml_evaluate(m, input)` becomes an aggregate and an unnest.

use super::call::{ModelCall, ModelFunction};
use super::functions::{EvaluateFunction, ScoreFunction};
use super::loaded::LoadedModel;
use crate::error::to_datafusion;
use datafusion::common::{Column, DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col};
use datafusion::sql::sqlparser::ast::TableFactor;
use quern_common::{Error, ErrorCode};
use std::collections::HashMap;
use std::sync::Arc;

/// Plans the calls of one statement, whose models were loaded before.
#[derive(Debug)]
pub(super) struct ModelRelations {
    pub(super) models: HashMap<String, LoadedModel>,
}

/// The key of a model within a statement.
pub(super) fn model_key(call: &ModelCall) -> String {
    match call.version {
        Some(version) => format!("{}@{version}", call.model),
        None => call.model.clone(),
    }
}

impl RelationPlanner for ModelRelations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let Some(call) = ModelCall::of(&relation).map_err(to_datafusion)? else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let loaded = self.models.get(&model_key(&call)).ok_or_else(|| {
            DataFusionError::Internal(format!("model \"{}\" was not loaded", call.model))
        })?;
        let input = context.plan(TableFactor::Derived {
            lateral: false,
            subquery: Box::new(call.input.clone()),
            alias: None,
            sample: None,
        })?;
        let plan = match call.function {
            ModelFunction::Predict => predict(loaded, input)?,
            ModelFunction::Evaluate => evaluate(loaded, input)?,
        };
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, call.alias))))
    }
}

fn predict(loaded: &LoadedModel, input: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(input.schema());
    let features = feature_columns(loaded, &schema)?;
    let score = ScoreFunction::udf(loaded.clone()).call(features);
    let mut columns: Vec<Expr> = schema.columns().into_iter().map(Expr::Column).collect();
    for field in loaded.model.output_fields().map_err(to_datafusion)? {
        let name = field.name();
        if schema.has_column_with_unqualified_name(name) {
            return Err(to_datafusion(Error::new(
                ErrorCode::DuplicateColumnName,
                format!("the input of ml_predict has a column \"{name}\", as the model's output"),
            )));
        }
        columns.push(get_field(score.clone(), name.as_str()).alias(name));
    }
    LogicalPlanBuilder::from(input).project(columns)?.build()
}

fn evaluate(loaded: &LoadedModel, input: LogicalPlan) -> Result<LogicalPlan> {
    let schema = Arc::clone(input.schema());
    let mut arguments = feature_columns(loaded, &schema)?;
    if let Some(target) = loaded.model.target() {
        arguments.push(column(loaded, &schema, &target.column.name, "target")?);
    }
    let metrics = EvaluateFunction::udaf(loaded.clone()).call(arguments).alias("metrics");
    LogicalPlanBuilder::from(input)
        .aggregate(Vec::<Expr>::new(), vec![metrics])?
        .unnest_column("metrics")?
        .project(vec![
            get_field(col("metrics"), "metric").alias("metric"),
            get_field(col("metrics"), "value").alias("value"),
        ])?
        .build()
}

fn feature_columns(loaded: &LoadedModel, schema: &DFSchemaRef) -> Result<Vec<Expr>> {
    loaded.model.feature_names().map(|name| column(loaded, schema, name, "feature")).collect()
}

/// The input column of this name, whatever its case.
fn column(loaded: &LoadedModel, schema: &DFSchema, name: &str, role: &str) -> Result<Expr> {
    let found: Option<Column> = schema
        .columns()
        .into_iter()
        .find(|column| column.name == name)
        .or_else(|| schema.columns().into_iter().find(|c| c.name.eq_ignore_ascii_case(name)));
    found.map(Expr::Column).ok_or_else(|| {
        to_datafusion(Error::new(
            ErrorCode::ColumnNotFound,
            format!(
                "model \"{}\" needs the {role} \"{name}\", which the input lacks",
                loaded.label
            ),
        ))
    })
}
