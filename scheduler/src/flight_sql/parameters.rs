//! Parameters: rows that a client binds to a statement, by position.

use super::service::malformed;
use crate::query::PreparedStatement;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use futures::{StreamExt, TryStreamExt};
use quern_common::{Error, ErrorCode, Result};
use tonic::Streaming;

/// Reads the batches of a DoPut, whose first message was read already. Without any column there
/// are no parameters.
///
/// # Errors
/// `GENERIC_INSUFFICIENT_RESOURCES` when they are larger than `max_size` together.
pub(crate) async fn read_parameters(
    first: FlightData,
    rest: Streaming<FlightData>,
    max_size: usize,
) -> Result<Option<Vec<RecordBatch>>> {
    // The message with the command may carry the schema, or nothing.
    let head = (!first.data_header.is_empty()).then_some(Ok(first));
    let messages = futures::stream::iter(head).chain(rest.map_err(FlightError::from));
    let mut stream = FlightRecordBatchStream::new_from_flight_data(messages);
    let mut batches = Vec::new();
    let mut size = 0;
    while let Some(batch) = stream.next().await {
        let batch =
            batch.map_err(|err| malformed(format!("the parameters cannot be read: {err}")))?;
        size += batch.get_array_memory_size();
        if size > max_size {
            let message = format!("the parameters are larger than {max_size} bytes");
            return Err(Error::new(ErrorCode::GenericInsufficientResources, message)
                .with_hint("bind fewer rows at once, or raise flight_sql.max_message_size"));
        }
        batches.push(batch);
    }
    let has_columns = stream.schema().is_some_and(|schema| !schema.fields().is_empty());
    Ok(has_columns.then_some(batches))
}

/// Checks that there is a column for each of the statement's parameters.
pub(crate) fn check(statement: &PreparedStatement, given: Option<&[RecordBatch]>) -> Result<()> {
    let expected = statement.parameters.fields().len();
    for batch in given.unwrap_or_default() {
        if batch.num_columns() != expected {
            return Err(unfit(format!(
                "the statement has {expected} parameters, but {} values were bound",
                batch.num_columns()
            )));
        }
    }
    match given {
        None if expected > 0 => {
            Err(unfit(format!("the statement has {expected} parameters, but no values were bound")))
        }
        _ => Ok(()),
    }
}

/// Returns the one row that a query can be run with.
pub(crate) fn one_row(
    statement: &PreparedStatement,
    given: Option<Vec<RecordBatch>>,
) -> Result<Option<RecordBatch>> {
    check(statement, given.as_deref())?;
    let batches = match given {
        Some(batches) if !statement.parameters.fields().is_empty() => batches,
        _ => return Ok(None),
    };
    let rows = row_count(&batches);
    if rows > 1 {
        return Err(Error::not_supported(format!("a query with {rows} rows of parameters"))
            .with_hint("execute it once a row"));
    }
    let first =
        batches.first().ok_or_else(|| unfit("no row of parameters was bound".to_owned()))?;
    if rows == 0 {
        return Err(unfit("no row of parameters was bound".to_owned()));
    }
    concat_batches(&first.schema(), &batches)
        .map(Some)
        .map_err(|err| malformed(format!("the parameters cannot be read: {err}")))
}

/// Returns the rows that an update is run with, one execution a row; nothing for one execution
/// without parameters.
pub(crate) fn all_rows(
    statement: &PreparedStatement,
    given: Option<Vec<RecordBatch>>,
) -> Result<Option<Vec<RecordBatch>>> {
    check(statement, given.as_deref())?;
    Ok(given.filter(|_| !statement.parameters.fields().is_empty()))
}

/// The number of rows in all batches.
pub(crate) fn row_count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

fn unfit(message: String) -> Error {
    Error::new(ErrorCode::InvalidParameterUsage, message)
}
