//! Batches as messages of DoGet, down to the bytes of gRPC.
//!
//! A message is a `FlightData` (arrow's Flight.proto) in gRPC's frame of length. It shares the
//! buffers of its batch: the values go from the query's memory to the socket without being copied
//! into one piece first, as an encoder that returns `FlightData` has to, and then again by gRPC.

use super::pieces::{TARGET_SIZE, pieces};
use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamEncoder;
use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use quern_common::{Error, ErrorCode, Result};

/// Fields of `FlightData`.
const DATA_HEADER: u32 = 2;
const DATA_BODY: u32 = 1000;
/// What stands before an IPC message in a stream: a marker and the length of its header.
const PREFIX: usize = 8;
/// Buffers below this size are copied together: each part is a write to the socket of its own.
const SHARED_FROM: usize = 32 << 10;
/// A client that has the message at an aligned address has the body there too, and need not copy
/// it to read it.
const BODY_ALIGNMENT: usize = 64;

/// A message in parts.
#[derive(Debug, Default)]
pub(crate) struct Message {
    pub(crate) parts: Vec<Bytes>,
}

/// Writes Arrow IPC messages. (arrow-flight's own encoder turns a large list's schema into a
/// list's, and takes a slice for as large as the array it was cut from.)
pub(crate) struct Encoder {
    encoder: StreamEncoder,
    schema: SchemaRef,
    max_size: usize,
}

impl Encoder {
    /// An encoder of messages up to `max_size` bytes, and the message that the schema is.
    pub(crate) fn new(schema: &SchemaRef, max_size: usize) -> Result<(Self, Message)> {
        let max_size = max_size.min(u32::MAX as usize);
        let mut encoder = StreamEncoder::try_new(schema).map_err(|err| failed(&err))?;
        // The first batch comes behind the schema, and this one is of no use.
        let empty = RecordBatch::new_empty(SchemaRef::clone(schema));
        let (header, _) = split_header(encoder.encode(&empty).map_err(|err| failed(&err))?)?;
        let message = message(header, Vec::new(), max_size)?;
        Ok((Self { encoder, schema: SchemaRef::clone(schema), max_size }, message))
    }

    /// The messages that a batch is: small ones as long as its rows are. Announced schemas have
    /// no dictionaries, so there are no dictionary messages.
    pub(crate) fn messages(&mut self, batch: &RecordBatch) -> Result<Vec<Message>> {
        let target = TARGET_SIZE.min(self.max_size / 2);
        let pieces = pieces(batch, &self.schema, target).map_err(|err| failed(&err))?;
        let mut messages = Vec::with_capacity(pieces.len());
        for piece in pieces.iter().filter(|piece| piece.num_rows() > 0) {
            self.push(piece, &mut messages)?;
        }
        Ok(messages)
    }

    /// Pieces are of about a size only where rows are.
    fn push(&mut self, piece: &RecordBatch, messages: &mut Vec<Message>) -> Result<()> {
        let rows = piece.num_rows();
        match self.message(piece) {
            Err(err) if rows > 1 && err.code() == ErrorCode::GenericInsufficientResources => {
                self.push(&piece.slice(0, rows / 2), messages)?;
                self.push(&piece.slice(rows / 2, rows - rows / 2), messages)
            }
            message => {
                messages.push(message?);
                Ok(())
            }
        }
    }

    fn message(&mut self, piece: &RecordBatch) -> Result<Message> {
        let (header, body) = split_header(self.encoder.encode(piece).map_err(|err| failed(&err))?)?;
        message(header, body, self.max_size)
    }
}

fn failed(err: &ArrowError) -> Error {
    Error::internal(format!("the result cannot be encoded: {err}"))
}

/// The header of the first message in a stream, and all that follows.
fn split_header(buffers: Vec<Buffer>) -> Result<(Vec<u8>, Vec<Buffer>)> {
    let mut buffers = buffers.into_iter();
    let mut head: Vec<u8> = Vec::new();
    // How long the header is says what comes before it.
    let end = |head: &[u8]| {
        let length = head.get(4..PREFIX)?.try_into().ok().map(u32::from_le_bytes)?;
        Some(PREFIX + length as usize)
    };
    while end(&head).is_none_or(|end| head.len() < end) {
        let broken = || Error::internal("a message ends within its header");
        head.extend_from_slice(&buffers.next().ok_or_else(broken)?);
    }
    if end(&head) != Some(head.len()) {
        return Err(Error::internal("a message's header does not end with a buffer"));
    }
    Ok((head.split_off(PREFIX), buffers.collect()))
}

/// Bytes before the body.
fn head_length(header_length: usize, body_length: usize) -> usize {
    let field = |tag, length| key_len(tag) + encoded_len_varint(length as u64);
    field(DATA_HEADER, header_length) + header_length + field(DATA_BODY, body_length)
}

fn message(mut header: Vec<u8>, body: Vec<Buffer>, max_size: usize) -> Result<Message> {
    let body_length: usize = body.iter().map(Buffer::len).sum();
    // An IPC header may have zeros behind it.
    let is_aligned =
        |header: &[u8]| head_length(header.len(), body_length).is_multiple_of(BODY_ALIGNMENT);
    while body_length > 0 && !is_aligned(&header) {
        header.push(0);
    }
    let mut head = BytesMut::with_capacity(header.len() + 32);
    encode_key(DATA_HEADER, WireType::LengthDelimited, &mut head);
    encode_varint(header.len() as u64, &mut head);
    head.put_slice(&header);
    if body_length > 0 {
        encode_key(DATA_BODY, WireType::LengthDelimited, &mut head);
        encode_varint(body_length as u64, &mut head);
    }
    let size = head.len() + body_length;
    let length = u32::try_from(size).ok().filter(|_| size <= max_size);
    let length = length.ok_or_else(|| too_large(size, max_size))?;
    let mut parts = Parts::default();
    // Not compressed.
    parts.small.put_u8(0);
    parts.small.put_u32(length);
    parts.small.put_slice(&head);
    for buffer in body {
        parts.push(buffer);
    }
    Ok(Message { parts: parts.finish() })
}

fn too_large(size: usize, max_size: usize) -> Error {
    let message =
        format!("a message that cannot be smaller has {size} bytes, the most is {max_size}");
    Error::new(ErrorCode::GenericInsufficientResources, message)
        .with_hint("raise flight_sql.max_message_size, and the client's own limit")
}

#[derive(Default)]
struct Parts {
    parts: Vec<Bytes>,
    /// What comes next.
    small: BytesMut,
}

impl Parts {
    fn push(&mut self, buffer: Buffer) {
        if buffer.len() < SHARED_FROM {
            return self.small.put_slice(&buffer);
        }
        self.end_part();
        self.parts.push(Bytes::from_owner(Shared(buffer)));
    }

    fn end_part(&mut self) {
        if !self.small.is_empty() {
            self.parts.push(self.small.split().freeze());
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.end_part();
        self.parts
    }
}

/// A buffer whose bytes a message shares.
struct Shared(Buffer);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow_flight::FlightData;
    use arrow_flight::utils::flight_data_to_batches;
    use prost::Message as _;
    use std::sync::Arc;

    const MAX_SIZE: usize = 64 << 20;

    /// What a client makes of it.
    fn decode(message: &Message) -> FlightData {
        let bytes = message.parts.concat();
        let (head, data) = bytes.split_at(5);
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        assert_eq!((head[0], length as usize), (0, data.len()));
        FlightData::decode(data).unwrap()
    }

    fn batch(rows: i64) -> RecordBatch {
        let numbers = Int64Array::from_iter((0..rows).map(|n| (n % 7 != 0).then_some(n)));
        let texts = StringArray::from_iter_values((0..rows).map(|n| format!("text {n}")));
        let columns: [(_, ArrayRef); 2] = [("n", Arc::new(numbers)), ("s", Arc::new(texts))];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
    }

    #[test]
    fn batches_arrive_as_they_were() {
        let batches = [batch(0), batch(1), batch(10_000), batch(10_000).slice(1_234, 5_000)];
        let (mut encoder, schema) = Encoder::new(&batches[0].schema(), MAX_SIZE).unwrap();
        let mut messages = vec![decode(&schema)];
        for batch in &batches {
            messages.push(decode(&encoder.message(batch).unwrap()));
        }
        assert_eq!(flight_data_to_batches(&messages).unwrap(), batches);
    }

    #[test]
    fn no_message_is_above_the_limit() {
        let large = batch(100_000);
        let max_size = 100_000;
        let (mut encoder, _) = Encoder::new(&large.schema(), max_size).unwrap();
        let messages = encoder.messages(&large).unwrap();
        let sizes = messages.iter().map(|message| message.parts.concat().len() - 5);
        assert!(messages.len() > 10 && sizes.max().unwrap() <= max_size);
        let error = encoder.message(&large).unwrap_err();
        assert_eq!(error.code(), ErrorCode::GenericInsufficientResources);
        assert!(error.to_string().contains("the most is 100000"), "{error}");
    }

    #[test]
    fn rows_of_unequal_size_are_parted() {
        let text = |n: i64| if n < 20 { "x".repeat(10_000) } else { String::new() };
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..1_000).map(text)));
        let skewed = RecordBatch::try_from_iter([("s", texts)]).unwrap();
        let (mut encoder, schema) = Encoder::new(&skewed.schema(), 50_000).unwrap();
        let messages = encoder.messages(&skewed).unwrap();
        assert!(messages.iter().all(|message| message.parts.concat().len() <= 50_005));
        let decoded: Vec<_> = [&schema].into_iter().chain(&messages).map(decode).collect();
        let batches = flight_data_to_batches(&decoded).unwrap();
        assert_eq!(arrow::compute::concat_batches(&skewed.schema(), &batches).unwrap(), skewed);
    }

    #[test]
    fn bodies_are_aligned() {
        let (mut encoder, _) = Encoder::new(&batch(0).schema(), MAX_SIZE).unwrap();
        for rows in [1, 10, 1_000, 100_000] {
            let bytes = encoder.message(&batch(rows)).unwrap().parts.concat();
            let body = FlightData::decode(&bytes[5..]).unwrap().data_body;
            assert_eq!((bytes.len() - 5 - body.len()) % BODY_ALIGNMENT, 0);
        }
    }

    #[test]
    fn large_buffers_are_shared_and_small_ones_put_together() {
        let large = batch(20_000);
        let (mut encoder, schema) = Encoder::new(&large.schema(), MAX_SIZE).unwrap();
        assert_eq!(schema.parts.len(), 1);
        assert_eq!(encoder.message(&batch(1)).unwrap().parts.len(), 1);
        let values = large.column(0).to_data().buffers()[0].as_ptr();
        let message = encoder.message(&large).unwrap();
        assert!(message.parts.iter().any(|part| part.as_ptr() == values));
    }
}
