//! CREATE MODEL: training passes over a query, then publication as a version of the catalogue.

use super::pass_function::{PassFunction, merged_state};
use crate::error::from_datafusion;
use crate::plan::{LogicalQuery, PlanScope, Planner};
use crate::session::Session;
use crate::statement::CreateModel;
use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{Dataset, LineageEdge, ModelVersion, NewModelVersion, Operation};
use quern_catalog::storage::Storage;
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use quern_ml::{Artifact, Model, NextPass, PassState, TrainingOptions, TrainingPass};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use url::Url;
use uuid::Uuid;

/// Rows of the training query that are kept between passes; larger ones are read again.
const CACHED_BYTES_MAX: usize = 256 << 20;

/// Runs the aggregate query of one pass where the dispatcher runs queries.
///
/// It exists to invert a dependency: passes are planned here and dispatched by the scheduler.
pub trait PassRunner: Send + Sync {
    /// Runs a query to its end.
    fn run<'a>(&'a self, query: LogicalQuery) -> BoxFuture<'a, Result<Vec<RecordBatch>>>;
}

/// For which query a model is trained, and where.
#[derive(Clone, Copy)]
pub struct TrainingRun<'a> {
    /// The query's id.
    pub query_id: &'a QueryId,
    /// How the training query is planned.
    pub scope: &'a PlanScope,
    /// Runs each pass as an aggregate query; without it, the rows are read in this process.
    pub runner: Option<&'a dyn PassRunner>,
}

impl std::fmt::Debug for TrainingRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainingRun").field("query_id", self.query_id).finish_non_exhaustive()
    }
}

/// Trains models and publishes them.
#[derive(Debug, Clone)]
pub struct ModelTrainer {
    planner: Planner,
}

/// Where a new model goes.
struct Destination {
    catalog: String,
    metastore: Arc<dyn Metastore>,
    schema: String,
    name: String,
}

impl ModelTrainer {
    /// A trainer whose queries `planner` plans.
    pub fn new(planner: Planner) -> Self {
        Self { planner }
    }

    /// The one row that CREATE MODEL answers with.
    pub fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("model", DataType::Utf8, false),
            Field::new("version", DataType::Int64, false),
            Field::new("algorithm", DataType::Utf8, false),
            Field::new("rows", DataType::Int64, true),
            Field::new("features", DataType::Int64, true),
            Field::new("iterations", DataType::Int64, true),
            Field::new("loss", DataType::Float64, true),
            Field::new("seconds", DataType::Float64, true),
        ]))
    }

    /// Trains and publishes.
    ///
    /// A failed or cancelled statement leaves nothing: the artifact is written when the model is
    /// there, and removed again when the catalogue does not take it.
    ///
    /// # Errors
    /// `MODEL_ALREADY_EXISTS`, `INVALID_MODEL_OPTION`, `INVALID_TRAINING_DATA`, and those of
    /// the training query.
    pub async fn create(
        &self,
        session: &Session,
        create: &CreateModel,
        run: TrainingRun<'_>,
    ) -> Result<RecordBatch> {
        let started = Instant::now();
        let destination = self.destination(create, run.scope).await?;
        let existing = destination.existing().await?;
        if let Some(existing) = existing {
            if create.if_not_exists {
                return facts_row(&existing, started);
            }
            if !create.or_replace {
                return Err(Error::new(
                    ErrorCode::ModelAlreadyExists,
                    format!("model \"{}.{}\" exists", destination.schema, destination.name),
                )
                .with_hint("CREATE OR REPLACE MODEL adds a version"));
            }
        }
        let options = training_options(create)?;
        let query = self.planner.logical(&create.query, run.scope).await?;
        let tables = query.catalogs.clone();
        let model = match run.runner {
            None => train_here(&options, query).await?,
            Some(runner) => train_by_queries(&options, query, runner).await?,
        };
        let tables = tables.tables_read();
        let published = self.publish(session, create, &destination, &model, tables.clone()).await?;
        self.record(session, &destination, &published, &tables, run.query_id).await;
        facts_row(&published, started)
    }

    async fn destination(&self, create: &CreateModel, scope: &PlanScope) -> Result<Destination> {
        let name = &create.name;
        let catalog = name.catalog.as_ref().unwrap_or(&scope.settings.catalog);
        let schema = name.schema.as_ref().unwrap_or(&scope.settings.schema);
        let metastore = self.planner.registry().get(catalog).await?;
        Ok(Destination {
            catalog: catalog.clone(),
            metastore,
            schema: schema.clone(),
            name: name.name.clone(),
        })
    }

    /// Keeps which query made the model from which tables. The model is there: a failure is
    /// logged.
    async fn record(
        &self,
        session: &Session,
        destination: &Destination,
        published: &ModelVersion,
        tables: &[Dataset],
        query_id: &QueryId,
    ) {
        let target = Dataset::model(&destination.catalog, &destination.schema, &destination.name);
        let done = Operation {
            target: target.clone(),
            operation: "CREATE MODEL".to_owned(),
            query_id: query_id.as_str().to_owned(),
            user: session.user().to_owned(),
            time_ms: chrono::Utc::now().timestamp_millis(),
            source_location: None,
            partitions: None,
        };
        let edge = |source: &Dataset| LineageEdge {
            source: source.clone(),
            target: target.clone(),
            target_version: published.version,
            query_id: done.query_id.clone(),
            user: done.user.clone(),
            time_ms: done.time_ms,
        };
        let lineage = tables.iter().map(edge).collect();
        self.planner.registry().touch(&destination.catalog, &destination.schema);
        let metadata = self.planner.registry().metadata();
        if let Err(err) = metadata.record_operation(done, lineage).await {
            tracing::warn!(model = destination.name, error = ?err, "lineage was not recorded");
        }
    }

    async fn publish(
        &self,
        session: &Session,
        create: &CreateModel,
        destination: &Destination,
        model: &Model,
        source_tables: Vec<Dataset>,
    ) -> Result<ModelVersion> {
        let storage = &self.planner.runtime().scan().storage;
        let database = destination.metastore.get_database(&destination.schema).await?;
        let artifact = Artifact::write(model)?;
        let location = format!(
            "{}/_models/{}/{}.json",
            database.location.trim_end_matches('/'),
            destination.name,
            Uuid::now_v7().simple()
        );
        let url = storage.check(&location)?;
        let guard = ArtifactGuard { storage: Arc::clone(storage), url: Some(url.clone()) };
        storage.put(&url, Bytes::from(artifact.bytes)).await?;
        let new = NewModelVersion {
            database: destination.schema.clone(),
            name: destination.name.clone(),
            algorithm: model.options().algorithm.name().to_owned(),
            artifact_location: Storage::location_of(&url)?,
            artifact_sha256: artifact.sha256,
            options: model.options().to_parameters(),
            facts: model.facts().clone(),
            statement: create.text.clone(),
            source_tables: source_tables.iter().map(Dataset::to_string).collect(),
            owner: Some(session.user().to_owned()),
            create_time: chrono::Utc::now().timestamp(),
        };
        let version = destination.metastore.create_model_version(new, create.or_replace).await?;
        guard.keep();
        Ok(version)
    }
}

impl Destination {
    async fn existing(&self) -> Result<Option<ModelVersion>> {
        match self.metastore.get_model(&self.schema, &self.name, None).await {
            Ok(version) => Ok(Some(version)),
            Err(err) if err.code() == ErrorCode::ModelNotFound => Ok(None),
            Err(err) => Err(err),
        }
    }
}

fn training_options(create: &CreateModel) -> Result<TrainingOptions> {
    let mut options = BTreeMap::new();
    for (name, value) in &create.options {
        if options.insert(name.clone(), value.clone()).is_some() {
            return Err(Error::new(
                ErrorCode::InvalidModelOption,
                format!("option \"{name}\" is given twice"),
            ));
        }
    }
    TrainingOptions::parse(&options)
}

/// Reads the rows in this process: once where they fit [`CACHED_BYTES_MAX`], else in each pass.
async fn train_here(options: &TrainingOptions, query: LogicalQuery) -> Result<Model> {
    let mut pass = TrainingPass::first(options, &query.schema())?;
    let mut cache = RowCache::Empty;
    loop {
        let indices = column_indices(&pass, &query.schema())?;
        let mut state = pass.start()?;
        match &cache {
            RowCache::Full(batches) => {
                for batch in batches {
                    update(&mut state, batch, &indices)?;
                }
            }
            RowCache::Empty | RowCache::TooLarge => {
                let mut kept = Kept::new(matches!(cache, RowCache::Empty));
                let physical = query.clone().physical().await?;
                let mut rows = execute_stream(physical.plan, physical.state.task_ctx())
                    .map_err(from_datafusion)?;
                while let Some(batch) = rows.try_next().await.map_err(from_datafusion)? {
                    update(&mut state, &batch, &indices)?;
                    kept.add(batch);
                }
                cache = kept.into_cache();
            }
        }
        match pass.step(state)? {
            NextPass::Continue(next) => pass = next,
            NextPass::Done(model) => return Ok(model),
        }
    }
}

/// What is known of the rows between passes.
enum RowCache {
    Empty,
    Full(Vec<RecordBatch>),
    TooLarge,
}

struct Kept {
    batches: Option<Vec<RecordBatch>>,
    bytes: usize,
}

impl Kept {
    fn new(wanted: bool) -> Self {
        Self { batches: wanted.then(Vec::new), bytes: 0 }
    }

    fn add(&mut self, batch: RecordBatch) {
        self.bytes += batch.get_array_memory_size();
        if self.bytes > CACHED_BYTES_MAX {
            self.batches = None;
        }
        if let Some(batches) = &mut self.batches {
            batches.push(batch);
        }
    }

    fn into_cache(self) -> RowCache {
        self.batches.map_or(RowCache::TooLarge, RowCache::Full)
    }
}

fn column_indices(pass: &TrainingPass, schema: &Schema) -> Result<Vec<usize>> {
    pass.columns()
        .map(|name| {
            schema.index_of(name).map_err(|_| Error::internal(format!("column \"{name}\" is gone")))
        })
        .collect()
}

fn update(state: &mut PassState, batch: &RecordBatch, indices: &[usize]) -> Result<()> {
    let columns: Vec<ArrayRef> = indices.iter().map(|i| Arc::clone(batch.column(*i))).collect();
    state.update(&columns)
}

/// Runs each pass as `SELECT pass(columns) FROM (query)`.
async fn train_by_queries(
    options: &TrainingOptions,
    query: LogicalQuery,
    runner: &dyn PassRunner,
) -> Result<Model> {
    let mut pass = TrainingPass::first(options, &query.schema())?;
    loop {
        let indices = column_indices(&pass, &query.schema())?;
        let columns: Vec<Column> = query.plan.schema().columns();
        let arguments = indices
            .iter()
            .filter_map(|i| columns.get(*i).cloned().map(Expr::Column))
            .collect::<Vec<_>>();
        let function = PassFunction::udaf(pass.clone())?;
        let plan = LogicalPlanBuilder::from(query.plan.clone())
            .aggregate(Vec::<Expr>::new(), vec![function.call(arguments).alias("state")])
            .and_then(LogicalPlanBuilder::build)
            .map_err(from_datafusion)?;
        let batches = runner.run(LogicalQuery { plan, ..query.clone() }).await?;
        let batch = batches
            .iter()
            .find(|batch| batch.num_rows() == 1 && batch.num_columns() == 1)
            .ok_or_else(|| Error::internal("a training pass returned no row"))?;
        match pass.step(merged_state(&pass, batch.column(0))?)? {
            NextPass::Continue(next) => pass = next,
            NextPass::Done(model) => return Ok(model),
        }
    }
}

/// Removes an artifact that was written and not published.
struct ArtifactGuard {
    storage: Arc<Storage>,
    url: Option<Url>,
}

impl ArtifactGuard {
    fn keep(mut self) {
        self.url = None;
    }
}

impl Drop for ArtifactGuard {
    fn drop(&mut self) {
        let Some(url) = self.url.take() else { return };
        let storage = Arc::clone(&self.storage);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(err) = storage.delete(&url).await {
                    tracing::warn!(%url, error = %err, "unpublished model artifact was left");
                }
            });
        }
    }
}

fn facts_row(version: &ModelVersion, started: Instant) -> Result<RecordBatch> {
    let model = &version.model;
    let integer = |name: &str| model.facts.get(name).and_then(|text| text.parse::<i64>().ok());
    let number = |name: &str| model.facts.get(name).and_then(|text| text.parse::<f64>().ok());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![format!("{}.{}", model.database, model.name)])),
        Arc::new(Int64Array::from(vec![version.version])),
        Arc::new(StringArray::from(vec![model.algorithm.clone()])),
        Arc::new(Int64Array::from(vec![integer("rows")])),
        Arc::new(Int64Array::from(vec![integer("features")])),
        Arc::new(Int64Array::from(vec![integer("iterations")])),
        Arc::new(Float64Array::from(vec![number("loss")])),
        Arc::new(Float64Array::from(vec![Some(started.elapsed().as_secs_f64())])),
    ];
    RecordBatch::try_new(ModelTrainer::schema(), columns)
        .map_err(|err| Error::internal(format!("CREATE MODEL: {err}")))
}
