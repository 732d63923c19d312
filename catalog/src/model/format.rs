//! File formats, and the Java class names by which Hive and Spark know them.

use super::{Parameters, SerDe, StorageDescriptor, Table};
use crate::scan::text::TextOptions;
use quern_common::Result;

const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";
const TEXT_OUTPUT: &str = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat";

/// A file format that a storage descriptor can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StorageFormat {
    /// Apache Parquet.
    Parquet,
    /// Delimited text without quotes, Hive's default.
    TextFile,
    /// Comma-separated values with quotes, as OpenCSV reads them.
    Csv,
    /// Apache ORC.
    Orc,
    /// Apache Avro.
    Avro,
    /// A JSON object a line.
    Json,
    /// Hadoop's sequence file.
    SequenceFile,
    /// Hive's columnar file before ORC.
    RcFile,
}

/// Everything that names a format: our names first.
struct Names {
    format: StorageFormat,
    names: &'static [&'static str],
    input: &'static str,
    output: &'static str,
    serdes: &'static [&'static str],
}

const FORMATS: &[Names] = &[
    Names {
        format: StorageFormat::Parquet,
        names: &["PARQUET"],
        input: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        output: "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
        serdes: &["org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"],
    },
    Names {
        format: StorageFormat::TextFile,
        names: &["TEXTFILE"],
        input: TEXT_INPUT,
        output: TEXT_OUTPUT,
        serdes: &["org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"],
    },
    Names {
        format: StorageFormat::Csv,
        names: &["CSV"],
        input: TEXT_INPUT,
        output: TEXT_OUTPUT,
        serdes: &["org.apache.hadoop.hive.serde2.OpenCSVSerde"],
    },
    Names {
        format: StorageFormat::Orc,
        names: &["ORC"],
        input: "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat",
        output: "org.apache.hadoop.hive.ql.io.orc.OrcOutputFormat",
        serdes: &["org.apache.hadoop.hive.ql.io.orc.OrcSerde"],
    },
    Names {
        format: StorageFormat::Avro,
        names: &["AVRO"],
        input: "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat",
        output: "org.apache.hadoop.hive.ql.io.avro.AvroContainerOutputFormat",
        serdes: &["org.apache.hadoop.hive.serde2.avro.AvroSerDe"],
    },
    Names {
        format: StorageFormat::Json,
        names: &["JSON", "JSONFILE", "OPENX_JSON"],
        input: TEXT_INPUT,
        output: TEXT_OUTPUT,
        serdes: &[
            "org.apache.hive.hcatalog.data.JsonSerDe",
            "org.apache.hadoop.hive.serde2.JsonSerDe",
            "org.openx.data.jsonserde.JsonSerDe",
        ],
    },
    Names {
        format: StorageFormat::SequenceFile,
        names: &["SEQUENCEFILE"],
        input: "org.apache.hadoop.mapred.SequenceFileInputFormat",
        output: "org.apache.hadoop.hive.ql.io.HiveSequenceFileOutputFormat",
        serdes: &[],
    },
    Names {
        format: StorageFormat::RcFile,
        names: &["RCFILE", "RCBINARY", "RCTEXT"],
        input: "org.apache.hadoop.hive.ql.io.RCFileInputFormat",
        output: "org.apache.hadoop.hive.ql.io.RCFileOutputFormat",
        serdes: &[
            "org.apache.hadoop.hive.serde2.columnar.LazyBinaryColumnarSerDe",
            "org.apache.hadoop.hive.serde2.columnar.ColumnarSerDe",
        ],
    },
];

impl StorageFormat {
    fn names(self) -> Option<&'static Names> {
        FORMATS.iter().find(|names| names.format == self)
    }

    /// The name in SQL, such as `PARQUET`.
    pub fn name(self) -> &'static str {
        self.names().and_then(|n| n.names.first()).copied().unwrap_or_default()
    }

    /// Finds the format of a name in SQL, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let is = |known: &&str| known.eq_ignore_ascii_case(name);
        FORMATS.iter().find(|n| n.names.iter().any(is)).map(|n| n.format)
    }

    /// Finds the format of a SerDe's class name.
    pub fn from_serde(class: &str) -> Option<Self> {
        FORMATS.iter().find(|n| n.serdes.contains(&class)).map(|n| n.format)
    }

    /// Finds the format of an input format's class name; text files whose SerDe is not known
    /// are [`StorageFormat::TextFile`].
    pub fn from_input_format(class: &str) -> Option<Self> {
        FORMATS.iter().find(|n| n.input == class).map(|n| n.format)
    }

    /// Finds the format of a storage descriptor: that of the SerDe when it is known and fits
    /// the input format.
    pub fn of_descriptor(sd: &StorageDescriptor) -> Option<Self> {
        let by_input = Self::from_input_format(&sd.input_format);
        match (Self::from_serde(&sd.serde.library), by_input) {
            (Some(serde), Some(input)) if serde.is_text() && input.is_text() => Some(serde),
            // SequenceFile has no SerDe of its own.
            (Some(Self::TextFile), Some(Self::SequenceFile)) => by_input,
            (Some(serde), Some(input)) if serde == input => Some(serde),
            _ => None,
        }
    }

    /// Tells whether files are lines of text.
    pub fn is_text(self) -> bool {
        matches!(self, Self::TextFile | Self::Csv | Self::Json)
    }

    /// The class names and SerDe that Hive writes into a storage descriptor, in this order:
    /// input format, output format, SerDe with `parameters`.
    pub fn descriptor(self, parameters: Parameters) -> (String, String, SerDe) {
        let (input, output, serde) = match self.names() {
            Some(n) => (n.input, n.output, n.serdes.first().copied().unwrap_or_default()),
            None => ("", "", ""),
        };
        let serde = SerDe { name: None, library: serde.to_owned(), parameters };
        (input.to_owned(), output.to_owned(), serde)
    }
}

/// How the files of a table are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableFormat {
    /// As Parquet.
    Parquet,
    /// As lines of text.
    Text(TextOptions),
    /// Not yet; the name is for the error.
    Unsupported(String),
}

impl TableFormat {
    /// Finds the format in a table's definition.
    ///
    /// # Errors
    /// `NOT_SUPPORTED` and `HIVE_INVALID_METADATA` for parameters of delimited text that cannot
    /// be honoured.
    pub fn of(table: &Table) -> Result<Self> {
        if let Some(kind) = table_kind(&table.parameters) {
            return Ok(Self::Unsupported(kind));
        }
        if table.hides_partitions() {
            return Ok(Self::Unsupported(
                "a table of Spark's whose partitions are not in the metastore (MSCK REPAIR TABLE in \
                 Spark puts them there)"
                    .to_owned(),
            ));
        }
        let serde = &table.sd.serde.parameters;
        match StorageFormat::of_descriptor(&table.sd) {
            Some(StorageFormat::Parquet) => Ok(Self::Parquet),
            Some(StorageFormat::TextFile) => {
                TextOptions::delimited(serde, &table.parameters).map(Self::Text)
            }
            Some(StorageFormat::Csv) => TextOptions::csv(serde, &table.parameters).map(Self::Text),
            Some(other) => Ok(Self::Unsupported(other.name().to_owned())),
            None => Ok(Self::Unsupported(format!(
                "\"{}\" with SerDe \"{}\"",
                table.sd.input_format, table.sd.serde.library
            ))),
        }
    }

    /// The name, for messages.
    pub fn name(&self) -> &str {
        match self {
            Self::Parquet => "PARQUET",
            Self::Text(options) if options.quote.is_some() => "CSV",
            Self::Text(_) => "TEXTFILE",
            Self::Unsupported(name) => name,
        }
    }
}

/// Tables whose storage descriptor does not tell how they are read: table formats, Hive's
/// transactional tables, and Spark's data sources, whose descriptor is made up.
fn table_kind(parameters: &Parameters) -> Option<String> {
    let get = |key: &str| parameters.get(key).map(|value| value.to_lowercase());
    if let Some(kind) = get("table_type").filter(|kind| kind == "iceberg" || kind == "delta") {
        return Some(kind.to_uppercase());
    }
    if get("transactional").is_some_and(|value| value == "true") {
        return Some("a transactional table".to_owned());
    }
    match get("spark.sql.sources.provider").as_deref() {
        // Of these Spark writes the descriptor that Hive would.
        None | Some("hive" | "parquet" | "orc" | "avro") => None,
        Some(provider) => Some(format!("Spark's data source \"{provider}\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(format: StorageFormat, parameters: &[(&str, &str)]) -> Table {
        let (input_format, output_format, serde) = format.descriptor(Parameters::new());
        Table {
            sd: StorageDescriptor { input_format, output_format, serde, ..Default::default() },
            parameters: parameters
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            ..Table::default()
        }
    }

    #[test]
    fn a_table_is_read_as_its_definition_says() {
        let skip = [("skip.header.line.count", "1")];
        match TableFormat::of(&table(StorageFormat::Csv, &skip)).unwrap() {
            TableFormat::Text(options) => {
                assert_eq!((options.field_delimiter, options.skip_header_lines), (b',', 1));
            }
            other => panic!("{other:?}"),
        }
        for (format, parameters, expected) in [
            (StorageFormat::Parquet, [("spark.sql.sources.provider", "parquet")], "PARQUET"),
            (StorageFormat::TextFile, [("a", "b")], "TEXTFILE"),
            (StorageFormat::Orc, [("a", "b")], "ORC"),
            (StorageFormat::Parquet, [("table_type", "ICEBERG")], "ICEBERG"),
            (StorageFormat::Orc, [("transactional", "true")], "a transactional table"),
            (
                StorageFormat::SequenceFile,
                [("spark.sql.sources.provider", "csv")],
                "Spark's data source \"csv\"",
            ),
        ] {
            assert_eq!(TableFormat::of(&table(format, &parameters)).unwrap().name(), expected);
        }
    }

    #[test]
    fn a_descriptor_that_was_written_is_read_back() {
        for names in FORMATS.iter().filter(|n| !n.serdes.is_empty()) {
            let (input_format, output_format, serde) = names.format.descriptor(Parameters::new());
            let sd = StorageDescriptor { input_format, output_format, serde, ..Default::default() };
            assert_eq!(StorageFormat::of_descriptor(&sd), Some(names.format));
            assert_eq!(StorageFormat::from_name(names.format.name()), Some(names.format));
        }
    }

    #[test]
    fn a_serde_that_does_not_fit_its_input_format_is_no_format() {
        let (input_format, _, _) = StorageFormat::Orc.descriptor(Parameters::new());
        let (_, _, serde) = StorageFormat::Parquet.descriptor(Parameters::new());
        let sd = StorageDescriptor { input_format, serde, ..Default::default() };
        assert_eq!(StorageFormat::of_descriptor(&sd), None);
    }
}
