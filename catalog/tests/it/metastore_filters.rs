//! The index answers filters as [`PartitionFilter::matches`] does, on random data.

use crate::metastore_suite::{memory, partition, postgres, sqlite, table, texts};
use crate::postgres::PostgresServer;
use quern_catalog::metastore::Metastore;
use quern_catalog::model::{
    Column, CompareOp, HIVE_DEFAULT_PARTITION, PartitionFilter, PartitionValue, partition_name,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

const KEYS: &[(&str, &str)] = &[
    ("s", "string"),
    ("i", "int"),
    ("d", "date"),
    ("x", "double"),
    ("m", "decimal(10,3)"),
    ("f", "boolean"),
    ("t", "timestamp"),
];
const STRINGS: &[&str] = &["", "a", "A", "ab", "a%b", "a/b", "b", "é", "😀", "10", "9", "a\0"];
const NUMBERS: &[&str] = &["-10", "-9", "-1.5", "0", "007", "7", "1.25", "1.250", "10", "100"];
const OPS: &[CompareOp] = &[
    CompareOp::Eq,
    CompareOp::NotEq,
    CompareOp::Lt,
    CompareOp::LtEq,
    CompareOp::Gt,
    CompareOp::GtEq,
];

fn random_text(rng: &mut StdRng, hive_type: &str) -> String {
    if rng.random_ratio(1, 8) {
        return HIVE_DEFAULT_PARTITION.to_owned();
    }
    match hive_type {
        "string" => (*STRINGS.choose(rng).unwrap()).to_owned(),
        "int" => match rng.random_range(0..3) {
            0 => format!("{:03}", rng.random_range(0..20)),
            _ => rng.random_range(-20..20).to_string(),
        },
        "date" => format!("19{:02}-0{}-11", rng.random_range(68..72), rng.random_range(1..4)),
        "boolean" => rng.random_bool(0.5).to_string(),
        "timestamp" => format!("1970-01-01 00:00:0{}.5", rng.random_range(0..9)),
        _ => (*NUMBERS.choose(rng).unwrap()).to_owned(),
    }
}

fn random_value(rng: &mut StdRng, hive_type: &str) -> PartitionValue {
    match hive_type {
        "string" => PartitionValue::Text((*STRINGS.choose(rng).unwrap()).to_owned()),
        "int" => PartitionValue::Int(rng.random_range(-20..20)),
        "date" => PartitionValue::Date(rng.random_range(-700..700)),
        "boolean" => PartitionValue::Bool(rng.random_bool(0.5)),
        "timestamp" => PartitionValue::Timestamp(rng.random_range(0..9) * 1_000_000 + 500_000),
        "double" => PartitionValue::Double(NUMBERS.choose(rng).unwrap().parse().unwrap()),
        _ => PartitionValue::Decimal((*NUMBERS.choose(rng).unwrap()).to_owned()),
    }
}

fn random_filter(rng: &mut StdRng, depth: usize) -> PartitionFilter {
    if depth > 0 && rng.random_ratio(1, 2) {
        let parts = (0..rng.random_range(0..4)).map(|_| random_filter(rng, depth - 1)).collect();
        return match rng.random_bool(0.5) {
            true => PartitionFilter::And(parts),
            false => PartitionFilter::Or(parts),
        };
    }
    let (key, hive_type) = *KEYS.choose(rng).unwrap();
    let key = key.to_owned();
    match rng.random_range(0..10) {
        0 => PartitionFilter::IsNull { key },
        1 => PartitionFilter::IsNotNull { key },
        2 => {
            let values = (0..rng.random_range(0..5)).map(|_| random_value(rng, hive_type));
            PartitionFilter::In { key, values: values.collect() }
        }
        3 | 4 => PartitionFilter::Between {
            key,
            low: random_value(rng, hive_type),
            high: random_value(rng, hive_type),
        },
        5 if hive_type == "string" => {
            PartitionFilter::LikePrefix { key, prefix: (*STRINGS.choose(rng).unwrap()).to_owned() }
        }
        6 => PartitionFilter::All,
        _ => PartitionFilter::Compare {
            key,
            op: *OPS.choose(rng).unwrap(),
            value: random_value(rng, hive_type),
        },
    }
}

/// Creates `default.t` with random partitions and returns their values by name.
async fn fill(store: &dyn Metastore, count: usize, seed: u64) -> BTreeMap<String, Vec<String>> {
    let mut rng = StdRng::seed_from_u64(seed);
    let keys: Vec<_> = KEYS.iter().map(|(name, t)| Column::new(*name, *t)).collect();
    store.create_table(table("default", "t", KEYS)).await.unwrap();
    let mut by_name = BTreeMap::new();
    for _ in 0..count {
        let values: Vec<_> = KEYS.iter().map(|(_, t)| random_text(&mut rng, t)).collect();
        by_name.insert(partition_name(&keys, &values), values);
    }
    let texts = by_name.values().map(|v| v.iter().map(String::as_str).collect::<Vec<_>>());
    let partitions = texts.map(|values| partition(&values)).collect();
    store.add_partitions("default", "t", partitions, false).await.unwrap();
    by_name
}

async fn check_random_filters(store: &dyn Metastore, seed: u64) {
    let by_name = fill(store, 300, seed).await;
    let keys: Vec<_> = KEYS.iter().map(|(name, t)| Column::new(*name, *t)).collect();
    let mut rng = StdRng::seed_from_u64(seed + 1);
    let mut selective = 0;
    for _ in 0..300 {
        let filter = random_filter(&mut rng, 3);
        let mut expected: Vec<_> = by_name
            .iter()
            .filter(|(_, values)| filter.matches(&keys, values).unwrap())
            .map(|(name, _)| name.clone())
            .collect();
        selective += usize::from(!expected.is_empty() && expected.len() < by_name.len());
        let names = store.get_partition_names("default", "t", &filter, None).await.unwrap();
        assert_eq!(names, expected, "{filter:?}");
        expected.truncate(3);
        let limited = store.get_partitions("default", "t", &filter, Some(3)).await.unwrap();
        let limited: Vec<_> = limited.iter().map(|p| partition_name(&keys, &p.values)).collect();
        assert_eq!(limited, expected, "{filter:?}");
    }
    assert!(selective > 100, "most filters select all or nothing: the test tests little");
}

#[tokio::test]
async fn memory_answers_random_filters_as_the_definition_says() {
    check_random_filters(memory().store.as_ref(), 11).await;
}

#[tokio::test]
async fn sqlite_answers_random_filters_as_the_definition_says() {
    check_random_filters(sqlite().await.store.as_ref(), 22).await;
}

#[tokio::test]
async fn postgres_answers_random_filters_as_the_definition_says() {
    let server = PostgresServer::start().await;
    check_random_filters(postgres(&server).await.store.as_ref(), 33).await;
    check_thousands_of_values(postgres(&server).await.store.as_ref()).await;
}

#[tokio::test]
async fn filters_with_thousands_of_values_are_answered() {
    check_thousands_of_values(sqlite().await.store.as_ref()).await;
}

async fn check_thousands_of_values(store: &dyn Metastore) {
    store.create_table(table("default", "n", &[("i", "int"), ("s", "string")])).await.unwrap();
    let partitions = (0..500).map(|n| partition(&[&n.to_string(), "x"])).collect();
    store.add_partitions("default", "n", partitions, false).await.unwrap();
    let equal = |n| PartitionFilter::Compare {
        key: "i".to_owned(),
        op: CompareOp::Eq,
        value: PartitionValue::Int(n),
    };
    for count in [5_000, 40_000] {
        let values: Vec<i64> = (400..400 + count).collect();
        let list = values.iter().copied().map(PartitionValue::Int).collect();
        let list = PartitionFilter::In { key: "i".to_owned(), values: list };
        let chain = PartitionFilter::Or(values.iter().copied().map(equal).collect());
        for filter in [list, chain] {
            let names = store.get_partition_names("default", "n", &filter, None).await.unwrap();
            assert_eq!(names.len(), 100);
            let found = store.get_partitions("default", "n", &filter, Some(7)).await.unwrap();
            assert_eq!(found.len(), 7);
            assert_eq!(found[0].values, texts(&["400", "x"]));
        }
    }
}
