//! What the catalogue knows of the rows that a scan reads.

use super::partition_pruning::typed_value;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use quern_catalog::hive_type;
use std::cmp::Ordering;

/// The least and the greatest of some texts of a type, as they are written. None for types whose
/// values nobody keeps bounds of: texts, mostly.
pub(crate) fn bounds_of_texts(
    texts: &[String],
    hive_type: &str,
) -> (Option<String>, Option<String>) {
    let Some(data_type) = hive_type::data_type_of(hive_type).ok().filter(has_bounds) else {
        return (None, None);
    };
    let values = texts.iter().filter_map(|text| {
        let value = typed_value(text, &data_type).ok().filter(|value| !value.is_null())?;
        Some((value, text))
    });
    let values: Vec<(ScalarValue, &String)> = values.collect();
    let order = |(a, _): &&(ScalarValue, &String), (b, _): &&(ScalarValue, &String)| {
        a.partial_cmp(b).unwrap_or(Ordering::Equal)
    };
    let text = |(_, text): &(ScalarValue, &String)| (*text).clone();
    (values.iter().min_by(order).map(text), values.iter().max_by(order).map(text))
}

fn has_bounds(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_temporal()
}
