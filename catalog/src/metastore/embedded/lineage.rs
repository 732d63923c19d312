//! What statements did, and what was made from what.

use super::annotations::{push_names, unknown};
use super::dialect::{Connection, QueryBuilder, query};
use crate::model::{Dataset, DatasetKind, LineageEdge, NameFilter, Operation};
use quern_common::Result;

type OperationRow =
    (String, String, String, String, String, String, String, i64, Option<String>, Option<i64>);
type EdgeRow = (String, String, String, String, i64, String, String, String, String, String, i64);

pub(super) async fn record(
    db: &mut Connection,
    done: &Operation,
    lineage: &[LineageEdge],
) -> Result<()> {
    let sql = "INSERT INTO operations (catalog_name, schema_name, object_kind, object_name,
            operation, query_id, user_name, time_ms, source_location, partitions)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (catalog_name, schema_name, object_kind, object_name, operation)
        DO UPDATE SET query_id = excluded.query_id, user_name = excluded.user_name,
            time_ms = excluded.time_ms, source_location = excluded.source_location,
            partitions = excluded.partitions";
    query(sql)
        .bind(&done.target.catalog)
        .bind(&done.target.schema)
        .bind(done.target.kind.name())
        .bind(&done.target.name)
        .bind(&done.operation)
        .bind(&done.query_id)
        .bind(&done.user)
        .bind(done.time_ms)
        .bind(&done.source_location)
        .bind(done.partitions)
        .execute(db)
        .await?;
    for edge in lineage {
        insert(db, edge).await?;
    }
    Ok(())
}

async fn insert(db: &mut Connection, edge: &LineageEdge) -> Result<()> {
    let sql = "INSERT INTO lineage (target_catalog, target_schema, target_kind, target_name,
            target_version, source_catalog, source_schema, source_name, query_id, user_name,
            time_ms)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (target_catalog, target_schema, target_kind, target_name, target_version,
            source_catalog, source_schema, source_name)
        DO UPDATE SET query_id = excluded.query_id, user_name = excluded.user_name,
            time_ms = excluded.time_ms";
    query(sql)
        .bind(&edge.target.catalog)
        .bind(&edge.target.schema)
        .bind(edge.target.kind.name())
        .bind(&edge.target.name)
        .bind(edge.target_version)
        .bind(&edge.source.catalog)
        .bind(&edge.source.schema)
        .bind(&edge.source.name)
        .bind(&edge.query_id)
        .bind(&edge.user)
        .bind(edge.time_ms)
        .execute(db)
        .await?;
    Ok(())
}

pub(super) async fn list_operations(
    db: &mut Connection,
    names: &NameFilter,
) -> Result<Vec<Operation>> {
    let mut sql = QueryBuilder::new(
        db,
        "SELECT catalog_name, schema_name, object_kind, object_name, operation, query_id,
            user_name, time_ms, source_location, partitions
        FROM operations",
    );
    push_names(&mut sql, " WHERE ", names, ["catalog_name", "schema_name", "object_name"]);
    sql.push(" ORDER BY catalog_name, schema_name, object_kind, object_name, operation");
    let rows: Vec<OperationRow> = sql.build().fetch_all(db).await?;
    rows.into_iter().map(operation_from_row).collect()
}

fn operation_from_row(row: OperationRow) -> Result<Operation> {
    let (catalog, schema, kind, name, operation, query_id, user, time_ms, source, partitions) = row;
    let target = Dataset { kind: kind_of(&kind)?, catalog, schema, name };
    Ok(Operation {
        target,
        operation,
        query_id,
        user,
        time_ms,
        source_location: source,
        partitions,
    })
}

fn kind_of(name: &str) -> Result<DatasetKind> {
    DatasetKind::from_name(name).ok_or_else(|| unknown("object", name))
}

pub(super) async fn list(
    db: &mut Connection,
    targets: &NameFilter,
    sources: &NameFilter,
) -> Result<Vec<LineageEdge>> {
    let mut sql = QueryBuilder::new(
        db,
        "SELECT target_catalog, target_schema, target_kind, target_name, target_version,
            source_catalog, source_schema, source_name, query_id, user_name, time_ms
        FROM lineage",
    );
    let word = push_names(
        &mut sql,
        " WHERE ",
        targets,
        ["target_catalog", "target_schema", "target_name"],
    );
    push_names(&mut sql, word, sources, ["source_catalog", "source_schema", "source_name"]);
    sql.push(
        " ORDER BY target_catalog, target_schema, target_kind, target_name, target_version,
            source_catalog, source_schema, source_name",
    );
    let rows: Vec<EdgeRow> = sql.build().fetch_all(db).await?;
    rows.into_iter().map(edge_from_row).collect()
}

fn edge_from_row(row: EdgeRow) -> Result<LineageEdge> {
    let (catalog, schema, kind, name, target_version, ..) = row;
    let target = Dataset { kind: kind_of(&kind)?, catalog, schema, name };
    let source = Dataset { kind: DatasetKind::Table, catalog: row.5, schema: row.6, name: row.7 };
    Ok(LineageEdge {
        source,
        target,
        target_version,
        query_id: row.8,
        user: row.9,
        time_ms: row.10,
    })
}
