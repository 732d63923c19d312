//! Licences of everything that is linked: an SPDX expression must be satisfiable with the list.

use crate::workspace::Workspace;

/// Permissive licences only. bzip2-1.0.6 comes with DataFusion's bzip2.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

pub(super) fn check(workspace: &Workspace, problems: &mut Vec<String>) {
    for package in workspace.packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        if !is_allowed(licence) {
            let name = package["name"].as_str().unwrap_or_default();
            problems.push(format!("{name}: licence \"{licence}\" is not on xtask's list"));
        }
    }
}

/// Whether the expression can be met: one side of each OR, both of each AND. OR binds weakest;
/// a slash is an old spelling of OR.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    any(expression.trim())
}

fn any(expression: &str) -> bool {
    split(expression, " OR ").iter().any(|part| all(part))
}

fn all(expression: &str) -> bool {
    split(expression, " AND ").iter().all(|part| {
        let part = part.trim();
        match part.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(inner) => any(inner),
            None => ALLOWED.contains(&part),
        }
    })
}

/// Splits at a word that is not inside parentheses.
fn split<'a>(expression: &'a str, word: &str) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut depth = 0_u32;
    let mut start = 0;
    for (position, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && position >= start && expression[position..].starts_with(word) {
            parts.push(&expression[start..position]);
            start = position + word.len();
        }
    }
    parts.push(&expression[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_met_by_permissive_licences_only() {
        for yes in [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 / MIT",
            "MIT OR LGPL-2.1-or-later",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(is_allowed(yes), "{yes}");
        }
        for no in ["", "MPL-2.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND (GPL-3.0)"] {
            assert!(!is_allowed(no), "{no}");
        }
    }
}
