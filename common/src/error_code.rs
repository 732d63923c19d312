//! The error table: Trino's names and numbers where Trino has the condition
//! (`io.trino.spi.StandardErrorCode`, `HiveErrorCode`), our own range otherwise.

use std::fmt;
use std::str::FromStr;

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The statement or the request is wrong; repeating it does not help.
    User,
    /// A defect of ours or a broken cluster component.
    Internal,
    /// A limit was reached; the same statement may succeed later or with other limits.
    InsufficientResources,
    /// Something outside Quern failed: storage, a metastore, a data file.
    External,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "USER_ERROR",
            Self::Internal => "INTERNAL_ERROR",
            Self::InsufficientResources => "INSUFFICIENT_RESOURCES",
            Self::External => "EXTERNAL",
        })
    }
}

macro_rules! error_codes {
    ($($variant:ident, $name:literal, $number:expr, $kind:ident, $doc:literal;)*) => {
        /// A condition that a statement can end with; see `docs/reference/error-codes.md`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode { $(#[doc = $doc] $variant,)* }

        impl ErrorCode {
            /// Every code, in the order of the error table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name, such as `TABLE_NOT_FOUND`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The stable number.
            pub const fn number(self) -> u32 {
                match self { $(Self::$variant => $number,)* }
            }

            /// Who has to act.
            pub const fn kind(self) -> ErrorKind {
                match self { $(Self::$variant => ErrorKind::$kind,)* }
            }

            /// One sentence that says when it occurs.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

const INTERNAL: u32 = 0x1_0000;
const RESOURCES: u32 = 0x2_0000;
const HIVE: u32 = 0x0100_0000;
const QUERN: u32 = 0x0514_0000;

error_codes! {
    GenericUserError, "GENERIC_USER_ERROR", 0, User, "The statement cannot be carried out as written.";
    SyntaxError, "SYNTAX_ERROR", 1, User, "The statement text does not parse.";
    UserCanceled, "USER_CANCELED", 3, User, "The query was cancelled by its client.";
    PermissionDenied, "PERMISSION_DENIED", 4, User, "The identity or the location is not allowed.";
    NotFound, "NOT_FOUND", 5, User, "The named object does not exist.";
    FunctionNotFound, "FUNCTION_NOT_FOUND", 6, User, "No function has this name and these argument types.";
    InvalidFunctionArgument, "INVALID_FUNCTION_ARGUMENT", 7, User, "A function was called with an argument outside its domain.";
    DivisionByZero, "DIVISION_BY_ZERO", 8, User, "A division by zero.";
    InvalidCastArgument, "INVALID_CAST_ARGUMENT", 9, User, "A value cannot be cast to the type asked for.";
    AlreadyExists, "ALREADY_EXISTS", 12, User, "An object of this name exists.";
    NotSupported, "NOT_SUPPORTED", 13, User, "A clause, option or type that Quern does not support; the message names it.";
    InvalidSessionProperty, "INVALID_SESSION_PROPERTY", 14, User, "An unknown session property or a value outside its domain.";
    InvalidTableProperty, "INVALID_TABLE_PROPERTY", 18, User, "An unknown table property or a value outside its domain.";
    NumericValueOutOfRange, "NUMERIC_VALUE_OUT_OF_RANGE", 19, User, "An arithmetic result does not fit its type.";
    TransactionConflict, "TRANSACTION_CONFLICT", 17, User, "The object was changed by someone else meanwhile.";
    SubqueryMultipleRows, "SUBQUERY_MULTIPLE_ROWS", 28, User, "A scalar subquery returned more than one row.";
    ProcedureNotFound, "PROCEDURE_NOT_FOUND", 29, User, "CALL names a procedure that does not exist.";
    InvalidProcedureArgument, "INVALID_PROCEDURE_ARGUMENT", 30, User, "CALL with an argument that the procedure does not take.";
    QueryRejected, "QUERY_REJECTED", 31, User, "Admission refused the query.";
    SchemaNotEmpty, "SCHEMA_NOT_EMPTY", 34, User, "DROP SCHEMA without CASCADE on a schema that has tables.";
    QueryTextTooLarge, "QUERY_TEXT_TOO_LARGE", 35, User, "The statement text exceeds the configured length.";
    TypeNotFound, "TYPE_NOT_FOUND", 43, User, "An unknown type name.";
    CatalogNotFound, "CATALOG_NOT_FOUND", 44, User, "An unknown catalog.";
    SchemaNotFound, "SCHEMA_NOT_FOUND", 45, User, "An unknown schema.";
    TableNotFound, "TABLE_NOT_FOUND", 46, User, "An unknown table or view.";
    ColumnNotFound, "COLUMN_NOT_FOUND", 47, User, "An unknown column.";
    SchemaAlreadyExists, "SCHEMA_ALREADY_EXISTS", 49, User, "CREATE SCHEMA of a schema that exists.";
    TableAlreadyExists, "TABLE_ALREADY_EXISTS", 50, User, "CREATE TABLE of a table that exists.";
    DuplicateColumnName, "DUPLICATE_COLUMN_NAME", 54, User, "Two columns of one name.";
    MissingSchemaName, "MISSING_SCHEMA_NAME", 57, User, "A name without schema, and the session has none.";
    TypeMismatch, "TYPE_MISMATCH", 58, User, "An expression has another type than its place needs.";
    InvalidLiteral, "INVALID_LITERAL", 59, User, "A literal that its type cannot represent.";
    AmbiguousName, "AMBIGUOUS_NAME", 62, User, "A name that fits several columns.";
    InvalidArguments, "INVALID_ARGUMENTS", 76, User, "A table function with missing, unknown or wrong arguments.";
    InvalidParameterUsage, "INVALID_PARAMETER_USAGE", 80, User, "Parameters of a prepared statement that do not fit it.";

    GenericInternalError, "GENERIC_INTERNAL_ERROR", INTERNAL, Internal, "A defect in Quern.";
    PageTransportError, "PAGE_TRANSPORT_ERROR", INTERNAL + 3, Internal, "Data between executors could not be moved.";
    NoNodesAvailable, "NO_NODES_AVAILABLE", INTERNAL + 5, Internal, "No executor is there to run the query.";
    RemoteTaskError, "REMOTE_TASK_ERROR", INTERNAL + 6, Internal, "A task failed on an executor for a reason of its own.";
    ServerShuttingDown, "SERVER_SHUTTING_DOWN", INTERNAL + 9, Internal, "The server is shutting down.";
    ServerStartingUp, "SERVER_STARTING_UP", INTERNAL + 12, Internal, "The server is not ready yet.";
    OutOfSpillSpace, "OUT_OF_SPILL_SPACE", INTERNAL + 21, Internal, "The scratch disk is full.";
    RemoteHostGone, "REMOTE_HOST_GONE", INTERNAL + 22, Internal, "An executor was lost and the query could not be saved.";
    ConfigurationInvalid, "CONFIGURATION_INVALID", INTERNAL + 23, Internal, "The configuration cannot be used.";

    GenericInsufficientResources, "GENERIC_INSUFFICIENT_RESOURCES", RESOURCES, InsufficientResources, "A limit was reached.";
    QueryQueueFull, "QUERY_QUEUE_FULL", RESOURCES + 2, InsufficientResources, "Too many queries are queued.";
    ExceededTimeLimit, "EXCEEDED_TIME_LIMIT", RESOURCES + 3, InsufficientResources, "The query ran longer than its limit.";
    ExceededLocalMemoryLimit, "EXCEEDED_LOCAL_MEMORY_LIMIT", RESOURCES + 7, InsufficientResources, "The query needs more memory than its limit on one node.";

    HiveMetastoreError, "HIVE_METASTORE_ERROR", HIVE, External, "The metastore failed.";
    HiveCannotOpenSplit, "HIVE_CANNOT_OPEN_SPLIT", HIVE + 3, External, "A data file cannot be opened.";
    HiveFileNotFound, "HIVE_FILE_NOT_FOUND", HIVE + 4, External, "A data file that was listed, or a directory of a table, is missing.";
    HiveBadData, "HIVE_BAD_DATA", HIVE + 7, External, "A data file is corrupt; the message names file and offset.";
    HivePartitionSchemaMismatch, "HIVE_PARTITION_SCHEMA_MISMATCH", HIVE + 8, External, "A file's column cannot be read as the table's type.";
    HiveInvalidPartitionValue, "HIVE_INVALID_PARTITION_VALUE", HIVE + 10, External, "A partition value does not fit its column's type.";
    HiveInvalidMetadata, "HIVE_INVALID_METADATA", HIVE + 12, External, "A table definition contradicts itself.";
    HiveFilesystemError, "HIVE_FILESYSTEM_ERROR", HIVE + 16, External, "Object storage or the file system failed.";
    HiveUnsupportedFormat, "HIVE_UNSUPPORTED_FORMAT", HIVE + 27, External, "A table in a format that Quern does not read; the message names it.";

    ModelNotFound, "MODEL_NOT_FOUND", QUERN, User, "An unknown model.";
    ModelAlreadyExists, "MODEL_ALREADY_EXISTS", QUERN + 1, User, "CREATE MODEL of a model that exists.";
    InvalidModelOption, "INVALID_MODEL_OPTION", QUERN + 2, User, "An unknown model option or a value outside its domain.";
    InvalidTrainingData, "INVALID_TRAINING_DATA", QUERN + 3, User, "The training query's rows cannot train this model.";
    AuthenticationFailed, "AUTHENTICATION_FAILED", QUERN + 4, User, "Missing or wrong credentials.";
    InvalidTicket, "INVALID_TICKET", QUERN + 5, User, "A ticket or handle that is unknown, expired, forged or of another session.";
    InvalidCatalogProperty, "INVALID_CATALOG_PROPERTY", QUERN + 6, User, "A catalog's property that is missing, unknown or outside its domain.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is no code's name.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownErrorCode;

impl FromStr for ErrorCode {
    type Err = UnknownErrorCode;

    fn from_str(text: &str) -> Result<Self, UnknownErrorCode> {
        Self::ALL.iter().copied().find(|code| code.name() == text).ok_or(UnknownErrorCode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_and_numbers_are_unique_and_parse_back() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.name()).collect();
        let numbers: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.number()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        assert_eq!(numbers.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(code.name().parse::<ErrorCode>(), Ok(*code));
        }
        assert_eq!("NO_SUCH_CODE".parse::<ErrorCode>(), Err(UnknownErrorCode));
    }
}
