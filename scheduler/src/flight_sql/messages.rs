//! A message of Flight SQL that arrow-flight generates without its newest field.

use bytes::Bytes;
use prost::Message;

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
}
