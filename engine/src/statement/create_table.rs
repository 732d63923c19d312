//! CREATE TABLE, in Hive's spelling and in Presto's.

use super::parser::StatementParser;
use super::table_properties::{
    apply_presto_properties, finish_hive_properties, hive_text, single_character,
};
use super::types::{CreateTable, Statement, TableName};
use quern_catalog::hive_type;
use quern_catalog::model::{Column, Parameters, StorageFormat};
use quern_common::{Error, ErrorCode, Result};
use sqlparser::tokenizer::Token;

/// Reads a clause into a draft.
type ReadClause<'a> = fn(&mut StatementParser<'a>, &mut Draft) -> Result<()>;

/// What has been read of a CREATE TABLE.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) columns: Vec<Column>,
    pub(super) partition_columns: Vec<Column>,
    /// Partition keys that are columns of the list.
    pub(super) partition_names: Vec<String>,
    pub(super) external: bool,
    /// Whether a clause is Hive's, so that Hive's default format holds.
    pub(super) hive_spelling: bool,
    pub(super) format: Option<StorageFormat>,
    pub(super) serde_parameters: Parameters,
    pub(super) location: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) properties: Parameters,
    seen: Vec<&'static str>,
}

impl<'a> StatementParser<'a> {
    /// `CREATE [EXTERNAL] TABLE`, after CREATE.
    pub(super) fn create_table(&mut self) -> Result<Statement> {
        let external = self.accept("EXTERNAL");
        self.expect("TABLE")?;
        let if_not_exists = self.if_not_exists();
        let name = self.table_name()?;
        if self.at("LIKE") || self.like_in_parentheses() {
            return self.create_table_like(name, if_not_exists, external);
        }
        let mut draft = Draft { external, hive_spelling: external, ..Draft::default() };
        if self.at_token(&Token::LParen) {
            draft.columns = self.hive_columns()?;
        }
        while self.table_clause(&mut draft)? {}
        if self.at("AS") || self.at("SELECT") {
            return Err(Error::not_supported("CREATE TABLE AS"));
        }
        self.expect_end()?;
        let table = self.finish_table(name, if_not_exists, draft)?;
        Ok(Statement::CreateTable(Box::new(table)))
    }

    fn like_in_parentheses(&self) -> bool {
        matches!(&self.parser.peek_nth_token_ref(1).token, Token::Word(word)
            if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("LIKE"))
    }

    fn create_table_like(
        &mut self,
        name: TableName,
        if_not_exists: bool,
        external: bool,
    ) -> Result<Statement> {
        let parentheses = self.parser.consume_token(&Token::LParen);
        self.expect("LIKE")?;
        let source = self.table_name()?;
        if parentheses {
            if self.at("EXCLUDING PROPERTIES") {
                return Err(Error::not_supported("LIKE … EXCLUDING PROPERTIES"));
            }
            self.accept("INCLUDING PROPERTIES");
            if self.at_token(&Token::Comma) {
                return Err(Error::not_supported("LIKE among columns"));
            }
            self.token(&Token::RParen, "\")\"")?;
        }
        let location = self.text_after("LOCATION")?;
        for clause in ["WITH", "TBLPROPERTIES", "STORED", "COMMENT", "ROW FORMAT"] {
            if self.at(clause) {
                return Err(Error::not_supported(format!("CREATE TABLE LIKE … {clause}")));
            }
        }
        let external = external || location.is_some();
        Ok(Statement::CreateTableLike { name, source, if_not_exists, external, location })
    }

    /// `(a int COMMENT 'x', …)`.
    pub(super) fn hive_columns(&mut self) -> Result<Vec<Column>> {
        self.token(&Token::LParen, "\"(\"")?;
        let mut columns = vec![];
        loop {
            for clause in ["CONSTRAINT", "PRIMARY KEY", "FOREIGN KEY", "UNIQUE", "CHECK", "LIKE"] {
                let is_column = matches!(self.parser.peek_nth_token_ref(1).token, Token::Word(_));
                if self.at(clause) && (clause == "LIKE" || clause.contains(' ') || !is_column) {
                    return Err(Error::not_supported(format!("{clause} among columns")));
                }
            }
            columns.push(self.column()?);
            if self.parser.consume_token(&Token::RParen) {
                return Ok(columns);
            }
            self.token(&Token::Comma, "\",\" or \")\"")?;
        }
    }

    /// `name type [COMMENT 'x']`.
    pub(super) fn column(&mut self) -> Result<Column> {
        let name = self.identifier()?;
        let type_text = self.type_text()?;
        let hive_type = hive_type::hive_type_from_sql(&type_text)?;
        for clause in
            ["NOT NULL", "DEFAULT", "PRIMARY KEY", "UNIQUE", "CHECK", "REFERENCES", "GENERATED"]
        {
            if self.at(clause) {
                return Err(Error::not_supported(format!("{clause} of column \"{name}\"")));
            }
        }
        self.accept("NULL");
        let comment = self.text_after("COMMENT")?;
        if self.at("WITH") {
            return Err(Error::not_supported(format!("WITH of column \"{name}\"")));
        }
        Ok(Column { name, hive_type, comment })
    }

    /// Reads one clause after the columns, or tells that there is none.
    fn table_clause(&mut self, draft: &mut Draft) -> Result<bool> {
        let clauses: &[(&'static str, ReadClause<'a>)] = &[
            ("COMMENT", |parser, draft| {
                draft.comment = Some(parser.text()?);
                Ok(())
            }),
            ("PARTITIONED BY", Self::partitioned_by),
            ("ROW FORMAT", Self::row_format),
            ("STORED AS", Self::stored_as),
            ("LOCATION", |parser, draft| {
                draft.hive_spelling = true;
                draft.location = Some(parser.text()?);
                Ok(())
            }),
            ("TBLPROPERTIES", |parser, draft| {
                draft.hive_spelling = true;
                draft.properties.append(&mut parser.hive_properties()?);
                Ok(())
            }),
            ("WITH", |parser, draft| {
                let properties = parser.presto_properties()?;
                apply_presto_properties(draft, &properties)
            }),
        ];
        for (words, read) in clauses {
            if self.at(words) {
                if draft.seen.contains(words) {
                    return Err(self.syntax_error(&format!("{words} is given twice")));
                }
                self.accept(words);
                draft.seen.push(words);
                read(self, draft)?;
                return Ok(true);
            }
        }
        self.refuse_table_clauses()?;
        Ok(false)
    }

    fn refuse_table_clauses(&self) -> Result<()> {
        for clause in [
            "CLUSTERED BY",
            "SORTED BY",
            "SKEWED BY",
            "STORED BY",
            "USING",
            "OPTIONS",
            "DISTRIBUTED",
        ] {
            if self.at(clause) {
                return Err(Error::not_supported(format!("CREATE TABLE … {clause}")));
            }
        }
        Ok(())
    }

    /// `(day date COMMENT 'x', n int)`, or `(day, n)` naming columns of the list.
    fn partitioned_by(&mut self, draft: &mut Draft) -> Result<()> {
        draft.hive_spelling = true;
        let untyped =
            matches!(self.parser.peek_nth_token_ref(2).token, Token::Comma | Token::RParen);
        if untyped {
            draft.partition_names = self.column_names()?;
        } else {
            draft.partition_columns = self.hive_columns()?;
        }
        Ok(())
    }

    fn row_format(&mut self, draft: &mut Draft) -> Result<()> {
        draft.hive_spelling = true;
        if self.accept("SERDE") {
            let class = self.text()?;
            let format = StorageFormat::from_serde(&class)
                .ok_or_else(|| Error::not_supported(format!("SerDe \"{class}\"")))?;
            if self.accept("WITH SERDEPROPERTIES") {
                draft.serde_parameters.append(&mut self.hive_properties()?);
                draft.serde_parameters.values_mut().for_each(|value| *value = hive_text(value));
            }
            return self.set_format(draft, format);
        }
        self.expect("DELIMITED")?;
        self.set_format(draft, StorageFormat::TextFile)?;
        while let Some((key, value)) = self.delimiter()? {
            if key == "field.delim" {
                draft.serde_parameters.insert("serialization.format".to_owned(), value.clone());
            }
            draft.serde_parameters.insert(key.to_owned(), value);
        }
        Ok(())
    }

    fn delimiter(&mut self) -> Result<Option<(&'static str, String)>> {
        for (words, key) in [
            ("FIELDS TERMINATED BY", "field.delim"),
            ("ESCAPED BY", "escape.delim"),
            // Hive's own spelling of the key.
            ("COLLECTION ITEMS TERMINATED BY", "colelction.delim"),
            ("MAP KEYS TERMINATED BY", "mapkey.delim"),
            ("LINES TERMINATED BY", "line.delim"),
            ("NULL DEFINED AS", "serialization.null.format"),
        ] {
            if let Some(text) = self.text_after(words)? {
                let value = hive_text(&text);
                if key != "serialization.null.format" {
                    single_character(words, &value)?;
                }
                if key == "line.delim" && value != "\n" {
                    return Err(Error::not_supported("LINES TERMINATED BY other than '\\n'"));
                }
                return Ok(Some((key, value)));
            }
        }
        Ok(None)
    }

    fn stored_as(&mut self, draft: &mut Draft) -> Result<()> {
        draft.hive_spelling = true;
        if let Some(class) = self.text_after("INPUTFORMAT")? {
            self.expect("OUTPUTFORMAT")?;
            self.text()?;
            let format = StorageFormat::from_input_format(&class)
                .ok_or_else(|| Error::not_supported(format!("INPUTFORMAT \"{class}\"")))?;
            return self.set_format(draft, format);
        }
        let name = self.identifier()?;
        let format = StorageFormat::from_name(&name)
            .ok_or_else(|| Error::not_supported(format!("STORED AS {}", name.to_uppercase())))?;
        self.set_format(draft, format)
    }

    /// Sets the format; a SerDe of text files goes with TEXTFILE.
    fn set_format(&self, draft: &mut Draft, format: StorageFormat) -> Result<()> {
        draft.format = Some(match draft.format {
            None => format,
            Some(known) if known == format => format,
            Some(known) if format == StorageFormat::TextFile && known.is_text() => known,
            Some(known) if known == StorageFormat::TextFile && format.is_text() => format,
            Some(known) => {
                let message =
                    format!("{} and {} contradict each other", known.name(), format.name());
                return Err(self.syntax_error(&message));
            }
        });
        Ok(())
    }

    fn finish_table(
        &self,
        name: TableName,
        if_not_exists: bool,
        mut draft: Draft,
    ) -> Result<CreateTable> {
        split_partition_columns(&mut draft)?;
        finish_hive_properties(&mut draft)?;
        let default = match draft.hive_spelling {
            true => StorageFormat::TextFile,
            false => StorageFormat::Parquet,
        };
        let format = draft.format.unwrap_or(default);
        match format {
            StorageFormat::Parquet | StorageFormat::TextFile | StorageFormat::Csv => {}
            other => {
                return Err(Error::not_supported(format!("tables stored as {}", other.name())));
            }
        }
        if draft.columns.is_empty() {
            return Err(
                self.syntax_error("a table has at least one column that is no partition key")
            );
        }
        Ok(CreateTable {
            name,
            if_not_exists,
            external: draft.external,
            columns: draft.columns,
            partition_columns: draft.partition_columns,
            format,
            serde_parameters: draft.serde_parameters,
            location: draft.location,
            comment: draft.comment,
            properties: draft.properties,
        })
    }
}

/// Moves the columns that `partition_names` names, which must be the last ones in that order.
fn split_partition_columns(draft: &mut Draft) -> Result<()> {
    if draft.partition_names.is_empty() {
        return Ok(());
    }
    let keys = std::mem::take(&mut draft.partition_names);
    let at = draft.columns.len().saturating_sub(keys.len());
    if let Some(missing) = keys.iter().find(|key| !draft.columns.iter().any(|c| c.name == **key)) {
        return Err(Error::new(
            ErrorCode::InvalidTableProperty,
            format!("partition key \"{missing}\" is no column of the table"),
        ));
    }
    if !draft.columns.iter().skip(at).map(|column| &column.name).eq(&keys) {
        return Err(Error::new(
            ErrorCode::InvalidTableProperty,
            format!("partition keys must be the last columns, in this order: {}", keys.join(", ")),
        ));
    }
    draft.partition_columns = draft.columns.split_off(at);
    Ok(())
}
