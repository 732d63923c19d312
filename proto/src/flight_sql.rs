//! What Flight SQL's client and server say to each other beside arrow-flight's messages: the
//! actions' names, the bodies of the session actions (specification "Arrow Flight SQL", section
//! "Sessions"; bare protobuf, not wrapped in `Any`), and the metadata keys of Quern's errors.

use prost::{Enumeration, Message, Oneof};
use std::collections::HashMap;
use std::fmt;

/// Action that sets options: [`SessionOptions`] to [`SetSessionOptionsResult`].
pub const SET_SESSION_OPTIONS: &str = "SetSessionOptions";
/// Action that asks for all options that have a value: nothing to [`SessionOptions`].
pub const GET_SESSION_OPTIONS: &str = "GetSessionOptions";
/// Action that ends the session: nothing to [`CloseSessionResult`].
pub const CLOSE_SESSION: &str = "CloseSession";
/// Quern's action that asks how far a query is: its id in UTF-8 to JSON.
pub const QUERY_PROGRESS: &str = "QuernQueryProgress";

/// Metadata keys that say about an error what a gRPC status has no place for.
pub mod keys {
    /// Name of the error code, such as `TABLE_NOT_FOUND`.
    pub const ERROR_CODE: &str = "quern-error-code";
    /// Number of the error code, in decimal.
    pub const ERROR_NUMBER: &str = "quern-error-number";
    /// What the reader can do about it, in visible ASCII.
    pub const ERROR_HINT: &str = "quern-error-hint";
    /// The hint as UTF-8 bytes, for one that is not ASCII.
    pub const ERROR_HINT_BIN: &str = "quern-error-hint-bin";
    /// Id of the query; in the initial metadata of a DoPut, too.
    pub const QUERY_ID: &str = "quern-query-id";
}

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

/// A session option's value; without one, the option is to be reset.
#[derive(Clone, PartialEq, Message)]
pub struct SessionOptionValue {
    /// The value.
    #[prost(oneof = "SessionValue", tags = "1, 2, 3, 4, 5")]
    pub value: Option<SessionValue>,
}

/// The body of both `SetSessionOptionsRequest` and `GetSessionOptionsResult`.
#[derive(Clone, PartialEq, Message)]
pub struct SessionOptions {
    /// Values by name.
    #[prost(map = "string, message", tag = "1")]
    pub options: HashMap<String, SessionOptionValue>,
}

/// Why an option was not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum SetErrorValue {
    /// The protocol's unknown value.
    Unspecified = 0,
    /// There is no such option.
    InvalidName = 1,
    /// The option takes no such value.
    InvalidValue = 2,
    /// Anything else.
    Error = 3,
}

/// Why an option was not set, as a message.
#[derive(Clone, PartialEq, Message)]
pub struct SetError {
    /// A [`SetErrorValue`].
    #[prost(enumeration = "SetErrorValue", tag = "1")]
    pub value: i32,
}

/// The options that could not be set.
#[derive(Clone, PartialEq, Message)]
pub struct SetSessionOptionsResult {
    /// Errors by name.
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, SetError>,
}

/// How far the end of a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum CloseStatus {
    /// The protocol's unknown value.
    Unspecified = 0,
    /// It has ended.
    Closed = 1,
    /// It will end.
    Closing = 2,
    /// It cannot be ended.
    NotCloseable = 3,
}

/// The answer to [`CLOSE_SESSION`].
#[derive(Clone, PartialEq, Message)]
pub struct CloseSessionResult {
    /// A [`CloseStatus`].
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub status: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_values_are_those_of_the_flight_protocol() {
        let value = SessionOptionValue { value: Some(SessionValue::Int64(2)) };
        let message = SessionOptions { options: HashMap::from([("a".to_owned(), value)]) };
        // Field 1, a map entry of 14 bytes: key "a", value {field 3, fixed64: 2}.
        let expected = [0x0a, 14, 0x0a, 1, b'a', 0x12, 9, 0x19, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(message.encode_to_vec(), expected);
    }
}
