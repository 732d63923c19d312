//! The `quern` program: reads the configuration once, builds the objects, handles signals and
//! exit codes. No logic about queries lives here.

mod args;
mod commands;
mod config;
mod machine;
mod metastore;

use args::{Cli, Command};
use clap::Parser;
use quern_common::Error;
use std::io::Write;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Plans and expressions are walked recursively; the stack is reserved, not used.
const STACK_BYTES: usize = 32 << 20;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("quern-io")
        .thread_stack_size(STACK_BYTES)
        .build();
    let code = match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(run(cli));
            // Connections that clients keep open must not keep the process.
            runtime.shutdown_background();
            code
        }
        Err(err) => Err(Error::internal(format!("threads: {err}"))),
    };
    match code {
        Ok(code) => code,
        Err(err) => {
            let _ = writeln!(std::io::stderr(), "Error: [{}] {err}", err.code());
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> quern_common::Result<ExitCode> {
    match cli.command {
        Command::Serve(args) => commands::serve::run(args, commands::serve::Role::Alone).await,
        Command::Scheduler(args) => {
            commands::serve::run(args, commands::serve::Role::Scheduler).await
        }
        Command::Metastore(args) => commands::metastore::run(args).await,
        Command::Executor(args) => commands::executor::run(args).await,
        Command::Sql(args) => commands::sql::run(args).await,
        Command::Demo(args) => commands::demo::run(args).await,
        Command::CheckConfig(args) => commands::check_config::run(&args),
    }
}
