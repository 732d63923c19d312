//! Batches as messages of DoGet, down to the bytes of gRPC.
//!
//! A message is a `FlightData` (arrow's Flight.proto) in gRPC's frame of length. It shares the
//! buffers of its batch: the values go from the query's memory to the socket without being copied
//! into one piece first, as an encoder that returns `FlightData` has to, and then again by gRPC.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamEncoder;
use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

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
}

impl Encoder {
    /// An encoder, and the message that the schema is.
    pub(crate) fn new(schema: &SchemaRef) -> Result<(Self, Message), ArrowError> {
        let mut encoder = StreamEncoder::try_new(schema)?;
        // The first batch comes behind the schema, and this one is of no use.
        let buffers = encoder.encode(&RecordBatch::new_empty(SchemaRef::clone(schema)))?;
        let (header, _) = split_header(buffers)?;
        Ok((Self { encoder }, message(header, Vec::new())?))
    }

    /// The message that a batch is. Announced schemas have no dictionaries, so there are no
    /// dictionary messages.
    pub(crate) fn batch(&mut self, batch: &RecordBatch) -> Result<Message, ArrowError> {
        let (header, body) = split_header(self.encoder.encode(batch)?)?;
        message(header, body)
    }
}

/// The header of the first message in a stream, and all that follows.
fn split_header(buffers: Vec<Buffer>) -> Result<(Vec<u8>, Vec<Buffer>), ArrowError> {
    let mut buffers = buffers.into_iter();
    let mut head: Vec<u8> = Vec::new();
    let mut take = |length: usize| {
        while head.len() < length {
            let broken = || ArrowError::IpcError("a message ends within its header".to_owned());
            head.extend_from_slice(&buffers.next().ok_or_else(broken)?);
        }
        Ok::<_, ArrowError>(head.clone())
    };
    let prefix = take(PREFIX)?;
    let length = prefix.get(4..PREFIX).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    let length = u32::from_le_bytes(length) as usize;
    let head = take(PREFIX + length)?;
    match head.len() == PREFIX + length {
        true => Ok((head.get(PREFIX..).unwrap_or_default().to_vec(), buffers.collect())),
        false => Err(ArrowError::IpcError("a header that does not end with a buffer".to_owned())),
    }
}

/// Bytes before the body.
fn head_length(header_length: usize, body_length: usize) -> usize {
    let field = |tag, length| key_len(tag) + encoded_len_varint(length as u64);
    field(DATA_HEADER, header_length) + header_length + field(DATA_BODY, body_length)
}

fn message(mut header: Vec<u8>, body: Vec<Buffer>) -> Result<Message, ArrowError> {
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
    let length = u32::try_from(head.len() + body_length)
        .map_err(|_| ArrowError::IpcError("a message above 4 GiB".to_owned()))?;
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
        let (mut encoder, schema) = Encoder::new(&batches[0].schema()).unwrap();
        let mut messages = vec![decode(&schema)];
        for batch in &batches {
            messages.push(decode(&encoder.batch(batch).unwrap()));
        }
        assert_eq!(flight_data_to_batches(&messages).unwrap(), batches);
    }

    #[test]
    fn bodies_are_aligned() {
        let (mut encoder, _) = Encoder::new(&batch(0).schema()).unwrap();
        for rows in [1, 10, 1_000, 100_000] {
            let bytes = encoder.batch(&batch(rows)).unwrap().parts.concat();
            let body = FlightData::decode(&bytes[5..]).unwrap().data_body;
            assert_eq!((bytes.len() - 5 - body.len()) % BODY_ALIGNMENT, 0);
        }
    }

    #[test]
    fn large_buffers_are_shared_and_small_ones_put_together() {
        let large = batch(20_000);
        let (mut encoder, schema) = Encoder::new(&large.schema()).unwrap();
        assert_eq!(schema.parts.len(), 1);
        assert_eq!(encoder.batch(&batch(1)).unwrap().parts.len(), 1);
        let values = large.column(0).to_data().buffers()[0].as_ptr();
        let message = encoder.batch(&large).unwrap();
        assert!(message.parts.iter().any(|part| part.as_ptr() == values));
    }
}
