//! From a query's syntax tree to a plan that can be run.
//!
//! [`Planner::logical`] resolves names against one view of the catalogue and type-checks;
//! [`LogicalQuery::physical`] optimises, prunes partitions, lists files and makes splits for one
//! [`ExecutionMode`]; [`guard`] says whether a distributed engine would carry the plan right.

pub mod guard;
mod mode;
mod pass_through;
mod session_values;
mod window_order;

pub use mode::{ModeChoice, choose_mode, scan_bytes};

use crate::catalogs::CatalogRegistry;
use crate::error::from_datafusion;
use crate::runtime::EngineRuntime;
use crate::search::SearchRelation;
use crate::session::{
    BATCH_SIZE_DEFAULT, ExecutionMode, QueryLimits, SessionSettings, StateOptions, Workers,
    build_session_state,
};
use crate::tables::{
    QueryCatalogs, StringLayout, SystemTables, hide_from_wildcards, mentions_hidden_column,
};
use datafusion::arrow::array::Array;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::execution::SessionState;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::planner::RelationPlanner;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement as PlannableStatement;
use datafusion::sql::sqlparser::ast::{Query, Statement as SqlStatement};
use pass_through::passes_rows_through;
use quern_common::{Error, ErrorCode, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// With fewer, datafusion-distributed cuts single-mode aggregates over tasks and answers wrong
/// (TPC-H q11, q15).
const DISTRIBUTED_PARTITIONS_MIN: usize = 2;

/// Plans queries.
#[derive(Debug, Clone)]
pub struct Planner {
    runtime: EngineRuntime,
    registry: Arc<CatalogRegistry>,
    system: Arc<dyn SystemTables>,
}

/// For whom and for where a query is planned.
#[derive(Debug, Clone)]
pub struct PlanScope {
    /// The session's user.
    pub user: String,
    /// The session's settings at submission.
    pub settings: SessionSettings,
    /// Where the query will run.
    pub mode: ExecutionMode,
    /// Partitions that the plan aims at.
    pub target_partitions: usize,
    /// Rows in a batch; the default when none.
    pub batch_size: Option<usize>,
    /// The query's own memory limit.
    pub memory_bytes_max: Option<usize>,
    /// Whether files' footers are read for statistics.
    pub collect_statistics: bool,
    /// Workers, for [`ExecutionMode::Pipelined`].
    pub workers: Option<Workers>,
}

/// A query whose names are resolved and whose types are checked.
#[derive(Debug, Clone)]
pub struct LogicalQuery {
    /// The plan, not optimised.
    pub plan: LogicalPlan,
    /// The state that it was planned in.
    pub state: SessionState,
    /// The catalogs that it was resolved against.
    pub catalogs: QueryCatalogs,
}

/// A query that can be run.
#[derive(Debug, Clone)]
pub struct PhysicalQuery {
    /// The operators.
    pub plan: Arc<dyn ExecutionPlan>,
    /// The state that it was planned in; its task context runs the plan.
    pub state: SessionState,
}

impl Planner {
    /// A planner over the catalogs of `registry`.
    pub fn new(
        runtime: EngineRuntime,
        registry: Arc<CatalogRegistry>,
        system: Arc<dyn SystemTables>,
    ) -> Self {
        Self { runtime, registry, system }
    }

    /// The process's resources.
    pub fn runtime(&self) -> &EngineRuntime {
        &self.runtime
    }

    /// The catalog of system tables.
    pub fn system_tables(&self) -> &Arc<dyn SystemTables> {
        &self.system
    }

    /// A state without catalogs, for what does not depend on a query: the functions there are.
    ///
    /// # Errors
    /// Those of [`build_session_state`].
    pub fn base_state(&self) -> Result<SessionState> {
        let options = StateOptions {
            mode: ExecutionMode::Local,
            target_partitions: 1,
            batch_size: BATCH_SIZE_DEFAULT,
            collect_statistics: false,
            default_names: (self.registry.default_name().to_owned(), "default".to_owned()),
            workers: None,
            limits: QueryLimits::default(),
            relation_planners: vec![],
        };
        build_session_state(&options, Arc::clone(self.runtime.shared_env()), None)
    }

    /// The catalogs.
    pub fn registry(&self) -> &Arc<CatalogRegistry> {
        &self.registry
    }

    /// Resolves names and checks types. No file is listed.
    ///
    /// # Errors
    /// `TABLE_NOT_FOUND`, `COLUMN_NOT_FOUND`, `TYPE_MISMATCH` and the like.
    pub async fn logical(&self, query: &Query, scope: &PlanScope) -> Result<LogicalQuery> {
        let mut query = query.clone();
        session_values::replace(&mut query, &scope.user, &scope.settings)?;
        let hidden = mentions_hidden_column(&mut query)?;
        if !hidden.is_empty() {
            hide_from_wildcards(&mut query, &hidden)?;
        }
        let layout = match scope.mode {
            ExecutionMode::Staged => StringLayout::Offsets,
            _ if passes_rows_through(&query) => StringLayout::Offsets,
            ExecutionMode::Local | ExecutionMode::Pipelined => StringLayout::Views,
        };
        let catalogs = QueryCatalogs::new(
            Arc::clone(&self.registry),
            Arc::clone(&self.system),
            self.runtime.scan().clone(),
            layout,
            hidden,
        );
        let models = crate::ml::relation_planner(
            &mut query,
            &scope.settings,
            &self.registry,
            &self.runtime.scan().storage,
        )
        .await?;
        let state = self.state(scope, &catalogs, models)?;
        let statement =
            PlannableStatement::Statement(Box::new(SqlStatement::Query(Box::new(query))));
        let plan = match state.statement_to_plan(statement).await.map_err(from_datafusion) {
            Ok(plan) => plan,
            Err(err) if err.code() == ErrorCode::TableNotFound => {
                return Err(catalogs.first_missing().await.unwrap_or(err));
            }
            Err(err) => return Err(err),
        };
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(from_datafusion)?;
        Ok(LogicalQuery { plan, state, catalogs })
    }

    /// The planner of `search_catalog`.
    fn search(&self) -> Arc<dyn RelationPlanner> {
        let (registry, cache) = (Arc::clone(&self.registry), self.runtime.search().clone());
        Arc::new(SearchRelation { registry, cache })
    }

    fn state(
        &self,
        scope: &PlanScope,
        catalogs: &QueryCatalogs,
        models: Arc<dyn RelationPlanner>,
    ) -> Result<SessionState> {
        let target_partitions = match scope.mode {
            ExecutionMode::Local => scope.target_partitions,
            ExecutionMode::Pipelined | ExecutionMode::Staged => {
                scope.target_partitions.max(DISTRIBUTED_PARTITIONS_MIN)
            }
        };
        let options = StateOptions {
            mode: scope.mode,
            target_partitions,
            batch_size: scope.batch_size.unwrap_or(BATCH_SIZE_DEFAULT),
            collect_statistics: scope.collect_statistics,
            default_names: (scope.settings.catalog.clone(), scope.settings.schema.clone()),
            workers: scope.workers.clone(),
            limits: QueryLimits { memory_bytes_max: scope.memory_bytes_max },
            relation_planners: vec![models, self.search()],
        };
        let env = self.runtime.query_env(scope.memory_bytes_max);
        build_session_state(&options, env, Some(Arc::new(catalogs.clone())))
    }
}

impl LogicalQuery {
    /// Columns of the answer, in the state's own types.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    /// One field a parameter, `$1` first. A parameter whose type nothing determines is text.
    ///
    /// # Errors
    /// `INVALID_PARAMETER_USAGE` for named parameters and gaps.
    pub fn parameters(&self) -> Result<SchemaRef> {
        parameter_schema(&self.parameter_types()?)
    }

    fn parameter_types(&self) -> Result<HashMap<String, Option<DataType>>> {
        self.plan.get_parameter_types().map_err(from_datafusion)
    }

    /// Puts the values of `row`, a batch of one row, in the place of the parameters.
    ///
    /// # Errors
    /// `INVALID_PARAMETER_USAGE` when their number differs or a value cannot be cast.
    pub fn bind(mut self, row: Option<&RecordBatch>) -> Result<Self> {
        let parameters = self.parameters()?;
        let n_given = row.map_or(0, RecordBatch::num_columns);
        if n_given != parameters.fields().len() {
            return Err(Error::new(
                ErrorCode::InvalidParameterUsage,
                format!(
                    "the statement has {} parameters, {n_given} values were bound",
                    parameters.fields().len()
                ),
            ));
        }
        let Some(row) = row else { return Ok(self) };
        if row.num_rows() != 1 {
            return Err(Error::new(
                ErrorCode::InvalidParameterUsage,
                format!("a query takes one row of parameters, {} were bound", row.num_rows()),
            ));
        }
        let known = self.parameter_types()?;
        let values = row
            .columns()
            .iter()
            .zip(parameters.fields())
            .map(|(column, field)| match known.get(field.name()) {
                Some(Some(_)) => bound_value(column, field.data_type(), field.name()),
                // Nothing in the statement determines the type: the client's value does.
                _ => bound_value(column, column.data_type(), field.name()),
            })
            .collect::<Result<Vec<_>>>()?;
        self.plan = self.plan.with_param_values(values).map_err(from_datafusion)?;
        Ok(self)
    }

    /// Optimises, prunes partitions, lists files and makes splits.
    ///
    /// # Errors
    /// Those of storage and metastore, and `NOT_SUPPORTED`.
    pub async fn physical(self) -> Result<PhysicalQuery> {
        let plan = self.state.create_physical_plan(&self.plan).await.map_err(from_datafusion)?;
        Ok(PhysicalQuery { plan, state: self.state })
    }
}

fn bound_value(column: &Arc<dyn Array>, wanted: &DataType, name: &str) -> Result<ScalarValue> {
    let unusable = |err: String| {
        Error::new(ErrorCode::InvalidParameterUsage, format!("parameter {name}: {err}"))
    };
    let column = match column.data_type() == wanted {
        true => Arc::clone(column),
        false => cast(column, wanted).map_err(|err| unusable(err.to_string()))?,
    };
    ScalarValue::try_from_array(&column, 0).map_err(|err| unusable(err.to_string()))
}

fn parameter_schema(types: &HashMap<String, Option<DataType>>) -> Result<SchemaRef> {
    let mut fields = Vec::with_capacity(types.len());
    for n in 1..=types.len() {
        let id = format!("${n}");
        let data_type = types.get(&id).ok_or_else(|| {
            Error::new(
                ErrorCode::InvalidParameterUsage,
                "parameters must be \"?\" or \"$1\", \"$2\" and so on without a gap",
            )
        })?;
        let data_type = match data_type {
            Some(DataType::Utf8View | DataType::LargeUtf8) | None => DataType::Utf8,
            Some(DataType::BinaryView | DataType::LargeBinary) => DataType::Binary,
            Some(other) => other.clone(),
        };
        fields.push(Field::new(id, data_type, true));
    }
    Ok(Arc::new(Schema::new(fields)))
}
