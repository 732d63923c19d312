//! Statements for either database.

use super::{Connection, Held, store_error};
use quern_common::Result;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, FromRow, Postgres, SqlSafeStr, SqlStr, Sqlite, Type};
use std::fmt::{Display, Write};

/// What a statement can bind.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(Option<i64>),
    Bool(bool),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

macro_rules! value_from {
    ($($from:ty: |$value:ident| $into:expr;)*) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $into
            }
        })*
    };
}

value_from! {
    i64: |n| Self::Int(Some(n));
    i32: |n| Self::Int(Some(n.into()));
    Option<i64>: |n| Self::Int(n);
    bool: |b| Self::Bool(b);
    String: |text| Self::Text(Some(text));
    &String: |text| Self::Text(Some(text.clone()));
    &str: |text| Self::Text(Some(text.to_owned()));
    Option<String>: |text| Self::Text(text);
    &Option<String>: |text| Self::Text(text.clone());
    Option<&str>: |text| Self::Text(text.map(str::to_owned));
    Vec<u8>: |bytes| Self::Bytes(bytes);
}

impl Value {
    fn add_to<A>(self, arguments: &mut A) -> sqlx::Result<()>
    where
        A: Arguments,
        Option<i64>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        bool: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Option<String>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Vec<u8>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    {
        let added = match self {
            Self::Int(n) => arguments.add(n),
            Self::Bool(b) => arguments.add(b),
            Self::Text(text) => arguments.add(text),
            Self::Bytes(bytes) => arguments.add(bytes),
        };
        added.map_err(sqlx::Error::Encode)
    }
}

/// A row that either database can give.
pub(crate) trait Record:
    Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>
{
}

impl<T> Record for T where
    T: Send + Unpin + for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow>
{
}

/// A statement with the values that it binds to `$1`, `$2`, ….
#[derive(Debug)]
#[must_use]
pub(crate) struct Query {
    sql: SqlStr,
    values: Vec<Value>,
}

/// A statement that binds nothing yet.
pub(crate) fn query(sql: &'static str) -> Query {
    Query { sql: sql.into_sql_str(), values: Vec::new() }
}

/// Calls a method of sqlx's query with the types of the connection's database.
macro_rules! on {
    ($db:expr, $query:expr, |$sql:ident, $arguments:ident, $connection:ident| $call:expr) => {{
        let $sql = $query.sql;
        match $db {
            Connection::Sqlite(held) => {
                let $arguments: SqliteArguments = arguments($query.values)?;
                let $connection = Held::<Sqlite>::connection(held);
                $call
            }
            Connection::Postgres(held) => {
                let $arguments: PgArguments = arguments($query.values)?;
                let $connection = Held::<Postgres>::connection(held);
                $call
            }
        }
        .map_err(store_error)
    }};
}

fn arguments<A>(values: Vec<Value>) -> Result<A>
where
    A: Arguments,
    Option<i64>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    bool: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    Option<String>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    Vec<u8>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
{
    let mut arguments = A::default();
    for value in values {
        value.add_to(&mut arguments).map_err(store_error)?;
    }
    Ok(arguments)
}

impl Query {
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Whether it looks for a text that PostgreSQL cannot keep, and does not even compare.
    fn selects_nothing(&self, db: &Connection) -> bool {
        let has_nul = |value: &Value| matches!(value, Value::Text(Some(t)) if t.contains('\0'));
        matches!(db, Connection::Postgres(_))
            && self.sql.as_str().starts_with("SELECT")
            && self.values.iter().any(has_nul)
    }

    /// Runs the statement and returns how many rows it changed.
    pub(crate) async fn execute(self, db: &mut Connection) -> Result<u64> {
        on!(db, self, |sql, arguments, connection| {
            let done = sqlx::query_with(sql, arguments).execute(connection).await;
            done.map(|done| done.rows_affected())
        })
    }

    pub(crate) async fn fetch_all<T: Record>(self, db: &mut Connection) -> Result<Vec<T>> {
        if self.selects_nothing(db) {
            return Ok(Vec::new());
        }
        on!(db, self, |sql, arguments, connection| {
            sqlx::query_as_with(sql, arguments).fetch_all(connection).await
        })
    }

    pub(crate) async fn fetch_optional<T: Record>(self, db: &mut Connection) -> Result<Option<T>> {
        if self.selects_nothing(db) {
            return Ok(None);
        }
        on!(db, self, |sql, arguments, connection| {
            sqlx::query_as_with(sql, arguments).fetch_optional(connection).await
        })
    }

    pub(crate) async fn fetch_one<T: Record>(self, db: &mut Connection) -> Result<T> {
        on!(db, self, |sql, arguments, connection| {
            sqlx::query_as_with(sql, arguments).fetch_one(connection).await
        })
    }

    /// The first column of all rows.
    pub(crate) async fn scalars<T>(self, db: &mut Connection) -> Result<Vec<T>>
    where
        (T,): Record,
    {
        Ok(self.fetch_all::<(T,)>(db).await?.into_iter().map(|(value,)| value).collect())
    }

    /// The first column of a row that may be missing.
    pub(crate) async fn optional_scalar<T>(self, db: &mut Connection) -> Result<Option<T>>
    where
        (T,): Record,
    {
        Ok(self.fetch_optional::<(T,)>(db).await?.map(|(value,)| value))
    }

    /// The first column of the one row.
    pub(crate) async fn scalar<T>(self, db: &mut Connection) -> Result<T>
    where
        (T,): Record,
    {
        Ok(self.fetch_one::<(T,)>(db).await?.0)
    }
}

/// Writes a statement piece by piece. Only the pieces come from us; what comes from outside is
/// bound.
#[derive(Debug)]
pub(crate) struct QueryBuilder {
    sql: String,
    values: Vec<Value>,
    /// SQLite searches its list of names for each `$n`; `?` needs none.
    numbered: bool,
}

impl QueryBuilder {
    pub(crate) fn new(db: &Connection, sql: impl Into<String>) -> Self {
        let numbered = matches!(db, Connection::Postgres(_));
        Self { sql: sql.into(), values: Vec::new(), numbered }
    }

    pub(crate) fn push(&mut self, sql: impl Display) -> &mut Self {
        // Writing to a String does not fail.
        let _ = write!(self.sql, "{sql}");
        self
    }

    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        match self.numbered {
            true => self.push(format_args!("${}", self.values.len())),
            false => self.push('?'),
        }
    }

    /// Binds values, separated by commas.
    pub(crate) fn push_list<V: Into<Value>>(
        &mut self,
        values: impl IntoIterator<Item = V>,
    ) -> &mut Self {
        for (i, value) in values.into_iter().enumerate() {
            if i > 0 {
                self.push(", ");
            }
            self.push_bind(value);
        }
        self
    }

    /// Writes `VALUES (…), (…)`.
    pub(crate) fn push_rows<const N: usize>(
        &mut self,
        rows: impl IntoIterator<Item = [Value; N]>,
    ) -> &mut Self {
        for (i, row) in rows.into_iter().enumerate() {
            self.push(if i == 0 { "VALUES (" } else { ", (" });
            self.push_list(row).push(")");
        }
        self
    }

    #[cfg(test)]
    pub(crate) fn prepend(&mut self, sql: &str) {
        self.sql.insert_str(0, sql);
    }

    pub(crate) fn build(self) -> Query {
        Query { sql: AssertSqlSafe(self.sql).into_sql_str(), values: self.values }
    }
}
