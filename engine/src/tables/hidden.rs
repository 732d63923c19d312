//! Hidden columns: `"$path"`, `"$partition"`, `"$file_size"`, `"$file_modified_time"`.
//!
//! They are partition columns of a scan, filled from the split, so they cost nothing unless they
//! are selected. A table offers them only to statements that mention one, and `*` leaves them
//! out (Trino's hive connector has the same columns).

use crate::statement::walk::{Node, walk};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, WildcardAdditionalOptions,
};
use object_store::ObjectMeta;
use quern_common::{Error, Result};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A column that every Hive table has beside its declared ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HiddenColumn {
    /// URL of the file that the row was read from.
    Path,
    /// Name of the partition, such as `month=2/day=7`; empty for a table without partitions.
    Partition,
    /// Size of the file in bytes.
    FileSize,
    /// When the file was last modified.
    FileModifiedTime,
}

impl HiddenColumn {
    const ALL: [Self; 4] = [Self::Path, Self::Partition, Self::FileSize, Self::FileModifiedTime];

    /// The column's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "$path",
            Self::Partition => "$partition",
            Self::FileSize => "$file_size",
            Self::FileModifiedTime => "$file_modified_time",
        }
    }

    pub(crate) fn field(self) -> FieldRef {
        let data_type = match self {
            Self::Path | Self::Partition => DataType::Utf8,
            Self::FileSize => DataType::Int64,
            Self::FileModifiedTime => {
                DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
            }
        };
        Arc::new(Field::new(self.name(), data_type, false))
    }

    pub(crate) fn value(self, file: &ObjectMeta, url_prefix: &str, partition: &str) -> ScalarValue {
        match self {
            Self::Path => ScalarValue::Utf8(Some(format!("{url_prefix}{}", file.location))),
            Self::Partition => ScalarValue::Utf8(Some(partition.to_owned())),
            Self::FileSize => {
                ScalarValue::Int64(Some(i64::try_from(file.size).unwrap_or(i64::MAX)))
            }
            Self::FileModifiedTime => ScalarValue::TimestampMillisecond(
                Some(file.last_modified.timestamp_millis()),
                Some("UTC".into()),
            ),
        }
    }
}

/// Returns the hidden columns that a query names anywhere.
///
/// # Errors
/// None of its own: those of the walk.
pub fn mentions_hidden_column(query: &mut Query) -> Result<BTreeSet<HiddenColumn>> {
    let mut mentions = BTreeSet::new();
    walk(query, &mut |node| {
        let ident = match node {
            Node::Expr(Expr::Identifier(ident)) => Some(&*ident),
            Node::Expr(Expr::CompoundIdentifier(parts)) => parts.last(),
            _ => None,
        };
        if let Some(ident) = ident {
            mentions.extend(HiddenColumn::ALL.into_iter().filter(|c| c.name() == ident.value));
        }
        Ok(())
    })?;
    Ok(mentions)
}

/// Rewrites `*` so that it leaves `hidden` out: over one base table to `* EXCLUDE (…)`.
///
/// # Errors
/// `NOT_SUPPORTED` for `*` over a join in a statement that names a hidden column.
pub fn hide_from_wildcards(query: &mut Query, hidden: &BTreeSet<HiddenColumn>) -> Result<()> {
    walk(query, &mut |node| match node {
        Node::Query(query) => hide_in_set_expr(query.body.as_mut(), hidden),
        _ => Ok(()),
    })
}

fn hide_in_set_expr(body: &mut SetExpr, hidden: &BTreeSet<HiddenColumn>) -> Result<()> {
    match body {
        SetExpr::Select(select) => hide_in_select(select, hidden),
        SetExpr::SetOperation { left, right, .. } => {
            hide_in_set_expr(left, hidden)?;
            hide_in_set_expr(right, hidden)
        }
        _ => Ok(()),
    }
}

fn hide_in_select(select: &mut Select, hidden: &BTreeSet<HiddenColumn>) -> Result<()> {
    let base_tables: Vec<Option<String>> = select
        .from
        .iter()
        .flat_map(|item| {
            std::iter::once(&item.relation).chain(item.joins.iter().map(|join| &join.relation))
        })
        .map(base_table_alias)
        .collect();
    for item in &mut select.projection {
        match item {
            SelectItem::Wildcard(options) => match base_tables.as_slice() {
                [Some(_)] => exclude(options, hidden),
                tables if tables.iter().all(Option::is_none) => {}
                _ => {
                    return Err(Error::not_supported(
                        "\"*\" over a join in a statement that names a hidden column",
                    )
                    .with_hint("name the columns, or write \"t.*\""));
                }
            },
            SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(name),
                options,
            ) => {
                let alias = last_part(name);
                if base_tables.iter().flatten().any(|table| Some(table) == alias.as_ref()) {
                    exclude(options, hidden);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The name by which a base table's columns can be qualified; none for anything else.
fn base_table_alias(factor: &TableFactor) -> Option<String> {
    match factor {
        TableFactor::Table { name, alias, args: None, .. } => match alias {
            Some(alias) => Some(alias.name.value.clone()),
            None => last_part(name),
        },
        _ => None,
    }
}

fn last_part(name: &ObjectName) -> Option<String> {
    match name.0.last() {
        Some(ObjectNamePart::Identifier(ident)) => Some(ident.value.clone()),
        _ => None,
    }
}

fn exclude(options: &mut WildcardAdditionalOptions, hidden: &BTreeSet<HiddenColumn>) {
    if options.opt_exclude.is_none() && options.opt_except.is_none() {
        let names = hidden
            .iter()
            .map(|c| ObjectName::from(vec![Ident::with_quote('"', c.name())]))
            .collect();
        options.opt_exclude = Some(ExcludeSelectItem::Multiple(names));
    }
}
