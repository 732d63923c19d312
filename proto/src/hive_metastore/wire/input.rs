//! One message that is being read.

use super::limits::MemoryUse;
use super::{MemoryPool, Wire, WireError, WireLimits};
use std::fmt;
use std::io::{self, BufRead, Read};
use thrift::protocol::{TBinaryInputProtocol, TInputProtocol, TMessageIdentifier, TType};

/// One message that is being read, with what it may still cost.
pub struct Input<'a> {
    protocol: TBinaryInputProtocol<Bounded<'a>>,
    memory: MemoryUse,
    fault: Option<String>,
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl<'a> Input<'a> {
    /// Reads a message from `source`, of which at most `length` bytes are its.
    pub(in super::super) fn new(
        source: &'a mut dyn BufRead,
        length: usize,
        limits: &WireLimits,
        pool: &MemoryPool,
    ) -> Self {
        let bounded = Bounded { source, left: length, overrun: false };
        Self {
            protocol: TBinaryInputProtocol::with_config(bounded, false, limits.configuration()),
            memory: MemoryUse::new(pool, limits.memory_max_bytes),
            fault: None,
        }
    }

    /// Notes the first rule that the message breaks; it is still read to its end.
    pub fn note_fault(&mut self, what: impl FnOnce() -> String) {
        if self.fault.is_none() {
            self.fault = Some(what());
        }
    }

    /// Tells whether a rule was broken.
    pub(in super::super) fn check_faults(&mut self) -> Result<(), WireError> {
        self.fault.take().map_or(Ok(()), |fault| Err(WireError::Invalid(fault)))
    }

    pub(in super::super) fn message_begin(&mut self) -> Result<TMessageIdentifier, WireError> {
        let read = self.protocol.read_message_begin();
        self.check(read)
    }

    /// Reads over what is left of a frame.
    pub(in super::super) fn skip_rest(&mut self) -> Result<(), WireError> {
        let bounded = &mut self.protocol.transport;
        while bounded.left > 0 {
            let taken = bounded.source.fill_buf()?.len().min(bounded.left);
            if taken == 0 {
                return Err(WireError::Disconnected("end of stream inside a frame".to_owned()));
            }
            bounded.source.consume(taken);
            bounded.left -= taken;
        }
        Ok(())
    }

    /// Reads a struct: `read` is given each field's id and type and must consume its value.
    pub fn read_struct(
        &mut self,
        mut read: impl FnMut(&mut Self, i16, TType) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        let begun = self.protocol.read_struct_begin();
        self.check(begun)?;
        loop {
            let field = self.protocol.read_field_begin();
            let field = self.check(field)?;
            if field.field_type == TType::Stop {
                break;
            }
            // The binary protocol gives every field but the stop an id.
            read(self, field.id.unwrap_or_default(), field.field_type)?;
        }
        let ended = self.protocol.read_struct_end();
        self.check(ended)
    }

    /// Reads over a value.
    pub fn skip(&mut self, wire_type: TType) -> Result<(), WireError> {
        let skipped = self.protocol.skip(wire_type);
        self.check(skipped)
    }

    /// Reads a list or set element by element. Elements of another type than `T` are a fault.
    pub fn read_list<T: Wire>(&mut self, mut push: impl FnMut(T)) -> Result<(), WireError> {
        let list = self.protocol.read_list_begin();
        let list = self.check(list)?;
        if list.size > 0 && !T::accepts(list.element_type) {
            self.note_fault(|| format!("a list of {:?} has {:?}", T::TYPE, list.element_type));
            for _ in 0..list.size {
                self.skip(list.element_type)?;
            }
            return Ok(());
        }
        for _ in 0..list.size {
            self.charge(size_of::<T>())?;
            push(T::read(self)?);
        }
        Ok(())
    }

    /// Reads a map entry by entry. Entries of other types than `K` and `V` are a fault.
    pub fn read_map<K: Wire, V: Wire>(
        &mut self,
        mut insert: impl FnMut(K, V),
    ) -> Result<(), WireError> {
        let map = self.protocol.read_map_begin();
        let map = self.check(map)?;
        if map.size == 0 {
            return Ok(());
        }
        let (Some(key), Some(value)) = (map.key_type, map.value_type) else {
            return Err(WireError::Malformed("a map without types".to_owned()));
        };
        if !K::accepts(key) || !V::accepts(value) {
            self.note_fault(|| {
                format!("a map of {:?} to {:?} has {key:?} to {value:?}", K::TYPE, V::TYPE)
            });
            for _ in 0..map.size {
                self.skip(key)?;
                self.skip(value)?;
            }
            return Ok(());
        }
        for _ in 0..map.size {
            // A tree's nodes are about half full.
            self.charge(2 * (size_of::<K>() + size_of::<V>()))?;
            insert(K::read(self)?, V::read(self)?);
        }
        Ok(())
    }

    /// Reads text. Bytes that are no UTF-8 are a fault.
    pub(super) fn read_text(&mut self) -> Result<String, WireError> {
        let bytes = self.read_bytes()?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| {
            self.note_fault(|| "a text is no UTF-8".to_owned());
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }))
    }

    pub(super) fn read_bytes(&mut self) -> Result<Vec<u8>, WireError> {
        let read = self.protocol.read_bytes();
        let bytes = self.check(read)?;
        self.charge(bytes.len())?;
        Ok(bytes)
    }

    pub(super) fn scalar<T>(
        &mut self,
        read: impl FnOnce(&mut dyn TInputProtocol) -> thrift::Result<T>,
    ) -> Result<T, WireError> {
        let read = read(&mut self.protocol);
        self.check(read)
    }

    fn charge(&mut self, bytes: usize) -> Result<(), WireError> {
        self.memory.charge(bytes).map_err(WireError::Malformed)
    }

    fn check<T>(&self, read: thrift::Result<T>) -> Result<T, WireError> {
        read.map_err(|error| {
            if self.protocol.transport.overrun {
                return WireError::Malformed("a value ends beyond its message".to_owned());
            }
            error.into()
        })
    }
}

/// The bytes of one message.
struct Bounded<'a> {
    source: &'a mut dyn BufRead,
    left: usize,
    overrun: bool,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            self.overrun = true;
            return Err(io::ErrorKind::InvalidData.into());
        }
        let wanted = buffer.len().min(self.left);
        let read = self.source.read(&mut buffer[..wanted])?;
        self.left -= read;
        Ok(read)
    }
}
