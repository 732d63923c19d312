//! Integration tests of the engine.

// `cfg(test)` tells clippy that the helpers too are test code.
#[cfg(test)]
mod catalogs;
#[cfg(test)]
mod join_order;
#[cfg(test)]
mod metadata;
#[cfg(test)]
mod spark_sources;
#[cfg(test)]
mod statement_create_table;
#[cfg(test)]
mod statement_ddl;
#[cfg(test)]
mod statement_kinds;
#[cfg(test)]
mod statement_partitions;
#[cfg(test)]
mod statement_shape;
#[cfg(test)]
mod statement_unsupported;
#[cfg(test)]
mod support;
