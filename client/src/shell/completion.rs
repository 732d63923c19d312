//! Completion of keywords and of names in the catalogue.

use crate::shell::lexer::{Token, TokenKind, is_word, tokens};
use crate::shell::names::{Known, Names};
use reedline::{Completer, CompletionResult, Span, Suggestion};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// Completion waits this long for the server.
const PATIENCE: Duration = Duration::from_secs(2);
const MAX_SUGGESTIONS: usize = 200;

/// Keywords of statements that Quern knows.
pub(crate) const KEYWORDS: &[&str] = &[
    "ADD",
    "ALL",
    "ALTER",
    "ANALYZE",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "BETWEEN",
    "BIGINT",
    "BOOLEAN",
    "BY",
    "CALL",
    "CASCADE",
    "CASE",
    "CAST",
    "CATALOGS",
    "COLUMN",
    "COLUMNS",
    "COMMENT",
    "CREATE",
    "CROSS",
    "CUBE",
    "CURRENT_DATE",
    "CURRENT_TIMESTAMP",
    "DATE",
    "DECIMAL",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DOUBLE",
    "DROP",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "EXTERNAL",
    "EXTRACT",
    "FALSE",
    "FETCH",
    "FILTER",
    "FIRST",
    "FOLLOWING",
    "FROM",
    "FULL",
    "FUNCTIONS",
    "GROUP",
    "GROUPING",
    "HAVING",
    "IF",
    "IN",
    "INNER",
    "INSERT",
    "INTEGER",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "LAST",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "LOCATION",
    "MAP",
    "MODEL",
    "MODELS",
    "MSCK",
    "NATURAL",
    "NOT",
    "NULL",
    "NULLIF",
    "NULLS",
    "OFFSET",
    "ON",
    "OPTIONS",
    "OR",
    "ORDER",
    "ORDINALITY",
    "OUTER",
    "OVER",
    "OVERWRITE",
    "PARTITION",
    "PARTITIONED",
    "PARTITIONS",
    "PRECEDING",
    "RANGE",
    "REAL",
    "RENAME",
    "REPAIR",
    "REPLACE",
    "RESET",
    "RIGHT",
    "ROLLUP",
    "ROW",
    "ROWS",
    "SCHEMA",
    "SCHEMAS",
    "SELECT",
    "SESSION",
    "SET",
    "SHOW",
    "SMALLINT",
    "STATS",
    "STORED",
    "TABLE",
    "TABLES",
    "TABLESAMPLE",
    "THEN",
    "TIME",
    "TIMESTAMP",
    "TINYINT",
    "TO",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "UNNEST",
    "USE",
    "USING",
    "VALUES",
    "VARBINARY",
    "VARCHAR",
    "VIEW",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Completes what is before the cursor, asking the server for names when it must.
pub(crate) struct NameCompleter {
    pub(crate) names: Arc<Names>,
    pub(crate) runtime: Handle,
}

impl Completer for NameCompleter {
    fn complete(&mut self, line: &str, pos: usize) -> CompletionResult {
        let tables = tables_in(line);
        let names = Arc::clone(&self.names);
        let load = async {
            names.load().await?;
            for table in &tables {
                names.load_columns(table).await?;
            }
            Ok::<(), quern_common::Error>(())
        };
        // What could not be fetched in time is not suggested; keywords are.
        let _ = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, load).await });
        let before = line.get(..pos).unwrap_or_default();
        CompletionResult::fresh(suggest(line, before, &self.names.known()))
    }
}

/// The names after FROM, JOIN, INTO, UPDATE, TABLE and after commas in FROM, in lower case.
fn tables_in(line: &str) -> BTreeSet<String> {
    let mut tables = BTreeSet::new();
    let mut expects_table = false;
    let mut last = String::new();
    for token in tokens(line).filter(|token| !token.is_blank()) {
        match token.kind {
            TokenKind::Word if introduces_table(&token) => expects_table = true,
            TokenKind::Word | TokenKind::QuotedName if expects_table => {
                last = token.text.trim_matches(['"', '`']).to_lowercase();
                tables.insert(last.clone());
                expects_table = false;
            }
            // A qualified name: the part before the dot was no table.
            TokenKind::Other if token.text == "." && tables.remove(&last) => expects_table = true,
            _ => {}
        }
    }
    tables
}

fn introduces_table(token: &Token<'_>) -> bool {
    ["FROM", "JOIN", "INTO", "UPDATE", "TABLE", "DESCRIBE"]
        .iter()
        .any(|keyword| token.is_keyword(keyword))
}

/// Suggestions for the word that `before`, the text before the cursor, ends with.
fn suggest(line: &str, before: &str, known: &Known) -> Vec<Suggestion> {
    if tokens(before).last().is_some_and(|token| !token.closed) {
        return Vec::new();
    }
    let start = before.len()
        - before.chars().rev().take_while(|c| is_word(*c)).map(char::len_utf8).sum::<usize>();
    let (head, word) = before.split_at(start);
    let names = match qualifier(head) {
        Some(qualifier) => members(&qualifier, known),
        None => unqualified(head, word, line, known),
    };
    let prefix = word.to_lowercase();
    let mut seen = BTreeSet::new();
    names
        .into_iter()
        .filter(|(name, _)| name.to_lowercase().starts_with(&prefix) && *name != word)
        .filter(|(name, _)| seen.insert(name.clone()))
        .take(MAX_SUGGESTIONS)
        .map(|(name, what)| Suggestion {
            value: quoted(&name, what),
            description: Some(what.to_owned()),
            span: Span::new(start, before.len()),
            append_whitespace: what == "keyword",
            ..Suggestion::default()
        })
        .collect()
}

/// The name before a dot at the end of `head`, in lower case.
fn qualifier(head: &str) -> Option<String> {
    let name = head.strip_suffix('.')?;
    let token = tokens(name).last()?;
    let is_name = matches!(token.kind, TokenKind::Word | TokenKind::QuotedName);
    is_name.then(|| token.text.trim_matches(['"', '`']).to_lowercase())
}

type Named = (String, &'static str);

/// What is inside a catalog, schema or table of this name.
fn members(qualifier: &str, known: &Known) -> Vec<Named> {
    let mut names: Vec<Named> = Vec::new();
    if let Some(columns) = known.columns.get(qualifier) {
        names.extend(columns.iter().map(|name| (name.clone(), "column")));
    }
    let tables = known.tables.iter().filter(|(schema, _)| schema == qualifier);
    names.extend(tables.map(|(_, name)| (name.clone(), "table")));
    if known.catalogs.iter().any(|name| name == qualifier) {
        names.extend(known.schemas.iter().map(|name| (name.clone(), "schema")));
    }
    if names.is_empty() {
        // An alias: any column of the tables in the statement.
        let columns = known.columns.values().flatten();
        names.extend(columns.map(|name| (name.clone(), "column")));
    }
    names
}

fn unqualified(head: &str, word: &str, line: &str, known: &Known) -> Vec<Named> {
    let previous = tokens(head).filter(|token| !token.is_blank()).last();
    let wants_table = previous.is_some_and(|token| introduces_table(&token));
    let mut names: Vec<Named> = Vec::new();
    if !wants_table {
        let columns = tables_in(line).into_iter().filter_map(|table| known.columns.get(&table));
        names.extend(columns.flatten().map(|name| (name.clone(), "column")));
        let lower = word.starts_with(char::is_lowercase);
        let keyword = |word: &&str| if lower { word.to_lowercase() } else { (*word).to_owned() };
        names.extend(KEYWORDS.iter().map(|word| (keyword(word), "keyword")));
    }
    let current = known
        .tables
        .iter()
        .filter(|(schema, _)| known.schema.as_ref().is_none_or(|current| current == schema));
    names.extend(current.map(|(_, name)| (name.clone(), "table")));
    names.extend(known.schemas.iter().map(|name| (name.clone(), "schema")));
    names.extend(known.catalogs.iter().map(|name| (name.clone(), "catalog")));
    names
}

/// Quotes a name that would not read back as itself.
fn quoted(name: &str, what: &str) -> String {
    let plain = name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
        && !name.starts_with(|c: char| c.is_ascii_digit());
    let reserved = KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(name));
    if what == "keyword" || (plain && !reserved) {
        return name.to_owned();
    }
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let columns = [("flights", vec!["carrier", "distance"]), ("Odd Name", vec!["x"])];
        Known {
            catalog: Some("hive".to_owned()),
            schema: Some("default".to_owned()),
            catalogs: vec!["hive".to_owned(), "system".to_owned()],
            schemas: vec!["default".to_owned(), "web".to_owned()],
            tables: [("default", "flights"), ("default", "Odd Name"), ("web", "logs")]
                .map(|(schema, name)| (schema.to_owned(), name.to_owned()))
                .to_vec(),
            columns: columns
                .into_iter()
                .map(|(table, columns)| {
                    (table.to_owned(), columns.into_iter().map(str::to_owned).collect())
                })
                .collect(),
            ..Known::default()
        }
    }

    fn values(before: &str) -> Vec<String> {
        suggest(before, before, &known()).into_iter().map(|s| s.value).collect()
    }

    #[test]
    fn keywords_keep_the_case_of_what_was_typed() {
        assert_eq!(values("SEL"), ["SELECT"]);
        assert_eq!(values("sel"), ["select"]);
    }

    #[test]
    fn tables_follow_from_and_columns_follow_their_table() {
        assert_eq!(values("SELECT * FROM f"), ["flights"]);
        assert_eq!(values("SELECT * FROM o"), ["\"Odd Name\""]);
        assert_eq!(values("SELECT * FROM web."), ["logs"]);
        assert_eq!(values("SELECT * FROM hive.w"), ["web"]);
        assert_eq!(values("SELECT flights.d"), ["distance"]);
        let line = "SELECT  FROM default.flights";
        let names: Vec<_> =
            suggest(line, "SELECT carr", &known()).into_iter().map(|s| s.value).collect();
        assert_eq!(names, ["carrier"]);
    }

    #[test]
    fn nothing_is_suggested_inside_a_string_or_comment() {
        assert!(values("SELECT 'sel").is_empty());
        assert!(values("/* sel").is_empty());
    }

    #[test]
    fn tables_of_a_statement_are_found() {
        let tables: Vec<_> =
            tables_in("SELECT 1 FROM a.b.\"C\" x JOIN d ON 1 = 1 WHERE y IN (SELECT z FROM e)")
                .into_iter()
                .collect();
        assert_eq!(tables, ["c", "d", "e"]);
    }

    #[test]
    fn spans_are_those_of_the_word() {
        let suggestion = suggest("x é.car", "x é.car", &known()).remove(0);
        assert_eq!((suggestion.span.start, suggestion.span.end), (5, 8));
    }
}
