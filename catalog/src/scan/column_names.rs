//! The columns of a table under the names that a Parquet file has for them.
//!
//! A metastore folds names to lower case, Spark and others write them into files as they were
//! declared. A column that a file lacks is NULL, so a name that only differs in case must be found.

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion_common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion_common::{DataFusionError, Result};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Finds columns of Parquet files in any case; everything else is as DataFusion does it.
pub fn names_in_any_case() -> Arc<dyn PhysicalExprAdapterFactory> {
    Arc::new(AnyCase)
}

/// The columns of `table`, each under its name among the columns of a file. A name that is there
/// as it is comes first; a column that is not there keeps its name.
///
/// # Errors
/// A plan error when several columns of the file differ from the table's in case only.
pub fn with_names_of_file(table: &SchemaRef, file: &[&str]) -> Result<SchemaRef> {
    let exact: HashSet<&str> = file.iter().copied().collect();
    if table.fields().iter().all(|field| exact.contains(field.name().as_str())) {
        return Ok(Arc::clone(table));
    }
    let mut folded: HashMap<String, Vec<&str>> = HashMap::new();
    for name in file {
        folded.entry(name.to_lowercase()).or_default().push(name);
    }
    let renamed = |field: &FieldRef| {
        if exact.contains(field.name().as_str()) {
            return Ok(Arc::clone(field));
        }
        match folded.get(&field.name().to_lowercase()).map(Vec::as_slice) {
            None | Some([]) => Ok(Arc::clone(field)),
            Some([name]) => Ok(Arc::new(field.as_ref().clone().with_name(*name))),
            Some([first, second, ..]) => Err(DataFusionError::Plan(format!(
                "column \"{}\" may be \"{first}\" or \"{second}\"",
                field.name()
            ))),
        }
    };
    let fields = table.fields().iter().map(renamed).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Schema::new_with_metadata(fields, table.metadata().clone())))
}

#[derive(Debug)]
struct AnyCase;

impl PhysicalExprAdapterFactory for AnyCase {
    fn create(
        &self,
        logical_file_schema: SchemaRef,
        physical_file_schema: SchemaRef,
    ) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let names: Vec<&str> =
            physical_file_schema.fields().iter().map(|field| field.name().as_str()).collect();
        let renamed = with_names_of_file(&logical_file_schema, &names)?;
        let both = logical_file_schema.fields().iter().zip(renamed.fields());
        let names: HashMap<_, _> = both
            .filter(|(table, file)| table.name() != file.name())
            .map(|(table, file)| (table.name().clone(), file.name().clone()))
            .collect();
        let nested = renamed.fields().iter().filter_map(|field| {
            let (_, in_file) = physical_file_schema.column_with_name(field.name())?;
            let pair = differs_in_case(field.data_type(), in_file.data_type())?;
            Some((field.name().clone(), pair))
        });
        let nested: HashMap<_, _> = nested.collect();
        let inner = DefaultPhysicalExprAdapterFactory.create(renamed, physical_file_schema)?;
        let unchanged = names.is_empty() && nested.is_empty();
        Ok(if unchanged { inner } else { Arc::new(Renaming { names, nested, inner }) })
    }
}

/// The first field of a struct, in whatever it is nested, whose name in the file differs in case
/// only: by that name it would be NULL.
fn differs_in_case(table: &DataType, file: &DataType) -> Option<(String, String)> {
    match (table, file) {
        (DataType::Struct(table), DataType::Struct(file)) => table.iter().find_map(|field| {
            let name = field.name();
            match file.find(name) {
                Some((_, same)) => differs_in_case(field.data_type(), same.data_type()),
                None => file
                    .iter()
                    .find(|other| other.name().to_lowercase() == name.to_lowercase())
                    .map(|other| (name.clone(), other.name().clone())),
            }
        }),
        (
            DataType::List(table) | DataType::LargeList(table),
            DataType::List(file) | DataType::LargeList(file),
        ) => differs_in_case(table.data_type(), file.data_type()),
        (DataType::Map(table, _), DataType::Map(file, _)) => {
            // A map's entries are a struct of key and value, whose names say nothing.
            let (DataType::Struct(table), DataType::Struct(file)) =
                (table.data_type(), file.data_type())
            else {
                return None;
            };
            let both = table.iter().zip(file);
            both.into_iter().find_map(|(t, f)| differs_in_case(t.data_type(), f.data_type()))
        }
        _ => None,
    }
}

/// Renames columns before they are looked up.
#[derive(Debug)]
struct Renaming {
    /// Names in the file by names in the table.
    names: HashMap<String, String>,
    /// Columns, by names in the file, with a field that is spelled in two ways.
    nested: HashMap<String, (String, String)>,
    inner: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for Renaming {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let renamed = expr.transform(|expr| {
            let Some(column) = expr.downcast_ref::<Column>() else {
                return Ok(Transformed::no(expr));
            };
            let name = self.names.get(column.name()).map_or_else(|| column.name(), String::as_str);
            if let Some((table, file)) = self.nested.get(name) {
                return Err(DataFusionError::Plan(format!(
                    "column \"{}\": field \"{table}\" is called \"{file}\" in the file",
                    column.name()
                )));
            }
            if name == column.name() {
                return Ok(Transformed::no(expr));
            }
            Ok(Transformed::yes(Arc::new(Column::new(name, column.index())) as _))
        });
        self.inner.rewrite(renamed.data()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Field;

    fn schema(names: &[&str]) -> SchemaRef {
        Arc::new(Schema::new(
            names.iter().map(|name| Field::new(*name, DataType::Int32, true)).collect::<Vec<_>>(),
        ))
    }

    fn renamed(table: &[&str], file: &[&str]) -> Result<Vec<String>> {
        let renamed = with_names_of_file(&schema(table), file)?;
        Ok(renamed.fields().iter().map(|field| field.name().clone()).collect())
    }

    #[test]
    fn names_are_found_in_any_case_and_as_they_are_first() {
        for (table, file, expected) in [
            (&["a", "b"][..], &["b", "a"][..], &["a", "b"][..]),
            (&["userid", "é", "new"], &["É", "UserId"], &["UserId", "É", "new"]),
            (&["a"], &["A", "a"], &["a"]),
        ] {
            assert_eq!(renamed(table, file).unwrap(), expected);
        }
        let err = renamed(&["ab"], &["aB", "Ab"]).unwrap_err().to_string();
        assert!(err.contains("column \"ab\" may be \"aB\" or \"Ab\""), "{err}");
    }

    #[test]
    fn an_expression_reads_the_column_of_the_file() {
        let (table, file) = (schema(&["a", "b"]), schema(&["other", "B"]));
        let adapter = names_in_any_case().create(table, file).unwrap();
        let found = adapter.rewrite(Arc::new(Column::new("b", 1))).unwrap();
        assert_eq!(found.to_string(), "B@1");
        let missing = adapter.rewrite(Arc::new(Column::new("a", 0))).unwrap();
        assert_eq!(missing.to_string(), "NULL");
    }

    #[test]
    fn a_nested_field_in_another_case_is_an_error_rather_than_null() {
        let nested = |inner: &str| {
            let fields = vec![
                Field::new("same", DataType::Int32, true),
                Field::new(inner, DataType::Int32, true),
            ];
            let item = Field::new("item", DataType::Struct(fields.into()), true);
            let plain = Field::new("a", DataType::Int32, true);
            Arc::new(Schema::new(vec![
                Field::new("s", DataType::List(Arc::new(item)), true),
                plain,
            ]))
        };
        let adapter = names_in_any_case().create(nested("id"), nested("Id")).unwrap();
        let err = adapter.rewrite(Arc::new(Column::new("s", 0))).unwrap_err().to_string();
        assert!(err.contains("column \"s\": field \"id\" is called \"Id\""), "{err}");
        adapter.rewrite(Arc::new(Column::new("a", 1))).unwrap();
        let same = names_in_any_case().create(nested("id"), nested("id")).unwrap();
        same.rewrite(Arc::new(Column::new("s", 0))).unwrap();
    }
}
