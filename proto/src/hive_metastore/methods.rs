//! The metastore's methods, as a table of what is on the wire: names, arguments, result and
//! declared exceptions with the numbers of their fields.

use super::types::{
    AddPartitionsRequest, AddPartitionsResult, AggrStats, AlterPartitionsRequest,
    AlterPartitionsResponse, AlterTableRequest, AlterTableResponse, CheckLockRequest,
    ColumnStatistics, CreateTableRequest, CurrentNotificationEventId, Database,
    DropDatabaseRequest, DropPartitionsRequest, DropPartitionsResult, EnvironmentContext,
    FieldSchema, ForeignKeysRequest, ForeignKeysResponse, Function, GetAllFunctionsResponse,
    GetCatalogRequest, GetCatalogResponse, GetCatalogsResponse, GetDatabaseRequest,
    GetFieldsRequest, GetFieldsResponse, GetOpenTxnsResponse, GetPartitionNamesPsRequest,
    GetPartitionNamesPsResponse, GetPartitionRequest, GetPartitionResponse,
    GetPartitionsByNamesRequest, GetPartitionsByNamesResult, GetPartitionsPsWithAuthRequest,
    GetPartitionsPsWithAuthResponse, GetSchemaRequest, GetSchemaResponse, GetTableRequest,
    GetTableResult, GetTablesRequest, GetTablesResult, HeartbeatRequest, HiveObjectPrivilege,
    HiveObjectRef, LockRequest, LockResponse, NotNullConstraintsRequest,
    NotNullConstraintsResponse, NotificationEventRequest, NotificationEventResponse, Partition,
    PartitionSpec, PartitionValuesRequest, PartitionValuesResponse, PartitionsByExprRequest,
    PartitionsRequest, PartitionsResponse, PartitionsStatsRequest, PartitionsStatsResult,
    PrimaryKeysRequest, PrimaryKeysResponse, PrincipalType, Properties, RenamePartitionRequest,
    RenamePartitionResponse, Role, SQLCheckConstraint, SQLDefaultConstraint, SQLForeignKey,
    SQLNotNullConstraint, SQLPrimaryKey, SQLUniqueConstraint, ServiceStatus,
    SetPartitionsStatsRequest, SetPartitionsStatsResponse, ShowLocksRequest, ShowLocksResponse,
    Table, TableMeta, TableStatsRequest, TableStatsResult, UniqueConstraintsRequest,
    UniqueConstraintsResponse, UnlockRequest,
};
use super::wire::{thrift_service, thrift_struct};
use std::collections::BTreeMap;

thrift_service! {
    /// A Hive metastore, as one client connection sees it.
    ///
    /// It exists so that the protocol knows nothing of what is behind it. A method that an
    /// implementation leaves out answers `not supported: NAME`, but for those of fb303 that need
    /// nothing behind them. Nobody stops a server by `shutdown`.
    service HiveMetastoreService;
    /// Finds the method of a call, runs it and answers.
    dispatch dispatch;
    methods {
        // Databases.
        /// The names that match a pattern.
        reads GetDatabases get_databases { 1: value pattern: String }
            -> Vec<String>, throws { 1: Meta };
        /// All names.
        reads GetAllDatabases get_all_databases {} -> Vec<String>, throws { 1: Meta };
        /// One database.
        reads GetDatabase get_database { 1: value name: String }
            -> Database, throws { 1: NoSuchObject, 2: Meta };
        /// One database.
        reads GetDatabaseReq get_database_req { 1: value request: GetDatabaseRequest }
            -> Database, throws { 1: NoSuchObject, 2: Meta };
        /// Makes a database.
        writes CreateDatabase create_database { 1: value database: Database }
            -> (), throws { 1: AlreadyExists, 2: InvalidObject, 3: Meta };
        /// Replaces a database's definition.
        writes AlterDatabase alter_database { 1: value dbname: String, 2: value db: Database }
            -> (), throws { 1: Meta, 2: NoSuchObject };
        /// Drops a database, with `cascade` its tables too.
        writes DropDatabase drop_database {
            1: value name: String, 2: value delete_data: bool, 3: value cascade: bool,
        } -> (), throws { 1: NoSuchObject, 2: InvalidOperation, 3: Meta };
        /// Drops a database.
        writes DropDatabaseReq drop_database_req { 1: value req: DropDatabaseRequest }
            -> (), throws { 1: NoSuchObject, 2: InvalidOperation, 3: Meta };
        /// The names of all catalogues.
        reads GetCatalogs get_catalogs {} -> GetCatalogsResponse, throws { 1: Meta };
        /// One catalogue.
        reads GetCatalog get_catalog { 1: value cat_name: GetCatalogRequest }
            -> GetCatalogResponse, throws { 1: NoSuchObject, 2: Meta };

        // Tables.
        /// The names that match a pattern.
        reads GetTables get_tables { 1: value db_name: String, 2: value pattern: String }
            -> Vec<String>, throws { 1: Meta };
        /// The names that match a pattern, of one type of table.
        reads GetTablesByType get_tables_by_type {
            1: value db_name: String, 2: value pattern: String, 3: value table_type: String,
        } -> Vec<String>, throws { 1: Meta };
        /// All names in a database.
        reads GetAllTables get_all_tables { 1: value db_name: String }
            -> Vec<String>, throws { 1: Meta };
        /// Name, type and comment of the tables that match patterns.
        reads GetTableMeta get_table_meta {
            1: value db_patterns: String, 2: value tbl_patterns: String,
            3: value tbl_types: Vec<String>,
        } -> Vec<TableMeta>, throws { 1: Meta };
        /// One table.
        reads GetTable get_table { 1: value dbname: String, 2: value tbl_name: String }
            -> Table, throws { 1: Meta, 2: NoSuchObject };
        /// One table.
        reads GetTableReq get_table_req { 1: value req: GetTableRequest }
            -> GetTableResult, throws { 1: Meta, 2: NoSuchObject };
        /// Those of the named tables that exist.
        reads GetTableObjectsByName get_table_objects_by_name {
            1: value dbname: String, 2: value tbl_names: Vec<String>,
        } -> Vec<Table>, throws { 1: Meta, 2: InvalidOperation, 3: UnknownDB };
        /// Those of the named tables that exist.
        reads GetTableObjectsByNameReq get_table_objects_by_name_req {
            1: value req: GetTablesRequest,
        } -> GetTablesResult, throws { 1: Meta, 2: InvalidOperation, 3: UnknownDB };
        /// The names that a filter on owner, parameters or last access lets through.
        reads GetTableNamesByFilter get_table_names_by_filter {
            1: value dbname: String, 2: value filter: String, 3: value max_tables: i16 = -1,
        } -> Vec<String>, throws { 1: Meta, 2: InvalidOperation, 3: UnknownDB };
        /// The columns of a table without partition keys.
        reads GetFields get_fields { 1: value db_name: String, 2: value table_name: String }
            -> Vec<FieldSchema>, throws { 1: Meta, 2: UnknownTable, 3: UnknownDB };
        /// The columns of a table without partition keys.
        reads GetFieldsWithEnvironmentContext get_fields_with_environment_context {
            1: value db_name: String, 2: value table_name: String,
            3: optional environment_context: EnvironmentContext,
        } -> Vec<FieldSchema>, throws { 1: Meta, 2: UnknownTable, 3: UnknownDB };
        /// The columns of a table without partition keys.
        reads GetFieldsReq get_fields_req { 1: value req: GetFieldsRequest }
            -> GetFieldsResponse, throws { 1: Meta, 2: UnknownTable, 3: UnknownDB };
        /// The columns of a table with partition keys.
        reads GetSchema get_schema { 1: value db_name: String, 2: value table_name: String }
            -> Vec<FieldSchema>, throws { 1: Meta, 2: UnknownTable, 3: UnknownDB };
        /// The columns of a table with partition keys.
        reads GetSchemaWithEnvironmentContext get_schema_with_environment_context {
            1: value db_name: String, 2: value table_name: String,
            3: optional environment_context: EnvironmentContext,
        } -> Vec<FieldSchema>, throws { 1: Meta, 2: UnknownTable, 3: UnknownDB };
        /// The columns of a table with partition keys.
        reads GetSchemaReq get_schema_req { 1: value req: GetSchemaRequest }
            -> GetSchemaResponse, throws { 1: Meta, 2: UnknownTable, 3: UnknownDB };
        /// Makes a table.
        writes CreateTable create_table { 1: value tbl: Table }
            -> (), throws { 1: AlreadyExists, 2: InvalidObject, 3: Meta, 4: NoSuchObject };
        /// Makes a table.
        writes CreateTableWithEnvironmentContext create_table_with_environment_context {
            1: value tbl: Table, 2: optional environment_context: EnvironmentContext,
        } -> (), throws { 1: AlreadyExists, 2: InvalidObject, 3: Meta, 4: NoSuchObject };
        /// Makes a table with keys and constraints.
        writes CreateTableWithConstraints create_table_with_constraints {
            1: value tbl: Table, 2: optional primary_keys: Vec<SQLPrimaryKey>,
            3: optional foreign_keys: Vec<SQLForeignKey>,
            4: optional unique_constraints: Vec<SQLUniqueConstraint>,
            5: optional not_null_constraints: Vec<SQLNotNullConstraint>,
            6: optional default_constraints: Vec<SQLDefaultConstraint>,
            7: optional check_constraints: Vec<SQLCheckConstraint>,
        } -> (), throws { 1: AlreadyExists, 2: InvalidObject, 3: Meta, 4: NoSuchObject };
        /// Makes a table.
        writes CreateTableReq create_table_req { 1: value request: CreateTableRequest }
            -> (), throws { 1: AlreadyExists, 2: InvalidObject, 3: Meta, 4: NoSuchObject };
        /// Replaces a table's definition.
        writes AlterTable alter_table {
            1: value dbname: String, 2: value tbl_name: String, 3: value new_tbl: Table,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Replaces a table's definition.
        writes AlterTableWithEnvironmentContext alter_table_with_environment_context {
            1: value dbname: String, 2: value tbl_name: String, 3: value new_tbl: Table,
            4: optional environment_context: EnvironmentContext,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Replaces a table's definition, and its columns in the partitions too.
        writes AlterTableWithCascade alter_table_with_cascade {
            1: value dbname: String, 2: value tbl_name: String, 3: value new_tbl: Table,
            4: value cascade: bool,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Replaces a table's definition.
        writes AlterTableReq alter_table_req { 1: value req: AlterTableRequest }
            -> AlterTableResponse, throws { 1: InvalidOperation, 2: Meta };
        /// Drops a table.
        writes DropTable drop_table {
            1: value dbname: String, 2: value name: String, 3: value delete_data: bool,
        } -> (), throws { 1: NoSuchObject, 2: Meta };
        /// Drops a table.
        writes DropTableWithEnvironmentContext drop_table_with_environment_context {
            1: value dbname: String, 2: value name: String, 3: value delete_data: bool,
            4: optional environment_context: EnvironmentContext,
        } -> (), throws { 1: NoSuchObject, 2: Meta };
        /// Deletes the rows of a table or of some partitions.
        writes TruncateTable truncate_table {
            1: value db_name: String, 2: value table_name: String,
            3: optional part_names: Vec<String>,
        } -> (), throws { 1: Meta };

        // Partitions.
        /// One partition by its values.
        reads GetPartition get_partition {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
        } -> Partition, throws { 1: Meta, 2: NoSuchObject };
        /// One partition by its values.
        reads GetPartitionReq get_partition_req { 1: value req: GetPartitionRequest }
            -> GetPartitionResponse, throws { 1: Meta, 2: NoSuchObject };
        /// One partition by its values, with privileges.
        reads GetPartitionWithAuth get_partition_with_auth {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
            4: optional user_name: String, 5: optional group_names: Vec<String>,
        } -> Partition, throws { 1: Meta, 2: NoSuchObject };
        /// One partition by its name, `key=value/key=value`.
        reads GetPartitionByName get_partition_by_name {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_name: String,
        } -> Partition, throws { 1: Meta, 2: NoSuchObject };
        /// Partitions; a negative maximum means all.
        reads GetPartitions get_partitions {
            1: value db_name: String, 2: value tbl_name: String, 3: value max_parts: i16 = -1,
        } -> Vec<Partition>, throws { 1: NoSuchObject, 2: Meta };
        /// Partitions.
        reads GetPartitionsReq get_partitions_req { 1: value req: PartitionsRequest }
            -> PartitionsResponse, throws { 1: NoSuchObject, 2: Meta };
        /// Partitions, with privileges.
        reads GetPartitionsWithAuth get_partitions_with_auth {
            1: value db_name: String, 2: value tbl_name: String, 3: value max_parts: i16 = -1,
            4: optional user_name: String, 5: optional group_names: Vec<String>,
        } -> Vec<Partition>, throws { 1: NoSuchObject, 2: Meta };
        /// Names of partitions.
        reads GetPartitionNames get_partition_names {
            1: value db_name: String, 2: value tbl_name: String, 3: value max_parts: i16 = -1,
        } -> Vec<String>, throws { 1: Meta, 1: NoSuchObject };
        /// Names of the partitions that an expression lets through.
        reads GetPartitionNamesReq get_partition_names_req { 1: value req: PartitionsByExprRequest }
            -> Vec<String>, throws { 1: Meta, 2: NoSuchObject };
        /// Values of partition keys.
        reads GetPartitionValues get_partition_values { 1: value request: PartitionValuesRequest }
            -> PartitionValuesResponse, throws { 1: Meta, 2: NoSuchObject };
        /// Partitions by a part of their values; an empty value means any.
        reads GetPartitionsPs get_partitions_ps {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
            4: value max_parts: i16 = -1,
        } -> Vec<Partition>, throws { 1: Meta, 2: NoSuchObject };
        /// Partitions by a part of their values, with privileges.
        reads GetPartitionsPsWithAuth get_partitions_ps_with_auth {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
            4: value max_parts: i16 = -1, 5: optional user_name: String,
            6: optional group_names: Vec<String>,
        } -> Vec<Partition>, throws { 1: NoSuchObject, 2: Meta };
        /// Partitions by a part of their values.
        reads GetPartitionsPsWithAuthReq get_partitions_ps_with_auth_req {
            1: value req: GetPartitionsPsWithAuthRequest,
        } -> GetPartitionsPsWithAuthResponse, throws { 1: Meta, 2: NoSuchObject };
        /// Names of partitions by a part of their values.
        reads GetPartitionNamesPs get_partition_names_ps {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
            4: value max_parts: i16 = -1,
        } -> Vec<String>, throws { 1: Meta, 2: NoSuchObject };
        /// Names of partitions by a part of their values.
        reads GetPartitionNamesPsReq get_partition_names_ps_req {
            1: value req: GetPartitionNamesPsRequest,
        } -> GetPartitionNamesPsResponse, throws { 1: Meta, 2: NoSuchObject };
        /// The partitions that a filter lets through.
        reads GetPartitionsByFilter get_partitions_by_filter {
            1: value db_name: String, 2: value tbl_name: String, 3: value filter: String,
            4: value max_parts: i16 = -1,
        } -> Vec<Partition>, throws { 1: Meta, 2: NoSuchObject };
        /// The partitions that a filter lets through, in the short form.
        reads GetPartSpecsByFilter get_part_specs_by_filter {
            1: value db_name: String, 2: value tbl_name: String, 3: value filter: String,
            4: value max_parts: i32 = -1,
        } -> Vec<PartitionSpec>, throws { 1: Meta, 2: NoSuchObject };
        /// How many partitions a filter lets through.
        reads GetNumPartitionsByFilter get_num_partitions_by_filter {
            1: value db_name: String, 2: value tbl_name: String, 3: value filter: String,
        } -> i32, throws { 1: Meta, 2: NoSuchObject };
        /// Those of the named partitions that exist.
        reads GetPartitionsByNames get_partitions_by_names {
            1: value db_name: String, 2: value tbl_name: String, 3: value names: Vec<String>,
        } -> Vec<Partition>, throws { 1: Meta, 2: NoSuchObject };
        /// Those of the named partitions that exist.
        reads GetPartitionsByNamesReq get_partitions_by_names_req {
            1: value req: GetPartitionsByNamesRequest,
        } -> GetPartitionsByNamesResult, throws { 1: Meta, 2: NoSuchObject };
        /// Adds a partition and returns it.
        writes AddPartition add_partition { 1: value new_part: Partition }
            -> Partition, throws { 1: InvalidObject, 2: AlreadyExists, 3: Meta };
        /// Adds a partition and returns it.
        writes AddPartitionWithEnvironmentContext add_partition_with_environment_context {
            1: value new_part: Partition, 2: optional environment_context: EnvironmentContext,
        } -> Partition, throws { 1: InvalidObject, 2: AlreadyExists, 3: Meta };
        /// Adds partitions and returns how many.
        writes AddPartitions add_partitions { 1: value new_parts: Vec<Partition> }
            -> i32, throws { 1: InvalidObject, 2: AlreadyExists, 3: Meta };
        /// Adds partitions and returns them if asked to.
        writes AddPartitionsReq add_partitions_req { 1: value request: AddPartitionsRequest }
            -> AddPartitionsResult, throws { 1: InvalidObject, 2: AlreadyExists, 3: Meta };
        /// Adds a partition at its usual place.
        writes AppendPartition append_partition {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
        } -> Partition, throws { 1: InvalidObject, 2: AlreadyExists, 3: Meta };
        /// Adds a partition at its usual place.
        writes AppendPartitionWithEnvironmentContext append_partition_with_environment_context {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
            4: optional environment_context: EnvironmentContext,
        } -> Partition, throws { 1: InvalidObject, 2: AlreadyExists, 3: Meta };
        /// Adds a partition at its usual place.
        writes AppendPartitionByName append_partition_by_name {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_name: String,
        } -> Partition, throws { 1: InvalidObject, 2: AlreadyExists, 3: Meta };
        /// Replaces a partition's definition.
        writes AlterPartition alter_partition {
            1: value db_name: String, 2: value tbl_name: String, 3: value new_part: Partition,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Replaces a partition's definition.
        writes AlterPartitionWithEnvironmentContext alter_partition_with_environment_context {
            1: value db_name: String, 2: value tbl_name: String, 3: value new_part: Partition,
            4: optional environment_context: EnvironmentContext,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Replaces partitions' definitions.
        writes AlterPartitions alter_partitions {
            1: value db_name: String, 2: value tbl_name: String, 3: value new_parts: Vec<Partition>,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Replaces partitions' definitions.
        writes AlterPartitionsWithEnvironmentContext alter_partitions_with_environment_context {
            1: value db_name: String, 2: value tbl_name: String, 3: value new_parts: Vec<Partition>,
            4: optional environment_context: EnvironmentContext,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Replaces partitions' definitions.
        writes AlterPartitionsReq alter_partitions_req { 1: value req: AlterPartitionsRequest }
            -> AlterPartitionsResponse, throws { 1: InvalidOperation, 2: Meta };
        /// Gives a partition other values.
        writes RenamePartition rename_partition {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
            4: value new_part: Partition,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Gives a partition other values.
        writes RenamePartitionReq rename_partition_req { 1: value req: RenamePartitionRequest }
            -> RenamePartitionResponse, throws { 1: InvalidOperation, 2: Meta };
        /// Drops a partition.
        writes DropPartition drop_partition {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
            4: value delete_data: bool,
        } -> bool, throws { 1: NoSuchObject, 2: Meta };
        /// Drops a partition.
        writes DropPartitionWithEnvironmentContext drop_partition_with_environment_context {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_vals: Vec<String>,
            4: value delete_data: bool, 5: optional environment_context: EnvironmentContext,
        } -> bool, throws { 1: NoSuchObject, 2: Meta };
        /// Drops a partition.
        writes DropPartitionByName drop_partition_by_name {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_name: String,
            4: value delete_data: bool,
        } -> bool, throws { 1: NoSuchObject, 2: Meta };
        /// Drops partitions and returns them if asked to.
        writes DropPartitionsReq drop_partitions_req { 1: value req: DropPartitionsRequest }
            -> DropPartitionsResult, throws { 1: NoSuchObject, 2: Meta };
        /// The values in a partition's name.
        reads PartitionNameToVals partition_name_to_vals { 1: value part_name: String }
            -> Vec<String>, throws { 1: Meta };
        /// The keys and values in a partition's name.
        reads PartitionNameToSpec partition_name_to_spec { 1: value part_name: String }
            -> Properties, throws { 1: Meta };
        /// Whether values can be used in a name.
        reads PartitionNameHasValidCharacters partition_name_has_valid_characters {
            1: value part_vals: Vec<String>, 2: value throw_exception: bool,
        } -> bool, throws { 1: Meta };

        // Statistics.
        /// Statistics of one column of a table.
        reads GetTableColumnStatistics get_table_column_statistics {
            1: value db_name: String, 2: value tbl_name: String, 3: value col_name: String,
        } -> ColumnStatistics, throws { 1: NoSuchObject, 2: Meta, 3: InvalidInput, 4: InvalidObject };
        /// Statistics of one column of a partition.
        reads GetPartitionColumnStatistics get_partition_column_statistics {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_name: String,
            4: value col_name: String,
        } -> ColumnStatistics, throws { 1: NoSuchObject, 2: Meta, 3: InvalidInput, 4: InvalidObject };
        /// Statistics of some columns of a table.
        reads GetTableStatisticsReq get_table_statistics_req { 1: value request: TableStatsRequest }
            -> TableStatsResult, throws { 1: NoSuchObject, 2: Meta };
        /// Statistics of some columns of some partitions.
        reads GetPartitionsStatisticsReq get_partitions_statistics_req {
            1: value request: PartitionsStatsRequest,
        } -> PartitionsStatsResult, throws { 1: NoSuchObject, 2: Meta };
        /// Statistics of some columns over several partitions.
        reads GetAggrStatsFor get_aggr_stats_for { 1: value request: PartitionsStatsRequest }
            -> AggrStats, throws { 1: NoSuchObject, 2: Meta };
        /// Sets statistics of a table.
        writes UpdateTableColumnStatistics update_table_column_statistics {
            1: value stats_obj: ColumnStatistics,
        } -> bool, throws { 1: NoSuchObject, 2: InvalidObject, 3: Meta, 4: InvalidInput };
        /// Sets statistics of a table.
        writes UpdateTableColumnStatisticsReq update_table_column_statistics_req {
            1: value req: SetPartitionsStatsRequest,
        } -> SetPartitionsStatsResponse, throws { 1: NoSuchObject, 2: InvalidObject, 3: Meta, 4: InvalidInput };
        /// Sets statistics of a partition.
        writes UpdatePartitionColumnStatistics update_partition_column_statistics {
            1: value stats_obj: ColumnStatistics,
        } -> bool, throws { 1: NoSuchObject, 2: InvalidObject, 3: Meta, 4: InvalidInput };
        /// Sets statistics of a partition.
        writes UpdatePartitionColumnStatisticsReq update_partition_column_statistics_req {
            1: value req: SetPartitionsStatsRequest,
        } -> SetPartitionsStatsResponse, throws { 1: NoSuchObject, 2: InvalidObject, 3: Meta, 4: InvalidInput };
        /// Sets statistics of partitions.
        writes SetAggrStatsFor set_aggr_stats_for { 1: value request: SetPartitionsStatsRequest }
            -> bool, throws { 1: NoSuchObject, 2: InvalidObject, 3: Meta, 4: InvalidInput };
        /// Forgets statistics of a table.
        writes DeleteTableColumnStatistics delete_table_column_statistics {
            1: value db_name: String, 2: value tbl_name: String, 3: value col_name: String,
            4: optional engine: String,
        } -> bool, throws { 1: NoSuchObject, 2: Meta, 3: InvalidObject, 4: InvalidInput };
        /// Forgets statistics of a partition.
        writes DeletePartitionColumnStatistics delete_partition_column_statistics {
            1: value db_name: String, 2: value tbl_name: String, 3: value part_name: String,
            4: value col_name: String, 5: optional engine: String,
        } -> bool, throws { 1: NoSuchObject, 2: Meta, 3: InvalidObject, 4: InvalidInput };

        // Functions.
        /// The names that match a pattern.
        reads GetFunctions get_functions { 1: value db_name: String, 2: value pattern: String }
            -> Vec<String>, throws { 1: Meta };
        /// One function.
        reads GetFunction get_function { 1: value db_name: String, 2: value func_name: String }
            -> Function, throws { 1: Meta, 2: NoSuchObject };
        /// All functions.
        reads GetAllFunctions get_all_functions {} -> GetAllFunctionsResponse, throws { 1: Meta };
        /// Makes a function.
        writes CreateFunction create_function { 1: value func: Function }
            -> (), throws { 1: AlreadyExists, 2: InvalidObject, 3: Meta, 4: NoSuchObject };
        /// Replaces a function's definition.
        writes AlterFunction alter_function {
            1: value db_name: String, 2: value func_name: String, 3: value new_func: Function,
        } -> (), throws { 1: InvalidOperation, 2: Meta };
        /// Drops a function.
        writes DropFunction drop_function { 1: value db_name: String, 2: value func_name: String }
            -> (), throws { 1: NoSuchObject, 2: Meta };

        // Constraints.
        /// The primary key of a table.
        reads GetPrimaryKeys get_primary_keys { 1: value request: PrimaryKeysRequest }
            -> PrimaryKeysResponse, throws { 1: Meta, 2: NoSuchObject };
        /// The foreign keys to or from a table.
        reads GetForeignKeys get_foreign_keys { 1: value request: ForeignKeysRequest }
            -> ForeignKeysResponse, throws { 1: Meta, 2: NoSuchObject };
        /// The unique constraints of a table.
        reads GetUniqueConstraints get_unique_constraints {
            1: value request: UniqueConstraintsRequest,
        } -> UniqueConstraintsResponse, throws { 1: Meta, 2: NoSuchObject };
        /// The columns of a table that are not null.
        reads GetNotNullConstraints get_not_null_constraints {
            1: value request: NotNullConstraintsRequest,
        } -> NotNullConstraintsResponse, throws { 1: Meta, 2: NoSuchObject };

        // Users, roles and settings.
        /// Says who the caller is; returns the groups.
        reads SetUgi set_ugi { 1: value user_name: String, 2: value group_names: Vec<String> }
            -> Vec<String>, throws { 1: Meta };
        /// The roles of a user, role or group.
        reads ListRoles list_roles {
            1: value principal_name: String, 2: value principal_type: PrincipalType,
        } -> Vec<Role>, throws { 1: Meta };
        /// All roles.
        reads GetRoleNames get_role_names {} -> Vec<String>, throws { 1: Meta };
        /// Privileges of a user, role or group on an object.
        reads ListPrivileges list_privileges {
            1: value principal_name: String, 2: value principal_type: PrincipalType,
            3: optional hive_object: HiveObjectRef,
        } -> Vec<HiveObjectPrivilege>, throws { 1: Meta };
        /// A setting of the server, or the default given.
        reads GetConfigValue get_config_value {
            1: value name: String, 2: value default_value: String,
        } -> String, throws { 1: ConfigValSecurity };
        /// A setting of the metastore.
        reads GetMetaConf get_meta_conf = "getMetaConf" { 1: value key: String }
            -> String, throws { 1: Meta };
        /// The identity of the metastore's store.
        reads GetMetastoreDbUuid get_metastore_db_uuid {} -> String, throws { 1: Meta };
        /// Forgets what is cached.
        reads FlushCache flush_cache = "flushCache" {} -> (), throws {};

        // Locks, transactions and notifications.
        /// Asks for a lock.
        writes Lock lock { 1: value rqst: LockRequest }
            -> LockResponse, throws { 1: NoSuchTxn, 2: TxnAborted };
        /// Tells whether a lock is held by now.
        reads CheckLock check_lock { 1: value rqst: CheckLockRequest }
            -> LockResponse, throws { 1: NoSuchTxn, 2: TxnAborted, 3: NoSuchLock };
        /// Gives a lock back.
        writes Unlock unlock { 1: value rqst: UnlockRequest }
            -> (), throws { 1: NoSuchLock, 2: TxnOpen };
        /// Says that a lock's holder is alive.
        reads Heartbeat heartbeat { 1: value ids: HeartbeatRequest }
            -> (), throws { 1: NoSuchLock, 2: NoSuchTxn, 3: TxnAborted };
        /// Lists locks.
        reads ShowLocks show_locks { 1: value rqst: ShowLocksRequest }
            -> ShowLocksResponse, throws {};
        /// The transactions that are open.
        reads GetOpenTxns get_open_txns {} -> GetOpenTxnsResponse, throws {};
        /// The number of the last change.
        reads GetCurrentNotificationEventId get_current_notification_event_id = "get_current_notificationEventId" {

        } -> CurrentNotificationEventId, throws {};
        /// The changes after a number.
        reads GetNextNotification get_next_notification { 1: value rqst: NotificationEventRequest }
            -> NotificationEventResponse, throws {};

        // Of every service that follows fb303.
        /// The name of the service.
        reads GetName get_name = "getName" {} -> String, throws {}
            default { "Quern metastore".to_owned() };
        /// The version of the interface.
        reads GetVersion get_version = "getVersion" {} -> String, throws {}
            default { "3.0".to_owned() };
        /// Whether the service works.
        reads GetStatus get_status = "getStatus" {} -> ServiceStatus, throws {}
            default { ServiceStatus::Alive };
        /// What it is busy with.
        reads GetStatusDetails get_status_details = "getStatusDetails" {} -> String, throws {}
            default { String::new() };
        /// When the service was started, in seconds since 1970.
        reads AliveSince alive_since = "aliveSince" {} -> i64, throws {};
        /// Numbers about the service.
        reads GetCounters get_counters = "getCounters" {} -> BTreeMap<String, i64>, throws {}
            default { BTreeMap::new() };
        /// Asks the server to end; there is no answer.
        oneway Shutdown shutdown {} -> (), throws {} default {};
        /// Asks the server to start afresh; there is no answer.
        oneway Reinitialize reinitialize {} -> (), throws {} default {};
    }
    unsupported {
        "abort_txn", "abort_txns", "add_check_constraint", "add_default_constraint",
        "add_dynamic_partitions", "add_foreign_key", "add_index", "add_master_key",
        "add_not_null_constraint", "add_package", "add_partitions_pspec", "add_primary_key",
        "add_replication_metrics", "add_runtime_stats", "add_schema_version", "add_serde",
        "add_token", "add_unique_constraint", "add_write_notification_log",
        "add_write_notification_log_in_batch", "allocate_table_write_ids", "alter_catalog",
        "alter_dataconnector", "alter_index", "alter_ischema", "alter_resource_plan",
        "alter_wm_pool", "alter_wm_trigger",
        "append_partition_by_name_with_environment_context", "cache_file_metadata",
        "cancel_delegation_token", "clear_file_metadata", "cm_recycle", "commit_txn", "compact",
        "compact2", "create_catalog", "create_dataconnector", "create_ischema",
        "create_or_drop_wm_trigger_to_pool_mapping", "create_or_update_wm_mapping",
        "create_resource_plan", "create_role", "create_stored_procedure", "create_type",
        "create_wm_pool", "create_wm_trigger", "drop_catalog", "drop_constraint",
        "drop_dataconnector", "drop_index_by_name", "drop_ischema", "drop_package",
        "drop_partition_by_name_with_environment_context", "drop_resource_plan", "drop_role",
        "drop_schema_version", "drop_stored_procedure", "drop_type", "drop_wm_mapping",
        "drop_wm_pool", "drop_wm_trigger", "exchange_partition", "exchange_partitions",
        "find_columns_with_stats", "find_next_compact", "find_next_compact2", "find_package",
        "fire_listener_event", "getCounter", "getCpuProfile", "getOption", "getOptions",
        "get_active_resource_plan", "get_all_materialized_view_objects_for_rewriting",
        "get_all_packages", "get_all_resource_plans", "get_all_stored_procedures",
        "get_all_table_constraints", "get_all_token_identifiers", "get_all_write_event_info",
        "get_check_constraints", "get_dataconnector_req", "get_dataconnectors",
        "get_default_constraints", "get_delegation_token", "get_file_metadata",
        "get_file_metadata_by_expr", "get_index_by_name", "get_index_names", "get_indexes",
        "get_ischema", "get_latest_committed_compaction_info", "get_latest_txnid_in_conflict",
        "get_lock_materialization_rebuild", "get_master_keys",
        "get_materialization_invalidation_info", "get_materialized_views_for_rewriting",
        "get_max_allocated_table_write_id", "get_notification_events_count",
        "get_open_txns_info", "get_open_txns_req", "get_partitions_by_expr",
        "get_partitions_pspec", "get_partitions_spec_by_expr", "get_partitions_with_specs",
        "get_principals_in_role", "get_privilege_set", "get_replication_metrics",
        "get_resource_plan", "get_role_grants_for_principal", "get_runtime_stats",
        "get_scheduled_query", "get_schema_all_versions", "get_schema_latest_version",
        "get_schema_version", "get_schemas_by_cols", "get_serde", "get_stored_procedure",
        "get_tables_ext", "get_token", "get_triggers_for_resourceplan", "get_type",
        "get_type_all", "get_valid_write_ids", "grant_privileges", "grant_revoke_privileges",
        "grant_revoke_role", "grant_role", "heartbeat_lock_materialization_rebuild",
        "heartbeat_txn_range", "isPartitionMarkedForEvent", "map_schema_version_to_serde",
        "markPartitionForEvent", "mark_cleaned", "mark_compacted", "mark_failed",
        "mark_refused", "open_txns", "put_file_metadata", "refresh_privileges",
        "remove_compaction_metrics_data", "remove_master_key", "remove_token",
        "renew_delegation_token", "repl_tbl_writeid_state", "revoke_privileges", "revoke_role",
        "scheduled_query_maintenance", "scheduled_query_poll", "scheduled_query_progress",
        "seed_txn_id", "seed_write_id", "setMetaConf", "setOption", "set_hadoop_jobid",
        "set_schema_version_state", "show_compact", "translate_table_dryrun",
        "truncate_table_req", "update_compaction_metrics_data", "update_compactor_state",
        "update_creation_metadata", "update_master_key", "update_transaction_statistics",
        "validate_resource_plan",
    }
}
