//! Integration tests of the catalogue crate.

// The attribute tells clippy that the helpers too are test code.
#[cfg(test)]
mod hive_hostile;
#[cfg(test)]
mod hive_recorded;
#[cfg(test)]
mod hive_served;
#[cfg(test)]
mod hive_server;
#[cfg(test)]
mod hive_service;
#[cfg(test)]
mod metadata_store;
#[cfg(test)]
mod metastore_cached;
#[cfg(test)]
mod metastore_embedded;
#[cfg(test)]
mod metastore_filters;
#[cfg(test)]
mod metastore_postgres;
#[cfg(test)]
mod metastore_storm;
#[cfg(test)]
mod metastore_suite;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod text;
