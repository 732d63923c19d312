//! An idle connection to an executor, whose end is the end of the executor's process.

use super::registry::Node;
use std::io;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between the end of a connection and the attempt at another. Long enough for a process that
/// is being killed to have closed its listener too.
const RECONNECT_WAIT: Duration = Duration::from_millis(50);

/// Connects to an executor's internal port.
pub(super) async fn connect(node: &Node) -> io::Result<TcpStream> {
    let address = (node.host.trim_matches(['[', ']']), node.port);
    tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Holds a connection until the executor does not accept one any more, and says why; none when
/// the executor left the registry first.
pub(super) async fn hold(node: &Node) -> Option<String> {
    let lost = async {
        loop {
            match connect(node).await {
                Ok(connection) => read_to_end(connection).await,
                Err(err) => return format!("does not accept connections: {err}"),
            }
            tokio::time::sleep(RECONNECT_WAIT).await;
        }
    };
    tokio::select! {
        reason = lost => Some(reason),
        () = node.gone.cancelled() => None,
    }
}

async fn read_to_end(mut connection: TcpStream) {
    let mut discarded = [0; 64];
    while matches!(connection.read(&mut discarded).await, Ok(n) if n > 0) {}
}
