use super::*;
use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

fn batch(rows: &[(Option<i64>, Option<&str>)]) -> RecordBatch {
    let schema = Schema::new(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
    ]);
    let numbers: Int64Array = rows.iter().map(|row| row.0).collect();
    let texts: StringArray = rows.iter().map(|row| row.1).collect();
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
}

fn options(format: OutputFormat) -> RenderOptions {
    RenderOptions { format, null: None, header: true, terminal: false }
}

fn render_with(batches: &[RecordBatch], options: &RenderOptions) -> String {
    let mut out = Vec::new();
    let mut renderer = renderer(&batches[0].schema(), options);
    for batch in batches {
        write_batch(renderer.as_mut(), batch, &mut out).unwrap();
    }
    renderer.finish(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn render(format: OutputFormat, rows: &[(Option<i64>, Option<&str>)]) -> String {
    render_with(&[batch(rows)], &options(format))
}

/// Values that try to break a format.
const HOSTILE: &[(Option<i64>, Option<&str>)] = &[
    (Some(1), Some("plain")),
    (Some(-20), None),
    (None, Some("")),
    (Some(3), Some("a,\"b\"|c")),
    (Some(4), Some("two\nlines")),
    (Some(5), Some("\x1b[2J\ttab\r")),
    (Some(6), Some("数据 👩‍🚀")),
    (Some(7), Some("back\\slash")),
];

#[test]
fn aligned() {
    assert_eq!(
        render(OutputFormat::Aligned, HOSTILE),
        "    n | text
------+----------------
    1 | plain
  -20 | NULL
 NULL |
    3 | a,\"b\"|c
    4 | two           +
      | lines
    5 | \\x1b[2J\\ttab\\r
    6 | 数据 👩‍🚀
    7 | back\\slash
"
    );
}

#[test]
fn aligned_columns_are_as_wide_on_screen_as_the_widest_cell() {
    let text = render(OutputFormat::Aligned, &[(Some(1), Some("数据")), (Some(2), Some("👩‍🚀 x"))]);
    assert_eq!(text, " n | text\n---+------\n 1 | 数据\n 2 | 👩‍🚀 x\n");
}

#[test]
fn an_empty_result_has_its_header() {
    assert_eq!(render(OutputFormat::Aligned, &[]), " n | text\n---+------\n");
    assert_eq!(render(OutputFormat::Csv, &[]), "n,text\n");
    assert_eq!(render(OutputFormat::Tsv, &[]), "n\ttext\n");
    assert_eq!(render(OutputFormat::Markdown, &[]), "| n | text |\n| ---: | --- |\n");
    assert_eq!(render(OutputFormat::Json, &[]), "");
}

#[test]
fn a_single_column_of_several_lines_stays_readable() {
    let plan = StringArray::from(vec!["Sort\n  Scan"]);
    let schema = Arc::new(Schema::new(vec![Field::new("plan", DataType::Utf8, true)]));
    let batch = RecordBatch::try_new(schema, vec![Arc::new(plan)]).unwrap();
    let text = render_with(&[batch], &options(OutputFormat::Aligned));
    assert_eq!(text, " plan\n--------\n Sort\n   Scan\n");
}

#[test]
fn a_large_result_is_written_in_chunks() {
    let rows: Vec<_> = (0..2_500).map(|n| (Some(n), Some("x"))).collect();
    let batch = batch(&rows);
    let mut renderer = renderer(&batch.schema(), &options(OutputFormat::Aligned));
    let mut out = Vec::new();
    write_batch(renderer.as_mut(), &batch, &mut out).unwrap();
    assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 2_000 + 2);
    renderer.finish(&mut out).unwrap();
    assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 2_500 + 2);
}

#[test]
fn vertical() {
    assert_eq!(
        render(OutputFormat::Vertical, &[(Some(1), Some("a\nb")), (None, Some("\x1b"))]),
        "\
-[ RECORD 1 ]---------------------------
n    | 1
text | a
     | b
-[ RECORD 2 ]---------------------------
n    | NULL
text | \\x1b
"
    );
}

#[test]
fn csv() {
    assert_eq!(
        render(OutputFormat::Csv, HOSTILE),
        "n,text\n1,plain\n-20,\n,\"\"\n3,\"a,\"\"b\"\"|c\"\n4,\"two\nlines\"\n\
         5,\"\x1b[2J\ttab\r\"\n6,数据 👩‍🚀\n7,back\\slash\n"
    );
}

#[test]
fn csv_for_a_terminal_has_no_escape_sequences() {
    for format in [OutputFormat::Csv, OutputFormat::Tsv] {
        let text =
            render_with(&[batch(HOSTILE)], &RenderOptions { terminal: true, ..options(format) });
        assert!(!text.contains('\x1b'), "{text:?}");
        assert!(text.contains("\\x1b[2J"), "{text:?}");
    }
}

#[test]
fn csv_tells_null_from_a_text_that_looks_like_it() {
    let options = RenderOptions {
        null: Some("NULL".to_owned()),
        header: false,
        ..options(OutputFormat::Csv)
    };
    let rows = [(None, Some("NULL")), (Some(1), None), (Some(2), Some(""))];
    assert_eq!(render_with(&[batch(&rows)], &options), "NULL,\"NULL\"\n1,NULL\n2,\"\"\n");
}

#[test]
fn tsv() {
    assert_eq!(
        render(OutputFormat::Tsv, HOSTILE),
        "n\ttext\n1\tplain\n-20\t\n\t\n3\ta,\"b\"|c\n4\ttwo\\nlines\n\
         5\t\x1b[2J\\ttab\\r\n6\t数据 👩‍🚀\n7\tback\\\\slash\n"
    );
}

#[test]
fn json_lines_read_back() {
    let text = render(OutputFormat::Json, HOSTILE);
    assert!(text.starts_with("{\"n\":1,\"text\":\"plain\"}\n{\"n\":-20,\"text\":null}\n"));
    assert!(!text.contains('\x1b'));
    let read: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (value, row) in read.iter().zip(HOSTILE) {
        assert_eq!(value["n"].as_i64(), row.0);
        assert_eq!(value["text"].as_str(), row.1);
    }
    assert_eq!(read.len(), HOSTILE.len());
}

#[test]
fn markdown() {
    assert_eq!(
        render(OutputFormat::Markdown, &[(Some(1), Some("a|b\n<i>")), (None, Some("\x1b"))]),
        "| n | text |\n| ---: | --- |\n| 1 | a\\|b<br>&lt;i> |\n| NULL | \\\\x1b |\n"
    );
}

#[test]
fn formats_have_names() {
    for name in OutputFormat::names() {
        assert_eq!(name.parse::<OutputFormat>().unwrap().to_string(), name);
    }
    let error = "xml".parse::<OutputFormat>().unwrap_err();
    assert!(error.hint().unwrap().contains("markdown"));
}
