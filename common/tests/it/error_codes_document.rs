use crate::files::project_file;
use quern_common::{ErrorCode, ErrorKind};
use std::fmt::Write;

const HEAD: &str = "# Error codes

This page is written by a test of the crate `common`: after a change to its error table, run
`cargo xtask test error_codes_document` and commit what it wrote.

Every failed statement carries one of these codes. Flight SQL sends the name as gRPC metadata
`quern-error-code`, beside the message. Names and numbers are Trino's where Trino has the condition.
";

fn document() -> String {
    let mut text = HEAD.to_owned();
    let kinds = [
        (ErrorKind::User, "The statement or the request is wrong: repeating it does not help."),
        (ErrorKind::Internal, "A defect of Quern or of a part of the cluster."),
        (
            ErrorKind::InsufficientResources,
            "A limit was reached: it may work later, or with another limit.",
        ),
        (ErrorKind::External, "Storage, a metastore or a data file failed."),
    ];
    for (kind, meaning) in kinds {
        write!(text, "\n## {kind}\n\n{meaning}\n\n").unwrap();
        text.push_str("| name | number | when |\n|---|---|---|\n");
        for code in ErrorCode::ALL.iter().filter(|code| code.kind() == kind) {
            let (name, number, when) = (code.name(), code.number(), code.description());
            writeln!(text, "| `{name}` | {number} | {when} |").unwrap();
        }
    }
    text
}

#[test]
fn the_document_lists_the_error_table() {
    let path = project_file("docs/reference/error-codes.md");
    let expected = document();
    if std::fs::read_to_string(&path).is_ok_and(|committed| committed == expected) {
        return;
    }
    std::fs::write(&path, &expected).unwrap();
    panic!("docs/reference/error-codes.md was out of date and is written anew: commit it");
}
