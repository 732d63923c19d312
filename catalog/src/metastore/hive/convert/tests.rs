use super::*;
use crate::model::{ColumnStatistics, Parameters};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

/// Draws definitions as our stores have them: names folded, an external table marked as one.
struct Draw(StdRng);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0.random_range(0..end)
    }

    fn chance(&mut self) -> bool {
        self.0.random()
    }

    fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn text(&mut self) -> String {
        let long = "x".repeat(self.below(300));
        self.choose(&["a", "k=v/é %2F", "\0", "'\"\\\n", "🦆", "TRUE", &long].map(String::from))
    }

    fn name(&mut self) -> String {
        self.choose(&["a", "t_1", "straße", "x y", "😀"].map(String::from))
    }

    /// A text that Hive can tell from none.
    fn some_text(&mut self) -> String {
        format!("s3://{}", self.text())
    }

    fn option<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.chance().then(|| draw(self))
    }

    fn list<T>(&mut self, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(3)).map(|_| draw(self)).collect()
    }

    fn time(&mut self) -> i64 {
        self.choose(&[0, 1, 1_700_000_000, i64::from(i32::MAX)])
    }

    fn parameters(&mut self) -> Parameters {
        self.list(|d| (d.text(), d.text())).into_iter().collect()
    }

    fn owner_type(&mut self) -> Option<OwnerType> {
        self.choose(&[None, Some(OwnerType::User), Some(OwnerType::Role), Some(OwnerType::Group)])
    }

    fn column(&mut self) -> Column {
        Column { name: self.name(), hive_type: self.text(), comment: self.option(Self::text) }
    }

    fn storage(&mut self) -> StorageDescriptor {
        StorageDescriptor {
            columns: self.list(Self::column),
            location: self.some_text(),
            input_format: self.some_text(),
            output_format: self.some_text(),
            serde: SerDe {
                name: self.option(Self::text),
                library: self.some_text(),
                parameters: self.parameters(),
            },
            bucket_columns: self.list(Self::name),
            num_buckets: self.choose(&[-1, 0, 7]),
            sort_columns: self.list(|d| SortColumn { name: d.name(), order: d.choose(&[0, 1]) }),
            compressed: self.chance(),
            skewed: SkewedInfo {
                columns: self.list(Self::name),
                values: self.list(|d| d.list(Self::text)),
                locations: self
                    .list(|d| (d.list(Self::text), d.text()))
                    .into_iter()
                    .collect::<BTreeMap<_, _>>(),
            },
            stored_as_sub_directories: self.chance(),
            parameters: self.parameters(),
        }
    }

    fn table(&mut self) -> Table {
        let table_type = self.choose(&[TableType::Managed, TableType::External, TableType::View]);
        let mut parameters = self.parameters();
        if table_type == TableType::External {
            parameters.insert(EXTERNAL.to_owned(), "TRUE".to_owned());
        }
        Table {
            database: self.name(),
            name: self.name(),
            owner: self.option(Self::text),
            owner_type: self.owner_type(),
            create_time: self.time(),
            last_access_time: self.time(),
            retention: self.choose(&[0, 30]),
            temporary: self.chance(),
            sd: self.storage(),
            partition_keys: self.list(Self::column),
            parameters,
            table_type,
            view_original_text: self.option(Self::text),
            view_expanded_text: self.option(Self::text),
            version: 0,
        }
    }

    fn partition(&mut self) -> HivePartition {
        HivePartition {
            values: self.list(Self::text),
            create_time: self.time(),
            last_access_time: self.time(),
            sd: self.storage(),
            parameters: self.parameters(),
        }
    }

    fn function(&mut self) -> HiveFunction {
        let kinds = [ResourceKind::Jar, ResourceKind::File, ResourceKind::Archive];
        HiveFunction {
            database: self.name(),
            name: self.name(),
            class_name: self.text(),
            owner: self.option(Self::text),
            owner_type: self.owner_type(),
            create_time: self.time(),
            resources: self.list(|d| FunctionResource { kind: d.choose(&kinds), uri: d.text() }),
        }
    }

    fn statistics(&mut self) -> ColumnStatistics {
        let (hive_type, values): (&str, &[&str]) = self.choose(&[
            ("bigint", &["-9223372036854775808", "0", "7"][..]),
            ("tinyint", &["-1", "5"]),
            ("double", &["-0.5", "NaN", "inf", "100000000000000000000000"]),
            ("decimal(38,2)", &["-123456789012345678901234567890123456.78", "0.00", "1.28"]),
            ("decimal(10,0)", &["-129", "-128", "127", "128", "255", "256", "0"]),
            ("date", &["1969-12-31", "2024-02-29", "0001-01-01"]),
            ("timestamp", &["1969-12-31 23:59:59", "2024-02-29 12:00:00"]),
            ("string", &[]),
            ("binary", &[]),
            ("boolean", &[]),
        ]);
        let is_text = ["string", "binary"].contains(&hive_type);
        let is_bool = hive_type == "boolean";
        let counted = !is_bool && hive_type != "binary";
        let mut count = |wanted: bool| {
            let n = self.0.random_range(0..1_000_000);
            (wanted && n % 3 > 0).then_some(n)
        };
        ColumnStatistics {
            column: "c".to_owned(),
            hive_type: hive_type.to_owned(),
            null_count: count(true),
            distinct_count: count(counted),
            max_length: count(is_text),
            avg_length: count(is_text).map(|n| n as f64 / 8.0),
            num_trues: count(is_bool),
            num_falses: count(is_bool),
            min: (!values.is_empty()).then(|| self.choose(values).to_owned()),
            max: (!values.is_empty()).then(|| self.choose(values).to_owned()),
            sketch: self.option(|d| vec![0, 255, u8::try_from(d.below(256)).unwrap()]),
            last_analyzed: None,
        }
    }
}

fn for_many_seeds(check: impl Fn(&mut Draw)) {
    for _ in 0..300 {
        let seed = rand::rng().random();
        println!("seed {seed}");
        check(&mut Draw(StdRng::seed_from_u64(seed)));
    }
}

#[test]
fn definitions_survive_the_way_to_hive_and_back() {
    for_many_seeds(|draw| {
        let table = draw.table();
        assert_eq!(table_from_hive(table_to_hive(table.clone())).unwrap(), table);
        let partition = draw.partition();
        let there = partition_to_hive("d", "t", partition.clone());
        assert_eq!((there.db_name.as_deref(), there.table_name.as_deref()), (Some("d"), Some("t")));
        assert_eq!(partition_from_hive(there), partition);
        let function = draw.function();
        assert_eq!(function_from_hive(function_to_hive(function.clone())).unwrap(), function);
        let database = Database {
            name: draw.name(),
            description: draw.option(Draw::text),
            location: draw.some_text(),
            owner: draw.option(Draw::text),
            owner_type: draw.owner_type(),
            parameters: draw.parameters(),
        };
        assert_eq!(database_from_hive(database_to_hive(database.clone())), database);
        let modes = [
            LockMode::SharedRead,
            LockMode::SharedWrite,
            LockMode::ExclusiveWrite,
            LockMode::Exclusive,
        ];
        let component = LockComponent {
            mode: draw.choose(&modes),
            database: draw.name(),
            table: draw.option(Draw::name),
            partition: draw.option(Draw::text),
        };
        let back = lock_component_from_hive(lock_component_to_hive(component.clone()));
        assert_eq!(back, component);
    });
}

#[test]
fn statistics_survive_the_way_to_hive_and_back() {
    for_many_seeds(|draw| {
        let column = draw.statistics();
        let there = statistics_to_hive(&column).unwrap();
        assert_eq!(statistics_from_hive(there), column);
    });
    let array = ColumnStatistics { hive_type: "array<int>".to_owned(), ..Default::default() };
    assert!(statistics_to_hive(&array).is_none());
}

#[test]
fn what_hive_leaves_out_is_filled_in_and_names_are_folded() {
    let table = hive::Table {
        table_name: Some("T".to_owned()),
        db_name: Some("D".to_owned()),
        partition_keys: Some(vec![hive::FieldSchema {
            name: Some("DT".to_owned()),
            type_name: Some("string".to_owned()),
            comment: None,
        }]),
        ..hive::Table::default()
    };
    let read = table_from_hive(table).unwrap();
    assert_eq!((read.database.as_str(), read.name.as_str()), ("d", "t"));
    assert_eq!(read.partition_keys, [Column::new("dt", "string")]);
    assert_eq!(read.table_type, TableType::Managed);
}

#[test]
fn a_table_is_external_when_its_parameter_says_so() {
    let read = |table_type: Option<&str>, external: Option<&str>, view: Option<&str>| {
        let pair = external.map(|value| (EXTERNAL.to_owned(), value.to_owned()));
        let table = hive::Table {
            table_type: table_type.map(str::to_owned),
            parameters: Some(pair.into_iter().collect()),
            view_original_text: view.map(str::to_owned),
            ..hive::Table::default()
        };
        table_from_hive(table).map(|table| table.table_type)
    };
    assert_eq!(read(Some("EXTERNAL_TABLE"), None, None).unwrap(), TableType::Managed);
    assert_eq!(read(Some("MANAGED_TABLE"), Some("true"), None).unwrap(), TableType::External);
    assert_eq!(read(Some("MANAGED_TABLE"), Some("false"), None).unwrap(), TableType::Managed);
    assert_eq!(read(Some("VIRTUAL_VIEW"), Some("TRUE"), None).unwrap(), TableType::View);
    assert_eq!(read(None, None, Some("SELECT 1")).unwrap(), TableType::View);
    assert_eq!(read(None, Some("TRUE"), None).unwrap(), TableType::External);
    assert!(read(Some("INDEX_TABLE"), None, None).unwrap_err().message().contains("INDEX_TABLE"));
}

#[test]
fn decimals_are_written_as_java_writes_them() {
    let obj = |text: &str| {
        let column = ColumnStatistics {
            hive_type: "decimal(10,2)".to_owned(),
            min: Some(text.to_owned()),
            ..ColumnStatistics::default()
        };
        match statistics_to_hive(&column).unwrap().stats_data {
            hive::ColumnStatisticsData::Decimal(data) => data.low_value.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    for (text, bytes) in [
        ("0.01", &[1][..]),
        ("327.67", &[0x7F, 0xFF]),
        ("1.28", &[0, 0x80]),
        ("-1.28", &[0x80]),
        ("-1.29", &[0xFF, 0x7F]),
        ("0.00", &[0]),
    ] {
        let decimal = obj(text);
        assert_eq!((decimal.unscaled.0.as_slice(), decimal.scale), (bytes, 2), "{text}");
    }
}

#[test]
fn statistics_of_partitions_add_up() {
    let part = |nulls, distinct, min: &str, max: &str| ColumnStatistics {
        column: "a".to_owned(),
        hive_type: "int".to_owned(),
        null_count: nulls,
        distinct_count: Some(distinct),
        min: Some(min.to_owned()),
        max: Some(max.to_owned()),
        ..ColumnStatistics::default()
    };
    let sum = aggregate(&part(Some(1), 5, "-10", "9"), &part(Some(2), 7, "-9", "10"));
    assert_eq!(sum, part(Some(3), 7, "-10", "10"));
    assert_eq!(aggregate(&sum, &part(None, 1, "0", "0")).null_count, None);
}
