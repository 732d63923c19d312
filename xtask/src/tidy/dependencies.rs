//! Which crate may use which: the layers of ARCHITECTURE.md, and docs/dependencies.md.

use crate::workspace::Workspace;
use anyhow::Result;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

const PREFIX: &str = "quern-";
const DEPENDENCIES_DOC: &str = "docs/dependencies.md";

/// What each crate may use. `tests` and `benches` may use anything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("common", &[]),
    ("proto", &["common"]),
    ("ml", &["common"]),
    ("client", &["proto", "common"]),
    ("catalog", &["proto", "common"]),
    ("engine", &["catalog", "ml", "proto", "common"]),
    ("executor", &["engine", "proto", "common"]),
    ("scheduler", &["engine", "catalog", "proto", "common"]),
    ("server", &["scheduler", "executor", "engine", "catalog", "client", "common"]),
    ("xtask", &[]),
];
const MAY_USE_ANYTHING: &[&str] = &["tests", "benches"];

/// These build without a query engine, so that editing them takes seconds.
const WITHOUT_ENGINE: &[&str] = &["common", "proto", "ml", "client"];
const ENGINES: &[&str] = &["datafusion", "ballista"];

pub(super) fn check(workspace: &Workspace, problems: &mut Vec<String>) -> Result<()> {
    for package in own_packages(workspace) {
        check_edges(package, problems);
    }
    check_without_engine(workspace, problems);
    let (manifest, document) = (workspace.read("Cargo.toml")?, workspace.read(DEPENDENCIES_DOC)?);
    check_documented(&manifest, &document, problems);
    Ok(())
}

fn own_packages(workspace: &Workspace) -> impl Iterator<Item = &Value> {
    workspace.packages().iter().filter(|package| package["source"].is_null())
}

fn short_name(value: &Value) -> &str {
    let name = value["name"].as_str().unwrap_or_default();
    name.strip_prefix(PREFIX).unwrap_or(name)
}

fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"].as_array().into_iter().flatten()
}

fn check_edges(package: &Value, problems: &mut Vec<String>) {
    let name = short_name(package);
    if MAY_USE_ANYTHING.contains(&name) {
        return;
    }
    let Some((_, allowed)) = ALLOWED.iter().find(|(crate_name, _)| *crate_name == name) else {
        problems.push(format!("{name}: no rule in xtask says what this crate may use"));
        return;
    };
    for dependency in dependencies(package)
        .filter(|d| d["path"].is_string() && d["kind"] != "dev")
        .map(short_name)
    {
        if !allowed.contains(&dependency) {
            problems.push(format!("{name} must not use {dependency} (ARCHITECTURE.md, layers)"));
        }
    }
}

fn check_without_engine(workspace: &Workspace, problems: &mut Vec<String>) {
    let names: HashMap<&str, &str> = workspace
        .packages()
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let uses = resolved_edges(&workspace.metadata);
    for package in own_packages(workspace) {
        if !WITHOUT_ENGINE.contains(&short_name(package)) {
            continue;
        }
        let reached = reach(package["id"].as_str().unwrap_or_default(), &uses);
        for name in reached.iter().filter_map(|id| names.get(id)) {
            if ENGINES.iter().any(|engine| name.starts_with(engine)) {
                problems.push(format!("{} must build without {name}", short_name(package)));
            }
        }
    }
}

/// Package id to the ids of the packages it needs outside its own tests.
fn resolved_edges(metadata: &Value) -> HashMap<&str, Vec<&str>> {
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    nodes
        .filter_map(|node| {
            let needed = node["deps"].as_array().into_iter().flatten().filter(|dependency| {
                let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
                kinds.into_iter().any(|kind| kind["kind"] != "dev")
            });
            let ids = needed.filter_map(|dependency| dependency["pkg"].as_str()).collect();
            Some((node["id"].as_str()?, ids))
        })
        .collect()
}

fn reach<'a>(start: &'a str, uses: &HashMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::from([start]);
    let mut todo = vec![start];
    while let Some(id) = todo.pop() {
        for next in uses.get(id).into_iter().flatten() {
            if reached.insert(next) {
                todo.push(next);
            }
        }
    }
    reached
}

/// Every dependency that the root manifest declares has a row in docs/dependencies.md, and every
/// row a dependency.
fn check_documented(manifest: &str, document: &str, problems: &mut Vec<String>) {
    let declared = declared_names(manifest);
    let rows = documented_names(document);
    for name in declared.difference(&rows) {
        problems.push(format!("{DEPENDENCIES_DOC}: no row for `{name}` of Cargo.toml"));
    }
    for name in rows.difference(&declared) {
        problems.push(format!("{DEPENDENCIES_DOC}: `{name}` is not in Cargo.toml"));
    }
}

/// The keys of `[workspace.dependencies]` other than our own crates.
fn declared_names(manifest: &str) -> BTreeSet<&str> {
    let lines = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let section = lines.take_while(|line| !line.starts_with('['));
    let keys = section.filter_map(|line| Some(line.split_once(" = ")?.0));
    keys.filter(|key| !key.starts_with(PREFIX) && !key.starts_with('#')).collect()
}

/// The names in the first column of the tables: `| `name`, `other` | why | …`.
fn documented_names(document: &str) -> BTreeSet<&str> {
    let first_columns =
        document.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    first_columns.flat_map(|column| column.split('`').skip(1).step_by(2)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_edge_against_the_layers_is_reported() {
        let package = json!({"name": "quern-ml", "dependencies": [
            {"name": "quern-common", "path": "common"},
            {"name": "quern-engine", "path": "engine"},
            {"name": "serde"},
        ]});
        let mut problems = Vec::new();
        check_edges(&package, &mut problems);
        assert_eq!(problems, ["ml must not use engine (ARCHITECTURE.md, layers)"]);
    }

    #[test]
    fn rows_and_declarations_are_compared_both_ways() {
        let manifest =
            "[workspace.dependencies]\nquern-ml = 1\nb = \"1\"\nd = { x = 1 }\n\n[x]\ny = 1\n";
        let document = "text `a`\n| crate | why |\n| `b`, `c` | not `d` |\n";
        let mut problems = Vec::new();
        check_documented(manifest, document, &mut problems);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("no row for `d`"), "{problems:?}");
        assert!(problems[1].contains("`c` is not"), "{problems:?}");
    }

    #[test]
    fn dev_dependencies_are_not_followed() {
        let metadata = json!({"resolve": {"nodes": [
            {"id": "a", "deps": [
                {"pkg": "b", "dep_kinds": [{"kind": null}]},
                {"pkg": "c", "dep_kinds": [{"kind": "dev"}]},
            ]},
            {"id": "b", "deps": [{"pkg": "d", "dep_kinds": [{"kind": "build"}]}]},
        ]}});
        let reached = reach("a", &resolved_edges(&metadata));
        assert_eq!(reached.into_iter().collect::<Vec<_>>(), ["a", "b", "d"]);
    }
}
