//! Tells a lost executor from a query's own failure.

use quern_common::{Error, ErrorCode, ErrorKind};

/// What the network says when a peer is gone. An executor that lost another one passes these
/// on as text.
const TRANSPORT_TEXTS: &[&str] = &[
    "transport error",
    "h2 protocol error",
    "error reading a body from connection",
    "tcp connect error",
    "Connection refused",
    "onnection reset",
    "connection closed",
    "broken pipe",
    "stream no longer needed",
    "operation was canceled",
    "keep-alive timed out",
    "timed-out while waiting for the plan",
];

/// Whether an executor may be to blame: the error is none of the statement or its data.
pub(super) fn may_be_a_loss(error: &Error) -> bool {
    error.code().kind() == ErrorKind::Internal || has_transport_text(error)
}

/// Whether an executor is to blame for certain.
pub(super) fn is_loss(error: &Error) -> bool {
    error.code() == ErrorCode::RemoteHostGone || has_transport_text(error)
}

fn has_transport_text(error: &Error) -> bool {
    TRANSPORT_TEXTS.iter().any(|text| error.message().contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statements_own_errors_are_no_loss() {
        let user = Error::new(ErrorCode::DivisionByZero, "division by zero");
        assert!(!may_be_a_loss(&user));
        let gone = Error::new(ErrorCode::RemoteHostGone, "node \"http://x\"");
        assert!(is_loss(&gone));
        let passed_on = Error::internal("status: Unknown, message: \"h2 protocol error: x\"");
        assert!(is_loss(&passed_on));
        let unclear = Error::internal("assertion failed");
        assert!(may_be_a_loss(&unclear) && !is_loss(&unclear));
    }
}
