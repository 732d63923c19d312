//! Batches as messages: every column in the announced type, every message small.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{BinaryViewType, ByteViewType, DataType, SchemaRef, StringViewType};
use arrow::error::ArrowError;
use std::sync::Arc;

/// Size of a message's data, unless messages have to be smaller. Some clients refuse messages above 4 MiB, Go's above 16 MiB.
pub(crate) const TARGET_SIZE: usize = 2 << 20;

/// Cuts a batch into pieces of about `target` bytes with the announced schema. Cutting comes
/// first: text that leaves a view or dictionary type may be far larger than it was inside, and
/// must not overflow the 31-bit offsets of a plain type.
pub(crate) fn pieces(
    batch: &RecordBatch,
    schema: &SchemaRef,
    target: usize,
) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut pieces = Vec::new();
    for slice in cut(batch, target) {
        pieces.push(conform(&slice, schema)?);
    }
    Ok(pieces)
}

fn cut(batch: &RecordBatch, target: usize) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let size: usize = batch.columns().iter().map(|column| sent_size(column)).sum();
    if size <= target || rows <= 1 {
        return vec![batch.clone()];
    }
    let rows_of_piece = rows.div_ceil(size.div_ceil(target.max(1))).max(1);
    (0..rows)
        .step_by(rows_of_piece)
        .map(|start| batch.slice(start, rows_of_piece.min(rows - start)))
        .collect()
}

/// Bytes that a column takes in a message (an estimate for dictionaries).
fn sent_size(array: &dyn Array) -> usize {
    if array.is_empty() {
        return 0;
    }
    match array.data_type() {
        DataType::Utf8View => view_size::<StringViewType>(array),
        DataType::BinaryView => view_size::<BinaryViewType>(array),
        DataType::Dictionary(_, _) => {
            let values = array.as_any_dictionary().values();
            sent_size(values) / values.len().max(1) * array.len()
        }
        _ => {
            let data = array.to_data();
            data.get_slice_memory_size().unwrap_or_else(|_| data.get_array_memory_size())
        }
    }
}

fn view_size<T: ByteViewType>(array: &dyn Array) -> usize {
    // The low 32 bits of a view are its value's length.
    let lengths = array.as_byte_view::<T>().views().iter().map(|view| *view as u32 as usize);
    lengths.sum::<usize>() + array.len() * size_of::<u128>()
}

fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    if batch.num_columns() != schema.fields().len() {
        let message = format!(
            "a batch of {} columns in a result of {}",
            batch.num_columns(),
            schema.fields().len()
        );
        return Err(ArrowError::SchemaError(message));
    }
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Result<Vec<_>, _> =
        columns.map(|(column, field)| conform_column(column, field.data_type())).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns?, &options)
}

fn conform_column(column: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if column.data_type() != to {
        let options = CastOptions { safe: false, ..CastOptions::default() };
        return cast_with_options(column, to, &options);
    }
    // A slice of views shares the whole batch's buffers, and a message would carry them all.
    Ok(match to {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
        _ => Arc::clone(column),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Int64Array, StringArray, StringViewArray};
    use arrow::datatypes::{Field, Int32Type, Schema};

    fn schema(data_type: DataType) -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("c", data_type, true)]))
    }

    fn batch(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([("c", column, true)]).unwrap()
    }

    fn assert_cut(input: &RecordBatch, to: &SchemaRef) {
        let pieces = pieces(input, to, TARGET_SIZE).unwrap();
        assert!(pieces.len() > 1);
        let rows: usize = pieces.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, input.num_rows());
        for piece in &pieces {
            assert!(sent_size(piece.column(0)) <= TARGET_SIZE + (TARGET_SIZE >> 2));
            assert_eq!(piece.schema_ref(), to);
        }
    }

    #[test]
    fn a_small_slice_of_a_large_array_is_one_piece() {
        let all = Int64Array::from_iter_values(0..4_000_000);
        let input = batch(Arc::new(all.slice(1_000_000, 10)));
        assert_eq!(pieces(&input, &schema(DataType::Int64), TARGET_SIZE).unwrap().len(), 1);
        assert_cut(&batch(Arc::new(all)), &schema(DataType::Int64));
    }

    #[test]
    fn views_and_dictionaries_are_cut_by_the_size_they_unfold_to() {
        let text = "x".repeat(10_000);
        let views: StringViewArray = (0..1_000).map(|_| Some(&text)).collect();
        assert_cut(&batch(Arc::new(views.clone())), &schema(DataType::Utf8));
        assert_cut(&batch(Arc::new(views)), &schema(DataType::Utf8View));
        let values = StringArray::from(vec![text.as_str()]);
        let keys = arrow::array::Int32Array::from(vec![0; 1_000]);
        let dictionary = DictionaryArray::<Int32Type>::new(keys, Arc::new(values));
        assert_cut(&batch(Arc::new(dictionary)), &schema(DataType::Utf8));
    }

    #[test]
    fn an_empty_batch_is_one_piece_without_rows() {
        let input = RecordBatch::new_empty(schema(DataType::Utf8View));
        let pieces = pieces(&input, &schema(DataType::Utf8), TARGET_SIZE).unwrap();
        assert_eq!((pieces.len(), pieces[0].num_rows()), (1, 0));
    }

    #[test]
    fn a_batch_that_does_not_fit_the_result_is_an_error() {
        let empty = Arc::new(Schema::empty());
        assert!(pieces(&batch(Arc::new(Int64Array::from(vec![1]))), &empty, TARGET_SIZE).is_err());
    }
}
