//! Messages on a TCP connection: framed or not, with time limits on both directions.

use super::wire::{Input, MemoryPool, Output, WireError, WireLimits};
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes that are read ahead, and bytes that are collected before they are written.
const CHUNK_BYTES: usize = 64 << 10;
/// A longer name of a method is none.
const NAME_MAX_BYTES: u32 = 128;
/// How long and how much is read from a peer that was refused, so that it sees the answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_MAX_BYTES: usize = 1 << 20;

/// How messages follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// One ends where the next begins.
    Unframed,
    /// Each is preceded by its length.
    Framed,
}

impl Transport {
    /// Tells from the first five bytes what the peer speaks. A strict message begins with 0x80;
    /// one that is not begins with the length of a name, whose first byte is 0.
    fn detect(head: [u8; 4], fifth: u8) -> Result<Self, WireError> {
        let length = u32::from_be_bytes(head);
        let refusal = match (head, fifth) {
            ([0x80, ..], _) => return Ok(Self::Unframed),
            ([0x82, ..], _) | (_, 0x82) => "the compact protocol is not supported",
            ([0x16, 0x03, ..], _) => "TLS is not supported",
            ([0x01, 0, 0, 0], 1..0x80) => "SASL is not supported",
            (_, 0x80 | 0) => return Ok(Self::Framed),
            (_, b'a'..=b'z' | b'A'..=b'Z' | b'_') if length <= NAME_MAX_BYTES => {
                return Ok(Self::Unframed);
            }
            _ => "this is not Thrift's binary protocol",
        };
        Err(WireError::Malformed(refusal.to_owned()))
    }
}

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a message to begin.
    pub(super) idle: Duration,
    /// For a message to end once it has begun.
    pub(super) message: Duration,
    /// For each chunk that is written.
    pub(super) write: Duration,
}

/// A connection that carries messages.
pub(super) struct MessageStream {
    reader: BufReader<DeadlineReader>,
    stream: Arc<TcpStream>,
    transport: Option<Transport>,
    limits: WireLimits,
    pool: MemoryPool,
}

impl fmt::Debug for MessageStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStream").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl MessageStream {
    /// Messages on this connection. Without `transport`, the first one tells.
    pub(super) fn new(
        stream: Arc<TcpStream>,
        transport: Option<Transport>,
        limits: WireLimits,
        pool: MemoryPool,
    ) -> Self {
        let deadline = DeadlineReader { stream: Arc::clone(&stream), deadline: None };
        let reader = BufReader::with_capacity(CHUNK_BYTES, deadline);
        Self { reader, stream, transport, limits, pool }
    }

    /// Waits for a message and gives it to `handle` with a writer for the answer, which is sent
    /// even when `handle` fails. `None` when the peer has closed the connection instead.
    pub(super) fn receive<T>(
        &mut self,
        patience: &Patience,
        handle: impl FnOnce(&mut Input<'_>, &mut Output<'_>) -> Result<T, WireError>,
    ) -> Result<Option<T>, WireError> {
        self.set_deadline(patience.idle);
        if self.reader.fill_buf()?.is_empty() {
            return Ok(None);
        }
        self.set_deadline(patience.message);
        let mut head = [0; 4];
        self.reader.read_exact(&mut head)?;
        let fifth = *self.reader.fill_buf()?.first().ok_or_else(disconnected)?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Transport::detect(head, fifth)?,
        };
        self.transport = Some(transport);

        let (prefix, length, first) = match transport {
            Transport::Unframed => (&head[..], self.limits.message_max_bytes, head[0]),
            Transport::Framed => (&[][..], frame_length(head, &self.limits)?, fifth),
        };
        let mut source = prefix.chain(&mut self.reader);
        let mut input = Input::new(&mut source, length, &self.limits, &self.pool);
        let mut writer = MessageWriter::new(&self.stream, transport, patience.write);
        let handled = handle(&mut input, &mut Output::new(&mut writer, first & 0x80 != 0));
        writer.finish()?;
        let handled = handled?;
        if transport == Transport::Framed {
            input.skip_rest()?;
        }
        Ok(Some(handled))
    }

    /// Writes a message of its own accord: a client's.
    pub(super) fn send(
        &self,
        transport: Transport,
        patience: &Patience,
        write: impl FnOnce(&mut Output<'_>) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let mut writer = MessageWriter::new(&self.stream, transport, patience.write);
        write(&mut Output::new(&mut writer, true))?;
        Ok(writer.finish()?)
    }

    /// Closes the connection so that the peer sees what was written last. To close it while
    /// bytes of the peer are unread would make the system take the answer back.
    pub(super) fn linger(mut self) {
        if self.stream.shutdown(Shutdown::Write).is_err() {
            return;
        }
        self.set_deadline(LINGER);
        let mut left = LINGER_MAX_BYTES;
        while let Ok(bytes) = self.reader.fill_buf() {
            let read = bytes.len();
            if read == 0 || read > left {
                return;
            }
            left -= read;
            self.reader.consume(read);
        }
    }

    fn set_deadline(&mut self, patience: Duration) {
        self.reader.get_mut().deadline = Instant::now().checked_add(patience);
    }
}

fn disconnected() -> WireError {
    WireError::Disconnected("end of stream inside a message".to_owned())
}

fn frame_length(head: [u8; 4], limits: &WireLimits) -> Result<usize, WireError> {
    let length = u32::from_be_bytes(head);
    match usize::try_from(length) {
        Ok(length) if (1..=limits.message_max_bytes).contains(&length) => Ok(length),
        _ => Err(WireError::Malformed(format!(
            "a frame claims {length} bytes, {} are allowed",
            limits.message_max_bytes
        ))),
    }
}

/// Reads until a point in time.
struct DeadlineReader {
    stream: Arc<TcpStream>,
    deadline: Option<Instant>,
}

impl Read for DeadlineReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(time_left(self.deadline)?)?;
        (&*self.stream).read(buffer).map_err(as_timeout)
    }
}

/// Collects a message and writes it in chunks; a framed one is collected whole.
struct MessageWriter<'a> {
    stream: &'a TcpStream,
    transport: Transport,
    patience: Duration,
    buffer: Vec<u8>,
}

impl<'a> MessageWriter<'a> {
    fn new(stream: &'a TcpStream, transport: Transport, patience: Duration) -> Self {
        let buffer = match transport {
            Transport::Unframed => Vec::new(),
            // The place of the length.
            Transport::Framed => vec![0; 4],
        };
        Self { stream, transport, patience, buffer }
    }

    fn finish(mut self) -> io::Result<()> {
        if self.transport == Transport::Framed {
            let length = self.buffer.len() - 4;
            if length == 0 {
                return Ok(());
            }
            let length = i32::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
            self.buffer[..4].copy_from_slice(&length.to_be_bytes());
        }
        self.write_out()
    }

    fn write_out(&mut self) -> io::Result<()> {
        for chunk in self.buffer.chunks(CHUNK_BYTES) {
            let deadline = Instant::now().checked_add(self.patience);
            let mut rest = chunk;
            while !rest.is_empty() {
                self.stream.set_write_timeout(time_left(deadline)?)?;
                let mut stream = self.stream;
                match stream.write(rest).map_err(as_timeout) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(written) => rest = &rest[written..],
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.buffer.clear();
        Ok(())
    }
}

impl Write for MessageWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.transport == Transport::Unframed && self.buffer.len() >= CHUNK_BYTES {
            self.write_out()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn time_left(deadline: Option<Instant>) -> io::Result<Option<Duration>> {
    let Some(deadline) = deadline else { return Ok(None) };
    match deadline.checked_duration_since(Instant::now()) {
        Some(left) if !left.is_zero() => Ok(Some(left)),
        _ => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// A socket whose time is up says that it would block.
fn as_timeout(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bytes_tell_what_the_peer_speaks() {
        let detect =
            |bytes: &[u8; 5]| Transport::detect([bytes[0], bytes[1], bytes[2], bytes[3]], bytes[4]);
        assert_eq!(detect(b"\x80\x01\0\x01\0").unwrap(), Transport::Unframed);
        assert_eq!(detect(b"\0\0\0\x09g").unwrap(), Transport::Unframed);
        assert_eq!(detect(b"\0\0\0\x20\x80").unwrap(), Transport::Framed);
        assert_eq!(detect(b"\0\0\x01\0\0").unwrap(), Transport::Framed);
        for (bytes, name) in [
            (b"\x82\x21\0\0\0", "compact"),
            (b"\0\0\0\x20\x82", "compact"),
            (b"\x16\x03\x01\x02\0", "TLS"),
            (b"\x01\0\0\0\x06", "SASL"),
            (b"GET /", "binary"),
            (b"POST ", "binary"),
        ] {
            assert!(detect(bytes).unwrap_err().to_string().contains(name), "{bytes:?}");
        }
    }
}
