//! The columns of a table under the names that a Parquet file has for them.
//!
//! A metastore folds names to lower case, Spark and others write them into files as they were
//! declared. A column that a file lacks is NULL, so a name that only differs in case must be found.

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
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
        let inner = DefaultPhysicalExprAdapterFactory.create(renamed, physical_file_schema)?;
        Ok(if names.is_empty() { inner } else { Arc::new(Renaming { names, inner }) })
    }
}

/// Renames columns before they are looked up.
#[derive(Debug)]
struct Renaming {
    /// Names in the file by names in the table.
    names: HashMap<String, String>,
    inner: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for Renaming {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let renamed = expr.transform(|expr| {
            let column = expr.downcast_ref::<Column>();
            Ok(match column.and_then(|c| self.names.get(c.name()).zip(Some(c.index()))) {
                Some((name, index)) => Transformed::yes(Arc::new(Column::new(name, index)) as _),
                None => Transformed::no(expr),
            })
        });
        self.inner.rewrite(renamed.data()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field};

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
        assert_eq!(found.to_string(), "CAST(B@1 AS Int32)");
        let missing = adapter.rewrite(Arc::new(Column::new("a", 0))).unwrap();
        assert_eq!(missing.to_string(), "NULL");
    }
}
