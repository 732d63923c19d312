//! What a statement says.

use super::metadata_types::{ChangeMetadata, CreateTerm};
use super::{AnalyzeTable, LikePattern, Literal};
use quern_catalog::model::{Column, CompareOp, Parameters, StorageFormat};
use sqlparser::ast;
use std::fmt;

/// A table's, view's or model's name as written, lower case; what is missing is the session's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// Catalog.
    pub catalog: Option<String>,
    /// Schema.
    pub schema: Option<String>,
    /// The name itself.
    pub name: String,
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.catalog, &self.schema].into_iter().flatten() {
            write!(f, "{part}.")?;
        }
        f.write_str(&self.name)
    }
}

/// A schema's name as written, lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaName {
    /// Catalog; the session's when missing.
    pub catalog: Option<String>,
    /// The name itself.
    pub name: String,
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.catalog {
            Some(catalog) => write!(f, "{catalog}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What EXPLAIN prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExplainType {
    /// The logical plan.
    Logical,
    /// The plan by stages (the default).
    #[default]
    Distributed,
    /// Whether the statement is valid: one row, `true`.
    Validate,
    /// The tables that are read.
    Io,
}

/// How EXPLAIN prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExplainFormat {
    /// Indented text (the default).
    #[default]
    Text,
    /// A tree drawn with lines.
    Tree,
    /// JSON.
    Json,
    /// Graphviz's dot.
    Graphviz,
}

/// The options of EXPLAIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExplainOptions {
    /// Whether the statement is run and measured.
    pub analyze: bool,
    /// Whether more is told.
    pub verbose: bool,
    /// What is printed.
    pub explain_type: ExplainType,
    /// How it is printed.
    pub format: ExplainFormat,
}

/// CREATE SCHEMA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSchema {
    /// Name.
    pub name: SchemaName,
    /// Whether an existing one is left alone.
    pub if_not_exists: bool,
    /// Comment.
    pub comment: Option<String>,
    /// Where its tables are placed.
    pub location: Option<String>,
    /// `WITH DBPROPERTIES`.
    pub properties: Parameters,
}

/// CREATE CATALOG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCatalog {
    /// Name.
    pub name: String,
    /// Whether an existing one is left alone.
    pub if_not_exists: bool,
    /// Comment.
    pub comment: Option<String>,
    /// `connector` and what that needs, names in lower case.
    pub properties: Parameters,
}

/// CREATE TABLE in Hive's terms, whichever way it was spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// Name.
    pub name: TableName,
    /// Whether an existing one is left alone.
    pub if_not_exists: bool,
    /// Whether the table's files outlive it.
    pub external: bool,
    /// Data columns.
    pub columns: Vec<Column>,
    /// Partition keys, in path order.
    pub partition_columns: Vec<Column>,
    /// File format.
    pub format: StorageFormat,
    /// Parameters of the SerDe, by Hive's names (`field.delim`, `separatorChar`).
    pub serde_parameters: Parameters,
    /// Where the files are; the schema's location decides when missing.
    pub location: Option<String>,
    /// Comment.
    pub comment: Option<String>,
    /// `TBLPROPERTIES`, by Hive's names.
    pub properties: Parameters,
}

/// CREATE VIEW; the text is stored, not planned.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateView {
    /// Name.
    pub name: TableName,
    /// Whether an existing view is replaced.
    pub or_replace: bool,
    /// Whether an existing one is left alone.
    pub if_not_exists: bool,
    /// Column names, when given.
    pub columns: Vec<String>,
    /// Comment.
    pub comment: Option<String>,
    /// The query as written.
    pub query_text: String,
    /// The query.
    pub query: Box<ast::Query>,
}

/// CREATE MODEL.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateModel {
    /// Name.
    pub name: TableName,
    /// Whether an existing model gets a new version.
    pub or_replace: bool,
    /// Whether an existing one is left alone.
    pub if_not_exists: bool,
    /// Options as written, names in lower case; lists are joined by commas.
    pub options: Vec<(String, String)>,
    /// The training query as written.
    pub query_text: String,
    /// The training query.
    pub query: Box<ast::Query>,
    /// The whole statement as written.
    pub text: String,
}

/// `(key = 'value', …)` of a partition, keys in lower case, values as text.
pub type PartitionSpec = Vec<(String, String)>;

/// One partition of ALTER TABLE ADD PARTITION.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionAddition {
    /// Its values.
    pub spec: PartitionSpec,
    /// Where its files are; the table's location decides when missing.
    pub location: Option<String>,
}

/// One group of ALTER TABLE DROP PARTITION: the partitions that satisfy every comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropPartitions {
    /// Key, comparison, value as text.
    pub conditions: Vec<(String, CompareOp, String)>,
}

/// Which way partitions are brought in line with directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// Directories without partition are added.
    Add,
    /// Partitions without directory are dropped.
    Drop,
    /// Both.
    Full,
}

impl SyncMode {
    /// Reads `ADD`, `DROP` or `FULL` in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [("ADD", Self::Add), ("DROP", Self::Drop), ("FULL", Self::Full)]
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, mode)| mode)
    }
}

/// An argument of CALL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallArgument {
    /// Lower-case name; none when positional.
    pub name: Option<String>,
    /// Value.
    pub value: Literal,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// SELECT, VALUES, WITH.
    Query(Box<ast::Query>),
    /// EXPLAIN.
    Explain {
        /// What to print, and how.
        options: ExplainOptions,
        /// The statement to explain.
        inner: Box<Self>,
    },
    /// CREATE CATALOG.
    CreateCatalog(CreateCatalog),
    /// DROP CATALOG.
    DropCatalog {
        /// Name.
        name: String,
        /// Whether a missing one is fine.
        if_exists: bool,
    },
    /// CREATE SCHEMA.
    CreateSchema(CreateSchema),
    /// DROP SCHEMA.
    DropSchema {
        /// Name.
        name: SchemaName,
        /// Whether a missing one is fine.
        if_exists: bool,
        /// Whether its tables go too.
        cascade: bool,
    },
    /// CREATE TABLE.
    CreateTable(Box<CreateTable>),
    /// CREATE TABLE … LIKE.
    CreateTableLike {
        /// Name.
        name: TableName,
        /// The table whose definition is copied.
        source: TableName,
        /// Whether an existing one is left alone.
        if_not_exists: bool,
        /// Whether the table's files outlive it.
        external: bool,
        /// Where the files are.
        location: Option<String>,
    },
    /// DROP TABLE.
    DropTable {
        /// Name.
        name: TableName,
        /// Whether a missing one is fine.
        if_exists: bool,
    },
    /// CREATE VIEW.
    CreateView(Box<CreateView>),
    /// DROP VIEW.
    DropView {
        /// Name.
        name: TableName,
        /// Whether a missing one is fine.
        if_exists: bool,
    },
    /// MSCK REPAIR TABLE.
    MsckRepair {
        /// Table.
        table: TableName,
        /// Which way.
        mode: SyncMode,
    },
    /// CALL.
    Call {
        /// The procedure's name, lower case, its parts apart.
        procedure: Vec<String>,
        /// Arguments.
        arguments: Vec<CallArgument>,
    },
    /// ALTER TABLE ADD PARTITION.
    AlterTableAddPartitions {
        /// Table.
        table: TableName,
        /// Whether existing ones are left alone.
        if_not_exists: bool,
        /// The partitions.
        partitions: Vec<PartitionAddition>,
    },
    /// ALTER TABLE DROP PARTITION.
    AlterTableDropPartitions {
        /// Table.
        table: TableName,
        /// Whether missing ones are fine.
        if_exists: bool,
        /// Each drops the partitions that it matches.
        partitions: Vec<DropPartitions>,
    },
    /// ALTER TABLE RENAME TO.
    AlterTableRename {
        /// Table.
        table: TableName,
        /// Whether a missing one is fine.
        if_exists: bool,
        /// New name.
        new_name: TableName,
    },
    /// ALTER TABLE ADD COLUMNS.
    AlterTableAddColumns {
        /// Table.
        table: TableName,
        /// Whether existing columns are left alone.
        if_not_exists: bool,
        /// The columns.
        columns: Vec<Column>,
    },
    /// ALTER TABLE SET TBLPROPERTIES.
    AlterTableSetProperties {
        /// Table.
        table: TableName,
        /// The parameters to set.
        properties: Parameters,
    },
    /// COMMENT ON, and ALTER … SET of tags, terms, sensitivity or owner.
    ChangeMetadata(Box<ChangeMetadata>),
    /// CREATE GLOSSARY TERM.
    CreateTerm(CreateTerm),
    /// DROP GLOSSARY TERM.
    DropTerm {
        /// Lower-case name.
        name: String,
        /// Whether a missing one is fine.
        if_exists: bool,
    },
    /// SHOW CATALOGS.
    ShowCatalogs {
        /// Names to show.
        like: Option<LikePattern>,
    },
    /// SHOW SCHEMAS.
    ShowSchemas {
        /// Catalog; the session's when missing.
        from: Option<String>,
        /// Names to show.
        like: Option<LikePattern>,
    },
    /// SHOW TABLES.
    ShowTables {
        /// Schema; the session's when missing.
        from: Option<SchemaName>,
        /// Names to show.
        like: Option<LikePattern>,
    },
    /// SHOW COLUMNS.
    ShowColumns {
        /// Table.
        table: TableName,
        /// Names to show.
        like: Option<LikePattern>,
    },
    /// SHOW PARTITIONS.
    ShowPartitions {
        /// Table.
        table: TableName,
        /// Values that the partitions must have; empty for all.
        spec: PartitionSpec,
    },
    /// SHOW CREATE TABLE.
    ShowCreateTable {
        /// Table.
        table: TableName,
    },
    /// SHOW CREATE VIEW.
    ShowCreateView {
        /// View.
        view: TableName,
    },
    /// SHOW CREATE CATALOG.
    ShowCreateCatalog {
        /// Catalog.
        catalog: String,
    },
    /// SHOW CREATE SCHEMA.
    ShowCreateSchema {
        /// Schema.
        schema: SchemaName,
    },
    /// SHOW SESSION.
    ShowSession {
        /// Names to show.
        like: Option<LikePattern>,
    },
    /// SHOW FUNCTIONS.
    ShowFunctions {
        /// Names to show.
        like: Option<LikePattern>,
    },
    /// SHOW MODELS.
    ShowModels {
        /// Schema; the session's when missing.
        from: Option<SchemaName>,
        /// Names to show.
        like: Option<LikePattern>,
    },
    /// DESCRIBE.
    Describe {
        /// Table.
        table: TableName,
    },
    /// DESCRIBE MODEL.
    DescribeModel {
        /// Model.
        name: TableName,
        /// Version; the latest when missing.
        version: Option<i64>,
    },
    /// ANALYZE.
    Analyze(Box<AnalyzeTable>),
    /// SHOW STATS.
    ShowStats {
        /// Which columns of which partitions of which table.
        query: Box<ast::Query>,
    },
    /// CHECK TABLE.
    CheckTable {
        /// Table.
        table: TableName,
    },
    /// USE.
    Use {
        /// Catalog; stays as it is when missing.
        catalog: Option<String>,
        /// Schema.
        schema: String,
    },
    /// SET SESSION, and SET.
    SetSession {
        /// Lower-case name of the property.
        name: String,
        /// Its value as text.
        value: String,
    },
    /// RESET SESSION.
    ResetSession {
        /// Lower-case name of the property.
        name: String,
    },
    /// CREATE MODEL.
    CreateModel(Box<CreateModel>),
    /// DROP MODEL.
    DropModel {
        /// Name.
        name: TableName,
        /// Whether a missing one is fine.
        if_exists: bool,
    },
}

impl Statement {
    /// A word for logs and metrics, such as `CREATE TABLE`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Query(_) => "SELECT",
            Self::Explain { .. } => "EXPLAIN",
            Self::CreateCatalog(_) => "CREATE CATALOG",
            Self::DropCatalog { .. } => "DROP CATALOG",
            Self::CreateSchema(_) => "CREATE SCHEMA",
            Self::DropSchema { .. } => "DROP SCHEMA",
            Self::CreateTable(_) | Self::CreateTableLike { .. } => "CREATE TABLE",
            Self::DropTable { .. } => "DROP TABLE",
            Self::CreateView(_) => "CREATE VIEW",
            Self::DropView { .. } => "DROP VIEW",
            Self::MsckRepair { .. } => "MSCK REPAIR TABLE",
            Self::Call { .. } => "CALL",
            Self::AlterTableAddPartitions { .. }
            | Self::AlterTableDropPartitions { .. }
            | Self::AlterTableRename { .. }
            | Self::AlterTableAddColumns { .. }
            | Self::AlterTableSetProperties { .. } => "ALTER TABLE",
            Self::ChangeMetadata(change) => change.kind(),
            Self::CreateTerm(_) => "CREATE GLOSSARY TERM",
            Self::DropTerm { .. } => "DROP GLOSSARY TERM",
            Self::ShowCatalogs { .. }
            | Self::ShowSchemas { .. }
            | Self::ShowTables { .. }
            | Self::ShowColumns { .. }
            | Self::ShowPartitions { .. }
            | Self::ShowCreateTable { .. }
            | Self::ShowCreateView { .. }
            | Self::ShowCreateSchema { .. }
            | Self::ShowCreateCatalog { .. }
            | Self::ShowSession { .. }
            | Self::ShowFunctions { .. }
            | Self::ShowModels { .. }
            | Self::ShowStats { .. } => "SHOW",
            Self::Analyze(_) => "ANALYZE",
            Self::CheckTable { .. } => "CHECK TABLE",
            Self::Describe { .. } | Self::DescribeModel { .. } => "DESCRIBE",
            Self::Use { .. } => "USE",
            Self::SetSession { .. } => "SET SESSION",
            Self::ResetSession { .. } => "RESET SESSION",
            Self::CreateModel(_) => "CREATE MODEL",
            Self::DropModel { .. } => "DROP MODEL",
        }
    }
}
