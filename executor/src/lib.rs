//! The executor: runs tasks for the scheduler, within limits of memory, CPU and disk.
//!
//! Owns: the executor's process ([`Executor`]), membership in the cluster, tasks of staged
//! queries and their shuffle files, the worker of pipelined queries, and the one internal port
//! that serves all of it.
//! Never knows: SQL text, the metastore, or clients.
//! Read in this order: `process`, `server`, `membership`, `tasks`, `worker`, `work_dir`.

#![warn(missing_docs)]

mod membership;
mod process;
mod server;
mod stand_in;
mod tasks;
mod work_dir;
mod worker;

pub use process::{Executor, ExecutorOptions, RunningExecutor};
