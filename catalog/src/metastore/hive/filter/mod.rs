//! The filter texts that clients of a Hive metastore send.
//!
//! The grammar is that of Hive's `Filter.g`: comparisons of a key with a literal, BETWEEN, IN,
//! LIKE (whose pattern is a regular expression), AND, OR and parentheses. [`Expression`] is what
//! was written; [`PartitionSelection`] makes of it what the index answers, and where that selects
//! too much, looks at the rest itself.

mod parser;
mod partitions;
mod tables;

pub(super) use partitions::PartitionSelection;
pub(super) use tables::table_matches;

use super::answer::Answer;
use crate::model::CompareOp;

/// A filter as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    And(Vec<Self>),
    Or(Vec<Self>),
    Compare {
        key: String,
        op: CompareOp,
        literal: Literal,
    },
    Between {
        key: String,
        low: Literal,
        high: Literal,
        negated: bool,
    },
    In {
        key: String,
        literals: Vec<Literal>,
        negated: bool,
    },
    /// `(struct(a, b)) IN (const struct(1, 'x'), …)`.
    InTuples {
        keys: Vec<String>,
        tuples: Vec<Vec<Literal>>,
        negated: bool,
    },
    Like {
        key: String,
        pattern: String,
    },
}

/// A literal of a filter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Integer(i64),
    /// As it was written, such as `2024-01-31`.
    Date(String),
}

impl Expression {
    /// Reads a filter; none when the text is empty, which selects everything.
    pub(super) fn parse(text: &str) -> Answer<Option<Self>> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        parser::parse(text).map(Some)
    }
}
