//! Values that Thrift can carry.

use super::output::NOTHING;
use super::{Input, Output, WireError};
use std::collections::BTreeMap;
use thrift::protocol::{TInputProtocol, TOutputProtocol, TType};

/// A value that Thrift can carry. It exists so that the macros write structs as tables.
pub trait Wire: Sized {
    /// The type in front of the value.
    const TYPE: TType;

    /// Tells whether a value behind this type can be read as `Self`.
    fn accepts(wire_type: TType) -> bool {
        wire_type == Self::TYPE
    }

    /// The value that is there when nothing is on the wire; only a method's result of no type
    /// has one.
    fn absent() -> Option<Self> {
        None
    }

    /// Reads the value.
    ///
    /// # Errors
    /// When the bytes are no such value, or beyond a limit.
    fn read(input: &mut Input<'_>) -> Result<Self, WireError>;

    /// Writes the value.
    ///
    /// # Errors
    /// When the sink fails.
    fn write(&self, output: &mut Output<'_>) -> Result<(), WireError>;
}

macro_rules! scalars {
    ($($rust:ty: $wire:ident, $read:ident, $write:ident;)+) => { $(
        impl Wire for $rust {
            const TYPE: TType = TType::$wire;
            fn read(input: &mut Input<'_>) -> Result<Self, WireError> {
                input.scalar(|protocol| TInputProtocol::$read(protocol))
            }
            fn write(&self, output: &mut Output<'_>) -> Result<(), WireError> {
                output.scalar(|protocol| TOutputProtocol::$write(protocol, *self))
            }
        }
    )+ };
}

scalars! {
    bool: Bool, read_bool, write_bool;
    i8: I08, read_i8, write_i8;
    i16: I16, read_i16, write_i16;
    i32: I32, read_i32, write_i32;
    i64: I64, read_i64, write_i64;
    f64: Double, read_double, write_double;
}

impl Wire for String {
    const TYPE: TType = TType::String;

    fn read(input: &mut Input<'_>) -> Result<Self, WireError> {
        input.read_text()
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), WireError> {
        output.write_bytes(self.as_bytes())
    }
}

/// Bytes that are no text; on the wire they look like one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binary(pub Vec<u8>);

impl Wire for Binary {
    const TYPE: TType = TType::String;

    fn read(input: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(Self(input.read_bytes()?))
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), WireError> {
        output.write_bytes(&self.0)
    }
}

impl<T: Wire> Wire for Vec<T> {
    const TYPE: TType = TType::List;

    /// A set too: they look alike, and Hive 3 made lists of some sets.
    fn accepts(wire_type: TType) -> bool {
        matches!(wire_type, TType::List | TType::Set)
    }

    fn read(input: &mut Input<'_>) -> Result<Self, WireError> {
        // Grows as elements arrive: the claimed size is not believed.
        let mut values = Self::new();
        input.read_list(|value| values.push(value))?;
        Ok(values)
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), WireError> {
        output.write_list(self)
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    const TYPE: TType = TType::Map;

    fn read(input: &mut Input<'_>) -> Result<Self, WireError> {
        let mut entries = Self::new();
        input.read_map(|key, value| {
            entries.insert(key, value);
        })?;
        Ok(entries)
    }

    fn write(&self, output: &mut Output<'_>) -> Result<(), WireError> {
        output.write_map(self)
    }
}

/// What a method without a result returns; never a field.
impl Wire for () {
    const TYPE: TType = NOTHING;

    fn absent() -> Option<Self> {
        Some(())
    }

    fn read(_: &mut Input<'_>) -> Result<Self, WireError> {
        Ok(())
    }

    fn write(&self, _: &mut Output<'_>) -> Result<(), WireError> {
        Ok(())
    }
}
