//! Between DataFusion's errors and ours.
//!
//! Our errors travel through DataFusion as `DataFusionError::External` and are found again by
//! downcast; where only a string survives (a task of Ballista), by the `[CODE]` tag.

use crate::missing;
use datafusion::arrow::error::ArrowError;
use datafusion::common::{Column, DataFusionError, SchemaError};
use quern_common::{Error, ErrorCode};
use std::sync::Arc;

/// Wraps an error of ours for DataFusion.
pub fn to_datafusion(err: Error) -> DataFusionError {
    DataFusionError::External(Box::new(err))
}

/// Gives an error of DataFusion its place in the error table.
#[expect(clippy::needless_pass_by_value, reason = "it is the argument of map_err")]
pub fn from_datafusion(err: DataFusionError) -> Error {
    classify_datafusion(&err)
}

/// The same for an error that is shared or wrapped.
pub fn classify_datafusion(err: &DataFusionError) -> Error {
    let found = classify(err);
    if found.code() == ErrorCode::GenericInternalError {
        tracing::debug!(error = %err, "error without a better code");
    }
    found
}

fn classify(err: &DataFusionError) -> Error {
    match err {
        DataFusionError::External(source) => classify_external(source.as_ref(), err),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            classify(inner)
        }
        DataFusionError::Shared(inner) => classify(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => classify(first),
            None => Error::internal("an empty collection of errors"),
        },
        DataFusionError::SQL(parser, _) => Error::new(ErrorCode::SyntaxError, parser.to_string()),
        DataFusionError::SchemaError(schema, _) => classify_schema(schema),
        DataFusionError::ResourcesExhausted(message) => {
            Error::new(ErrorCode::ExceededLocalMemoryLimit, message.clone())
        }
        DataFusionError::NotImplemented(message) => Error::not_supported(message),
        DataFusionError::ArrowError(arrow, _) => classify_arrow(arrow),
        DataFusionError::Plan(message) => classify_message(message, ErrorCode::GenericUserError),
        DataFusionError::Configuration(message) => {
            Error::new(ErrorCode::InvalidSessionProperty, message.clone())
        }
        DataFusionError::Execution(message) => {
            classify_message(message, ErrorCode::GenericUserError)
        }
        // A refused location is an error of ours inside the store's.
        DataFusionError::ObjectStore(source) => find_ours(source.as_ref())
            .unwrap_or_else(|| Error::new(ErrorCode::HiveFilesystemError, source.to_string())),
        DataFusionError::ParquetError(source) => find_ours(source.as_ref())
            .unwrap_or_else(|| Error::new(ErrorCode::HiveBadData, source.to_string())),
        DataFusionError::IoError(source) => {
            Error::new(ErrorCode::HiveFilesystemError, source.to_string())
        }
        other => {
            let text = other.to_string();
            Error::from_tagged(&text).unwrap_or_else(|| Error::internal(text))
        }
    }
}

fn find_ours(err: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let mut next = Some(err);
    while let Some(current) = next {
        if let Some(ours) = current.downcast_ref::<Error>() {
            return Some(ours.clone());
        }
        next = current.source();
    }
    None
}

/// Looks along the chain of causes for an error whose place is known: a wrapper (a task of
/// Ballista has its own) may stand between.
fn classify_external(
    source: &(dyn std::error::Error + Send + Sync + 'static),
    whole: &DataFusionError,
) -> Error {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(source);
    while let Some(current) = next {
        if let Some(ours) = current.downcast_ref::<Error>() {
            return ours.clone();
        }
        if let Some(inner) = current.downcast_ref::<DataFusionError>() {
            return classify(inner);
        }
        if let Some(inner) = current.downcast_ref::<Arc<DataFusionError>>() {
            return classify(inner);
        }
        if let Some(arrow) = current.downcast_ref::<ArrowError>() {
            return classify_arrow(arrow);
        }
        next = current.source();
    }
    classify_message(&whole.to_string(), ErrorCode::GenericInternalError)
}

fn classify_schema(err: &SchemaError) -> Error {
    let code = match err {
        SchemaError::FieldNotFound { field, valid_fields } => {
            return column_not_found(field, valid_fields);
        }
        SchemaError::AmbiguousReference { .. } => ErrorCode::AmbiguousName,
        SchemaError::DuplicateQualifiedField { .. }
        | SchemaError::DuplicateUnqualifiedField { .. } => ErrorCode::DuplicateColumnName,
    };
    Error::new(code, lower_first(&err.to_string()))
}

fn column_not_found(column: &Column, known: &[Column]) -> Error {
    let name = column.flat_name();
    // A name without its table is compared with names without theirs.
    let known: Vec<String> = match &column.relation {
        Some(_) => known.iter().map(Column::flat_name).collect(),
        None => known.iter().map(|known| known.name.clone()).collect(),
    };
    let message = format!("column \"{name}\" does not exist");
    let err = Error::new(ErrorCode::ColumnNotFound, message);
    match missing::hint(&name, &known) {
        Some(hint) => err.with_hint(hint),
        None => err,
    }
}

fn classify_arrow(err: &ArrowError) -> Error {
    match err {
        ArrowError::DivideByZero => Error::new(ErrorCode::DivisionByZero, "division by zero"),
        ArrowError::ArithmeticOverflow(message) => {
            Error::new(ErrorCode::NumericValueOutOfRange, lower_first(message))
        }
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            Error::new(ErrorCode::InvalidCastArgument, lower_first(message))
        }
        ArrowError::ExternalError(source) => match source.downcast_ref::<DataFusionError>() {
            Some(inner) => classify(inner),
            None => classify_message(&source.to_string(), ErrorCode::GenericInternalError),
        },
        other => classify_message(&other.to_string(), ErrorCode::GenericInternalError),
    }
}

/// DataFusion's texts for conditions that have a code of their own.
const KNOWN_TEXTS: &[(&str, ErrorCode)] = &[
    ("Invalid function", ErrorCode::FunctionNotFound),
    ("Divide by zero", ErrorCode::DivisionByZero),
    ("table function", ErrorCode::FunctionNotFound),
    ("does not support", ErrorCode::NotSupported),
    ("No function matches", ErrorCode::FunctionNotFound),
    ("Failed to coerce", ErrorCode::TypeMismatch),
    ("Cannot coerce", ErrorCode::TypeMismatch),
    ("Cannot infer common", ErrorCode::TypeMismatch),
    ("placeholder", ErrorCode::InvalidParameterUsage),
    ("Placeholder", ErrorCode::InvalidParameterUsage),
    ("Scalar subquery", ErrorCode::SubqueryMultipleRows),
    ("scalar subquery", ErrorCode::SubqueryMultipleRows),
    ("Cannot cast", ErrorCode::InvalidCastArgument),
];

fn classify_message(message: &str, otherwise: ErrorCode) -> Error {
    if message.starts_with("table '") && message.ends_with("' not found") {
        return Error::new(ErrorCode::TableNotFound, message);
    }
    if let Some(tagged) = Error::from_tagged(message) {
        return tagged;
    }
    let code = KNOWN_TEXTS
        .iter()
        .find(|(text, _)| message.contains(text))
        .map_or(otherwise, |(_, code)| *code);
    Error::new(code, lower_first(message))
}

/// Our messages begin in lower case; names and acronyms keep theirs.
fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(message.chars().skip(1)).collect()
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_error_comes_back_unchanged_from_any_depth() {
        let ours = Error::new(ErrorCode::HiveBadData, "file \"x\" is corrupt").with_hint("h");
        let deep = DataFusionError::Context(
            "outer".to_owned(),
            Box::new(DataFusionError::ArrowError(
                Box::new(ArrowError::ExternalError(Box::new(to_datafusion(ours)))),
                None,
            )),
        );
        let back = from_datafusion(deep);
        assert_eq!(back.code(), ErrorCode::HiveBadData);
        assert_eq!(back.message(), "file \"x\" is corrupt");
        assert_eq!(back.hint(), Some("h"));
    }

    #[test]
    fn a_tagged_text_keeps_its_code() {
        let text = format!("Task failed: {:?}", Error::new(ErrorCode::DivisionByZero, "by zero"));
        let back = from_datafusion(DataFusionError::Execution(text));
        assert_eq!(back.code(), ErrorCode::DivisionByZero);
    }
}
