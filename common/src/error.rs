//! The one error type of Quern's crates: a code from the error table and a message.

use crate::ErrorCode;
use std::fmt;
use std::sync::Arc;

/// What went wrong, for a person and for a program.
///
/// `Display` is the message alone. `Debug` begins with `[CODE] `, because the text is all
/// that survives some paths (a task's failure reaches Ballista's scheduler as a string):
/// [`Error::from_tagged`] reads it back.
#[derive(Clone)]
pub struct Error {
    code: ErrorCode,
    message: String,
    hint: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// `Result` with Quern's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with its code and message (lower case, no full stop, names in double quotes).
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, source: None }
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause; it is logged, not shown to the client.
    #[must_use]
    pub fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// A clause, option or type that Quern does not support; `what` names it.
    pub fn not_supported(what: impl fmt::Display) -> Self {
        Self::new(ErrorCode::NotSupported, format!("not supported: {what}"))
    }

    /// A defect of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::GenericInternalError, message)
    }

    /// The code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// The message without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Finds the first `[CODE] message` that an [`Error`]'s `Debug` wrote into a longer text.
    pub fn from_tagged(text: &str) -> Option<Self> {
        text.match_indices('[').find_map(|(start, _)| {
            let rest = text.get(start + 1..)?;
            let end = rest.find(']')?;
            let code = rest.get(..end)?.parse::<ErrorCode>().ok()?;
            let message = rest.get(end + 1..)?.trim_start();
            Some(Self::new(code, message))
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {self}", self.code.name())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|s| s.as_ref() as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_being_wrapped_in_text() {
        for code in ErrorCode::ALL {
            let wrapped = format!("External([x] {:?})", Error::new(*code, "file \"a\" is corrupt"));
            let read = Error::from_tagged(&wrapped).map(|e| e.code());
            assert_eq!(read, Some(*code));
        }
        assert!(Error::from_tagged("no tag [here]").is_none());
    }
}
