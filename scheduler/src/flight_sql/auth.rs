//! Who calls: credentials in a request's headers, and which users there are.

use arrow_flight::BasicAuth;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hmac::{Hmac, KeyInit, Mac};
use prost::Message;
use quern_common::config::AuthConfig;
use quern_common::{Error, ErrorCode, Result};
use sha2::Sha256;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use tonic::metadata::MetadataMap;

/// The user of calls without credentials, where none are needed.
pub const ANONYMOUS: &str = "anonymous";

pub(crate) const AUTHORIZATION: &str = "authorization";
pub(crate) const SESSION_COOKIE: &str = "quern_session";

/// Go's Flight client leaves the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Checks names and passwords. It exists so that other directories of users can be added.
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// Whether calls without credentials are refused.
    fn is_required(&self) -> bool;

    /// Checks a name and password.
    ///
    /// # Errors
    /// `AUTHENTICATION_FAILED`, which does not tell whether name or password is wrong.
    fn verify(&self, user: &str, password: &str) -> Result<()>;
}

/// Returns the authenticator that the configuration asks for.
pub fn authenticator(config: &AuthConfig) -> Arc<dyn Authenticator> {
    if config.users.is_empty() {
        return Arc::new(NoAuthentication);
    }
    let users = config.users.iter().map(|(user, password)| (&**user, password.expose()));
    Arc::new(StaticUsers::new(users))
}

/// Lets everyone in, under any name.
#[derive(Debug)]
pub struct NoAuthentication;

impl Authenticator for NoAuthentication {
    fn is_required(&self) -> bool {
        false
    }

    fn verify(&self, _user: &str, _password: &str) -> Result<()> {
        Ok(())
    }
}

/// The users of the configuration file. Passwords are kept and compared as keyed digests, in
/// the same time for a right and a wrong one.
pub struct StaticUsers {
    mac: Hmac<Sha256>,
    users: HashMap<String, Vec<u8>>,
}

impl fmt::Debug for StaticUsers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticUsers").field("users", &self.users.len()).finish()
    }
}

impl StaticUsers {
    /// Takes pairs of user and password.
    pub fn new<'a>(users: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let key: [u8; 64] = rand::random();
        let mac = <Hmac<Sha256> as KeyInit>::new(&key.into());
        let users = users.into_iter().map(|(user, password)| {
            let digest = mac.clone().chain_update(password).finalize().into_bytes();
            (user.to_owned(), digest.to_vec())
        });
        let users = users.collect();
        Self { mac, users }
    }
}

impl Authenticator for StaticUsers {
    fn is_required(&self) -> bool {
        true
    }

    fn verify(&self, user: &str, password: &str) -> Result<()> {
        // An unknown user costs the same comparison, with a digest that nothing has.
        let expected = self.users.get(user).map_or(&[0; 32][..], Vec::as_slice);
        let matches = self.mac.clone().chain_update(password).verify_slice(expected).is_ok();
        if matches && self.users.contains_key(user) {
            return Ok(());
        }
        Err(failed("wrong user name or password"))
    }
}

/// What a call shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    None,
    Basic { user: String, password: String },
    Bearer(String),
}

/// Reads the `authorization` header (or the one of Flight's first handshake).
pub(crate) fn credentials(metadata: &MetadataMap) -> Result<Credentials> {
    if let Some(token) = metadata.get_bin("auth-token-bin") {
        let token =
            token.to_bytes().map_err(|_| failed("the auth-token-bin header is malformed"))?;
        return Ok(Credentials::Bearer(String::from_utf8_lossy(&token).into_owned()));
    }
    let Some(value) = metadata.get(AUTHORIZATION) else { return Ok(Credentials::None) };
    let malformed = || failed("the authorization header is neither Basic nor Bearer");
    let (scheme, rest) =
        value.to_str().map_err(|_| malformed())?.split_once(' ').ok_or_else(malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Credentials::Bearer(rest.trim().to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let decoded = BASE64.decode(rest.trim()).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(malformed)?;
    let (user, password) = text.split_once(':').ok_or_else(malformed)?;
    Ok(Credentials::Basic { user: user.to_owned(), password: password.to_owned() })
}

/// Reads a handshake's payload, which may carry name and password.
pub(crate) fn handshake_credentials(payload: &[u8]) -> Result<Credentials> {
    if payload.is_empty() {
        return Ok(Credentials::None);
    }
    let auth = BasicAuth::decode(payload)
        .map_err(|_| failed("the handshake's payload is no BasicAuth message"))?;
    Ok(Credentials::Basic { user: auth.username, password: auth.password })
}

/// Reads the session's cookie.
pub(crate) fn session_cookie(metadata: &MetadataMap) -> Option<&str> {
    metadata
        .get_all("cookie")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value.trim_matches('"'))
}

/// An `AUTHENTICATION_FAILED` error.
pub(crate) fn failed(message: &str) -> Error {
    Error::new(ErrorCode::AuthenticationFailed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(key: &'static str, value: &str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert(key, value.parse().unwrap());
        metadata
    }

    #[test]
    fn authorization_is_basic_or_bearer() {
        let expected =
            Credentials::Basic { user: "ada".to_owned(), password: "s:3cret".to_owned() };
        for header in ["Basic YWRhOnM6M2NyZXQ=", "basic YWRhOnM6M2NyZXQ"] {
            assert_eq!(credentials(&with("authorization", header)).unwrap(), expected);
        }
        let bearer = credentials(&with("authorization", "bearer abc")).unwrap();
        assert_eq!(bearer, Credentials::Bearer("abc".to_owned()));
        assert_eq!(credentials(&MetadataMap::new()).unwrap(), Credentials::None);
        for bad in ["Digest x", "Basic ???", "Bearer", "Basic YWRh"] {
            let err = credentials(&with("authorization", bad)).unwrap_err();
            assert_eq!(err.code(), ErrorCode::AuthenticationFailed, "{bad}");
        }
    }

    #[test]
    fn the_session_cookie_is_found_among_others() {
        let metadata = with("cookie", "a=b; quern_session=xyz; c=d");
        assert_eq!(session_cookie(&metadata), Some("xyz"));
        assert_eq!(session_cookie(&with("cookie", "a=b")), None);
    }

    #[test]
    fn only_the_right_password_of_a_known_user_is_let_in() {
        let users = StaticUsers::new([("ada", "s3cret"), ("bob", "")]);
        assert!(users.verify("ada", "s3cret").is_ok());
        assert!(users.verify("bob", "").is_ok());
        let wrong = users.verify("ada", "nope").unwrap_err();
        let unknown = users.verify("eve", "s3cret").unwrap_err();
        assert_eq!(wrong.message(), unknown.message());
        assert!(!format!("{users:?}").contains("s3cret"));
    }
}
