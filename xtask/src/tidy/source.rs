//! Rules for source text: where a word may stand, how long a file may be, what is never written.

use crate::workspace::Workspace;
use anyhow::Result;

/// `proto/src/generated` is made by a program.
const GENERATED: &str = "proto/src/generated/";
const LINES_MAX: usize = 800;
const TEXT_SUFFIXES: &[&str] =
    &[".rs", ".md", ".toml", ".py", ".sql", ".slt", ".sh", ".yaml", ".yml", ".proto", "Dockerfile"];

/// A distributed engine's identifier and the places that may write it.
struct Engine {
    word: &'static str,
    places: &'static [&'static str],
}

const ENGINES: &[Engine] = &[
    Engine {
        word: "ballista_",
        places: &[
            "scheduler/src/dispatch/staged",
            "executor/src/",
            "engine/src/codec",
            "engine/src/session",
        ],
    },
    Engine {
        word: "datafusion_distributed",
        places: &[
            "scheduler/src/dispatch/pipelined",
            "executor/src/",
            "engine/src/codec",
            "engine/src/session",
            "engine/src/plan/guard.rs",
        ],
    },
];

/// Crates that may use both engines: they compare with them and test them.
const FREE: &[&str] = &["tests/", "benches/", "xtask/"];

pub(super) fn check(
    workspace: &Workspace,
    files: &[String],
    problems: &mut Vec<String>,
) -> Result<()> {
    for path in files {
        if path.ends_with(".slt") && !path.starts_with("tests/sql/") {
            problems
                .push(format!("{path}: SQL tests live in tests/sql, where every mode runs them"));
        }
        if !TEXT_SUFFIXES.iter().any(|suffix| path.ends_with(suffix)) || path.starts_with(GENERATED)
        {
            continue;
        }
        let text = workspace.read(path)?;
        check_marks(path, &text, problems);
        if path.ends_with(".rs") {
            check_rust(path, &text, problems);
        }
    }
    Ok(())
}

fn check_rust(path: &str, text: &str, problems: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > LINES_MAX {
        problems.push(format!("{path}: {lines} lines, {LINES_MAX} at most"));
    }
    if path.ends_with("src/lib.rs") && !text.starts_with("//!") {
        problems.push(format!("{path}: must begin with what the crate owns, as //!"));
    }
    if FREE.iter().any(|prefix| path.starts_with(prefix)) || path.contains("/tests/") {
        return;
    }
    for engine in ENGINES {
        if engine.places.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        for (number, line) in (1..).zip(text.lines()) {
            if !line.trim_start().starts_with("//") && line.contains(engine.word) {
                problems.push(format!(
                    "{path}:{number}: {} is known only in {}",
                    engine.word,
                    engine.places.join(", ")
                ));
            }
        }
    }
}

/// Marks without an issue number, and paths of one person's machine.
fn check_marks(path: &str, text: &str, problems: &mut Vec<String>) {
    // In two halves, so that this file does not break its own rules.
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME")];
    let homes = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    for (number, line) in (1..).zip(text.lines()) {
        for mark in marks {
            if has_word_without_issue(line, mark) {
                problems.push(format!("{path}:{number}: {mark} without an issue: {mark}(#12)"));
            }
        }
        for home in homes {
            if line.contains(home) {
                problems.push(format!("{path}:{number}: {home} exists on one machine only"));
            }
        }
    }
}

fn has_word_without_issue(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = &line[start + word.len()..];
        let is_word = !before.is_some_and(char::is_alphanumeric)
            && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let has_issue = after
            .strip_prefix("(#")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        is_word && !has_issue
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(path: &str, text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        check_rust(path, text, &mut problems);
        problems
    }

    #[test]
    fn an_engine_is_known_in_its_places_and_in_comments_only() {
        let text = "use ballista_core::serde::BallistaCodec;\n";
        assert_eq!(problems_of("scheduler/src/query/manager.rs", text).len(), 1);
        assert_eq!(problems_of("engine/src/plan/mod.rs", text).len(), 1);
        assert!(problems_of("scheduler/src/dispatch/staged/mod.rs", text).is_empty());
        assert!(problems_of("benches/src/lib.rs", &format!("//! x\n{text}")).is_empty());
        assert!(problems_of("catalog/src/a.rs", "// as ballista_core does\n").is_empty());
    }

    #[test]
    fn a_long_file_and_an_undocumented_crate_are_reported() {
        assert_eq!(problems_of("ml/src/a.rs", &"\n".repeat(LINES_MAX + 1)).len(), 1);
        assert_eq!(problems_of("ml/src/lib.rs", "pub mod a;\n").len(), 1);
    }

    #[test]
    fn a_mark_needs_an_issue() {
        let mark = concat!("TO", "DO");
        assert!(has_word_without_issue(&format!("// {mark}: later"), mark));
        assert!(!has_word_without_issue(&format!("// {mark}(#12): later"), mark));
        assert!(!has_word_without_issue(&format!("const MY{mark}_X"), mark));
    }
}
