//! The bare transfer that Flight SQL is compared with: a process that reads Parquet by DataFusion,
//! or has read it before, and writes the batches as an Arrow IPC stream to a socket.

use crate::args::IpcSourceArgs;
use crate::bench::Bench;
use crate::engine::{register, session, threads};
use anyhow::{Context, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use std::io::{BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Asks for the table once more, and says that it may be asked for.
const SIGNAL: u8 = b'!';
/// Between reading and writing, as many as Quern has.
const CHANNEL_BATCHES: usize = 2;
const SQL: &str = "SELECT * FROM source";

/// Whether the source reads the files each time or has them in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Files,
    Memory,
}

/// A source in a process of its own. It is killed with this value.
#[derive(Debug)]
pub(crate) struct IpcSource {
    child: Child,
    socket: TcpStream,
}

impl IpcSource {
    /// Starts a source and waits until it can send.
    pub(crate) fn start(bench: &Bench, table: &Path, source: Source) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("ipc-source")
            .arg("--table")
            .arg(table)
            .args(["--connect", &listener.local_addr()?.to_string()])
            .args(["--threads", &bench.threads.to_string()]);
        if source == Source::Memory {
            command.arg("--preload");
        }
        let child = command.spawn().context("the source does not start")?;
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        socket.read_exact(&mut [0]).context("the source ended before it was ready")?;
        Ok(Self { child, socket })
    }

    /// Reads the whole table once and shows every batch to `visit`.
    pub(crate) fn read(&mut self, mut visit: impl FnMut(&RecordBatch)) -> Result<()> {
        self.socket.write_all(&[SIGNAL])?;
        let reader = StreamReader::try_new(BufReader::new(&self.socket), None)?;
        for batch in reader {
            visit(&batch?);
        }
        Ok(())
    }
}

impl Drop for IpcSource {
    fn drop(&mut self) {
        // A process that is gone already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The source's own process: sends the table each time it is asked to, until the reader goes.
pub(crate) fn serve(args: &IpcSourceArgs) -> Result<()> {
    let mut socket = TcpStream::connect(&args.connect)?;
    socket.set_nodelay(true)?;
    let runtime = threads("ipc-source", args.threads)?;
    let session = runtime.block_on(open(args))?;
    let in_memory = match args.preload {
        true => {
            let (schema, batches) = start(&runtime, &session)?;
            Some((schema, batches.collect::<Result<Vec<_>>>()?))
        }
        false => None,
    };
    socket.write_all(&[SIGNAL])?;
    while socket.read(&mut [0])? == 1 {
        match &in_memory {
            Some((schema, batches)) => send(&socket, schema, batches.iter().cloned().map(Ok))?,
            None => {
                let (schema, batches) = start(&runtime, &session)?;
                send(&socket, &schema, batches)?;
            }
        }
    }
    Ok(())
}

async fn open(args: &IpcSourceArgs) -> Result<SessionContext> {
    let session = session(args.threads, None)?;
    // Flight SQL clients get plain text columns, so these are "the same batches".
    session
        .sql("SET datafusion.execution.parquet.schema_force_view_types = false")
        .await?
        .collect()
        .await?;
    register(&session, "source", &args.table).await?;
    Ok(session)
}

/// Starts to read the table.
fn start(
    runtime: &Runtime,
    session: &SessionContext,
) -> Result<(SchemaRef, impl Iterator<Item = Result<RecordBatch>> + use<>)> {
    let frame = runtime.block_on(session.sql(SQL))?;
    let schema = Arc::clone(frame.schema().inner());
    let (sender, mut receiver) = mpsc::channel(CHANNEL_BATCHES);
    runtime.spawn(async move {
        let mut batches = match frame.execute_stream().await {
            Ok(batches) => batches,
            Err(err) => {
                drop(sender.send(Err(err)).await);
                return;
            }
        };
        while let Some(batch) = batches.next().await {
            if sender.send(batch).await.is_err() {
                return;
            }
        }
    });
    let batches = std::iter::from_fn(move || receiver.blocking_recv());
    Ok((schema, batches.map(|batch| batch.map_err(Into::into))))
}

fn send(
    socket: &TcpStream,
    schema: &SchemaRef,
    batches: impl Iterator<Item = Result<RecordBatch>>,
) -> Result<()> {
    let mut writer = StreamWriter::try_new(BufWriter::new(socket), schema)?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    writer.finish()?;
    writer.get_mut().flush()?;
    Ok(())
}
