//! Integration tests of the engine.

mod statement_create_table;
mod statement_ddl;
mod statement_kinds;
mod statement_partitions;
mod statement_shape;
mod statement_unsupported;
mod support;
