//! What this server is and can do: every key of SqlInfo, each in the type that JDBC casts it to.

use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlSupportedCaseSensitivity, SqlSupportedGroupBy,
    SqlSupportedResultSetConcurrency, SqlSupportedResultSetType, SqlSupportedSubqueries,
    SqlSupportedTransaction, SqlSupportedUnions, SqlSupportsConvert, SqlTransactionIsolationLevel,
    SupportedSqlGrammar,
};
use quern_common::{Error, Result};
use std::collections::BTreeMap;

/// Words that are reserved beyond SQL:2003.
const KEYWORDS: &[&str] = &[
    "ANALYZE",
    "DATABASE",
    "EXPLAIN",
    "EXTERNAL",
    "IF",
    "ILIKE",
    "LIMIT",
    "LOCATION",
    "MODEL",
    "MSCK",
    "OVERWRITE",
    "PARTITIONED",
    "QUALIFY",
    "REFRESH",
    "RENAME",
    "REPAIR",
    "REPLACE",
    "SCHEMAS",
    "SERDE",
    "SHOW",
    "STORED",
    "TABLES",
    "TBLPROPERTIES",
    "USE",
];
const NUMERIC_FUNCTIONS: &[&str] = &[
    "ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEIL", "COS", "COT", "DEGREES", "EXP", "FLOOR", "LN",
    "LOG10", "LOG2", "MOD", "PI", "POWER", "RADIANS", "RANDOM", "ROUND", "SIGN", "SIN", "SQRT",
    "TAN",
];
const STRING_FUNCTIONS: &[&str] = &[
    "CHR",
    "CONCAT",
    "LENGTH",
    "LOWER",
    "LPAD",
    "LTRIM",
    "REPLACE",
    "REVERSE",
    "RPAD",
    "RTRIM",
    "STRPOS",
    "SUBSTR",
    "SUBSTRING",
    "TRANSLATE",
    "TRIM",
    "UPPER",
];
const SYSTEM_FUNCTIONS: &[&str] = &["COALESCE", "NULLIF"];
const DATETIME_FUNCTIONS: &[&str] = &["CURRENT_DATE", "DATE_TRUNC", "EXTRACT", "NOW"];

/// ANSI92_ENTRY_SQL as a bit; arrow-flight does not export the enumeration.
const ANSI92_ENTRY: i32 = 1;
/// Limited and full outer joins as bits, as JDBC reads them.
const OUTER_JOINS: i32 = 1 << 1 | 1 << 2;

/// Builds the table of all keys.
pub(crate) fn sql_info() -> Result<SqlInfoData> {
    let mut builder = SqlInfoDataBuilder::new();
    server(&mut builder);
    names(&mut builder);
    features(&mut builder);
    syntax(&mut builder);
    for key in LIMITS {
        // Zero says that there is no limit, or that it is not known.
        builder.append(*key, 0_i64);
    }
    transactions(&mut builder);
    builder.build().map_err(|err| Error::internal(format!("SqlInfo: {err}")))
}

fn server(builder: &mut SqlInfoDataBuilder) {
    builder.append(SqlInfo::FlightSqlServerName, "Quern");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    builder.append(SqlInfo::FlightSqlServerReadOnly, false);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    builder.append(SqlInfo::FlightSqlServerSubstraitMinVersion, "");
    builder.append(SqlInfo::FlightSqlServerSubstraitMaxVersion, "");
    builder.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    builder.append(SqlInfo::FlightSqlServerCancel, true);
    builder.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    builder.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    builder.append(SqlInfo::FlightSqlServerStatementTimeout, 0_i32);
    builder.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
    builder.append(SqlInfo::SqlDdlCatalog, false);
    builder.append(SqlInfo::SqlDdlSchema, true);
    builder.append(SqlInfo::SqlDdlTable, true);
}

fn names(builder: &mut SqlInfoDataBuilder) {
    let lower_case = SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32;
    let insensitive = SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32;
    builder.append(SqlInfo::SqlIdentifierCase, lower_case);
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    builder.append(SqlInfo::SqlQuotedIdentifierCase, insensitive);
    builder.append(SqlInfo::SqlAllTablesAreSelectable, true);
    builder.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedAtEnd as i32);
    builder.append(SqlInfo::SqlKeywords, KEYWORDS);
    builder.append(SqlInfo::SqlNumericFunctions, NUMERIC_FUNCTIONS);
    builder.append(SqlInfo::SqlStringFunctions, STRING_FUNCTIONS);
    builder.append(SqlInfo::SqlSystemFunctions, SYSTEM_FUNCTIONS);
    builder.append(SqlInfo::SqlDatetimeFunctions, DATETIME_FUNCTIONS);
    builder.append(SqlInfo::SqlSearchStringEscape, "\\");
    builder.append(SqlInfo::SqlExtraNameCharacters, "");
    builder.append(SqlInfo::SqlSchemaTerm, "schema");
    builder.append(SqlInfo::SqlProcedureTerm, "procedure");
    builder.append(SqlInfo::SqlCatalogTerm, "catalog");
    builder.append(SqlInfo::SqlCatalogAtStart, true);
    builder.append(SqlInfo::SqlSchemasSupportedActions, 0_i32);
    builder.append(SqlInfo::SqlCatalogsSupportedActions, 0_i32);
}

fn features(builder: &mut SqlInfoDataBuilder) {
    for (key, value) in [
        (SqlInfo::SqlSupportsColumnAliasing, true),
        (SqlInfo::SqlNullPlusNullIsNull, true),
        (SqlInfo::SqlSupportsTableCorrelationNames, true),
        (SqlInfo::SqlSupportsDifferentTableCorrelationNames, false),
        (SqlInfo::SqlSupportsExpressionsInOrderBy, true),
        (SqlInfo::SqlSupportsOrderByUnrelated, true),
        (SqlInfo::SqlSupportsLikeEscapeClause, true),
        (SqlInfo::SqlSupportsNonNullableColumns, false),
        (SqlInfo::SqlSupportsIntegrityEnhancementFacility, false),
        (SqlInfo::SqlSelectForUpdateSupported, false),
        (SqlInfo::SqlStoredProceduresSupported, false),
        (SqlInfo::SqlCorrelatedSubqueriesSupported, true),
        (SqlInfo::SqlMaxRowSizeIncludesBlobs, true),
        (SqlInfo::SqlBatchUpdatesSupported, true),
        (SqlInfo::SqlSavepointsSupported, false),
        (SqlInfo::SqlNamedParametersSupported, false),
        (SqlInfo::SqlLocatorsUpdateCopy, false),
        (SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported, false),
    ] {
        builder.append(key, value);
    }
}

fn syntax(builder: &mut SqlInfoDataBuilder) {
    let group_by =
        [SqlSupportedGroupBy::SqlGroupByUnrelated, SqlSupportedGroupBy::SqlGroupByBeyondSelect];
    let grammar = [SupportedSqlGrammar::SqlMinimumGrammar, SupportedSqlGrammar::SqlCoreGrammar];
    let subqueries = [
        SqlSupportedSubqueries::SqlSubqueriesInComparisons,
        SqlSupportedSubqueries::SqlSubqueriesInExists,
        SqlSupportedSubqueries::SqlSubqueriesInIns,
    ];
    let unions = [SqlSupportedUnions::SqlUnion, SqlSupportedUnions::SqlUnionAll];
    let result_sets = [SqlSupportedResultSetType::SqlResultSetTypeForwardOnly];
    let read_only = [SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly];
    builder.append(SqlInfo::SqlSupportedGroupBy, bits(group_by.map(|v| v as i32)));
    builder.append(SqlInfo::SqlSupportedGrammar, bits(grammar.map(|v| v as i32)));
    builder.append(SqlInfo::SqlAnsi92SupportedLevel, ANSI92_ENTRY);
    builder.append(SqlInfo::SqlOuterJoinsSupportLevel, OUTER_JOINS);
    builder.append(SqlInfo::SqlSupportedSubqueries, bits(subqueries.map(|v| v as i32)));
    builder.append(SqlInfo::SqlSupportedUnions, bits(unions.map(|v| v as i32)));
    builder.append(SqlInfo::SqlSupportedPositionedCommands, 0_i32);
    builder.append(SqlInfo::SqlSupportedResultSetTypes, bits(result_sets.map(|v| v as i32)));
    let read_only = bits(read_only.map(|v| v as i32));
    builder.append(SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, 0_i32);
    builder.append(SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly, read_only);
    builder.append(SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0_i32);
    builder.append(SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0_i32);
    builder.append(SqlInfo::SqlSupportsConvert, conversions());
}

fn transactions(builder: &mut SqlInfoDataBuilder) {
    let none = SqlTransactionIsolationLevel::SqlTransactionNone;
    builder.append(SqlInfo::SqlDefaultTransactionIsolation, none as i64);
    builder.append(SqlInfo::SqlTransactionsSupported, false);
    builder.append(SqlInfo::SqlSupportedTransactionsIsolationLevels, bits([none as i32]));
    builder.append(SqlInfo::SqlDataDefinitionCausesTransactionCommit, false);
    builder.append(SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false);
}

const LIMITS: &[SqlInfo] = &[
    SqlInfo::SqlMaxBinaryLiteralLength,
    SqlInfo::SqlMaxCharLiteralLength,
    SqlInfo::SqlMaxColumnNameLength,
    SqlInfo::SqlMaxColumnsInGroupBy,
    SqlInfo::SqlMaxColumnsInIndex,
    SqlInfo::SqlMaxColumnsInOrderBy,
    SqlInfo::SqlMaxColumnsInSelect,
    SqlInfo::SqlMaxColumnsInTable,
    SqlInfo::SqlMaxConnections,
    SqlInfo::SqlMaxCursorNameLength,
    SqlInfo::SqlMaxIndexLength,
    SqlInfo::SqlDbSchemaNameLength,
    SqlInfo::SqlMaxProcedureNameLength,
    SqlInfo::SqlMaxCatalogNameLength,
    SqlInfo::SqlMaxRowSize,
    SqlInfo::SqlMaxStatementLength,
    SqlInfo::SqlMaxStatements,
    SqlInfo::SqlMaxTableNameLength,
    SqlInfo::SqlMaxTablesInSelect,
    SqlInfo::SqlMaxUsernameLength,
];

/// A bit mask with the bit of each ordinal.
fn bits<const N: usize>(ordinals: [i32; N]) -> i32 {
    ordinals.into_iter().fold(0, |mask, ordinal| mask | 1 << ordinal)
}

/// Which type CAST turns into which.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    use SqlSupportsConvert as Type;
    let numbers = [
        Type::SqlConvertBigint,
        Type::SqlConvertBit,
        Type::SqlConvertDecimal,
        Type::SqlConvertFloat,
        Type::SqlConvertInteger,
        Type::SqlConvertNumeric,
        Type::SqlConvertReal,
        Type::SqlConvertSmallint,
        Type::SqlConvertTinyint,
    ];
    let texts = [Type::SqlConvertChar, Type::SqlConvertVarchar, Type::SqlConvertLongvarchar];
    let times = [Type::SqlConvertDate, Type::SqlConvertTimestamp];
    let to = |groups: &[&[Type]]| groups.concat().iter().map(|v| *v as i32).collect::<Vec<_>>();
    let from_number = to(&[&numbers, &texts]);
    let from_text = to(&[&numbers, &texts, &times]);
    let from_time = to(&[&texts, &times]);
    let of = |types: &[Type], to: &[i32]| {
        types.iter().map(|v| (*v as i32, to.to_vec())).collect::<Vec<_>>()
    };
    [of(&numbers, &from_number), of(&texts, &from_text), of(&times, &from_time)]
        .concat()
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, UnionArray};
    use arrow::datatypes::UInt32Type;

    #[test]
    fn every_key_of_the_protocol_is_answered() {
        let batch = sql_info().unwrap().record_batch([]).unwrap();
        let keys = batch.column(0).as_primitive::<UInt32Type>().values().to_vec();
        let of_protocol: Vec<u32> = (0..=11).chain(100..=101).chain(500..=576).collect();
        let defined = of_protocol.iter().all(|key| SqlInfo::try_from(*key as i32).is_ok());
        assert!(defined);
        assert_eq!(keys, of_protocol);
    }

    #[test]
    fn values_have_the_types_that_jdbc_casts_to() {
        let batch = sql_info().unwrap().record_batch([]).unwrap();
        let keys = batch.column(0).as_primitive::<UInt32Type>();
        let values = batch.column(1).as_any().downcast_ref::<UnionArray>().unwrap();
        let child_of = |key: u32| {
            values.type_id(keys.values().iter().position(|found| *found == key).unwrap())
        };
        let (text, truth, long, int, list, map) = (0, 1, 2, 3, 4, 5);
        for (key, child) in [
            (SqlInfo::FlightSqlServerName, text),
            (SqlInfo::FlightSqlServerReadOnly, truth),
            (SqlInfo::FlightSqlServerTransaction, int),
            (SqlInfo::SqlIdentifierQuoteChar, text),
            (SqlInfo::SqlKeywords, list),
            (SqlInfo::SqlSupportsConvert, map),
            (SqlInfo::SqlAnsi92SupportedLevel, int),
            (SqlInfo::SqlMaxStatements, long),
            (SqlInfo::SqlDefaultTransactionIsolation, long),
            (SqlInfo::SqlSupportedTransactionsIsolationLevels, int),
            (SqlInfo::SqlMaxRowSizeIncludesBlobs, truth),
        ] {
            assert_eq!(child_of(key as u32), child, "{key:?}");
        }
    }
}
