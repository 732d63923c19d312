//! Reading text files: values of every type, splits, compression, projection, the wire form.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use async_compression::tokio::write::{BzEncoder, GzipEncoder, ZstdEncoder};
use datafusion_common::{DataFusionError, Result, ScalarValue};
use datafusion_datasource::file::FileSource;
use datafusion_datasource::file_groups::FileGroup;
use datafusion_datasource::file_scan_config::{FileScanConfig, FileScanConfigBuilder};
use datafusion_datasource::source::{DataSource, DataSourceExec};
use datafusion_datasource::{PartitionedFile, TableSchema};
use datafusion_execution::TaskContext;
use datafusion_execution::object_store::ObjectStoreUrl;
use datafusion_expr::physical_planning_context::ScalarSubqueryResults;
use datafusion_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::projection::ProjectionExprs;
use datafusion_physical_plan::proto::{
    ExecutionPlanDecode, ExecutionPlanDecodeCtx, ExecutionPlanEncode, ExecutionPlanEncodeCtx,
};
use datafusion_physical_plan::{ExecutionPlan, PhysicalExpr};
use datafusion_proto_models::protobuf::physical_expr_node::ExprType;
use datafusion_proto_models::protobuf::physical_plan_node::PhysicalPlanType;
use datafusion_proto_models::protobuf::{PhysicalColumn, PhysicalExprNode, PhysicalPlanNode};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use quern_catalog::model::Parameters;
use quern_catalog::scan::open_envelope;
use quern_catalog::scan::text::{TEXT_SCAN_TAG, TextOptions, TextSource};
use quern_common::{Error, ErrorCode};
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

const STORE: &str = "memory://test";

struct Files {
    store: Arc<InMemory>,
    context: Arc<TaskContext>,
}

impl Files {
    fn new() -> Self {
        let store = Arc::new(InMemory::new());
        let context = Arc::new(TaskContext::default());
        let url = ObjectStoreUrl::parse(STORE).unwrap();
        let dynamic: Arc<dyn ObjectStore> = Arc::clone(&store) as Arc<dyn ObjectStore>;
        context.runtime_env().register_object_store(url.as_ref(), dynamic);
        Self { store, context }
    }

    async fn put(&self, name: &str, bytes: impl Into<Vec<u8>>) -> PartitionedFile {
        let path = Path::from(name);
        self.store.put(&path, PutPayload::from(bytes.into())).await.unwrap();
        PartitionedFile::from(self.store.head(&path).await.unwrap())
    }

    async fn read(&self, config: FileScanConfig) -> Result<Vec<RecordBatch>> {
        self.run(DataSourceExec::from_data_source(config)).await
    }

    async fn run(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<RecordBatch>> {
        let mut batches = vec![];
        for partition in 0..plan.properties().output_partitioning().partition_count() {
            let stream = plan.execute(partition, Arc::clone(&self.context))?;
            batches.extend(stream.try_collect::<Vec<_>>().await?);
        }
        Ok(batches)
    }
}

fn scan(source: TextSource, groups: Vec<Vec<PartitionedFile>>) -> FileScanConfig {
    let groups = groups.into_iter().map(FileGroup::new).collect();
    FileScanConfigBuilder::new(ObjectStoreUrl::parse(STORE).unwrap(), Arc::new(source))
        .with_file_groups(groups)
        .build()
}

fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let field = |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Rows as text, NULL as `∅`.
fn rows(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("∅");
    let mut rows = vec![];
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    rows
}

async fn read_text(options: TextOptions, schema: SchemaRef, text: &str) -> Vec<Vec<String>> {
    let files = Files::new();
    let file = files.put("t/part-0", text).await;
    rows(&files.read(scan(TextSource::new(schema, options), vec![vec![file]])).await.unwrap())
}

fn parameters(pairs: &[(&str, &str)]) -> Parameters {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn comma() -> TextOptions {
    TextOptions { field_delimiter: b',', ..TextOptions::default() }
}

fn csv() -> TextOptions {
    TextOptions::csv(&Parameters::new(), &Parameters::new()).unwrap()
}

#[tokio::test]
async fn every_type_is_read_and_what_is_no_value_is_null() {
    let every_type = schema(&[
        ("b", DataType::Boolean),
        ("i8", DataType::Int8),
        ("i16", DataType::Int16),
        ("i32", DataType::Int32),
        ("i64", DataType::Int64),
        ("f32", DataType::Float32),
        ("f64", DataType::Float64),
        ("d", DataType::Decimal128(10, 2)),
        ("day", DataType::Date32),
        ("ts", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("tz", DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))),
        ("s", DataType::Utf8),
        ("v", DataType::Utf8View),
        ("bin", DataType::Binary),
    ]);
    let text = "true,1,-2,3,4,1.5,-2.5,3.145,2024-02-29,2024-02-29 01:02:03.1234567,\
                2024-02-29T01:02:03Z,é,view,aGk=\n\
                \\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N,\\N\n\
                ,,,,,,,,,,,,,\n\
                x,128,32768,2147483648,9223372036854775808,x,x,123456789,2024-13-01,x,x,x,x,!\n\
                FALSE,-128,12.9,+7,007,NaN,1e3,-0.005,1969-12-31,1969-12-31,1970-1-1 0:0:1.5\n";
    let found = read_text(comma(), every_type, text).await;
    let expected = [
        "true 1 -2 3 4 1.5 -2.5 3.15 2024-02-29 2024-02-29T01:02:03.123456 2024-02-29T01:02:03Z é view 6869",
        "∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅",
        "∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅   ",
        "∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ ∅ x x 21",
        "false -128 12 7 7 NaN 1000.0 -0.01 1969-12-31 1969-12-31T00:00:00 1970-01-01T00:00:01.500Z ∅ ∅ ∅",
    ];
    let found: Vec<String> = found.iter().map(|row| row.join(" ")).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn lines_of_another_length_are_filled_up_and_cut_off() {
    let three = schema(&[("a", DataType::Utf8), ("b", DataType::Utf8), ("c", DataType::Int64)]);
    let found =
        read_text(TextOptions::default(), three, "x\n\nx\u{1}y\u{1}3\u{1}z\r\n\u{1}\u{1}4").await;
    let expected = [["x", "∅", "∅"], ["", "∅", "∅"], ["x", "y", "3"], ["", "", "4"]];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn escapes_are_resolved_after_null_and_delimiters() {
    let options =
        TextOptions { field_delimiter: b'|', escape: Some(b'\\'), ..TextOptions::default() };
    let two = schema(&[("a", DataType::Utf8), ("b", DataType::Utf8)]);
    let found = read_text(options, two, "a\\|b|c\\\\\n\\N|\\\\N\nx\\\n").await;
    assert_eq!(found, [["a|b", "c\\"], ["∅", "\\N"], ["x\\", "∅"]]);
}

#[tokio::test]
async fn csv_has_quotes_line_breaks_and_types() {
    let two = schema(&[("s", DataType::Utf8), ("n", DataType::Int32)]);
    let mut options = csv();
    options.skip_header_lines = 1;
    let text = "s,n\n\"a,\"\"b\"\"\nc\",1\n\n\"\",\" 2 \"\n\\N,x\n";
    let found = read_text(options, two, text).await;
    assert_eq!(found, [["a,\"b\"\nc", "1"], ["∅", "∅"], ["", "2"], ["N", "∅"]]);
}

#[tokio::test]
async fn the_rows_of_all_splits_are_the_rows_of_the_file_whatever_their_size() {
    let two = schema(&[("a", DataType::Utf8), ("b", DataType::Int64)]);
    let texts = [
        "h,h\na,1\nbb,22\r\nccc,333\n\n\nd,4",
        "h\r\n\r\na,1\r\rb,2\r\n",
        "\u{feff}h\nä,1\n€,2\n",
        "one line without an end",
        "\n",
        "\r\n\r\n\n\r",
    ];
    let files = Files::new();
    for (nth, text) in texts.into_iter().enumerate() {
        let whole = files.put(&format!("t/{nth}"), text).await;
        for skip_header_lines in [0, 1] {
            let options = TextOptions { skip_header_lines, ..comma() };
            let source = TextSource::new(Arc::clone(&two), options);
            let expected =
                rows(&files.read(scan(source.clone(), vec![vec![whole.clone()]])).await.unwrap());
            let length = i64::try_from(text.len()).unwrap();
            for size in 1..=length + 1 {
                let splits = (0..length).step_by(usize::try_from(size).unwrap());
                let splits = splits
                    .map(|start| vec![whole.clone().with_range(start, length.min(start + size))]);
                let config = scan(source.clone(), splits.collect());
                let found = rows(&files.read(config).await.unwrap());
                assert_eq!(
                    found, expected,
                    "{text:?}, header {skip_header_lines}, splits of {size}"
                );
            }
        }
    }
    let expected = read_text(comma(), two, texts[0]).await;
    assert_eq!(expected.len(), 7);
    assert_eq!(expected[3], ["ccc", "333"]);
}

#[tokio::test]
async fn a_long_file_is_read_in_chunks_and_split_between_tasks() {
    let two = schema(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
    let text: String = (0..200_000).map(|n| format!("{n},{}\n", "x".repeat(n % 90))).collect();
    assert!(text.len() > 9 << 20);
    let files = Files::new();
    let file = files.put("t/large", text).await;
    let config = scan(TextSource::new(two, comma()), vec![vec![file]]);
    let divided = config.repartitioned(7, 1, None).unwrap().expect("a text file can be divided");
    let plan = DataSourceExec::new(divided);
    assert_eq!(plan.properties().output_partitioning().partition_count(), 7);
    let batches = files.run(Arc::new(plan)).await.unwrap();
    let mut next = 0;
    for batch in &batches {
        assert!(batch.num_rows() <= 8_192);
        let (numbers, texts) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1));
        for row in 0..batch.num_rows() {
            assert_eq!(numbers.value(row), next);
            assert_eq!(texts.as_string::<i32>().value(row).len() as i64, next % 90);
            next += 1;
        }
    }
    assert_eq!(next, 200_000);
}

#[tokio::test]
async fn files_that_cannot_be_divided_are_read_by_their_first_split() {
    let one = schema(&[("a", DataType::Utf8)]);
    let files = Files::new();
    let file = files.put("t/quoted.csv", "\"a\nb\"\nc\n\"d\"\n").await;
    let splits =
        [(0, 3), (3, 6), (6, 13)].map(|(start, end)| vec![file.clone().with_range(start, end)]);
    let config = scan(TextSource::new(Arc::clone(&one), csv()), splits.to_vec());
    assert_eq!(rows(&files.read(config).await.unwrap()), [["a\nb"], ["c"], ["d"]]);
    let config = scan(TextSource::new(one, csv()), vec![vec![file]]);
    assert!(config.repartitioned(4, 1, None).unwrap().is_none());
}

async fn compress(kind: &str, text: &str) -> Vec<u8> {
    macro_rules! written {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(vec![]);
            encoder.write_all(text.as_bytes()).await.unwrap();
            encoder.shutdown().await.unwrap();
            encoder.into_inner()
        }};
    }
    match kind {
        "gz" => written!(GzipEncoder),
        "bz2" => written!(BzEncoder),
        _ => written!(ZstdEncoder),
    }
}

#[tokio::test]
async fn compressed_files_are_read_whole_all_their_streams() {
    let one = schema(&[("a", DataType::Int64)]);
    let first: String = (0..50_000).map(|n| format!("{n}\n")).collect();
    let second: String = (50_000..100_000).map(|n| format!("{n}\n")).collect();
    for kind in ["gz", "bz2", "zst"] {
        let files = Files::new();
        let mut bytes = compress(kind, &first).await;
        bytes.extend(compress(kind, &second).await);
        let length = i64::try_from(bytes.len()).unwrap();
        let file = files.put(&format!("t/part-0.{kind}"), bytes.clone()).await;
        let halves = vec![
            vec![file.clone().with_range(0, length / 2)],
            vec![file.clone().with_range(length / 2, length)],
        ];
        for groups in [vec![vec![file.clone()]], halves] {
            let config = scan(TextSource::new(Arc::clone(&one), comma()), groups);
            assert!(config.repartitioned(4, 1, None).unwrap().is_none());
            let batches = files.read(config).await.unwrap();
            let values =
                batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values());
            assert!(values.copied().eq(0..100_000), "{kind}");
        }
        bytes.truncate(bytes.len() / 3);
        let cut = files.put(&format!("t/cut.{kind}"), bytes).await;
        let err =
            files.read(scan(TextSource::new(Arc::clone(&one), comma()), vec![vec![cut]])).await;
        assert_code(&err.unwrap_err(), ErrorCode::HiveBadData, &format!("\"/t/cut.{kind}\""));
    }
    let files = Files::new();
    let file = files.put("t/part-0.snappy", "x").await;
    let err = files.read(scan(TextSource::new(one, comma()), vec![vec![file]])).await.unwrap_err();
    assert_code(&err, ErrorCode::HiveUnsupportedFormat, "\"snappy\"");
}

fn assert_code(err: &DataFusionError, code: ErrorCode, part: &str) {
    let DataFusionError::External(source) = err else { panic!("{err:?}") };
    let found = source.downcast_ref::<Error>().unwrap_or_else(|| panic!("{err:?}"));
    assert_eq!(found.code(), code, "{found}");
    assert!(found.message().contains(part), "{found}");
}

#[tokio::test]
async fn errors_name_the_file_and_the_byte() {
    let two = schema(&[("a", DataType::Utf8), ("b", DataType::Utf8)]);
    let files = Files::new();
    let file = files.put("t/bad", b"ok,ok\nok,\xff\n".to_vec()).await;
    let splits = vec![vec![file.clone().with_range(2, 12)]];
    for groups in [vec![vec![file]], splits] {
        let config = scan(TextSource::new(Arc::clone(&two), comma()), groups);
        let err = files.read(config).await.unwrap_err();
        assert_code(&err, ErrorCode::HiveBadData, "file \"/t/bad\", byte 9: field 2 is not UTF-8");
    }
    let open = files.put("t/open.csv", "a,\"b\n").await;
    let config = scan(TextSource::new(Arc::clone(&two), csv()), vec![vec![open]]);
    assert_code(
        &files.read(config).await.unwrap_err(),
        ErrorCode::HiveBadData,
        "\"/t/open.csv\", byte 0",
    );
    let gone = PartitionedFile::new("t/gone", 5);
    let config = scan(TextSource::new(Arc::clone(&two), comma()), vec![vec![gone]]);
    assert_code(&files.read(config).await.unwrap_err(), ErrorCode::HiveFileNotFound, "\"/t/gone\"");
    let replaced = files.put("t/replaced", "a,b\n").await;
    files.put("t/replaced", "c,d\n").await;
    let config = scan(TextSource::new(two, comma()), vec![vec![replaced]]);
    let err = files.read(config).await.unwrap_err();
    assert_code(&err, ErrorCode::HiveFilesystemError, "\"/t/replaced\"");
}

/// A table of file columns a, b, c and partition keys p, q.
fn partitioned() -> TableSchema {
    let file = schema(&[("a", DataType::Utf8), ("b", DataType::Int64), ("c", DataType::Utf8)]);
    let keys = ["p", "q"].map(|name| Arc::new(Field::new(name, DataType::Utf8, true)));
    TableSchema::builder(file).with_table_partition_cols(keys.to_vec()).build()
}

fn project(source: &TextSource, columns: &[usize]) -> Arc<dyn FileSource> {
    let projection = ProjectionExprs::from_indices(columns, source.table_schema().table_schema());
    source.try_pushdown_projection(&projection).unwrap().unwrap()
}

#[tokio::test]
async fn only_the_columns_asked_for_are_made_partition_keys_among_them() {
    let files = Files::new();
    let mut file = files.put("p=1/q=2/f", "x,1,\\N\ny,2,z\n").await;
    file.partition_values = vec![ScalarValue::from("1"), ScalarValue::from("2")];
    let source = TextSource::new(partitioned(), comma());
    let read = async |columns: &[usize]| {
        let config = scan(source.clone(), vec![vec![file.clone()]]);
        let config =
            FileScanConfigBuilder::from(config).with_source(project(&source, columns)).build();
        files.read(config).await.unwrap()
    };
    assert_eq!(
        rows(&read(&[0, 1, 2, 3, 4]).await),
        [["x", "1", "∅", "1", "2"], ["y", "2", "z", "1", "2"]]
    );
    assert_eq!(rows(&read(&[4, 2, 1]).await), [["2", "∅", "1"], ["2", "z", "2"]]);
    assert_eq!(rows(&read(&[3]).await), [["1"], ["1"]]);
    let counted = read(&[]).await;
    assert_eq!(counted.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
}

#[tokio::test]
async fn a_nested_column_is_refused_by_name_only_when_it_is_read() {
    let item = Arc::new(Field::new("item", DataType::Utf8, true));
    let nested = schema(&[("a", DataType::Utf8), ("tags", DataType::List(item))]);
    let files = Files::new();
    let file = files.put("t/f", "x,y\n").await;
    let source = TextSource::new(nested, comma());
    let err = files.read(scan(source.clone(), vec![vec![file.clone()]])).await.unwrap_err();
    assert_code(&err, ErrorCode::NotSupported, "column \"tags\"");
    let config = FileScanConfigBuilder::from(scan(source.clone(), vec![vec![file]]))
        .with_source(project(&source, &[0]))
        .build();
    assert_eq!(rows(&files.read(config).await.unwrap()), [["x"]]);
}

#[tokio::test]
async fn limit_and_batch_size_are_kept_to() {
    let one = schema(&[("a", DataType::Int64)]);
    let files = Files::new();
    let text: String = (0..100).map(|n| format!("{n}\n")).collect();
    let file = files.put("t/f", text).await;
    let config = scan(TextSource::new(one, comma()), vec![vec![file]]);
    let config =
        FileScanConfigBuilder::from(config).with_limit(Some(25)).with_batch_size(Some(10)).build();
    let batches = files.read(config).await.unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [10, 10, 5]);
}

#[test]
fn hive_parameters_become_options_and_what_we_do_not_do_is_named() {
    let none = Parameters::new();
    assert_eq!(TextOptions::delimited(&none, &none).unwrap(), TextOptions::default());
    for (text, byte) in
        [("|", b'|'), ("9", 9), ("-2", 0xFE), ("\t", 9), ("\\t", 9), ("\\001", 1), ("\\u0002", 2)]
    {
        let options = TextOptions::delimited(&parameters(&[("field.delim", text)]), &none).unwrap();
        assert_eq!(options.field_delimiter, byte, "{text:?}");
    }
    let serde = parameters(&[
        ("serialization.format", "1"),
        ("escape.delim", "\\"),
        ("serialization.null.format", ""),
    ]);
    let table = parameters(&[("skip.header.line.count", "2")]);
    let options = TextOptions::delimited(&serde, &table).unwrap();
    assert_eq!((options.field_delimiter, options.escape), (1, Some(b'\\')));
    assert_eq!((options.null_text.as_deref(), options.skip_header_lines), (Some(""), 2));
    assert!(!options.can_split(&Path::from("t/f")));

    let options =
        TextOptions::csv(&parameters(&[("separatorChar", ";"), ("escapeChar", "\"")]), &none)
            .unwrap();
    assert_eq!((options.field_delimiter, options.quote, options.escape), (b';', Some(b'"'), None));
    for (key, value) in [
        ("field.delim", "||"),
        ("field.delim", "é"),
        ("line.delim", "|"),
        ("serialization.encoding", "GBK"),
        ("serialization.last.column.takes.rest", "true"),
        ("timestamp.formats", "yyyy"),
        ("skip.footer.line.count", "1"),
    ] {
        let err = TextOptions::delimited(&parameters(&[(key, value)]), &none).unwrap_err();
        assert_eq!(err.code(), ErrorCode::NotSupported, "{key}: {err}");
        assert!(err.message().contains(key) || err.message().contains(value), "{err}");
    }
    let err =
        TextOptions::csv(&none, &parameters(&[("skip.header.line.count", "many")])).unwrap_err();
    assert_eq!(err.code(), ErrorCode::HiveInvalidMetadata);
}

/// Writes and reads column references only.
struct ColumnCodec {
    context: Arc<TaskContext>,
}

fn unexpected<T>() -> Result<T> {
    Err(DataFusionError::Internal("not in this test".to_owned()))
}

impl ExecutionPlanEncode for ColumnCodec {
    fn encode_plan(&self, _: &Arc<dyn ExecutionPlan>) -> Result<PhysicalPlanNode> {
        unexpected()
    }

    fn encode_expr(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<PhysicalExprNode> {
        let column = expr.downcast_ref::<Column>().expect("a column");
        let column = PhysicalColumn {
            name: column.name().to_owned(),
            index: u32::try_from(column.index()).unwrap(),
        };
        Ok(PhysicalExprNode { expr_type: Some(ExprType::Column(column)), ..Default::default() })
    }

    fn encode_udf(&self, _: &ScalarUDF) -> Result<Option<Vec<u8>>> {
        unexpected()
    }

    fn encode_udaf(&self, _: &AggregateUDF) -> Result<Option<Vec<u8>>> {
        unexpected()
    }

    fn encode_udwf(&self, _: &WindowUDF) -> Result<Option<Vec<u8>>> {
        unexpected()
    }
}

impl ExecutionPlanDecode for ColumnCodec {
    fn decode_plan(&self, _: &PhysicalPlanNode) -> Result<Arc<dyn ExecutionPlan>> {
        unexpected()
    }

    fn decode_plan_with_scalar_subquery_results(
        &self,
        _: &PhysicalPlanNode,
        _: ScalarSubqueryResults,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        unexpected()
    }

    fn decode_expr(&self, node: &PhysicalExprNode, _: &Schema) -> Result<Arc<dyn PhysicalExpr>> {
        match &node.expr_type {
            Some(ExprType::Column(column)) => {
                Ok(Arc::new(Column::new(&column.name, usize::try_from(column.index).unwrap())))
            }
            _ => unexpected(),
        }
    }

    fn task_ctx(&self) -> &TaskContext {
        &self.context
    }

    fn decode_udf(&self, _: &str, _: Option<&[u8]>) -> Result<Arc<ScalarUDF>> {
        unexpected()
    }

    fn decode_udaf(&self, _: &str, _: Option<&[u8]>) -> Result<Arc<AggregateUDF>> {
        unexpected()
    }

    fn decode_udwf(&self, _: &str, _: Option<&[u8]>) -> Result<Arc<WindowUDF>> {
        unexpected()
    }
}

#[tokio::test]
async fn a_scan_that_went_over_the_wire_reads_the_same() {
    let files = Files::new();
    let mut file = files.put("p=1/q=2/f", "h\nx;1;-\ny;2;z\n").await.with_range(0, 6);
    file.partition_values = vec![ScalarValue::from("1"), ScalarValue::from("2")];
    let options = TextOptions {
        field_delimiter: b';',
        null_text: Some("-".to_owned()),
        skip_header_lines: 1,
        ..TextOptions::default()
    };
    let source = TextSource::new(partitioned(), options.clone());
    let config = scan(source.clone(), vec![vec![file]]);
    let config = FileScanConfigBuilder::from(config)
        .with_source(project(&source, &[4, 2, 0]))
        .with_limit(Some(5))
        .build();
    let codec = ColumnCodec { context: Arc::clone(&files.context) };
    let source = config.file_source();
    let node = source.try_to_proto(&config, &ExecutionPlanEncodeCtx::new(&codec)).unwrap().unwrap();
    let Some(PhysicalPlanType::Extension(extension)) = node.physical_plan_type else {
        panic!("not an extension")
    };
    let node = open_envelope(&extension.node).unwrap().unwrap();
    let (tag, body) = node.split_first().unwrap();
    assert_eq!(*tag, TEXT_SCAN_TAG);
    let plan = TextSource::try_from_proto(body, &ExecutionPlanDecodeCtx::new(&codec)).unwrap();
    let expected = files.read(config).await.unwrap();
    assert_eq!(rows(&expected), [["2", "∅", "x"]]);
    assert_eq!(files.run(Arc::clone(&plan)).await.unwrap(), expected);
    let decoded = plan.downcast_ref::<DataSourceExec>().unwrap().data_source();
    let decoded = decoded.downcast_ref::<FileScanConfig>().unwrap();
    assert_eq!(decoded.limit, Some(5));
    assert_eq!(decoded.file_source().downcast_ref::<TextSource>().unwrap().options(), &options);
    assert!(TextSource::try_from_proto(b"\xff", &ExecutionPlanDecodeCtx::new(&codec)).is_err());
}
