//! `quern-bench`: Quern measured against in-process DataFusion, DuckDB and what the project
//! requires of itself. benches/README.md says how each figure is made.
//!
//! Read in this order: [`args`] (the commands), [`suite`] (how engines take turns and answers are
//! compared), [`engine`] (the engines), [`figure`] (what is required).

mod answer;
mod args;
mod bench;
mod dataset;
mod engine;
mod figure;
mod flight;
#[path = "../../catalog/tests/it/hive_server/mod.rs"]
mod hive_server;
mod ipc;
mod measure;
mod metastore;
mod partitions;
mod python;
mod report;
mod select1;
mod servers;
mod startup;
mod suite;
mod total_order;
mod transfer;

use anyhow::{Result, bail};
use args::{Cli, Command};
use bench::{Bench, say};
use clap::Parser;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// The allocator of the `quern` program, so that in-process DataFusion has the same.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(err) => {
            say(&format!("quern-bench: {err:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command and tells whether all answers were right.
fn run(cli: Cli) -> Result<bool> {
    if let Command::IpcSource(args) = &cli.command {
        return ipc::serve(args).map(|()| true);
    }
    // Clients live here; in-process DataFusion has threads of its own.
    let runtime = engine::threads("client", cli.common.threads)?;
    runtime.block_on(async {
        // Stopping by dropping ends the processes that were started.
        tokio::select! {
            right = Box::pin(measure(cli)) => right,
            () = interruption() => bail!("interrupted"),
        }
    })
}

async fn measure(cli: Cli) -> Result<bool> {
    let mut bench = Bench::new(cli.common)?;
    bench.say_machine();
    let right = match cli.command {
        Command::Tpch(args) => suite::tpch(&mut bench, &args).await?,
        Command::Tpcds(args) => suite::tpcds(&mut bench, &args).await?,
        Command::Select1(args) => select1::run(&mut bench, &args).await?,
        Command::Startup(args) => startup::run(&mut bench, &args).await?,
        Command::Partitions(args) => partitions::run(&mut bench, &args).await?,
        Command::Metastore(args) => metastore::run(&mut bench, &args).await?,
        Command::Transfer(args) => transfer::run(&mut bench, &args).await?,
        Command::IpcSource(_) => true,
    };
    bench.finish()?;
    Ok(right)
}

/// Waits for SIGINT or SIGTERM.
async fn interruption() {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
