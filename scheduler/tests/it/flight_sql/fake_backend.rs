//! A backend that answers by the first words of a statement, and counts.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{StreamExt, iter, pending, unfold};
use quern_common::ids::QueryId;
use quern_common::{Error, ErrorCode, Result};
use quern_engine::session::Session;
use quern_scheduler::flight_sql::{
    COMMENT, QueryBackend, SchemaInfo, Submitted, SubmittedUpdate, TableFilter, TableInfo,
    TableKind,
};
use quern_scheduler::query::{PreparedStatement, RowStream, StatementKind};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// What was asked of the backend.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) submitted: AtomicUsize,
    /// Executions of updates, one a row of parameters.
    pub(crate) executed: AtomicUsize,
    pub(crate) cancelled: AtomicUsize,
    /// Batches that were taken from result streams.
    pub(crate) pulled: AtomicUsize,
    /// Result streams and updates that were let go.
    pub(crate) dropped: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
pub(crate) struct FakeBackend {
    pub(crate) counts: Arc<Counts>,
}

/// Counts when it is let go.
struct DropGuard(Arc<AtomicUsize>);

impl Drop for DropGuard {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Rows of one large batch.
pub(crate) const LARGE_ROWS: usize = 1 << 17;

fn schema(name: &str, data_type: DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(name, data_type, true)]))
}

fn numbers(values: Vec<i64>) -> RecordBatch {
    let values: ArrayRef = Arc::new(Int64Array::from(values));
    RecordBatch::try_new(schema("n", DataType::Int64), vec![values]).unwrap()
}

fn views() -> RecordBatch {
    let values: ArrayRef = Arc::new(StringViewArray::from(vec!["short", "a text of some length"]));
    RecordBatch::try_new(schema("s", DataType::Utf8View), vec![values]).unwrap()
}

/// Texts of a byte and of two MiB.
fn long_text() -> RecordBatch {
    let long = "x".repeat(2 << 20);
    let values: ArrayRef = Arc::new(StringViewArray::from(vec!["y", &long]));
    RecordBatch::try_new(schema("s", DataType::Utf8View), vec![values]).unwrap()
}

impl FakeBackend {
    /// The rows of a query, each stream with a guard that counts its end.
    fn rows(&self, sql: &str, parameters: Option<RecordBatch>) -> RowStream {
        let counts = Arc::clone(&self.counts);
        let rows: RowStream = match sql {
            "SELECT 1" => iter([Ok(numbers(vec![1]))]).boxed(),
            "SELECT nothing" => iter([]).boxed(),
            "SELECT views" | "SELECT native" => iter([Ok(views())]).boxed(),
            "SELECT endless" => iter([Ok(numbers(vec![1]))]).chain(pending()).boxed(),
            "SELECT broken" => {
                let error = Error::new(ErrorCode::DivisionByZero, "division by zero");
                iter([Ok(numbers(vec![1])), Err(error)]).boxed()
            }
            "SELECT panic" => {
                let rest = futures::stream::once(async { panic!("a defect in an operator") });
                iter([Ok(numbers(vec![1]))]).chain(rest).boxed()
            }
            "SELECT large" => {
                let batch = numbers((0..LARGE_ROWS as i64).collect());
                unfold(batch, |batch| async move { Some((Ok(batch.clone()), batch)) }).boxed()
            }
            "SELECT long" => iter([Ok(long_text())]).boxed(),
            "SELECT huge" => iter([Ok(numbers((0..(LARGE_ROWS as i64) * 16).collect()))]).boxed(),
            _ => iter(parameters.map(Ok)).boxed(),
        };
        let guard = DropGuard(Arc::clone(&counts.dropped));
        rows.inspect(move |_| {
            let _ = &guard;
            counts.pulled.fetch_add(1, SeqCst);
        })
        .boxed()
    }

    fn result_schema(sql: &str) -> SchemaRef {
        match sql {
            "SELECT views" | "SELECT long" => schema("s", DataType::Utf8),
            "SELECT native" => schema("s", DataType::Utf8View),
            _ if sql.contains('?') => {
                let fields = (1..=sql.matches('?').count())
                    .map(|n| Field::new(format!("v{n}"), DataType::Int64, true));
                Arc::new(Schema::new(fields.collect::<Vec<_>>()))
            }
            _ => schema("n", DataType::Int64),
        }
    }
}

impl QueryBackend for FakeBackend {
    fn prepare<'a>(
        &'a self,
        session: &'a Arc<Session>,
        sql: &'a str,
    ) -> BoxFuture<'a, Result<PreparedStatement>> {
        let prepared = self.parse(session, sql);
        async move { prepared }.boxed()
    }

    fn parse(&self, session: &Arc<Session>, sql: &str) -> Result<PreparedStatement> {
        if sql == "SELECT missing" {
            return Err(Error::new(
                ErrorCode::TableNotFound,
                "table \"hive.default.missing\" does not exist",
            )
            .with_hint("did you mean \"hive.default.mission\"?"));
        }
        if sql == "SELECT catalog" {
            // Which catalog a statement sees depends on the session that it came by.
            return Ok(prepared(
                sql,
                StatementKind::Query,
                schema(&session.settings().catalog, DataType::Int64),
            ));
        }
        if sql.starts_with("SELECT") {
            return Ok(prepared(sql, StatementKind::Query, Self::result_schema(sql)));
        }
        Ok(prepared(sql, StatementKind::Update, Arc::new(Schema::empty())))
    }

    fn submit<'a>(
        &'a self,
        _session: &'a Arc<Session>,
        statement: &'a PreparedStatement,
        parameters: Option<RecordBatch>,
    ) -> BoxFuture<'a, Result<Submitted>> {
        async move {
            self.counts.submitted.fetch_add(1, SeqCst);
            Ok(Submitted {
                query_id: QueryId::random(),
                schema: Arc::clone(&statement.schema),
                rows: self.rows(&statement.sql, parameters),
            })
        }
        .boxed()
    }

    fn submit_update<'a>(
        &'a self,
        _session: &'a Arc<Session>,
        statement: &'a PreparedStatement,
        parameters: Vec<RecordBatch>,
    ) -> BoxFuture<'a, Result<SubmittedUpdate>> {
        async move {
            let executions = match parameters.as_slice() {
                [] => 1,
                batches => batches.iter().map(RecordBatch::num_rows).sum(),
            };
            let counts = Arc::clone(&self.counts);
            let guard = DropGuard(Arc::clone(&counts.dropped));
            let sql = statement.sql.clone();
            let rows = async move {
                let _guard = guard;
                match sql.as_str() {
                    "CREATE TABLE slow" => std::future::pending::<()>().await,
                    "CREATE TABLE refused" => {
                        return Err(Error::new(
                            ErrorCode::TableAlreadyExists,
                            "table \"refused\" exists",
                        ));
                    }
                    _ => tokio::time::sleep(Duration::from_millis(1)).await,
                }
                counts.executed.fetch_add(executions, SeqCst);
                Ok(if sql.starts_with("INSERT") { 3 * executions as i64 } else { -1 })
            };
            Ok(SubmittedUpdate { query_id: QueryId::random(), rows: Box::pin(rows) })
        }
        .boxed()
    }

    fn cancel(&self, _session: &Arc<Session>, _id: &QueryId) -> Result<bool> {
        self.counts.cancelled.fetch_add(1, SeqCst);
        Ok(false)
    }

    fn progress(&self, _session: &Arc<Session>, id: &QueryId) -> Option<serde_json::Value> {
        (id.as_str() != "unknown").then(|| serde_json::json!({ "state": "RUNNING", "rows": 7 }))
    }

    fn list_catalogs<'a>(
        &'a self,
        _session: &'a Arc<Session>,
    ) -> BoxFuture<'a, Result<Vec<String>>> {
        async move { Ok(vec!["system".to_owned(), "hive".to_owned()]) }.boxed()
    }

    fn list_schemas<'a>(
        &'a self,
        _session: &'a Arc<Session>,
        _catalog: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<SchemaInfo>>> {
        async move {
            let rows = [("system", "runtime"), ("hive", "sales_eu"), ("hive", "default")];
            Ok(rows
                .map(|(catalog, schema)| SchemaInfo {
                    catalog: catalog.to_owned(),
                    schema: schema.to_owned(),
                })
                .to_vec())
        }
        .boxed()
    }

    fn list_tables<'a>(
        &'a self,
        _session: &'a Arc<Session>,
        _filter: &'a TableFilter,
        include_schema: bool,
    ) -> BoxFuture<'a, Result<Vec<TableInfo>>> {
        async move {
            let comment = HashMap::from([(COMMENT.to_owned(), "in metres".to_owned())]);
            let columns: SchemaRef = Arc::new(Schema::new(vec![
                Field::new("id", DataType::Int64, false),
                Field::new("name", DataType::Utf8View, true).with_metadata(comment),
            ]));
            let rows = [
                ("hive", "default", "orders", TableKind::Table),
                ("hive", "default", "recent", TableKind::View),
                ("hive", "sales_eu", "orders", TableKind::Table),
                ("system", "runtime", "queries", TableKind::System),
            ];
            Ok(rows
                .map(|(catalog, schema, name, kind)| TableInfo {
                    catalog: catalog.to_owned(),
                    schema: schema.to_owned(),
                    name: name.to_owned(),
                    kind,
                    columns: include_schema.then(|| Arc::clone(&columns)),
                })
                .to_vec())
        }
        .boxed()
    }

    fn session_options(&self, session: &Arc<Session>) -> BTreeMap<String, String> {
        let settings = session.settings();
        let mode = settings.properties.get("mode").map_or("auto", String::as_str);
        [("catalog", &*settings.catalog), ("schema", &*settings.schema), ("mode", mode)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    fn set_session_option<'a>(
        &'a self,
        session: &'a Arc<Session>,
        name: &'a str,
        value: Option<&'a str>,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let invalid = |what: &str| Error::new(ErrorCode::InvalidSessionProperty, what);
            match (name, value) {
                ("catalog", Some("broken")) => {
                    return Err(Error::internal("the metastore is broken"));
                }
                ("schema", Some("deep")) if session.settings().catalog == "lake" => {
                    session.update(|it| it.schema = "deep".to_owned());
                }
                ("catalog", Some(value)) => session.update(|it| it.catalog = value.to_owned()),
                ("mode", None) => session.update(|it| drop(it.properties.remove("mode"))),
                ("mode", Some("1" | "true" | "local")) => session.update(|it| {
                    let value = value.unwrap_or_default().to_owned();
                    it.properties.insert("mode".to_owned(), value);
                }),
                ("mode", Some(_)) => return Err(invalid("a mode that does not exist")),
                _ => return Err(invalid("an option that does not exist")),
            }
            Ok(())
        }
        .boxed()
    }
}

fn prepared(sql: &str, kind: StatementKind, schema: SchemaRef) -> PreparedStatement {
    let parameters = (1..=sql.matches('?').count())
        .map(|n| Field::new(format!("${n}"), DataType::Int64, true))
        .collect::<Vec<_>>();
    PreparedStatement {
        sql: sql.to_owned(),
        kind,
        schema,
        parameters: Arc::new(Schema::new(parameters)),
    }
}
