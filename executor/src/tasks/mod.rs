//! Tasks of staged queries: taken from the scheduler, run on the threads of query work,
//! reported back.

mod report;
mod run;
mod service;
mod stop;

pub(crate) use report::Reporter;
pub(crate) use run::{TaskRunner, TaskRunnerOptions};
pub(crate) use service::TaskService;
