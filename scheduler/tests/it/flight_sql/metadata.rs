//! Metadata: schemas to the letter of the protocol, and the filters.

use super::harness::{RawClient, Server, SqlClient, descriptor, fetch, ticket};
use arrow::array::{Array, AsArray, RecordBatch, UnionArray};
use arrow::datatypes::{DataType, Field, Fields, Int32Type, Schema, UInt32Type};
use arrow_flight::IpcMessage;
use arrow_flight::sql::{
    CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys,
    CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetTableTypes, CommandGetTables,
    CommandGetXdbcTypeInfo, SqlInfo, XdbcDataType,
};
use futures::TryStreamExt;

fn texts(batch: &RecordBatch, column: usize) -> Vec<&str> {
    batch.column(column).as_string::<i32>().iter().map(Option::unwrap).collect()
}

fn keys() -> CommandGetPrimaryKeys {
    CommandGetPrimaryKeys { catalog: None, db_schema: None, table: "orders".to_owned() }
}

/// The names of tables as `catalog.schema.table`.
async fn tables(client: &mut SqlClient, command: CommandGetTables) -> Vec<String> {
    let info = client.get_tables(command).await.unwrap();
    let batch = fetch(client, &info).await;
    let columns = [0, 1, 2].map(|column| texts(&batch, column));
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column[row]).collect::<Vec<_>>().join("."))
        .collect()
}

fn schema(fields: &[(&str, DataType, bool)]) -> Schema {
    let fields = fields
        .iter()
        .map(|(name, data_type, nullable)| Field::new(*name, data_type.clone(), *nullable));
    Schema::new(fields.collect::<Fields>())
}

fn foreign_keys() -> Schema {
    let text = |name, nullable| (name, DataType::Utf8, nullable);
    schema(&[
        text("pk_catalog_name", true),
        text("pk_db_schema_name", true),
        text("pk_table_name", false),
        text("pk_column_name", false),
        text("fk_catalog_name", true),
        text("fk_db_schema_name", true),
        text("fk_table_name", false),
        text("fk_column_name", false),
        ("key_sequence", DataType::Int32, false),
        text("fk_key_name", true),
        text("pk_key_name", true),
        ("update_rule", DataType::UInt8, false),
        ("delete_rule", DataType::UInt8, false),
    ])
}

/// A command's schema as GetSchema, GetFlightInfo and DoGet tell it, which must be one.
async fn schema_of(
    raw: &mut RawClient,
    command: impl arrow_flight::sql::ProstMessageExt,
) -> Schema {
    let descriptor = descriptor(&command);
    let told = raw.get_schema(descriptor.clone()).await.unwrap().into_inner();
    let told = Schema::try_from(told).unwrap();
    let info = raw.get_flight_info(descriptor).await.unwrap().into_inner();
    let messages = raw.do_get(ticket(&info)).await.unwrap().into_inner();
    let first = messages.try_collect::<Vec<_>>().await.unwrap().remove(0);
    assert_eq!(Schema::try_from(&first).unwrap(), told);
    assert_eq!(info.try_decode_schema().unwrap(), told);
    told
}

#[tokio::test]
async fn schemas_are_those_of_the_protocol() {
    let server = Server::start().await;
    let mut raw = server.raw().await;
    let text = |name, nullable| (name, DataType::Utf8, nullable);
    let catalogs = schema(&[text("catalog_name", false)]);
    assert_eq!(schema_of(&mut raw, CommandGetCatalogs {}).await, catalogs);
    let schemas = schema(&[text("catalog_name", true), text("db_schema_name", false)]);
    assert_eq!(schema_of(&mut raw, CommandGetDbSchemas::default()).await, schemas);
    let table = [
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("table_type", false),
    ];
    assert_eq!(schema_of(&mut raw, CommandGetTables::default()).await, schema(&table));
    let with_schema = [&table[..], &[("table_schema", DataType::Binary, false)]].concat();
    let command = CommandGetTables { include_schema: true, ..CommandGetTables::default() };
    assert_eq!(schema_of(&mut raw, command).await, schema(&with_schema));
    let types = schema(&[text("table_type", false)]);
    assert_eq!(schema_of(&mut raw, CommandGetTableTypes {}).await, types);
    let primary = schema(&[
        text("catalog_name", true),
        text("db_schema_name", true),
        text("table_name", false),
        text("column_name", false),
        text("key_name", true),
        ("key_sequence", DataType::Int32, false),
    ]);
    assert_eq!(schema_of(&mut raw, keys()).await, primary);
    assert_eq!(schema_of(&mut raw, CommandGetExportedKeys::default()).await, foreign_keys());
    assert_eq!(schema_of(&mut raw, CommandGetImportedKeys::default()).await, foreign_keys());
    assert_eq!(schema_of(&mut raw, CommandGetCrossReference::default()).await, foreign_keys());
}

#[tokio::test]
async fn sql_info_has_the_schema_and_every_key() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.get_sql_info(vec![]).await.unwrap();
    let batch = fetch(&mut client, &info).await;
    let schema = batch.schema();
    assert_eq!(schema.field(0), &Field::new("info_name", DataType::UInt32, false));
    let DataType::Union(children, arrow::datatypes::UnionMode::Dense) = schema.field(1).data_type()
    else {
        panic!("not a dense union: {schema:?}");
    };
    assert_eq!(schema.field(1).name(), "value");
    assert!(!schema.field(1).is_nullable());
    let children: Vec<_> = children.iter().map(|(id, field)| (id, field.name().as_str())).collect();
    let expected = [
        (0, "string_value"),
        (1, "bool_value"),
        (2, "bigint_value"),
        (3, "int32_bitmask"),
        (4, "string_list"),
        (5, "int32_to_int32_list_map"),
    ];
    assert_eq!(children, expected);
    assert_eq!(batch.num_rows(), 12 + 2 + 77);
}

#[tokio::test]
async fn sql_info_answers_single_keys() {
    let server = Server::start().await;
    let mut client = server.client().await;
    // What ADBC asks for at connect, and a dialect of SQLAlchemy.
    let asked = vec![SqlInfo::FlightSqlServerTransaction, SqlInfo::SqlIdentifierQuoteChar];
    let info = client.get_sql_info(asked).await.unwrap();
    let batch = fetch(&mut client, &info).await;
    assert_eq!(batch.column(0).as_primitive::<UInt32Type>().values(), &[8, 504]);
    let values = batch.column(1).as_any().downcast_ref::<UnionArray>().unwrap();
    assert_eq!(values.type_id(0), 3);
    assert_eq!(values.value(0).as_primitive::<Int32Type>().value(0), 0);
    assert_eq!(values.value(1).as_string::<i32>().value(0), "\"");
}

#[tokio::test]
async fn catalogs_and_schemas_are_sorted_and_filtered() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.get_catalogs().await.unwrap();
    assert_eq!(texts(&fetch(&mut client, &info).await, 0), ["hive", "system"]);
    let find = |catalog: Option<&str>, pattern: Option<&str>| CommandGetDbSchemas {
        catalog: catalog.map(str::to_owned),
        db_schema_filter_pattern: pattern.map(str::to_owned),
    };
    for (command, expected) in [
        (find(None, None), vec!["default", "sales_eu", "runtime"]),
        (find(None, Some("%")), vec!["default", "sales_eu", "runtime"]),
        (find(Some("hive"), None), vec!["default", "sales_eu"]),
        (find(None, Some("sales_eu")), vec!["sales_eu"]),
        (find(None, Some("sales\\_eu")), vec!["sales_eu"]),
        (find(None, Some("%a%")), vec!["default", "sales_eu"]),
        (find(Some(""), None), vec![]),
        (find(Some("hiv"), None), vec![]),
    ] {
        let info = client.get_db_schemas(command.clone()).await.unwrap();
        assert_eq!(texts(&fetch(&mut client, &info).await, 1), expected, "{command:?}");
    }
}

#[tokio::test]
async fn tables_are_filtered() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let (orders, recent) = ("hive.default.orders", "hive.default.recent");
    let (sales, queries) = ("hive.sales_eu.orders", "system.runtime.queries");
    let of = |change: fn(&mut CommandGetTables)| {
        let mut command = CommandGetTables::default();
        change(&mut command);
        command
    };
    for (command, expected) in [
        (of(|_| ()), vec![orders, recent, sales, queries]),
        (of(|it| it.catalog = Some("hive".into())), vec![orders, recent, sales]),
        (of(|it| it.db_schema_filter_pattern = Some("def%".into())), vec![orders, recent]),
        (of(|it| it.table_name_filter_pattern = Some("order_".into())), vec![orders, sales]),
        (of(|it| it.table_name_filter_pattern = Some("orders".into())), vec![orders, sales]),
        (of(|it| it.table_types = vec!["VIEW".into()]), vec![recent]),
        (
            of(|it| it.table_types = vec!["VIEW".into(), "SYSTEM TABLE".into()]),
            vec![recent, queries],
        ),
        (of(|it| it.table_types = vec!["GLOBAL TEMPORARY".into()]), vec![]),
        // pandas sends a whole query as a table's name.
        (of(|it| it.table_name_filter_pattern = Some("SELECT (1) FROM [x*".into())), vec![]),
    ] {
        assert_eq!(tables(&mut client, command.clone()).await, expected, "{command:?}");
    }
}

#[tokio::test]
async fn a_table_comes_with_its_schema_on_request() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let command = CommandGetTables {
        table_name_filter_pattern: Some("queries".to_owned()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = client.get_tables(command).await.unwrap();
    let batch = fetch(&mut client, &info).await;
    let bytes = batch.column(4).as_binary::<i32>().value(0).to_vec();
    let schema = Schema::try_from(IpcMessage(bytes.into())).unwrap();
    let (id, name) = (schema.field(0), schema.field(1));
    assert_eq!((id.data_type(), id.is_nullable()), (&DataType::Int64, false));
    assert_eq!((name.data_type(), name.is_nullable()), (&DataType::Utf8, true));
    let fact = |field: &Field, key: &str| {
        field.metadata().get(&format!("ARROW:FLIGHT:SQL:{key}")).cloned().unwrap_or_default()
    };
    assert_eq!(fact(id, "TYPE_NAME"), "BIGINT");
    assert_eq!(fact(id, "TABLE_NAME"), "queries");
    assert_eq!(fact(name, "SCHEMA_NAME"), "runtime");
    assert_eq!(fact(name, "CATALOG_NAME"), "system");
    assert_eq!(fact(name, "REMARKS"), "in metres");
}

#[tokio::test]
async fn table_types_are_those_that_tables_have() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.get_table_types().await.unwrap();
    let batch = fetch(&mut client, &info).await;
    assert_eq!(texts(&batch, 0), ["SYSTEM TABLE", "TABLE", "VIEW"]);
}

#[tokio::test]
async fn there_are_no_keys() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let info = client.get_primary_keys(keys()).await.unwrap();
    assert_eq!(fetch(&mut client, &info).await.num_rows(), 0);
    let info = client.get_cross_reference(CommandGetCrossReference::default()).await.unwrap();
    assert_eq!(fetch(&mut client, &info).await.num_rows(), 0);
}

#[tokio::test]
async fn types_are_described_all_or_one() {
    let server = Server::start().await;
    let mut client = server.client().await;
    let all = client.get_xdbc_type_info(CommandGetXdbcTypeInfo { data_type: None }).await.unwrap();
    let all = fetch(&mut client, &all).await;
    assert!(texts(&all, 0).contains(&"TIMESTAMP WITH TIME ZONE"));
    let types = all.column(1).as_primitive::<Int32Type>().values();
    assert!(types.is_sorted());
    let varchar = CommandGetXdbcTypeInfo { data_type: Some(XdbcDataType::XdbcVarchar as i32) };
    let info = client.get_xdbc_type_info(varchar).await.unwrap();
    assert_eq!(texts(&fetch(&mut client, &info).await, 0), ["VARCHAR"]);
}
