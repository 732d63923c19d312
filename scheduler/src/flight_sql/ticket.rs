//! Tickets and handles: opaque to the client, signed by this process, bound to one session.

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use prost::{Message, Oneof};
use quern_common::ids::{QueryId, SessionId};
use quern_common::{Error, ErrorCode, Result};
use sha2::Sha256;
use std::fmt;

const TAG_LENGTH: usize = 32;
const KEY_LENGTH: usize = 64;

/// What a ticket or handle stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// The rows of a query.
    Query(QueryId),
    /// The empty result of an update that has run.
    Nothing,
    /// A prepared statement, by its id.
    Prepared(String),
}

#[derive(Clone, PartialEq, Message)]
struct Payload {
    #[prost(string, tag = "1")]
    session: String,
    #[prost(oneof = "Subject", tags = "2, 3, 4")]
    subject: Option<Subject>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Subject {
    #[prost(string, tag = "2")]
    Query(String),
    #[prost(bool, tag = "3")]
    Nothing(bool),
    #[prost(string, tag = "4")]
    Prepared(String),
}

/// Signs tickets and checks them. The key lives and dies with the process.
pub(crate) struct Signer {
    mac: Hmac<Sha256>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer")
    }
}

impl Signer {
    pub(crate) fn new() -> Self {
        let key: [u8; KEY_LENGTH] = rand::random();
        Self { mac: <Hmac<Sha256> as KeyInit>::new(&key.into()) }
    }

    /// Writes a token for a session: a 32-byte tag, then the message it covers.
    pub(crate) fn seal(&self, session: &SessionId, token: &Token) -> Bytes {
        let subject = match token {
            Token::Query(id) => Subject::Query(id.as_str().to_owned()),
            Token::Nothing => Subject::Nothing(true),
            Token::Prepared(id) => Subject::Prepared(id.clone()),
        };
        let payload = Payload { session: session.as_str().to_owned(), subject: Some(subject) };
        let payload = payload.encode_to_vec();
        let tag = self.mac.clone().chain_update(&payload).finalize().into_bytes();
        [tag.as_slice(), &payload].concat().into()
    }

    /// Reads a token that this process wrote for this session.
    ///
    /// # Errors
    /// `INVALID_TICKET` when it was written by someone else, changed, or for another session.
    pub(crate) fn open(&self, session: &SessionId, bytes: &[u8]) -> Result<Token> {
        let (tag, payload) = bytes.split_at_checked(TAG_LENGTH).ok_or_else(not_ours)?;
        self.mac.clone().chain_update(payload).verify_slice(tag).map_err(|_| not_ours())?;
        let payload = Payload::decode(payload).map_err(|_| not_ours())?;
        if payload.session != session.as_str() {
            return Err(invalid("the ticket or handle belongs to another session"));
        }
        match payload.subject.ok_or_else(not_ours)? {
            Subject::Query(id) => Ok(Token::Query(QueryId::from(id))),
            Subject::Nothing(_) => Ok(Token::Nothing),
            Subject::Prepared(id) => Ok(Token::Prepared(id)),
        }
    }
}

/// An `INVALID_TICKET` error.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidTicket, message)
}

fn not_ours() -> Error {
    invalid("the ticket or handle was not issued by this server, or was changed")
        .with_hint("a server that was restarted does not know the tickets it gave out before")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Signer, SessionId, Bytes) {
        let (signer, session) = (Signer::new(), SessionId::random());
        let ticket = signer.seal(&session, &Token::Query(QueryId::from("q".to_owned())));
        (signer, session, ticket)
    }

    #[test]
    fn every_token_reads_back_in_its_session_only() {
        let (signer, session, _) = sample();
        for token in
            [Token::Query(QueryId::random()), Token::Nothing, Token::Prepared("p".to_owned())]
        {
            let sealed = signer.seal(&session, &token);
            assert_eq!(signer.open(&session, &sealed).unwrap(), token);
            let err = signer.open(&SessionId::random(), &sealed).unwrap_err();
            assert_eq!(err.code(), ErrorCode::InvalidTicket);
            assert!(Signer::new().open(&session, &sealed).is_err());
        }
    }

    #[test]
    fn any_changed_bit_and_any_missing_byte_is_refused() {
        let (signer, session, ticket) = sample();
        for at in 0..ticket.len() {
            let mut forged = ticket.to_vec();
            forged[at] ^= 1;
            assert!(signer.open(&session, &forged).is_err(), "bit flipped at {at}");
            assert!(signer.open(&session, &ticket[..at]).is_err(), "cut at {at}");
        }
    }
}
