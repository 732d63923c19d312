//! The parser of type text.

use super::{HiveType, unknown_type};
use quern_common::{Error, Result};

/// Types inside types that are accepted at most; each level is a recursion.
const MAX_DEPTH: usize = 64;

/// Whose names are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// Hive's, as a metastore stores them.
    Hive,
    /// Hive's and Presto's, as a statement may have them.
    Sql,
}

pub(super) fn parse(text: &str, spelling: Spelling) -> Result<HiveType> {
    let mut parser = Parser { text, rest: text, spelling };
    let hive_type = parser.hive_type(0)?;
    parser.skip_space();
    if parser.rest.is_empty() { Ok(hive_type) } else { Err(parser.unknown()) }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    spelling: Spelling,
}

impl Parser<'_> {
    fn unknown(&self) -> Error {
        // A hostile text may be megabytes long; its start is enough to find it.
        let start: String = self.text.chars().take(200).collect();
        unknown_type(&start)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: char) -> bool {
        self.skip_space();
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: char) -> Result<()> {
        if self.eat(token) { Ok(()) } else { Err(self.unknown()) }
    }

    /// The next run of letters, digits and underscores, in lower case.
    fn word(&mut self) -> String {
        self.skip_space();
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_ascii_lowercase()
    }

    fn eat_words(&mut self, words: &[&str]) -> bool {
        let start = self.rest;
        let all = words.iter().all(|word| self.word() == *word);
        if !all {
            self.rest = start;
        }
        all
    }

    fn hive_type(&mut self, depth: usize) -> Result<HiveType> {
        if depth > MAX_DEPTH {
            return Err(self.unknown());
        }
        let name = self.word();
        let mut hive_type = match name.as_str() {
            "array" => HiveType::Array(Box::new(self.nested_one(depth)?)),
            "map" => self.map(depth)?,
            "struct" => self.fields(depth)?,
            "row" if self.spelling == Spelling::Sql => self.fields(depth)?,
            _ => self.scalar(&name)?,
        };
        while self.spelling == Spelling::Sql && self.eat_words(&["array"]) {
            hive_type = HiveType::Array(Box::new(hive_type));
        }
        Ok(hive_type)
    }

    /// Takes `<`, or `(` in SQL, and returns what closes it.
    fn open(&mut self) -> Result<char> {
        if self.eat('<') {
            return Ok('>');
        }
        if self.spelling == Spelling::Sql && self.eat('(') {
            return Ok(')');
        }
        Err(self.unknown())
    }

    fn nested_one(&mut self, depth: usize) -> Result<HiveType> {
        let close = self.open()?;
        let element = self.hive_type(depth + 1)?;
        self.expect(close)?;
        Ok(element)
    }

    fn map(&mut self, depth: usize) -> Result<HiveType> {
        let close = self.open()?;
        let key = self.hive_type(depth + 1)?;
        self.expect(',')?;
        let value = self.hive_type(depth + 1)?;
        self.expect(close)?;
        Ok(HiveType::Map(Box::new(key), Box::new(value)))
    }

    fn fields(&mut self, depth: usize) -> Result<HiveType> {
        let close = self.open()?;
        let mut fields = Vec::new();
        loop {
            let name = self.field_name()?;
            fields.push((name, self.hive_type(depth + 1)?));
            if !self.eat(',') {
                break;
            }
        }
        self.expect(close)?;
        Ok(HiveType::Struct(fields))
    }

    /// A field's name with the colon or the space behind it.
    fn field_name(&mut self) -> Result<String> {
        self.skip_space();
        let name = match self.rest.chars().next() {
            Some(quote @ ('"' | '`')) => {
                let inner = self.rest.get(1..).unwrap_or_default();
                let (name, rest) = inner.split_once(quote).ok_or_else(|| self.unknown())?;
                self.rest = rest;
                name.to_lowercase()
            }
            // Hive's own text does not quote: the name is everything before the colon.
            _ if self.spelling == Spelling::Hive => {
                let (name, _) = self.rest.split_once(':').ok_or_else(|| self.unknown())?;
                self.rest = self.rest.get(name.len()..).unwrap_or_default();
                name.trim().to_owned()
            }
            _ => self.unquoted_sql_name(),
        };
        let colon = self.eat(':');
        if name.is_empty()
            || name.contains([':', '<', '>', ',', '`', '"', '(', ')'])
            || (self.spelling == Spelling::Hive && !colon)
        {
            return Err(self.unknown());
        }
        Ok(name)
    }

    /// In SQL a name ends at a space; before a colon it is Hive's and may contain spaces.
    fn unquoted_sql_name(&mut self) -> String {
        let structural = [':', '<', '>', ',', '(', ')'];
        let end = self.rest.find(structural).unwrap_or(self.rest.len());
        let (head, rest) = self.rest.split_at(end);
        let end = match rest.starts_with(':') {
            true => end,
            false => head.find(char::is_whitespace).unwrap_or(end),
        };
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name.trim().to_lowercase()
    }

    fn scalar(&mut self, name: &str) -> Result<HiveType> {
        let sql = self.spelling == Spelling::Sql;
        Ok(match name {
            "boolean" => HiveType::Boolean,
            "tinyint" => HiveType::TinyInt,
            "smallint" => HiveType::SmallInt,
            "int" => HiveType::Int,
            "bigint" => HiveType::BigInt,
            "float" => HiveType::Float,
            "double" => {
                if sql {
                    self.eat_words(&["precision"]);
                }
                HiveType::Double
            }
            "string" => HiveType::String,
            "binary" => HiveType::Binary,
            "date" => HiveType::Date,
            "decimal" => self.decimal()?,
            "varchar" => self.varchar()?,
            "char" => self.char()?,
            "timestamp" => self.timestamp()?,
            "integer" if sql => HiveType::Int,
            "real" if sql => HiveType::Float,
            "varbinary" if sql => HiveType::Binary,
            "numeric" | "dec" if sql => self.decimal()?,
            _ => return Err(self.unknown()),
        })
    }

    /// The numbers in parentheses, if there are parentheses.
    fn numbers(&mut self) -> Result<Vec<u32>> {
        if !self.eat('(') {
            return Ok(Vec::new());
        }
        let mut numbers = Vec::new();
        loop {
            let number = self.word().parse().map_err(|_| self.unknown())?;
            numbers.push(number);
            if !self.eat(',') {
                break;
            }
        }
        self.expect(')')?;
        Ok(numbers)
    }

    fn decimal(&mut self) -> Result<HiveType> {
        let default_precision = if self.spelling == Spelling::Sql { 38 } else { 10 };
        let (precision, scale) = match self.numbers()?.as_slice() {
            [] => (default_precision, 0),
            [precision] => (*precision, 0),
            [precision, scale] => (*precision, *scale),
            _ => return Err(self.unknown()),
        };
        match (u8::try_from(precision), u8::try_from(scale)) {
            (Ok(p @ 1..=38), Ok(s)) if s <= p => Ok(HiveType::Decimal(p, s)),
            _ => Err(self.unknown()),
        }
    }

    fn varchar(&mut self) -> Result<HiveType> {
        let sql = self.spelling == Spelling::Sql;
        match self.numbers()?.as_slice() {
            [] if sql => Ok(HiveType::String),
            [length @ 1..=65_535] => Ok(HiveType::Varchar(*length)),
            // Presto's limit is larger than Hive's.
            [length] if sql && *length > 0 => Ok(HiveType::String),
            _ => Err(self.unknown()),
        }
    }

    fn char(&mut self) -> Result<HiveType> {
        match self.numbers()?.as_slice() {
            [] if self.spelling == Spelling::Sql => Ok(HiveType::Char(1)),
            [length @ 1..=255] => Ok(HiveType::Char(*length)),
            _ => Err(self.unknown()),
        }
    }

    fn timestamp(&mut self) -> Result<HiveType> {
        let sql = self.spelling == Spelling::Sql;
        match self.numbers()?.as_slice() {
            [] => {}
            [0..=6] if sql => {}
            [7..=12] if sql => {
                return Err(Error::not_supported(format_args!(
                    "\"{}\": timestamps have microseconds at most",
                    self.text
                )));
            }
            _ => return Err(self.unknown()),
        }
        if self.eat_words(&["with", "local", "time", "zone"])
            || (sql && self.eat_words(&["with", "time", "zone"]))
        {
            return Ok(HiveType::TimestampLocal);
        }
        if sql {
            self.eat_words(&["without", "time", "zone"]);
        }
        Ok(HiveType::Timestamp)
    }
}
