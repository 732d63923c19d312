//! Messages of Flight and Flight SQL that arrow-flight does not generate.

use bytes::Bytes;
use prost::{Enumeration, Message, Oneof};
use std::collections::HashMap;

/// Several texts as one option's value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StringList {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum OptionValue {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Int64(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    StringList(StringList),
}

/// A session option's value; without one, the option is to be reset.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub(crate) value: Option<OptionValue>,
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

/// The options that could not be set.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) errors: HashMap<String, SetError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub(crate) enum CloseStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CloseSessionResult {
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub(crate) status: i32,
}

/// ActionCreatePreparedStatementResult with the field that newer JDBC drivers read.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CreatePreparedStatementResult {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) prepared_statement_handle: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) dataset_schema: Bytes,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) parameter_schema: Bytes,
    #[prost(bool, optional, tag = "4")]
    pub(crate) is_update: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_flight::sql::ActionCreatePreparedStatementResult;

    #[test]
    fn older_clients_read_the_prepared_statement_result() {
        let ours = CreatePreparedStatementResult {
            prepared_statement_handle: Bytes::from_static(b"h"),
            dataset_schema: Bytes::from_static(b"d"),
            parameter_schema: Bytes::from_static(b"p"),
            is_update: Some(true),
        };
        let theirs = ActionCreatePreparedStatementResult::decode(&*ours.encode_to_vec()).unwrap();
        assert_eq!(&theirs.prepared_statement_handle[..], b"h");
        assert_eq!(&theirs.dataset_schema[..], b"d");
        assert_eq!(&theirs.parameter_schema[..], b"p");
    }

    #[test]
    fn option_values_are_those_of_the_flight_protocol() {
        let value = SessionOptionValue { value: Some(OptionValue::Int64(2)) };
        let message = SessionOptions { options: HashMap::from([("a".to_owned(), value)]) };
        // Field 1, a map entry of 14 bytes: key "a", value {field 3, fixed64: 2}.
        let expected = [0x0a, 14, 0x0a, 1, b'a', 0x12, 9, 0x19, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(message.encode_to_vec(), expected);
    }
}
