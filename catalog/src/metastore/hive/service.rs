//! The methods, each with what does it.

use super::answer::{Answer, declared, invalid_object, meta, no_such_object};
use super::databases::DropOptions as DropDatabaseOptions;
use super::names::{CATALOG, short};
use super::partition_changes::{DropOptions, IfExists};
use super::partitions::values_in_name;
use super::table_changes::properties;
use super::{HiveService, settings};
use futures::future::BoxFuture;
use quern_proto::hive_metastore::methods::{
    AddPartition, AddPartitionWithEnvironmentContext, AddPartitions, AddPartitionsReq, AliveSince,
    AlterDatabase, AlterFunction, AlterPartition, AlterPartitionWithEnvironmentContext,
    AlterPartitions, AlterPartitionsReq, AlterPartitionsWithEnvironmentContext, AlterTable,
    AlterTableReq, AlterTableWithCascade, AlterTableWithEnvironmentContext, AppendPartition,
    AppendPartitionByName, AppendPartitionWithEnvironmentContext, CheckLock, CreateDatabase,
    CreateFunction, CreateTable, CreateTableReq, CreateTableWithConstraints,
    CreateTableWithEnvironmentContext, DeletePartitionColumnStatistics,
    DeleteTableColumnStatistics, DropDatabase, DropDatabaseReq, DropFunction, DropPartition,
    DropPartitionByName, DropPartitionWithEnvironmentContext, DropPartitionsReq, DropTable,
    DropTableWithEnvironmentContext, FlushCache, GetAggrStatsFor, GetAllDatabases, GetAllFunctions,
    GetAllTables, GetCatalog, GetCatalogs, GetConfigValue, GetCurrentNotificationEventId,
    GetDatabase, GetDatabaseReq, GetDatabases, GetFields, GetFieldsReq,
    GetFieldsWithEnvironmentContext, GetForeignKeys, GetFunction, GetFunctions, GetMetaConf,
    GetNextNotification, GetNotNullConstraints, GetNumPartitionsByFilter, GetOpenTxns,
    GetPartSpecsByFilter, GetPartition, GetPartitionByName, GetPartitionColumnStatistics,
    GetPartitionNames, GetPartitionNamesPs, GetPartitionNamesPsReq, GetPartitionNamesReq,
    GetPartitionReq, GetPartitionValues, GetPartitionWithAuth, GetPartitions,
    GetPartitionsByFilter, GetPartitionsByNames, GetPartitionsByNamesReq, GetPartitionsPs,
    GetPartitionsPsWithAuth, GetPartitionsPsWithAuthReq, GetPartitionsReq,
    GetPartitionsStatisticsReq, GetPartitionsWithAuth, GetPrimaryKeys, GetRoleNames, GetSchema,
    GetSchemaReq, GetSchemaWithEnvironmentContext, GetTable, GetTableColumnStatistics,
    GetTableMeta, GetTableNamesByFilter, GetTableObjectsByName, GetTableObjectsByNameReq,
    GetTableReq, GetTableStatisticsReq, GetTables, GetTablesByType, GetUniqueConstraints,
    Heartbeat, HiveMetastoreService, ListPrivileges, ListRoles, Lock,
    PartitionNameHasValidCharacters, PartitionNameToSpec, PartitionNameToVals, RenamePartition,
    RenamePartitionReq, SetAggrStatsFor, SetUgi, ShowLocks, TruncateTable, Unlock,
    UpdatePartitionColumnStatistics, UpdatePartitionColumnStatisticsReq,
    UpdateTableColumnStatistics, UpdateTableColumnStatisticsReq,
};
use quern_proto::hive_metastore::types as hive;
use quern_proto::hive_metastore::{Method, ServiceError};

impl HiveService {
    /// Waits for the work of a method.
    fn run<M: Method>(
        &self,
        work: impl Future<Output = Answer<M::Reply>> + Send,
    ) -> Answer<M::Reply>
    where
        M::Reply: Send,
    {
        let mut answer = Err(meta("the method did not end"));
        // Boxed, so that waiting is compiled once and not once a method.
        let ended: BoxFuture<'_, ()> = Box::pin(async { answer = work.await });
        self.backend.runtime.block_on(ended);
        answer.map_err(declared::<M>)
    }
}

/// The methods as a table: `name(ARGUMENTS) => the answer, from the backend and the arguments`.
macro_rules! methods {
    (|$backend:ident, $args:ident| $( $method:ident($arguments:ident) => $work:expr; )+) => {
        impl HiveMetastoreService for HiveService {
            $(
                fn $method(
                    &mut self,
                    $args: $arguments,
                ) -> Result<<$arguments as Method>::Reply, ServiceError> {
                    let $backend = &self.backend;
                    let work = async move {
                        let _ = (&$backend, &$args);
                        $work
                    };
                    self.run::<$arguments>(work)
                }
            )+
        }
    };
}

methods! { |backend, args|
    // Databases.
    get_databases(GetDatabases) => backend.list_databases(&args.pattern).await;
    get_all_databases(GetAllDatabases) => backend.list_databases("*").await;
    get_database(GetDatabase) => backend.get_database(&args.name).await;
    get_database_req(GetDatabaseReq) => {
        backend.get_database(&args.request.name.unwrap_or_default()).await
    };
    create_database(CreateDatabase) => backend.create_database(args.database).await;
    alter_database(AlterDatabase) => backend.alter_database(&args.dbname, args.db).await;
    drop_database(DropDatabase) => {
        let DropDatabase { name, delete_data, cascade } = args;
        let options = DropDatabaseOptions { delete_data, cascade, ignore_unknown: false };
        backend.drop_database(&name, options).await
    };
    drop_database_req(DropDatabaseReq) => {
        let req = args.req;
        let options = DropDatabaseOptions {
            delete_data: req.delete_data,
            cascade: req.cascade,
            ignore_unknown: req.ignore_unknown_db,
        };
        backend.drop_database(&req.name, options).await
    };
    get_catalogs(GetCatalogs) => {
        Ok(hive::GetCatalogsResponse { names: Some(vec![CATALOG.to_owned()]) })
    };
    get_catalog(GetCatalog) => {
        let name = args.cat_name.name.unwrap_or_default();
        if !name.eq_ignore_ascii_case(CATALOG) {
            return Err(no_such_object(format!("there is no catalog named {}", short(&name))));
        }
        let location = backend.find_database("default").await?.location;
        let catalog = hive::Catalog {
            name: Some(CATALOG.to_owned()),
            location_uri: Some(location),
            ..hive::Catalog::default()
        };
        Ok(hive::GetCatalogResponse { catalog: Some(catalog) })
    };

    // Tables.
    get_tables(GetTables) => backend.list_tables(&args.db_name, &args.pattern).await;
    get_tables_by_type(GetTablesByType) => {
        backend.list_tables_by_type(&args.db_name, &args.pattern, &args.table_type).await
    };
    get_all_tables(GetAllTables) => backend.list_tables(&args.db_name, "*").await;
    get_table_meta(GetTableMeta) => {
        backend.table_meta(&args.db_patterns, &args.tbl_patterns, &args.tbl_types).await
    };
    get_table(GetTable) => backend.get_table(&args.dbname, &args.tbl_name).await;
    get_table_req(GetTableReq) => {
        let table = backend.get_table(&args.req.db_name, &args.req.tbl_name).await?;
        Ok(hive::GetTableResult { table, is_stats_compliant: None })
    };
    get_table_objects_by_name(GetTableObjectsByName) => {
        backend.get_named_tables(&args.dbname, args.tbl_names).await
    };
    get_table_objects_by_name_req(GetTableObjectsByNameReq) => {
        let req = args.req;
        let names = match req.tbl_names {
            Some(names) => names,
            None => {
                let pattern = req.tables_pattern.as_deref().unwrap_or("*");
                backend.list_tables(&req.db_name, pattern).await?
            }
        };
        let tables = backend.get_named_tables(&req.db_name, names).await?;
        Ok(hive::GetTablesResult { tables })
    };
    get_table_names_by_filter(GetTableNamesByFilter) => {
        backend.list_tables_by_filter(&args.dbname, &args.filter, args.max_tables).await
    };
    get_fields(GetFields) => backend.fields(&args.db_name, &args.table_name).await;
    get_fields_with_environment_context(GetFieldsWithEnvironmentContext) => {
        backend.fields(&args.db_name, &args.table_name).await
    };
    get_fields_req(GetFieldsReq) => {
        let fields = backend.fields(&args.req.db_name, &args.req.tbl_name).await?;
        Ok(hive::GetFieldsResponse { fields })
    };
    get_schema(GetSchema) => backend.schema(&args.db_name, &args.table_name).await;
    get_schema_with_environment_context(GetSchemaWithEnvironmentContext) => {
        backend.schema(&args.db_name, &args.table_name).await
    };
    get_schema_req(GetSchemaReq) => {
        let fields = backend.schema(&args.req.db_name, &args.req.tbl_name).await?;
        Ok(hive::GetSchemaResponse { fields })
    };
    create_table(CreateTable) => backend.create_table(args.tbl, None).await;
    create_table_with_environment_context(CreateTableWithEnvironmentContext) => {
        backend.create_table(args.tbl, args.environment_context).await
    };
    create_table_with_constraints(CreateTableWithConstraints) => {
        let constraints = [
            count(&args.primary_keys),
            count(&args.foreign_keys),
            count(&args.unique_constraints),
            count(&args.not_null_constraints),
            count(&args.default_constraints),
            count(&args.check_constraints),
        ];
        refuse_constraints(&constraints)?;
        backend.create_table(args.tbl, None).await
    };
    create_table_req(CreateTableReq) => {
        let request = args.request;
        let constraints = [
            count(&request.primary_keys),
            count(&request.foreign_keys),
            count(&request.unique_constraints),
            count(&request.not_null_constraints),
            count(&request.default_constraints),
            count(&request.check_constraints),
        ];
        refuse_constraints(&constraints)?;
        backend.create_table(request.table, request.env_context).await
    };
    alter_table(AlterTable) => {
        let context = properties(None);
        backend.alter_table(&args.dbname, &args.tbl_name, args.new_tbl, context).await
    };
    alter_table_with_environment_context(AlterTableWithEnvironmentContext) => {
        let context = properties(args.environment_context);
        backend.alter_table(&args.dbname, &args.tbl_name, args.new_tbl, context).await
    };
    alter_table_with_cascade(AlterTableWithCascade) => {
        let cascade = ("CASCADE".to_owned(), args.cascade.to_string());
        let context = [cascade].into();
        backend.alter_table(&args.dbname, &args.tbl_name, args.new_tbl, context).await
    };
    alter_table_req(AlterTableReq) => {
        let req = args.req;
        let context = properties(req.environment_context);
        backend.alter_table(&req.db_name, &req.table_name, req.table, context).await?;
        Ok(hive::AlterTableResponse {})
    };
    drop_table(DropTable) => {
        backend.drop_table(&args.dbname, &args.name, args.delete_data).await
    };
    drop_table_with_environment_context(DropTableWithEnvironmentContext) => {
        backend.drop_table(&args.dbname, &args.name, args.delete_data).await
    };
    truncate_table(TruncateTable) => {
        backend.truncate_table(&args.db_name, &args.table_name, args.part_names).await
    };

    // Partitions.
    get_partition(GetPartition) => {
        backend.get_partition(&args.db_name, &args.tbl_name, &args.part_vals).await
    };
    get_partition_req(GetPartitionReq) => {
        let req = args.req;
        let found = backend.get_partition(&req.db_name, &req.tbl_name, &req.part_vals);
        Ok(hive::GetPartitionResponse { partition: found.await? })
    };
    get_partition_with_auth(GetPartitionWithAuth) => {
        backend.get_partition(&args.db_name, &args.tbl_name, &args.part_vals).await
    };
    get_partition_by_name(GetPartitionByName) => {
        backend.get_partition_by_name(&args.db_name, &args.tbl_name, &args.part_name).await
    };
    get_partitions(GetPartitions) => {
        backend.get_partitions(&args.db_name, &args.tbl_name, args.max_parts).await
    };
    get_partitions_req(GetPartitionsReq) => {
        let req = args.req;
        let found = backend.get_partitions(&req.db_name, &req.tbl_name, req.max_parts);
        Ok(hive::PartitionsResponse { partitions: found.await? })
    };
    get_partitions_with_auth(GetPartitionsWithAuth) => {
        backend.get_partitions(&args.db_name, &args.tbl_name, args.max_parts).await
    };
    get_partition_names(GetPartitionNames) => {
        backend.list_partitions(&args.db_name, &args.tbl_name, args.max_parts).await
    };
    get_partition_names_req(GetPartitionNamesReq) => {
        let req = args.req;
        if !req.expr.0.is_empty() {
            return Err(meta("not supported: partitions by an expression of Hive's planner"));
        }
        backend.list_partitions(&req.db_name, &req.tbl_name, req.max_parts).await
    };
    get_partition_values(GetPartitionValues) => backend.partition_values(args.request).await;
    get_partitions_ps(GetPartitionsPs) => {
        let GetPartitionsPs { db_name, tbl_name, part_vals, max_parts } = args;
        backend.get_partitions_by_part(&db_name, &tbl_name, &part_vals, max_parts).await
    };
    get_partitions_ps_with_auth(GetPartitionsPsWithAuth) => {
        let GetPartitionsPsWithAuth { db_name, tbl_name, part_vals, max_parts, .. } = args;
        backend.get_partitions_by_part(&db_name, &tbl_name, &part_vals, max_parts).await
    };
    get_partitions_ps_with_auth_req(GetPartitionsPsWithAuthReq) => {
        let req = args.req;
        let values = req.part_vals.unwrap_or_default();
        let (database, table) = (&req.db_name, &req.tbl_name);
        let found = backend.get_partitions_by_part(database, table, &values, req.max_parts);
        Ok(hive::GetPartitionsPsWithAuthResponse { partitions: found.await? })
    };
    get_partition_names_ps(GetPartitionNamesPs) => {
        let GetPartitionNamesPs { db_name, tbl_name, part_vals, max_parts } = args;
        backend.list_partitions_by_part(&db_name, &tbl_name, &part_vals, max_parts).await
    };
    get_partition_names_ps_req(GetPartitionNamesPsReq) => {
        let req = args.req;
        let values = req.part_values.unwrap_or_default();
        let (database, table) = (&req.db_name, &req.tbl_name);
        let names = backend.list_partitions_by_part(database, table, &values, req.max_parts);
        Ok(hive::GetPartitionNamesPsResponse { names: names.await? })
    };
    get_partitions_by_filter(GetPartitionsByFilter) => {
        let GetPartitionsByFilter { db_name, tbl_name, filter, max_parts } = args;
        backend.get_partitions_by_filter(&db_name, &tbl_name, &filter, max_parts.into()).await
    };
    get_part_specs_by_filter(GetPartSpecsByFilter) => {
        let GetPartSpecsByFilter { db_name, tbl_name, filter, max_parts } = args;
        backend.get_partition_specs_by_filter(&db_name, &tbl_name, &filter, max_parts).await
    };
    get_num_partitions_by_filter(GetNumPartitionsByFilter) => {
        backend.count_partitions_by_filter(&args.db_name, &args.tbl_name, &args.filter).await
    };
    get_partitions_by_names(GetPartitionsByNames) => {
        backend.get_named_partitions(&args.db_name, &args.tbl_name, &args.names).await
    };
    get_partitions_by_names_req(GetPartitionsByNamesReq) => {
        let req = args.req;
        let names = req.names.unwrap_or_default();
        let found = backend.get_named_partitions(&req.db_name, &req.tbl_name, &names);
        Ok(hive::GetPartitionsByNamesResult { partitions: found.await? })
    };
    add_partition(AddPartition) => backend.add_partition(args.new_part).await;
    add_partition_with_environment_context(AddPartitionWithEnvironmentContext) => {
        backend.add_partition(args.new_part).await
    };
    add_partitions(AddPartitions) => {
        let Some(first) = args.new_parts.first() else { return Ok(0) };
        let database = first.db_name.clone().unwrap_or_default();
        let table = first.table_name.clone().unwrap_or_default();
        let added = backend.add_partitions(&database, &table, args.new_parts, IfExists::Throw);
        Ok(i32::try_from(added.await?.len()).unwrap_or(i32::MAX))
    };
    add_partitions_req(AddPartitionsReq) => {
        let request = args.request;
        let if_exists = if request.if_not_exists { IfExists::Skip } else { IfExists::Throw };
        let (database, table) = (&request.db_name, &request.tbl_name);
        let added = backend.add_partitions(database, table, request.parts, if_exists).await?;
        let partitions = request.need_result.then_some(added);
        Ok(hive::AddPartitionsResult { partitions, is_stats_compliant: None })
    };
    append_partition(AppendPartition) => {
        backend.append_partition(&args.db_name, &args.tbl_name, args.part_vals).await
    };
    append_partition_with_environment_context(AppendPartitionWithEnvironmentContext) => {
        backend.append_partition(&args.db_name, &args.tbl_name, args.part_vals).await
    };
    append_partition_by_name(AppendPartitionByName) => {
        backend.append_partition_by_name(&args.db_name, &args.tbl_name, &args.part_name).await
    };
    alter_partition(AlterPartition) => {
        backend.alter_partitions(&args.db_name, &args.tbl_name, vec![args.new_part]).await
    };
    alter_partition_with_environment_context(AlterPartitionWithEnvironmentContext) => {
        backend.alter_partitions(&args.db_name, &args.tbl_name, vec![args.new_part]).await
    };
    alter_partitions(AlterPartitions) => {
        backend.alter_partitions(&args.db_name, &args.tbl_name, args.new_parts).await
    };
    alter_partitions_with_environment_context(AlterPartitionsWithEnvironmentContext) => {
        backend.alter_partitions(&args.db_name, &args.tbl_name, args.new_parts).await
    };
    alter_partitions_req(AlterPartitionsReq) => {
        let req = args.req;
        backend.alter_partitions(&req.db_name, &req.table_name, req.partitions).await?;
        Ok(hive::AlterPartitionsResponse {})
    };
    rename_partition(RenamePartition) => {
        let RenamePartition { db_name, tbl_name, part_vals, new_part } = args;
        backend.rename_partition(&db_name, &tbl_name, &part_vals, new_part).await
    };
    rename_partition_req(RenamePartitionReq) => {
        let req = args.req;
        let (database, table) = (&req.db_name, &req.table_name);
        backend.rename_partition(database, table, &req.part_vals, req.new_part).await?;
        Ok(hive::RenamePartitionResponse {})
    };
    drop_partition(DropPartition) => {
        let DropPartition { db_name, tbl_name, part_vals, delete_data } = args;
        backend.drop_partition(&db_name, &tbl_name, &part_vals, delete_data).await
    };
    drop_partition_with_environment_context(DropPartitionWithEnvironmentContext) => {
        let (values, delete_data) = (&args.part_vals, args.delete_data);
        backend.drop_partition(&args.db_name, &args.tbl_name, values, delete_data).await
    };
    drop_partition_by_name(DropPartitionByName) => {
        let DropPartitionByName { db_name, tbl_name, part_name, delete_data } = args;
        backend.drop_partition_by_name(&db_name, &tbl_name, &part_name, delete_data).await
    };
    drop_partitions_req(DropPartitionsReq) => {
        let req = args.req;
        let hive::RequestPartsSpec::Names(names) = req.parts else {
            return Err(meta("not supported: partitions by an expression of Hive's planner"));
        };
        let options = DropOptions {
            delete_data: req.delete_data.unwrap_or_default(),
            if_exists: req.if_exists,
        };
        let (database, table) = (&req.db_name, &req.tbl_name);
        let dropped = backend.drop_named_partitions(database, table, &names, options).await?;
        Ok(hive::DropPartitionsResult { partitions: req.need_result.then_some(dropped) })
    };
    partition_name_to_vals(PartitionNameToVals) => {
        let parts = values_in_name(&args.part_name)?;
        Ok(parts.into_iter().map(|(_, value)| value).collect())
    };
    partition_name_to_spec(PartitionNameToSpec) => {
        Ok(values_in_name(&args.part_name)?.into_iter().collect())
    };
    // Every character can be written.
    partition_name_has_valid_characters(PartitionNameHasValidCharacters) => Ok(true);

    // Statistics.
    get_table_column_statistics(GetTableColumnStatistics) => {
        backend.get_table_column_statistics(&args.db_name, &args.tbl_name, args.col_name).await
    };
    get_partition_column_statistics(GetPartitionColumnStatistics) => {
        let GetPartitionColumnStatistics { db_name, tbl_name, part_name, col_name } = args;
        backend.get_partition_column_statistics(&db_name, &tbl_name, &part_name, col_name).await
    };
    get_table_statistics_req(GetTableStatisticsReq) => {
        backend.get_table_statistics(args.request).await
    };
    get_partitions_statistics_req(GetPartitionsStatisticsReq) => {
        backend.get_partitions_statistics(args.request).await
    };
    get_aggr_stats_for(GetAggrStatsFor) => backend.get_aggregated_statistics(args.request).await;
    update_table_column_statistics(UpdateTableColumnStatistics) => {
        backend.update_statistics(args.stats_obj, false).await
    };
    update_table_column_statistics_req(UpdateTableColumnStatisticsReq) => {
        let result = backend.update_all_statistics(args.req).await?;
        Ok(hive::SetPartitionsStatsResponse { result })
    };
    update_partition_column_statistics(UpdatePartitionColumnStatistics) => {
        backend.update_statistics(args.stats_obj, false).await
    };
    update_partition_column_statistics_req(UpdatePartitionColumnStatisticsReq) => {
        let result = backend.update_all_statistics(args.req).await?;
        Ok(hive::SetPartitionsStatsResponse { result })
    };
    set_aggr_stats_for(SetAggrStatsFor) => backend.update_all_statistics(args.request).await;
    delete_table_column_statistics(DeleteTableColumnStatistics) => {
        backend.delete_statistics(&args.db_name, &args.tbl_name, None, &args.col_name).await
    };
    delete_partition_column_statistics(DeletePartitionColumnStatistics) => {
        let partition = Some(args.part_name.as_str());
        backend.delete_statistics(&args.db_name, &args.tbl_name, partition, &args.col_name).await
    };

    // Functions.
    get_functions(GetFunctions) => backend.list_functions(&args.db_name, &args.pattern).await;
    get_function(GetFunction) => backend.get_function(&args.db_name, &args.func_name).await;
    get_all_functions(GetAllFunctions) => backend.get_all_functions().await;
    create_function(CreateFunction) => backend.create_function(args.func).await;
    alter_function(AlterFunction) => {
        backend.alter_function(&args.db_name, &args.func_name, args.new_func).await
    };
    drop_function(DropFunction) => backend.drop_function(&args.db_name, &args.func_name).await;

    // Constraints, of which no table has any.
    get_primary_keys(GetPrimaryKeys) => {
        Ok(hive::PrimaryKeysResponse { primary_keys: vec![] })
    };
    get_foreign_keys(GetForeignKeys) => {
        Ok(hive::ForeignKeysResponse { foreign_keys: vec![] })
    };
    get_unique_constraints(GetUniqueConstraints) => {
        Ok(hive::UniqueConstraintsResponse { unique_constraints: vec![] })
    };
    get_not_null_constraints(GetNotNullConstraints) => {
        Ok(hive::NotNullConstraintsResponse { not_null_constraints: vec![] })
    };

    // Users, roles and settings.
    set_ugi(SetUgi) => Ok(args.group_names);
    list_roles(ListRoles) => Ok(settings::roles());
    get_role_names(GetRoleNames) => Ok(settings::role_names());
    list_privileges(ListPrivileges) => Ok(vec![]);
    get_config_value(GetConfigValue) => {
        backend.config_value(&args.name, args.default_value).await
    };
    get_meta_conf(GetMetaConf) => settings::meta_conf(&args.key);
    // Nothing is cached.
    flush_cache(FlushCache) => Ok(());

    // Locks and notifications. There are no transactions.
    lock(Lock) => backend.lock(args.rqst).await;
    check_lock(CheckLock) => backend.check_lock(args.rqst).await;
    unlock(Unlock) => backend.unlock(args.rqst).await;
    heartbeat(Heartbeat) => backend.heartbeat(args.ids).await;
    show_locks(ShowLocks) => backend.show_locks(args.rqst).await;
    get_open_txns(GetOpenTxns) => Ok(hive::GetOpenTxnsResponse::default());
    get_current_notification_event_id(GetCurrentNotificationEventId) => {
        backend.last_event().await
    };
    get_next_notification(GetNextNotification) => backend.events(args.rqst).await;

    alive_since(AliveSince) => Ok(backend.started);
}

fn count<T>(constraints: &Option<Vec<T>>) -> usize {
    constraints.as_ref().map_or(0, Vec::len)
}

fn refuse_constraints(counts: &[usize]) -> Answer<()> {
    match counts.iter().all(|count| *count == 0) {
        true => Ok(()),
        false => Err(invalid_object("not supported: keys and constraints of tables")),
    }
}
