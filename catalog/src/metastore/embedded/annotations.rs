//! What people say of objects, and the glossary.

use super::dialect::{Connection, QueryBuilder, query};
use crate::metastore::metadata::{annotation_not_found, term_already_exists, term_not_found};
use crate::model::{Annotation, AnnotationKind, GlossaryTerm, NameFilter, ObjectName};
use quern_common::{Error, ErrorCode, Result};

type Row = (String, String, String, String, String, String, Option<String>, String, i64);

pub(super) async fn list(db: &mut Connection, names: &NameFilter) -> Result<Vec<Annotation>> {
    let mut sql = QueryBuilder::new(
        db,
        "SELECT catalog_name, schema_name, table_name, column_name, kind, name, value, set_by,
            set_time
        FROM annotations",
    );
    push_names(&mut sql, " WHERE ", names, ["catalog_name", "schema_name", "table_name"]);
    sql.push(" ORDER BY catalog_name, schema_name, table_name, column_name, kind, name");
    let rows: Vec<Row> = sql.build().fetch_all(db).await?;
    rows.into_iter().map(from_row).collect()
}

/// Writes the conditions on names behind `word`, and returns the word for what follows.
pub(super) fn push_names(
    sql: &mut QueryBuilder,
    word: &'static str,
    names: &NameFilter,
    columns: [&str; 3],
) -> &'static str {
    let mut word = word;
    for (list, column) in [&names.catalogs, &names.schemas, &names.tables].into_iter().zip(columns)
    {
        let Some(list) = list else { continue };
        sql.push(word).push(column);
        match list.is_empty() {
            // Both databases refuse an empty list.
            true => sql.push(" IS NULL"),
            false => sql.push(" IN (").push_list(list.iter()).push(")"),
        };
        word = " AND ";
    }
    word
}

fn from_row(row: Row) -> Result<Annotation> {
    let (catalog, schema, table, column, kind, name, value, set_by, set_time) = row;
    let kind = AnnotationKind::from_name(&kind).ok_or_else(|| unknown("annotation", &kind))?;
    let object = ObjectName { catalog, schema, table, column };
    Ok(Annotation { object, kind, name, value, set_by, set_time })
}

/// An error for what only a newer version or another program can have written.
pub(super) fn unknown(what: &str, kind: &str) -> Error {
    Error::new(
        ErrorCode::HiveMetastoreError,
        format!("the metastore's database holds an {what} of kind \"{kind}\""),
    )
}

pub(super) async fn set(db: &mut Connection, annotations: &[Annotation]) -> Result<()> {
    for annotation in annotations {
        if annotation.kind == AnnotationKind::Term {
            let sql = "SELECT EXISTS (SELECT 1 FROM glossary WHERE name = $1)";
            let known: bool = query(sql).bind(&annotation.name).scalar(db).await?;
            if !known {
                return Err(term_not_found(&annotation.name));
            }
        }
        let sql = "INSERT INTO annotations (catalog_name, schema_name, table_name, column_name,
                kind, name, value, set_by, set_time)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            ON CONFLICT (catalog_name, schema_name, table_name, column_name, kind, name)
            DO UPDATE SET value = excluded.value, set_by = excluded.set_by,
                set_time = excluded.set_time";
        query(sql)
            .bind(&annotation.object.catalog)
            .bind(&annotation.object.schema)
            .bind(&annotation.object.table)
            .bind(&annotation.object.column)
            .bind(annotation.kind.name())
            .bind(&annotation.name)
            .bind(&annotation.value)
            .bind(&annotation.set_by)
            .bind(annotation.set_time)
            .execute(db)
            .await?;
    }
    Ok(())
}

pub(super) async fn unset(
    db: &mut Connection,
    object: &ObjectName,
    kind: AnnotationKind,
    names: &[String],
) -> Result<()> {
    for name in names {
        let sql = "DELETE FROM annotations
            WHERE catalog_name = $1 AND schema_name = $2 AND table_name = $3
                AND column_name = $4 AND kind = $5 AND name = $6";
        let gone = query(sql)
            .bind(&object.catalog)
            .bind(&object.schema)
            .bind(&object.table)
            .bind(&object.column)
            .bind(kind.name())
            .bind(name)
            .execute(db)
            .await?;
        if gone == 0 {
            return Err(annotation_not_found(object, kind, name));
        }
    }
    Ok(())
}

pub(super) async fn list_terms(db: &mut Connection) -> Result<Vec<GlossaryTerm>> {
    let sql = "SELECT name, definition, owner, create_time FROM glossary ORDER BY name";
    let rows: Vec<(String, String, String, i64)> = query(sql).fetch_all(db).await?;
    let term = |(name, definition, owner, create_time)| GlossaryTerm {
        name,
        definition,
        owner,
        create_time,
    };
    Ok(rows.into_iter().map(term).collect())
}

pub(super) async fn create_term(
    db: &mut Connection,
    term: &GlossaryTerm,
    or_replace: bool,
) -> Result<()> {
    let sql = match or_replace {
        false => {
            "INSERT INTO glossary (name, definition, owner, create_time) VALUES ($1, $2, $3, $4)
                ON CONFLICT (name) DO NOTHING"
        }
        true => {
            "INSERT INTO glossary (name, definition, owner, create_time) VALUES ($1, $2, $3, $4)
                ON CONFLICT (name) DO UPDATE SET definition = excluded.definition,
                    owner = excluded.owner, create_time = excluded.create_time"
        }
    };
    let written = query(sql)
        .bind(&term.name)
        .bind(&term.definition)
        .bind(&term.owner)
        .bind(term.create_time)
        .execute(db)
        .await?;
    match written {
        0 => Err(term_already_exists(&term.name)),
        _ => Ok(()),
    }
}

pub(super) async fn drop_term(db: &mut Connection, name: &str) -> Result<()> {
    if query("DELETE FROM glossary WHERE name = $1").bind(name).execute(db).await? == 0 {
        return Err(term_not_found(name));
    }
    let sql = "DELETE FROM annotations WHERE kind = 'term' AND name = $1";
    query(sql).bind(name).execute(db).await?;
    Ok(())
}
