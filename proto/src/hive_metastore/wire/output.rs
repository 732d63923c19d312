//! One message that is being written.

use super::{Wire, WireError};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use thrift::protocol::{
    TBinaryOutputProtocol, TFieldIdentifier, TListIdentifier, TMapIdentifier, TMessageIdentifier,
    TOutputProtocol, TStructIdentifier, TType,
};

/// One message that is being written.
pub struct Output<'a> {
    protocol: TBinaryOutputProtocol<&'a mut dyn Write>,
}

impl fmt::Debug for Output<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl<'a> Output<'a> {
    /// Writes to `sink`, with the version in the message's head when `strict`.
    pub fn new(sink: &'a mut dyn Write, strict: bool) -> Self {
        Self { protocol: TBinaryOutputProtocol::new(sink, strict) }
    }

    pub(in super::super) fn message_begin(
        &mut self,
        head: &TMessageIdentifier,
    ) -> Result<(), WireError> {
        Ok(self.protocol.write_message_begin(head)?)
    }

    /// Writes a struct whose fields `write` writes.
    pub fn write_struct(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        // Names are not on the wire; an empty one costs no allocation.
        self.protocol.write_struct_begin(&TStructIdentifier::new(""))?;
        write(self)?;
        self.protocol.write_field_stop()?;
        Ok(self.protocol.write_struct_end()?)
    }

    /// Writes a field of a struct.
    pub fn write_field<T: Wire>(&mut self, id: i16, value: &T) -> Result<(), WireError> {
        let field = TFieldIdentifier::new::<Option<String>, String, i16>(None, T::TYPE, id);
        self.protocol.write_field_begin(&field)?;
        value.write(self)
    }

    pub(super) fn write_list<T: Wire>(&mut self, values: &[T]) -> Result<(), WireError> {
        let size = container_size(values.len())?;
        self.protocol.write_list_begin(&TListIdentifier::new(T::TYPE, size))?;
        for value in values {
            value.write(self)?;
        }
        Ok(())
    }

    pub(super) fn write_map<K: Wire, V: Wire>(
        &mut self,
        entries: &BTreeMap<K, V>,
    ) -> Result<(), WireError> {
        let size = container_size(entries.len())?;
        self.protocol.write_map_begin(&TMapIdentifier::new(K::TYPE, V::TYPE, size))?;
        for (key, value) in entries {
            key.write(self)?;
            value.write(self)?;
        }
        Ok(())
    }

    pub(super) fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        container_size(bytes.len())?;
        Ok(self.protocol.write_bytes(bytes)?)
    }

    pub(super) fn scalar(
        &mut self,
        write: impl FnOnce(&mut dyn TOutputProtocol) -> thrift::Result<()>,
    ) -> Result<(), WireError> {
        Ok(write(&mut self.protocol)?)
    }
}

/// Sizes are 32-bit numbers on the wire.
fn container_size(len: usize) -> Result<i32, WireError> {
    i32::try_from(len).map_err(|_| WireError::Malformed(format!("{len} is beyond a 32-bit size")))
}

/// The wire type of nothing: a method that returns no value.
pub(super) const NOTHING: TType = TType::Void;
