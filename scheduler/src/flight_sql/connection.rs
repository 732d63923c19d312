//! Client connections, each with a number by which its session is found.

use crate::session_manager::ConnectionId;
use futures::Stream;
use futures::stream::unfold;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tonic::transport::server::Connected;

/// How long accepting pauses after an error such as "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) type OnClose = Arc<dyn Fn(ConnectionId) + Send + Sync>;

/// A client's TCP connection; reports when it is gone.
pub(crate) struct ClientConnection {
    stream: TcpStream,
    id: ConnectionId,
    on_close: OnClose,
}

impl fmt::Debug for ClientConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnection").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for ClientConnection {
    fn drop(&mut self) {
        (self.on_close)(self.id);
    }
}

impl Connected for ClientConnection {
    type ConnectInfo = ConnectionId;

    fn connect_info(&self) -> ConnectionId {
        self.id
    }
}

impl AsyncRead for ClientConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for ClientConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Accepts connections for as long as the stream is read.
pub(crate) fn accept(
    listener: TcpListener,
    on_close: OnClose,
) -> impl Stream<Item = io::Result<ClientConnection>> {
    unfold((listener, on_close, 0), |(listener, on_close, last)| async move {
        let id = ConnectionId(last + 1);
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    if let Err(err) = stream.set_nodelay(true) {
                        tracing::debug!("TCP_NODELAY: {err}");
                    }
                    let on_close_of_this = Arc::clone(&on_close);
                    let connection = ClientConnection { stream, id, on_close: on_close_of_this };
                    return Some((Ok(connection), (listener, on_close, id.0)));
                }
                Err(err) => {
                    tracing::warn!("a client connection cannot be accepted: {err}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    })
}
