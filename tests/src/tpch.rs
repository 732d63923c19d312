//! TPC-H: data as Parquet files, tables in Quern and in DataFusion, and the 22 queries.

use anyhow::Result;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use quern_client::Connection;
use std::fs::{File, create_dir_all};
use std::path::Path;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};
use tpchgen_arrow::{
    CustomerArrow, LineItemArrow, NationArrow, OrderArrow, PartArrow, PartSuppArrow, RegionArrow,
    SupplierArrow,
};

/// What a generator yields.
type Batches<'a> = dyn Iterator<Item = Result<RecordBatch, ArrowError>> + 'a;

/// The tables with their columns, as CREATE TABLE takes them.
pub const TABLES: [(&str, &str); 8] = [
    ("nation", "n_nationkey bigint, n_name varchar, n_regionkey bigint, n_comment varchar"),
    ("region", "r_regionkey bigint, r_name varchar, r_comment varchar"),
    (
        "part",
        "p_partkey bigint, p_name varchar, p_mfgr varchar, p_brand varchar, p_type varchar, \
         p_size integer, p_container varchar, p_retailprice decimal(15,2), p_comment varchar",
    ),
    (
        "supplier",
        "s_suppkey bigint, s_name varchar, s_address varchar, s_nationkey bigint, \
         s_phone varchar, s_acctbal decimal(15,2), s_comment varchar",
    ),
    (
        "partsupp",
        "ps_partkey bigint, ps_suppkey bigint, ps_availqty integer, \
         ps_supplycost decimal(15,2), ps_comment varchar",
    ),
    (
        "customer",
        "c_custkey bigint, c_name varchar, c_address varchar, c_nationkey bigint, \
         c_phone varchar, c_acctbal decimal(15,2), c_mktsegment varchar, c_comment varchar",
    ),
    (
        "orders",
        "o_orderkey bigint, o_custkey bigint, o_orderstatus varchar, \
         o_totalprice decimal(15,2), o_orderdate date, o_orderpriority varchar, \
         o_clerk varchar, o_shippriority integer, o_comment varchar",
    ),
    (
        "lineitem",
        "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber integer, \
         l_quantity decimal(15,2), l_extendedprice decimal(15,2), l_discount decimal(15,2), \
         l_tax decimal(15,2), l_returnflag varchar, l_linestatus varchar, l_shipdate date, \
         l_commitdate date, l_receiptdate date, l_shipinstruct varchar, l_shipmode varchar, \
         l_comment varchar",
    ),
];

/// Writes all tables under `dir`, one directory each, the larger ones in `parts` files.
///
/// # Errors
/// When the disk refuses.
pub fn write(dir: &Path, scale: f64, parts: i32) -> Result<()> {
    let one = |name: &str, rows: &mut Batches<'_>| file(dir, name, 1, rows);
    one("nation", &mut NationArrow::new(NationGenerator::new(scale, 1, 1)))?;
    one("region", &mut RegionArrow::new(RegionGenerator::new(scale, 1, 1)))?;
    one("supplier", &mut SupplierArrow::new(SupplierGenerator::new(scale, 1, 1)))?;
    for part in 1..=parts {
        let mut part_rows = PartArrow::new(PartGenerator::new(scale, part, parts));
        file(dir, "part", part, &mut part_rows)?;
        let mut rows = PartSuppArrow::new(PartSuppGenerator::new(scale, part, parts));
        file(dir, "partsupp", part, &mut rows)?;
        let mut rows = CustomerArrow::new(CustomerGenerator::new(scale, part, parts));
        file(dir, "customer", part, &mut rows)?;
        let mut rows = OrderArrow::new(OrderGenerator::new(scale, part, parts));
        file(dir, "orders", part, &mut rows)?;
        let mut rows = LineItemArrow::new(LineItemGenerator::new(scale, part, parts));
        file(dir, "lineitem", part, &mut rows)?;
    }
    Ok(())
}

fn file(dir: &Path, table: &str, part: i32, rows: &mut Batches<'_>) -> Result<()> {
    let dir = dir.join(table);
    create_dir_all(&dir)?;
    let mut rows = rows.peekable();
    let Some(Ok(first)) = rows.peek() else { return Ok(()) };
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();
    let file = File::create(dir.join(format!("part-{part}.parquet")))?;
    // As other programs write Parquet: Arrow's own schema would ask readers for its view types.
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(file, first.schema(), options)?;
    for batch in rows {
        writer.write(&batch?)?;
    }
    writer.close()?;
    Ok(())
}

/// Registers the tables under `dir` in the schema `tpch`.
///
/// # Errors
/// The server's.
pub async fn register(connection: &Connection, dir: &Path) -> Result<()> {
    connection.execute("CREATE SCHEMA IF NOT EXISTS tpch").await?;
    for (name, columns) in TABLES {
        let location = dir.join(name);
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS tpch.{name} ({columns}) \
             WITH (format = 'PARQUET', external_location = '{}')",
            location.display()
        );
        connection.execute(&sql).await?;
    }
    Ok(())
}

/// In-process DataFusion over the same files: the independent answer.
///
/// # Errors
/// When a file cannot be read.
pub async fn oracle(dir: &Path, target_partitions: usize) -> Result<SessionContext> {
    let mut config = SessionConfig::new().with_target_partitions(target_partitions);
    config.options_mut().sql_parser.default_null_ordering = "nulls_last".to_owned();
    let context = SessionContext::new_with_config(config);
    for (name, _) in TABLES {
        let path = format!("{}/", dir.join(name).display());
        context.register_parquet(name, path, ParquetReadOptions::default()).await?;
    }
    Ok(context)
}

const QUERIES: [&str; 22] = [
    include_str!("../tpch/q1.sql"),
    include_str!("../tpch/q2.sql"),
    include_str!("../tpch/q3.sql"),
    include_str!("../tpch/q4.sql"),
    include_str!("../tpch/q5.sql"),
    include_str!("../tpch/q6.sql"),
    include_str!("../tpch/q7.sql"),
    include_str!("../tpch/q8.sql"),
    include_str!("../tpch/q9.sql"),
    include_str!("../tpch/q10.sql"),
    include_str!("../tpch/q11.sql"),
    include_str!("../tpch/q12.sql"),
    include_str!("../tpch/q13.sql"),
    include_str!("../tpch/q14.sql"),
    include_str!("../tpch/q15.sql"),
    include_str!("../tpch/q16.sql"),
    include_str!("../tpch/q17.sql"),
    include_str!("../tpch/q18.sql"),
    include_str!("../tpch/q19.sql"),
    include_str!("../tpch/q20.sql"),
    include_str!("../tpch/q21.sql"),
    include_str!("../tpch/q22.sql"),
];

/// The text of query `n`, 1 to 22, with the specification's validation parameters.
pub fn query(n: usize) -> String {
    QUERIES.get(n.wrapping_sub(1)).copied().unwrap_or_default().to_owned()
}
