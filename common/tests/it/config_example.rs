use crate::files::project_file;
use quern_common::config::Config;
use std::collections::BTreeSet;
use toml::{Table, Value};

fn example() -> String {
    std::fs::read_to_string(project_file("config/example.toml")).unwrap()
}

/// Every key as `section.key`. An empty table is a key of its own.
fn keys(table: &Table, prefix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in table {
        let name = format!("{prefix}{key}");
        match value {
            Value::Table(inner) if !inner.is_empty() => {
                found.extend(keys(inner, &format!("{name}.")));
            }
            _ => {
                found.insert(name);
            }
        }
    }
    found
}

#[test]
fn the_example_is_the_default() {
    let config: Config = toml::from_str(&example()).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn the_example_names_every_key() {
    let of_example = keys(&example().parse().unwrap(), "");
    let of_config = keys(&Table::try_from(Config::default()).unwrap(), "");
    assert_eq!(of_example, of_config);
    assert!(of_config.contains("storage.s3.endpoint"), "{of_config:?}");
}

#[test]
fn every_key_of_the_example_is_explained() {
    let text = example();
    let mut previous = "";
    for line in text.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(previous.starts_with('#'), "no comment above: {line}");
        }
        previous = line;
    }
}
