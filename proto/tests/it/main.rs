//! The crate from outside: real sockets.

#[cfg(test)]
mod hive_metastore_client;
#[cfg(test)]
mod hive_metastore_hostile;
#[cfg(test)]
mod hive_metastore_server;
#[cfg(test)]
mod support;
