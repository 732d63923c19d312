//! `quern executor`.

use super::serve::{default_policy, init_log, print, shutdown_signal};
use crate::args::ExecutorArgs;
use crate::{config, machine};
use quern_common::Result;
use quern_executor::{Executor, ExecutorOptions};
use std::process::ExitCode;

pub(crate) async fn run(args: ExecutorArgs) -> Result<ExitCode> {
    let mut config = config::load(&args.config)?;
    if let Some(listen) = &args.internal_listen {
        config.internal.listen.clone_from(listen);
    }
    if let Some(slots) = args.task_slots {
        config.executor.task_slots = slots;
    }
    init_log(&config)?;
    let policy = default_policy(&config)?;
    let memory_bytes = machine::query_memory_bytes(&config);
    let n_threads = machine::query_threads(&config);
    let options =
        ExecutorOptions { config, scheduler: args.scheduler, memory_bytes, n_threads, policy };
    let running = Executor::start(options).await?;
    if args.print_addresses {
        let addresses = serde_json::json!({ "internal": running.address().to_string() });
        print(&addresses)?;
    }
    shutdown_signal().await;
    running.shutdown().await;
    Ok(ExitCode::SUCCESS)
}
