//! The whole system: real `quern` processes, driven as clients drive them.

#[cfg(test)]
mod check_table;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod locations;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod metastore;
#[cfg(test)]
mod metastore_crash;
#[cfg(test)]
mod partitions;
#[cfg(test)]
#[path = "../../catalog/tests/it/postgres.rs"]
mod postgres;
#[cfg(test)]
mod sqllogic;
#[cfg(test)]
mod statistics;
#[cfg(test)]
mod tpch;
