//! What a connection needs to know.

use quern_common::config::Secret;
use quern_common::{Error, ErrorCode, Result};
use std::time::Duration;
use tonic::transport::Uri;

/// Port of Flight SQL when the URL has none.
pub const DEFAULT_PORT: u16 = 50051;

/// Where the server is and who connects.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// `HOST:PORT`, or a URL of the scheme `quern`, `grpc`, `grpc+tcp` or `http`. The port is
    /// 50051 when absent.
    pub url: String,
    /// User name. With one, a handshake changes user and password into a token.
    pub user: Option<String>,
    /// Password of `user`.
    pub password: Secret,
    /// A bearer token; it is used as it is and `user` is not looked at.
    pub token: Secret,
    /// How long connecting may take, the handshake included.
    pub connect_timeout: Duration,
    /// Largest message that is accepted, in bytes.
    pub max_message_size: usize,
    /// Session options that are set at once: `catalog`, `schema` and session properties.
    pub session: Vec<(String, String)>,
}

impl ConnectOptions {
    /// Options for a server without authentication.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            user: None,
            password: Secret::default(),
            token: Secret::default(),
            connect_timeout: Duration::from_secs(10),
            max_message_size: 64 << 20,
            session: Vec::new(),
        }
    }

    /// Returns the URL as tonic takes it.
    pub(crate) fn endpoint_url(&self) -> Result<String> {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("quern", &self.url));
        match scheme {
            "quern" | "grpc" | "grpc+tcp" | "http" => {}
            "grpc+tls" | "grpcs" | "https" => {
                return Err(Error::not_supported(format!("TLS (scheme \"{scheme}\")")));
            }
            other => return Err(self.invalid(&format!("unknown scheme \"{other}\""))),
        }
        let uri: Uri = format!("http://{rest}")
            .parse()
            .map_err(|err| self.invalid(&format!("not a host and port ({err})")))?;
        let authority = uri.authority().ok_or_else(|| self.invalid("no host"))?;
        if authority.as_str().contains('@') {
            return Err(self.invalid("user name and password are options of their own"));
        }
        if uri.path() != "/" || uri.query().is_some() {
            return Err(self.invalid("nothing may follow the port"));
        }
        if authority.host().is_empty() {
            return Err(self.invalid("no host"));
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str() == authority.host() => DEFAULT_PORT,
            None => return Err(self.invalid("the port is not a number up to 65535")),
        };
        Ok(format!("http://{}:{port}", authority.host()))
    }

    fn invalid(&self, why: &str) -> Error {
        let message = format!("\"{}\" is not a server's address: {why}", self.url);
        Error::new(ErrorCode::ConfigurationInvalid, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<String> {
        ConnectOptions::new(url).endpoint_url()
    }

    #[test]
    fn addresses_are_read() {
        for (url, expected) in [
            ("localhost", "http://localhost:50051"),
            ("quern://db.example:80/", "http://db.example:80"),
            ("grpc+tcp://127.0.0.1:9", "http://127.0.0.1:9"),
            ("[::1]:7", "http://[::1]:7"),
        ] {
            assert_eq!(endpoint(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn addresses_that_cannot_be_used_are_refused() {
        for (url, code) in [
            ("https://h:1", ErrorCode::NotSupported),
            ("ftp://h", ErrorCode::ConfigurationInvalid),
            ("quern://user:pw@h", ErrorCode::ConfigurationInvalid),
            ("quern://h/hive", ErrorCode::ConfigurationInvalid),
            ("", ErrorCode::ConfigurationInvalid),
            ("h:port", ErrorCode::ConfigurationInvalid),
        ] {
            assert_eq!(endpoint(url).unwrap_err().code(), code, "{url}");
        }
    }

    #[test]
    fn secrets_are_not_printed() {
        let mut options = ConnectOptions::new("h");
        options.password = Secret::new("hunter2");
        options.token = Secret::new("hunter3");
        assert!(!format!("{options:?}").contains("hunter"));
    }
}
