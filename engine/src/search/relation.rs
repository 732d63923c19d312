//! `search_catalog` in FROM, bare or as `TABLE(search_catalog(…))`.

use super::SearchCache;
use super::rank::Hit;
use crate::catalogs::CatalogRegistry;
use crate::error::to_datafusion;
use crate::tables::scan_of_rows;
use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, ObjectNamePart,
    TableAlias, TableFactor, Value,
};
use quern_common::{Error, ErrorCode};
use std::sync::Arc;

const NAME: &str = "search_catalog";

/// The arguments of a call.
#[derive(Debug, Default)]
struct Arguments {
    query: Option<String>,
    catalog: Option<String>,
}

/// Plans calls of `search_catalog`.
#[derive(Debug)]
pub(crate) struct SearchRelation {
    pub(crate) registry: Arc<CatalogRegistry>,
    pub(crate) cache: SearchCache,
}

impl RelationPlanner for SearchRelation {
    fn plan_relation(
        &self,
        relation: TableFactor,
        _context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let Some((args, alias)) = call_of(&relation) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let mut arguments = Arguments::default();
        for (position, arg) in args.iter().enumerate() {
            arguments.add(position, arg).map_err(to_datafusion)?;
        }
        let Arguments { query: Some(query), catalog } = arguments else {
            return Err(to_datafusion(wrong("needs the argument query")));
        };
        let table = SearchTable {
            registry: Arc::clone(&self.registry),
            cache: self.cache.clone(),
            query,
            catalog: catalog.map(|name| name.to_lowercase()),
            schema: schema(),
        };
        let source = provider_as_source(Arc::new(table));
        let plan = LogicalPlanBuilder::scan(NAME, source, None)?.build()?;
        let alias = alias.clone();
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

fn call_of(factor: &TableFactor) -> Option<(&[FunctionArg], &Option<TableAlias>)> {
    let (name, args, alias) = match factor {
        TableFactor::Table { name, args: Some(args), alias, .. } => {
            (name, args.args.as_slice(), alias)
        }
        TableFactor::TableFunction { expr: SqlExpr::Function(function), alias } => {
            let FunctionArguments::List(list) = &function.args else { return None };
            (&function.name, list.args.as_slice(), alias)
        }
        _ => return None,
    };
    is_search(name).then_some((args, alias))
}

fn is_search(name: &ObjectName) -> bool {
    matches!(name.0.as_slice(), [ObjectNamePart::Identifier(ident)]
        if ident.value.eq_ignore_ascii_case(NAME))
}

impl Arguments {
    fn add(&mut self, position: usize, arg: &FunctionArg) -> quern_common::Result<()> {
        let (name, value) = match arg {
            FunctionArg::Unnamed(value) => match position {
                0 => ("query", value),
                1 => ("catalog", value),
                _ => return Err(wrong("takes two arguments, query and catalog")),
            },
            FunctionArg::Named { name, arg, .. } => (name.value.as_str(), arg),
            FunctionArg::ExprNamed { name: SqlExpr::Identifier(name), arg, .. } => {
                (name.value.as_str(), arg)
            }
            FunctionArg::ExprNamed { name, .. } => return Err(unknown(&name.to_string())),
        };
        let place = match name.to_ascii_lowercase().as_str() {
            "query" => &mut self.query,
            "catalog" => &mut self.catalog,
            other => return Err(unknown(other)),
        };
        let FunctionArgExpr::Expr(SqlExpr::Value(value)) = value else { return Err(no_text()) };
        let Value::SingleQuotedString(text) = &value.value else { return Err(no_text()) };
        match place.replace(text.clone()) {
            None => Ok(()),
            Some(_) => Err(wrong(&format!("has the argument \"{name}\" twice"))),
        }
    }
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorCode::InvalidArguments, format!("{NAME} {what}"))
}

fn unknown(name: &str) -> Error {
    let name: String = name.chars().take(100).collect();
    wrong(&format!("has no argument \"{name}\"; it takes query and catalog"))
}

fn no_text() -> Error {
    wrong("takes texts, as in search_catalog('churn')")
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        Field::new("rank", DataType::Int64, false),
        Field::new("score", DataType::Float64, false),
        text("kind"),
        text("catalog_name"),
        text("schema_name"),
        text("table_name"),
        text("column_name"),
        text("matched_field"),
        text("matched_text"),
    ]))
}

/// The result of a search, which is made when the query is planned to be run.
#[derive(Debug)]
struct SearchTable {
    registry: Arc<CatalogRegistry>,
    cache: SearchCache,
    query: String,
    catalog: Option<String>,
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for SearchTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let found = self.cache.search(&self.registry, &self.query, self.catalog.as_deref()).await;
        let hits = found.map_err(to_datafusion)?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns_of(&hits))?;
        scan_of_rows(rows, projection)
    }
}

fn columns_of(hits: &[Hit]) -> Vec<ArrayRef> {
    let texts = |text: &dyn Fn(&Hit) -> String| -> ArrayRef {
        let filled = |hit| Some(text(hit)).filter(|text| !text.is_empty());
        Arc::new(hits.iter().map(filled).collect::<StringArray>())
    };
    vec![
        Arc::new(Int64Array::from_iter_values((1..).take(hits.len()))),
        Arc::new(Float64Array::from_iter_values(hits.iter().map(|hit| f64::from(hit.score)))),
        texts(&|hit| hit.kind.name().to_owned()),
        texts(&|hit| hit.catalog.clone()),
        texts(&|hit| hit.schema.clone()),
        texts(&|hit| hit.name.clone()),
        texts(&|hit| hit.column.clone()),
        texts(&|hit| hit.field.name().to_owned()),
        texts(&|hit| hit.text.clone()),
    ]
}
