//! Tables of Spark's data sources, which `CREATE TABLE … USING …` makes.
//!
//! Spark has their definition in parameters. Where Hive could read the files, the storage descriptor
//! says the same; where not, it is made up: one column `col array<string>`, in sequence files, in a
//! place where nothing is.

use super::{Column, Parameters, StorageFormat, Table};
use quern_common::{Error, ErrorCode, Result};
use serde_json::Value;

const PROVIDER: &str = "spark.sql.sources.provider";
const SCHEMA: &str = "spark.sql.sources.schema";
/// Parts of a schema that is too long for one parameter: there was a limit of 4,000 bytes.
const PARTS: &str = "spark.sql.sources.schema.numParts";
const PART: &str = "spark.sql.sources.schema.part.";
const PARTS_MAX: usize = 10_000;
/// `catalog` for a table whose partitions the metastore has.
const PARTITIONS: &str = "spark.sql.partitionProvider";
/// A parameter of the SerDe: where the files are.
const PATH: &str = "path";
/// In a column's metadata: the type of what Spark itself takes for a text.
const LENGTH_TYPE: &str = "__CHAR_VARCHAR_TYPE_STRING";

impl Table {
    /// The data source of a table that Spark made with `USING`, such as `csv`. Hive's own tables
    /// have none.
    pub fn spark_source(&self) -> Option<&str> {
        let provider = self.parameters.get(PROVIDER)?;
        (!provider.eq_ignore_ascii_case("hive")).then_some(provider.as_str())
    }

    /// Whether the storage descriptor of a table of Spark's is made up.
    pub fn is_descriptor_made_up(&self) -> bool {
        self.spark_source().is_some_and(|source| {
            StorageFormat::of_descriptor(&self.sd) != StorageFormat::from_name(source)
        })
    }

    /// Whether Spark finds the partitions of this table by listing directories, as it does until
    /// they are repaired; the metastore knows of none.
    pub fn hides_partitions(&self) -> bool {
        let known = self.parameters.get(PARTITIONS).is_some_and(|by| by == "catalog");
        self.spark_source().is_some() && !self.partition_keys.is_empty() && !known
    }

    /// The table as its files are read: of Spark's data sources, columns and location are those that
    /// Spark goes by.
    ///
    /// # Errors
    /// `HIVE_INVALID_METADATA` when what Spark wrote cannot be read, `NOT_SUPPORTED` naming a type
    /// that only Spark has.
    pub fn with_spark_definition(mut self) -> Result<Self> {
        let (Some(source), Some(schema)) = (self.spark_source(), schema_text(&self.parameters)?)
        else {
            return Ok(self);
        };
        let format = StorageFormat::from_name(source);
        let columns = columns(&schema)?;
        let is_key =
            |column: &Column| self.partition_keys.iter().any(|key| key.name == column.name);
        self.sd.columns = columns.into_iter().filter(|column| !is_key(column)).collect();
        // Spark's lines of text are not Hive's.
        let format = format.filter(|format| !format.is_text() && self.is_descriptor_made_up());
        if let Some(format) = format {
            let (input, output, serde) = format.descriptor(self.sd.serde.parameters.clone());
            (self.sd.input_format, self.sd.output_format, self.sd.serde) = (input, output, serde);
        }
        if let Some(path) = self.sd.serde.parameters.get(PATH) {
            self.sd.location.clone_from(path);
        }
        Ok(self)
    }
}

fn schema_text(parameters: &Parameters) -> Result<Option<String>> {
    if let Some(whole) = parameters.get(SCHEMA) {
        return Ok(Some(whole.clone()));
    }
    let Some(parts) = parameters.get(PARTS) else { return Ok(None) };
    let count = parts.parse().ok().filter(|count| *count <= PARTS_MAX);
    let count = count.ok_or_else(|| invalid(&format!("\"{PARTS}\" is \"{parts}\"")))?;
    let part = |number: usize| {
        let part = parameters.get(&format!("{PART}{number}"));
        part.map(String::as_str).ok_or_else(|| invalid(&format!("\"{PART}{number}\" is missing")))
    };
    (0..count).map(part).collect::<Result<String>>().map(Some)
}

fn columns(schema: &str) -> Result<Vec<Column>> {
    let schema: Value = serde_json::from_str(schema).map_err(|err| invalid(&err.to_string()))?;
    let fields = fields(&schema)?.iter();
    fields
        .map(|field| {
            let metadata = field.get("metadata");
            let text = |key: &str| metadata.and_then(|m| m.get(key)).and_then(Value::as_str);
            Ok(Column {
                name: string(field, "name")?.to_lowercase(),
                hive_type: match text(LENGTH_TYPE) {
                    Some(with_length) => with_length.to_owned(),
                    None => hive_type(member(field, "type")?)?,
                },
                comment: text("comment").map(str::to_owned),
            })
        })
        .collect()
}

/// The text in Hive's spelling of a type in Spark's JSON.
fn hive_type(json: &Value) -> Result<String> {
    let Some(name) = json.as_str() else { return nested_type(json) };
    Ok(match name {
        "byte" => "tinyint",
        "short" => "smallint",
        "integer" => "int",
        "long" => "bigint",
        "timestamp_ntz" => "timestamp",
        "boolean" | "float" | "double" | "string" | "binary" | "date" | "timestamp" => name,
        decimal if decimal.starts_with("decimal(") => decimal,
        other => return Err(Error::not_supported(format!("Spark's type \"{other}\""))),
    }
    .to_owned())
}

fn nested_type(json: &Value) -> Result<String> {
    Ok(match string(json, "type")? {
        "array" => format!("array<{}>", hive_type(member(json, "elementType")?)?),
        "map" => format!(
            "map<{},{}>",
            hive_type(member(json, "keyType")?)?,
            hive_type(member(json, "valueType")?)?
        ),
        "struct" => {
            let field = |field: &Value| {
                Ok(format!("{}:{}", string(field, "name")?, hive_type(member(field, "type")?)?))
            };
            let fields = fields(json)?.iter().map(field).collect::<Result<Vec<_>>>()?;
            format!("struct<{}>", fields.join(","))
        }
        other => return Err(Error::not_supported(format!("Spark's type \"{other}\""))),
    })
}

fn fields(json: &Value) -> Result<&[Value]> {
    let fields = member(json, "fields")?.as_array();
    fields.map(Vec::as_slice).ok_or_else(|| invalid("\"fields\" is no array"))
}

fn string<'a>(json: &'a Value, name: &str) -> Result<&'a str> {
    member(json, name)?.as_str().ok_or_else(|| invalid(&format!("\"{name}\" is no text")))
}

fn member<'a>(json: &'a Value, name: &str) -> Result<&'a Value> {
    json.get(name).ok_or_else(|| invalid(&format!("\"{name}\" is missing")))
}

fn invalid(problem: &str) -> Error {
    Error::new(ErrorCode::HiveInvalidMetadata, format!("Spark's schema of the table: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StorageDescriptor;

    const JSON: &str = r#"{"type":"struct","fields":[
        {"name":"Id","type":"integer","nullable":true,"metadata":{"comment":"the id"}},
        {"name":"Short","type":"string","nullable":true,
         "metadata":{"__CHAR_VARCHAR_TYPE_STRING":"char(5)"}},
        {"name":"T","type":"timestamp_ntz","nullable":true,"metadata":{}},
        {"name":"m","type":{"type":"map","keyType":"string","valueType":{"type":"array",
         "elementType":{"type":"struct","fields":[
            {"name":"A","type":"long","nullable":true,"metadata":{}},
            {"name":"b","type":"decimal(9,2)","nullable":true,"metadata":{}}]},
         "containsNull":true},"valueContainsNull":true},"nullable":true,"metadata":{}},
        {"name":"K","type":"short","nullable":true,"metadata":{}}]}"#;

    fn table(source: &str, format: StorageFormat, parameters: &[(&str, &str)]) -> Table {
        let path = Parameters::from([("path".to_owned(), "file:/real".to_owned())]);
        let (input_format, output_format, serde) = format.descriptor(path);
        let parameters = [(PROVIDER, source)].into_iter().chain(parameters.iter().copied());
        Table {
            sd: StorageDescriptor {
                columns: vec![Column::new("col", "array<string>")],
                location: "file:/made/up".to_owned(),
                input_format,
                output_format,
                serde,
                ..StorageDescriptor::default()
            },
            partition_keys: vec![Column::new("k", "smallint")],
            parameters: parameters.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
            ..Table::default()
        }
    }

    #[test]
    fn columns_and_location_are_those_of_spark() {
        let source = table("parquet", StorageFormat::SequenceFile, &[(SCHEMA, JSON)]);
        assert!(source.is_descriptor_made_up());
        let read = source.with_spark_definition().unwrap();
        let columns: Vec<_> =
            read.sd.columns.iter().map(|c| (c.name.as_str(), c.hive_type.as_str())).collect();
        assert_eq!(
            columns,
            [
                ("id", "int"),
                ("short", "char(5)"),
                ("t", "timestamp"),
                ("m", "map<string,array<struct<A:bigint,b:decimal(9,2)>>>"),
            ]
        );
        assert_eq!(read.sd.columns[0].comment.as_deref(), Some("the id"));
        assert_eq!(read.sd.location, "file:/real");
        assert_eq!(StorageFormat::of_descriptor(&read.sd), Some(StorageFormat::Parquet));
    }

    #[test]
    fn a_long_schema_is_in_parts() {
        let (first, second) = JSON.split_at(100);
        let parts = [
            (PARTS, "2"),
            ("spark.sql.sources.schema.part.0", first),
            ("spark.sql.sources.schema.part.1", second),
        ];
        let read =
            table("csv", StorageFormat::SequenceFile, &parts).with_spark_definition().unwrap();
        assert_eq!(read.sd.columns.len(), 4);
        let lost = table("csv", StorageFormat::SequenceFile, &parts[..2])
            .with_spark_definition()
            .unwrap_err();
        assert!(lost.message().contains("part.1\" is missing"), "{lost}");
        let many = table("csv", StorageFormat::SequenceFile, &[(PARTS, "99999999999")])
            .with_spark_definition();
        assert_eq!(many.unwrap_err().code(), ErrorCode::HiveInvalidMetadata);
    }

    #[test]
    fn a_type_of_spark_alone_and_a_schema_that_is_none_are_named() {
        let json = JSON.replace("timestamp_ntz", "interval day to second");
        let err = table("parquet", StorageFormat::SequenceFile, &[(SCHEMA, &json)])
            .with_spark_definition();
        assert!(err.unwrap_err().message().contains("interval day to second"));
        for json in ["", "{}", "{\"fields\": 1}", "{\"fields\": [{\"name\": 1}]}"] {
            let read =
                table("parquet", StorageFormat::Parquet, &[(SCHEMA, json)]).with_spark_definition();
            assert_eq!(read.unwrap_err().code(), ErrorCode::HiveInvalidMetadata, "{json}");
        }
    }

    #[test]
    fn tables_of_hive_stay_as_they_are() {
        let hive = table("hive", StorageFormat::Parquet, &[(SCHEMA, JSON)]);
        assert_eq!((hive.spark_source(), hive.is_descriptor_made_up()), (None, false));
        assert_eq!(hive.clone().with_spark_definition().unwrap(), hive);
    }

    #[test]
    fn partitions_are_in_the_metastore_when_spark_says_so() {
        let parquet = |parameters: &[(&str, &str)]| {
            table("parquet", StorageFormat::Parquet, parameters).hides_partitions()
        };
        assert!(parquet(&[]));
        assert!(!parquet(&[(PARTITIONS, "catalog")]));
        assert!(!table("hive", StorageFormat::Parquet, &[]).hides_partitions());
    }
}
