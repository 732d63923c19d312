//! Functions in Java, which are kept for those who can call them.

use super::Backend;
use super::answer::{
    Answer, already_exists, from_store, invalid_object, invalid_operation, no_such_object, or_throw,
};
use super::convert::{function_from_hive, function_to_hive};
use super::names::{database_name, short};
use super::pattern::name_pattern;
use crate::metastore::rules::{fold, is_name};
use quern_common::ErrorCode;
use quern_proto::hive_metastore::ServiceError;
use quern_proto::hive_metastore::types as hive;

const MISSING: &[ErrorCode] = &[ErrorCode::FunctionNotFound, ErrorCode::SchemaNotFound];

fn missing(database: &str, name: &str) -> ServiceError {
    no_such_object(format!("Function {database}.{name} does not exist"))
}

impl Backend {
    pub(super) async fn list_functions(
        &self,
        database: &str,
        pattern: &str,
    ) -> Answer<Vec<String>> {
        let pattern = name_pattern(pattern)?;
        let functions = match self.store.list_functions(&database_name(database)?).await {
            Err(err) if err.code() == ErrorCode::SchemaNotFound => return Ok(vec![]),
            listed => listed.map_err(from_store)?,
        };
        let names = functions.into_iter().map(|function| function.name);
        Ok(names.filter(|name| pattern.is_match(name)).collect())
    }

    pub(super) async fn get_function(&self, database: &str, name: &str) -> Answer<hive::Function> {
        let database = database_name(database)?;
        let found = self.store.get_function(&database, name).await;
        or_throw(found, MISSING, || missing(&database, &fold(name))).map(function_to_hive)
    }

    pub(super) async fn get_all_functions(&self) -> Answer<hive::GetAllFunctionsResponse> {
        let mut functions = Vec::new();
        for database in self.store.list_databases().await.map_err(from_store)? {
            match self.store.list_functions(&database).await {
                // Dropped meanwhile.
                Err(err) if err.code() == ErrorCode::SchemaNotFound => {}
                listed => {
                    let listed = listed.map_err(from_store)?;
                    functions.extend(listed.into_iter().map(function_to_hive));
                }
            }
        }
        Ok(hive::GetAllFunctionsResponse { functions: Some(functions) })
    }

    pub(super) async fn create_function(&self, function: hive::Function) -> Answer<()> {
        let mut function = function_from_hive(function).map_err(from_store)?;
        function.database = database_name(&function.database)?;
        if !is_name(&function.name) {
            return Err(invalid_object(format!(
                "{} is not a valid object name",
                short(&function.name)
            )));
        }
        function.create_time = super::now();
        let (database, name) = (function.database.clone(), function.name.clone());
        match self.store.create_function(function).await {
            Err(err) if err.code() == ErrorCode::AlreadyExists => {
                Err(already_exists(format!("Function {name} already exists")))
            }
            Err(err) if err.code() == ErrorCode::SchemaNotFound => {
                Err(no_such_object(format!("The database {database} does not exist")))
            }
            created => created.map_err(from_store),
        }
    }

    pub(super) async fn alter_function(
        &self,
        database: &str,
        name: &str,
        function: hive::Function,
    ) -> Answer<()> {
        let database = database_name(database)?;
        let mut function = function_from_hive(function).map_err(from_store)?;
        if !function.name.is_empty() && function.name != fold(name) {
            return Err(invalid_operation("a function cannot be renamed"));
        }
        function.database.clone_from(&database);
        function.name = fold(name);
        let altered = self.store.alter_function(function).await;
        or_throw(altered, MISSING, || {
            invalid_operation(format!("Function {database}.{} does not exist", fold(name)))
        })
    }

    pub(super) async fn drop_function(&self, database: &str, name: &str) -> Answer<()> {
        let database = database_name(database)?;
        let dropped = self.store.drop_function(&database, name).await;
        or_throw(dropped, MISSING, || missing(&database, &fold(name)))
    }
}
