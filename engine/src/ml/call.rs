//! Calls of model functions in FROM: `ml_predict('m', (SELECT …))`, named or positional
//! arguments, bare or as `TABLE(ml_predict(…))`.

use crate::statement::walk::{Node, walk};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    Query, SelectItem, SetExpr, TableAlias, TableFactor, Value,
};
use quern_common::{Error, ErrorCode, Result};

/// A table function over a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelFunction {
    /// The input with predictions.
    Predict,
    /// Metrics over the input.
    Evaluate,
}

impl ModelFunction {
    const ALL: [Self; 2] = [Self::Predict, Self::Evaluate];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Predict => "ml_predict",
            Self::Evaluate => "ml_evaluate",
        }
    }

    fn from_name(name: &ObjectName) -> Option<Self> {
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return None };
        Self::ALL.into_iter().find(|f| ident.value.eq_ignore_ascii_case(f.name()))
    }
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct ModelCall {
    pub(super) function: ModelFunction,
    /// The model's name as written.
    pub(super) model: String,
    /// The version after `@`, if any.
    pub(super) version: Option<i64>,
    pub(super) input: Query,
    pub(super) alias: Option<TableAlias>,
}

impl ModelCall {
    /// Reads a call, or returns none when `factor` is something else.
    ///
    /// # Errors
    /// `INVALID_ARGUMENTS` naming the argument.
    pub(super) fn of(factor: &TableFactor) -> Result<Option<Self>> {
        let (name, args, alias) = match factor {
            TableFactor::Table { name, args: Some(args), alias, .. } => {
                (name, args.args.as_slice(), alias)
            }
            TableFactor::TableFunction { expr: Expr::Function(function), alias } => {
                match &function.args {
                    FunctionArguments::List(list) => (&function.name, list.args.as_slice(), alias),
                    _ => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        let Some(function) = ModelFunction::from_name(name) else { return Ok(None) };
        let mut call = Arguments::default();
        for (position, arg) in args.iter().enumerate() {
            call.add(function, position, arg)?;
        }
        call.finish(function, alias.clone()).map(Some)
    }
}

#[derive(Default)]
struct Arguments {
    model: Option<String>,
    input: Option<Query>,
}

impl Arguments {
    fn add(&mut self, function: ModelFunction, position: usize, arg: &FunctionArg) -> Result<()> {
        let (name, value) = match arg {
            FunctionArg::Unnamed(value) => {
                (["model", "input"].get(position).copied().unwrap_or_default(), value)
            }
            FunctionArg::Named { name, arg, .. } => (name.value.as_str(), arg),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => {
                (name.value.as_str(), arg)
            }
            FunctionArg::ExprNamed { name, .. } => {
                return Err(unknown(function, &name.to_string()));
            }
        };
        match name.to_ascii_lowercase().as_str() {
            "model" => self.model = Some(model_name(function, value)?),
            "input" => self.input = Some(input_query(function, value)?),
            "" => return Err(wrong(function, "takes two arguments, model and input")),
            other => return Err(unknown(function, other)),
        }
        Ok(())
    }

    fn finish(self, function: ModelFunction, alias: Option<TableAlias>) -> Result<ModelCall> {
        let model = self.model.ok_or_else(|| wrong(function, "needs the argument model"))?;
        let input = self.input.ok_or_else(|| wrong(function, "needs the argument input"))?;
        let (model, version) = match model.rsplit_once('@') {
            None => (model, None),
            Some((name, version)) => {
                let version = version
                    .parse()
                    .map_err(|_| wrong(function, "a model's version is a number"))?;
                (name.to_owned(), Some(version))
            }
        };
        Ok(ModelCall { function, model, version, input, alias })
    }
}

fn wrong(function: ModelFunction, what: &str) -> Error {
    Error::new(ErrorCode::InvalidArguments, format!("{} {what}", function.name()))
}

fn unknown(function: ModelFunction, name: &str) -> Error {
    wrong(function, &format!("has no argument \"{name}\"; it takes model and input"))
}

fn model_name(function: ModelFunction, value: &FunctionArgExpr) -> Result<String> {
    match value {
        FunctionArgExpr::Expr(Expr::Value(value)) => match &value.value {
            Value::SingleQuotedString(name) => Ok(name.clone()),
            _ => Err(wrong(function, "takes the model's name as text, such as 'm' or 's.m'")),
        },
        _ => Err(wrong(function, "takes the model's name as text, such as 'm' or 's.m'")),
    }
}

fn input_query(function: ModelFunction, value: &FunctionArgExpr) -> Result<Query> {
    match value {
        FunctionArgExpr::Expr(Expr::Subquery(query)) => Ok(query.as_ref().clone()),
        _ => Err(wrong(function, "takes the input as (SELECT …) or TABLE(name)")),
    }
}

/// Turns `TABLE(name)` arguments into `(SELECT * FROM name)`, whose names DataFusion resolves.
pub(super) fn expand_table_arguments(query: &mut Query) -> Result<()> {
    walk(query, &mut |node| {
        if let Node::Expr(expr) = node
            && let Some(name) = table_argument(expr)
        {
            *expr = Expr::Subquery(Box::new(select_all(name)));
        }
        Ok(())
    })
}

fn table_argument(expr: &Expr) -> Option<ObjectName> {
    let Expr::Function(function) = expr else { return None };
    let [ObjectNamePart::Identifier(ident)] = function.name.0.as_slice() else { return None };
    if !ident.value.eq_ignore_ascii_case("table") {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    match list.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name)))] => {
            Some(ObjectName::from(vec![name.clone()]))
        }
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::CompoundIdentifier(parts)))] => {
            Some(ObjectName::from(parts.clone()))
        }
        _ => None,
    }
}

fn select_all(name: ObjectName) -> Query {
    use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
    use datafusion::sql::sqlparser::ast::{
        GroupByExpr, Select, SelectFlavor, TableWithJoins, WildcardAdditionalOptions,
    };
    let table = TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: vec![],
        version: None,
        with_ordinality: false,
        partitions: vec![],
        json_path: None,
        sample: None,
        index_hints: vec![],
    };
    let select = Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: vec![],
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())],
        exclude: None,
        into: None,
        from: vec![TableWithJoins { relation: table, joins: vec![] }],
        lateral_views: vec![],
        prewhere: None,
        selection: None,
        connect_by: vec![],
        group_by: GroupByExpr::Expressions(vec![], vec![]),
        cluster_by: vec![],
        distribute_by: vec![],
        sort_by: vec![],
        having: None,
        named_window: vec![],
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    };
    Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}

/// The calls of a query, wherever they stand.
///
/// # Errors
/// `INVALID_ARGUMENTS` naming the argument.
pub(super) fn calls_in(query: &mut Query) -> Result<Vec<ModelCall>> {
    let mut calls = vec![];
    walk(query, &mut |node| {
        if let Node::TableFactor(factor) = node {
            calls.extend(ModelCall::of(factor)?);
        }
        Ok(())
    })?;
    Ok(calls)
}

/// The parts of a model's name: at most catalog, schema, name, lower case.
pub(super) fn name_parts(name: &str) -> Vec<String> {
    name.split('.').map(|part| Ident::new(part.trim()).value.to_lowercase()).collect()
}
