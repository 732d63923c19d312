//! The session messages of Flight, which arrow-flight does not generate: bare protobuf bodies
//! of the actions SetSessionOptions, GetSessionOptions and CloseSession.

use prost::{Enumeration, Message, Oneof};
use std::collections::HashMap;
use std::fmt;

pub(crate) const SET_SESSION_OPTIONS: &str = "SetSessionOptions";
pub(crate) const GET_SESSION_OPTIONS: &str = "GetSessionOptions";
pub(crate) const CLOSE_SESSION: &str = "CloseSession";

/// Several texts as one option's value.
#[derive(Clone, PartialEq, Message)]
pub struct StringList {
    /// The texts.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

/// A session option's value.
#[derive(Clone, PartialEq, Oneof)]
pub enum SessionValue {
    /// A text.
    #[prost(string, tag = "1")]
    String(String),
    /// True or false.
    #[prost(bool, tag = "2")]
    Bool(bool),
    /// A whole number.
    #[prost(sfixed64, tag = "3")]
    Int64(i64),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Several texts.
    #[prost(message, tag = "5")]
    StringList(StringList),
}

impl fmt::Display for SessionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int64(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value}"),
            Self::StringList(list) => f.write_str(&list.values.join(",")),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionOptionValue {
    #[prost(oneof = "SessionValue", tags = "1, 2, 3, 4, 5")]
    pub(crate) value: Option<SessionValue>,
}

/// The body of both SetSessionOptionsRequest and GetSessionOptionsResult.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionOptions {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum SetErrorValue {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Error = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetError {
    #[prost(enumeration = "SetErrorValue", tag = "1")]
    pub(crate) value: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) errors: HashMap<String, SetError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_flight_protocol() {
        let value = SessionOptionValue { value: Some(SessionValue::Int64(2)) };
        let message = SessionOptions { options: HashMap::from([("a".to_owned(), value)]) };
        // Field 1 (map entry, 14 bytes): key "a", value {field 3, fixed64: 2}.
        let expected = [0x0a, 14, 0x0a, 1, b'a', 0x12, 9, 0x19, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(message.encode_to_vec(), expected);
    }
}
