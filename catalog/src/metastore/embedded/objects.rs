//! What is kept beside a table, model or schema, when that is renamed or gone.

use super::dialect::{Connection, query};
use crate::model::{Dataset, Forgotten};
use quern_common::Result;

/// `$1`: catalog, `$2`: schema.
const FORGET_SCHEMA: [&str; 3] = [
    "DELETE FROM annotations WHERE catalog_name = $1 AND schema_name = $2",
    "DELETE FROM operations WHERE catalog_name = $1 AND schema_name = $2",
    "DELETE FROM lineage WHERE target_catalog = $1 AND target_schema = $2",
];

/// `$1`: catalog, `$2`: schema, `$3`: name, `$4`: kind.
const FORGET_DATASET: [&str; 3] = [
    // Models are not annotated.
    "DELETE FROM annotations WHERE catalog_name = $1 AND schema_name = $2 AND table_name = $3
        AND $4 = 'table'",
    "DELETE FROM operations WHERE catalog_name = $1 AND schema_name = $2 AND object_name = $3
        AND object_kind = $4",
    "DELETE FROM lineage WHERE target_catalog = $1 AND target_schema = $2 AND target_name = $3
        AND target_kind = $4",
];

/// `$1`: catalog, `$2` and `$3`: schema and name before, `$4` and `$5`: after.
const RENAME_TABLE: [&str; 5] = [
    "UPDATE annotations SET schema_name = $4, table_name = $5
    WHERE catalog_name = $1 AND schema_name = $2 AND table_name = $3",
    "UPDATE operations SET schema_name = $4, object_name = $5
    WHERE catalog_name = $1 AND schema_name = $2 AND object_name = $3 AND object_kind = 'table'",
    "UPDATE lineage SET target_schema = $4, target_name = $5
    WHERE target_catalog = $1 AND target_schema = $2 AND target_name = $3
        AND target_kind = 'table'",
    // What was made from a former table of the new name and from this one is made from this one.
    "DELETE FROM lineage
    WHERE source_catalog = $1 AND source_schema = $4 AND source_name = $5
        AND EXISTS (SELECT 1 FROM lineage same
            WHERE same.source_catalog = $1 AND same.source_schema = $2
                AND same.source_name = $3 AND same.target_catalog = lineage.target_catalog
                AND same.target_schema = lineage.target_schema
                AND same.target_kind = lineage.target_kind
                AND same.target_name = lineage.target_name
                AND same.target_version = lineage.target_version)",
    "UPDATE lineage SET source_schema = $4, source_name = $5
    WHERE source_catalog = $1 AND source_schema = $2 AND source_name = $3",
];

pub(super) async fn forget(db: &mut Connection, object: &Forgotten) -> Result<()> {
    match object {
        Forgotten::Schema { catalog, schema } => run(db, &FORGET_SCHEMA, &[catalog, schema]).await,
        Forgotten::Dataset(Dataset { kind, catalog, schema, name }) => {
            run(db, &FORGET_DATASET, &[catalog, schema, name, kind.name()]).await
        }
    }
}

pub(super) async fn rename_table(
    db: &mut Connection,
    before: &Dataset,
    after: &Dataset,
) -> Result<()> {
    // What a table of that name left that somebody else dropped.
    forget(db, &Forgotten::Dataset(after.clone())).await?;
    let names = [&before.catalog, &before.schema, &before.name, &after.schema, &after.name];
    run(db, &RENAME_TABLE, &names.map(String::as_str)).await
}

/// Each statement with the same parameters.
async fn run(db: &mut Connection, statements: &[&'static str], values: &[&str]) -> Result<()> {
    for sql in statements {
        let statement = values.iter().fold(query(sql), |statement, value| statement.bind(*value));
        statement.execute(db).await?;
    }
    Ok(())
}
