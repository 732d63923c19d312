//! Rules for documents: links lead somewhere, decision records are numbered without gaps.

use crate::workspace::Workspace;
use anyhow::Result;
use std::path::Path;

const ADR_FOLDER: &str = "docs/adr/";
const ADR_HEADINGS: &[&str] = &["## Context", "## Decision", "## Consequences"];

pub(super) fn check(
    workspace: &Workspace,
    files: &[String],
    problems: &mut Vec<String>,
) -> Result<()> {
    for path in files.iter().filter(|path| path.ends_with(".md")) {
        let folder = workspace.root.join(path).parent().map(Path::to_path_buf).unwrap_or_default();
        for target in links(&workspace.read(path)?) {
            if !folder.join(&target).exists() {
                problems.push(format!("{path}: the link to {target} leads nowhere"));
            }
        }
    }
    let records = files.iter().filter(|path| path.starts_with(ADR_FOLDER) && path.ends_with(".md"));
    for (number, path) in (1..).zip(records) {
        check_record(number, path, &workspace.read(path)?, problems);
    }
    Ok(())
}

fn check_record(number: usize, path: &str, text: &str, problems: &mut Vec<String>) {
    if !path.starts_with(&format!("{ADR_FOLDER}{number:04}-")) {
        problems.push(format!("{path}: the next decision record is number {number:04}"));
    }
    if !text.starts_with(&format!("# {number:04}. ")) {
        problems.push(format!("{path}: must begin with \"# {number:04}. \" and its title"));
    }
    for heading in ADR_HEADINGS {
        if !text.lines().any(|line| line == *heading) {
            problems.push(format!("{path}: has no \"{heading}\""));
        }
    }
}

/// Link targets within the project, without anchors. Code is skipped.
fn links(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        for rest in prose.split("](").skip(1) {
            let target = rest.split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                targets.push(target.to_owned());
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_links_outside_code() {
        let text =
            "[a](a.md#x) `[b](b.md)` [c](https://example.com)\n```\n[d](d.md)\n```\n[`e`](e.md)";
        assert_eq!(links(text), ["a.md", "e.md"]);
    }

    #[test]
    fn a_record_with_a_wrong_number_or_without_its_parts_is_reported() {
        let mut problems = Vec::new();
        let good = "# 0002. T\n\n## Context\n\n## Decision\n\n## Consequences\n";
        check_record(2, "docs/adr/0002-t.md", good, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        check_record(3, "docs/adr/0002-t.md", "# 0002. T\n## Context\n", &mut problems);
        assert_eq!(problems.len(), 4);
    }
}
