//! What SHOW FUNCTIONS lists.

use super::DdlExecutor;
use super::rows::{FUNCTIONS, TextRows};
use crate::statement::LikePattern;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Documentation, Signature, Volatility};
use quern_common::Result;

/// A function as SHOW FUNCTIONS lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionSummary {
    /// Name.
    pub name: String,
    /// Argument types, as far as the function says them.
    pub argument_types: String,
    /// `scalar`, `aggregate`, `window` or `table`.
    pub function_type: &'static str,
    /// Whether the same arguments always give the same result.
    pub deterministic: bool,
    /// One sentence.
    pub description: String,
}

impl FunctionSummary {
    fn new(
        name: &str,
        function_type: &'static str,
        signature: &Signature,
        documentation: Option<&Documentation>,
    ) -> Self {
        let description = documentation.map(|d| d.description.as_str()).unwrap_or_default();
        let first_line = description.trim().lines().next().unwrap_or_default();
        let arguments = signature.type_signature.get_example_types();
        let argument_types = arguments.first().map(|types| {
            let names = types.iter().map(quern_catalog::hive_type::presto_type);
            names.collect::<Vec<_>>().join(", ")
        });
        Self {
            name: name.to_owned(),
            argument_types: argument_types.unwrap_or_default(),
            function_type,
            deterministic: signature.volatility != Volatility::Volatile,
            description: first_line.to_owned(),
        }
    }
}

/// Lists the functions of a state, sorted by name.
pub fn function_summaries(state: &SessionState) -> Vec<FunctionSummary> {
    let scalar = state.scalar_functions().iter().map(|(name, function)| {
        FunctionSummary::new(name, "scalar", function.signature(), function.documentation())
    });
    let aggregate = state.aggregate_functions().iter().map(|(name, function)| {
        FunctionSummary::new(name, "aggregate", function.signature(), function.documentation())
    });
    let window = state.window_functions().iter().map(|(name, function)| {
        FunctionSummary::new(name, "window", function.signature(), function.documentation())
    });
    let table = state.table_functions().keys().map(|name| FunctionSummary {
        name: name.clone(),
        argument_types: String::new(),
        function_type: "table",
        deterministic: true,
        description: String::new(),
    });
    let mut all: Vec<_> = scalar.chain(aggregate).chain(window).chain(table).collect();
    all.sort();
    all
}

impl DdlExecutor {
    pub(super) fn show_functions(&self, like: Option<&LikePattern>) -> Result<RecordBatch> {
        let mut rows = TextRows::new(FUNCTIONS);
        for function in self.functions.iter() {
            if like.is_none_or(|like| like.matches(&function.name)) {
                rows.push([
                    Some(function.name.clone()),
                    // DataFusion computes it from the arguments of a call.
                    None,
                    Some(function.argument_types.clone()),
                    Some(function.function_type.to_owned()),
                    Some(function.deterministic.to_string()),
                    Some(function.description.clone()),
                ]);
            }
        }
        rows.finish()
    }
}
