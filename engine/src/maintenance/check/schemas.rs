//! Columns: those of a partition and of a Parquet file against the table's.

use super::{Check, Contents, Finding, Part, Problem};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use quern_catalog::hive_type;
use quern_catalog::model::{Column, StorageFormat};
use quern_common::Result;

/// Differences that one finding tells.
const DIFFERENCES_MAX: usize = 5;

impl Check {
    /// A partition that is declared with other columns than the table. One that has only the
    /// first of them is older than the others, which is fine.
    pub(super) async fn declared_columns(&self, part: &Part) -> Result<Option<Finding>> {
        if part.name.is_none() {
            return Ok(None);
        }
        let differences = declared_differences(&self.table.sd.columns, &part.sd.columns);
        let Some(detail) = told(differences) else { return Ok(None) };
        Ok(Some(Finding {
            partition: part.name.clone(),
            problem: Problem::SchemaMismatch,
            detail: format!("the partition is declared with other columns: {detail}"),
            fix: self.fixes().register_again(&part.values, &part.sd.location).await?,
        }))
    }

    /// The newest Parquet file against the table's columns.
    pub(super) async fn file_columns(
        &self,
        part: &Part,
        contents: &Contents,
    ) -> Result<Option<Finding>> {
        if self.format != Some(StorageFormat::Parquet) {
            return Ok(None);
        }
        let Some(file) = contents.files.iter().max_by_key(|file| file.last_modified) else {
            return Ok(None);
        };
        let name = file.location.filename().unwrap_or_default();
        let store = self.storage.store_for(&contents.dir)?;
        let finding =
            |problem, detail| Finding { partition: part.name.clone(), problem, detail, fix: None };
        Ok(match DFParquetMetadata::new(&store, file).fetch_schema().await {
            Err(err) => {
                let err = err.strip_backtrace();
                let detail = format!("file \"{name}\" cannot be read: {err}");
                Some(finding(Problem::FormatMismatch, detail))
            }
            Ok(schema) => told(file_differences(&self.table.sd.columns, &schema)).map(|detail| {
                finding(Problem::SchemaMismatch, format!("file \"{name}\" differs: {detail}"))
            }),
        })
    }
}

fn told(differences: Vec<String>) -> Option<String> {
    let n = differences.len();
    let mut told: Vec<_> = differences.into_iter().take(DIFFERENCES_MAX).collect();
    if n > DIFFERENCES_MAX {
        told.push(format!("and {} more", n - DIFFERENCES_MAX));
    }
    (n > 0).then(|| told.join(", "))
}

fn declared_differences(table: &[Column], partition: &[Column]) -> Vec<String> {
    let mut differences = vec![];
    for (n, column) in partition.iter().enumerate() {
        match table.get(n) {
            None => differences.push(format!("\"{}\" is none of the table's", column.name)),
            Some(expected) if expected.name != column.name => differences.push(format!(
                "column {} is \"{}\" instead of \"{}\"",
                n + 1,
                column.name,
                expected.name
            )),
            Some(expected) if expected.hive_type != column.hive_type => differences.push(format!(
                "\"{}\" is {} instead of {}",
                column.name, column.hive_type, expected.hive_type
            )),
            Some(_) => {}
        }
    }
    differences
}

fn file_differences(table: &[Column], file: &Schema) -> Vec<String> {
    let mut differences = vec![];
    let mut n_found = 0;
    for column in table {
        let name = &column.name;
        let Ok(field) = file.field_with_name(name) else {
            // Files are read by exact name.
            let other = file.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name));
            if let Some(other) = other {
                differences.push(format!("\"{name}\" is called \"{}\"", other.name()));
                n_found += 1;
            }
            continue;
        };
        n_found += 1;
        let Ok(declared) = hive_type::data_type_of(&column.hive_type) else { continue };
        if !is_read_as(&declared, field.data_type()) {
            let found = hive_type::presto_type(field.data_type());
            differences.push(format!("\"{name}\" is {found}, declared as {}", column.hive_type));
        }
    }
    if n_found == 0 && !table.is_empty() {
        let names: Vec<_> = file.fields().iter().map(|field| field.name().as_str()).collect();
        differences.push(format!("it has none of the columns, but {}", names.join(", ")));
    }
    differences
}

/// Whether values that a file holds are of the declared type, or widen to it without a loss.
fn is_read_as(declared: &DataType, file: &DataType) -> bool {
    use DataType as T;
    let whole = |t: &T| match t {
        T::Int8 => Some(8),
        T::Int16 | T::UInt8 => Some(16),
        T::Int32 | T::UInt16 => Some(32),
        T::Int64 | T::UInt32 => Some(64),
        _ => None,
    };
    let is_text = |t: &T| matches!(t, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    let is_bytes =
        |t: &T| matches!(t, T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_));
    match (declared, file) {
        (_, T::Dictionary(_, values)) => is_read_as(declared, values),
        (a, b) if a == b => true,
        (a, b) if whole(a).is_some() => whole(b) <= whole(a) && whole(b).is_some(),
        (T::Float64, T::Float32 | T::Int32 | T::Int16 | T::Int8) => true,
        (T::Float32, T::Int16 | T::Int8) => true,
        // Old writers did not say that bytes are text.
        (a, b) if is_text(a) => is_text(b) || is_bytes(b),
        (a, b) if is_bytes(a) => is_bytes(b) || is_text(b),
        (
            T::Decimal128(p, s),
            T::Decimal32(fp, fs) | T::Decimal64(fp, fs) | T::Decimal128(fp, fs),
        ) => fs <= s && i16::from(*fp) - i16::from(*fs) <= i16::from(*p) - i16::from(*s),
        (T::Timestamp(..), T::Timestamp(..)) => true,
        // Within them, names and types of writers differ in ways that a reader bridges.
        (T::List(_), T::List(_) | T::LargeList(_)) => true,
        (T::Map(..), T::Map(..)) | (T::Struct(_), T::Struct(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::Field;

    fn columns(columns: &[(&str, &str)]) -> Vec<Column> {
        columns.iter().map(|(name, hive_type)| Column::new(*name, *hive_type)).collect()
    }

    #[test]
    fn a_partition_may_have_fewer_columns_but_not_others() {
        let table = columns(&[("a", "int"), ("b", "string")]);
        assert!(declared_differences(&table, &columns(&[("a", "int")])).is_empty());
        for (partition, expected) in [
            (columns(&[("a", "bigint")]), "\"a\" is bigint instead of int"),
            (columns(&[("b", "string")]), "column 1 is \"b\" instead of \"a\""),
            (columns(&[("a", "int"), ("b", "string"), ("c", "int")]), "none of the table's"),
        ] {
            let found = declared_differences(&table, &partition);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
    }

    #[test]
    fn a_file_may_have_narrower_types_and_fewer_columns_but_no_others() {
        let table = columns(&[("a", "bigint"), ("b", "decimal(10,2)"), ("c", "string")]);
        let file = |fields: &[(&str, DataType)]| {
            let fields = fields.iter().map(|(name, t)| Field::new(*name, t.clone(), true));
            file_differences(&table, &Schema::new(fields.collect::<Vec<_>>()))
        };
        let fine = [("a", DataType::Int32), ("b", DataType::Decimal128(8, 1))];
        assert!(file(&fine).is_empty());
        assert!(file(&[("c", DataType::Binary), ("more", DataType::Int8)]).is_empty());
        for (fields, expected) in [
            (("a", DataType::Utf8), "\"a\" is varchar, declared as bigint"),
            (("b", DataType::Decimal128(10, 3)), "\"b\" is decimal(10,3)"),
            (("C", DataType::Utf8), "\"c\" is called \"C\""),
            (("x", DataType::Utf8), "none of the columns, but x"),
        ] {
            let found = file(&[fields]);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
        }
    }
}
