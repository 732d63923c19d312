//! Static keys from the files that the AWS command line writes.

use quern_common::{Error, ErrorCode, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Keys by which a profile says that its credentials come from somewhere we do not go.
const NOT_SUPPORTED: &[&str] =
    &["credential_process", "role_arn", "sso_session", "sso_start_url", "web_identity_token_file"];

/// The two files of profiles.
#[derive(Debug, Clone)]
pub struct ProfileFiles {
    /// `~/.aws/credentials`: sections `[name]`.
    pub credentials: PathBuf,
    /// `~/.aws/config`: sections `[profile name]` and `[default]`.
    pub config: PathBuf,
}

impl ProfileFiles {
    /// Names the files in the home directory of the user, when there is one.
    pub fn of_user() -> Option<Self> {
        let folder = std::env::home_dir()?.join(".aws");
        Some(Self { credentials: folder.join("credentials"), config: folder.join("config") })
    }
}

/// What a profile says.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
}

impl Profile {
    /// Reads a profile; `None` when neither file has it.
    pub(super) fn read(files: &ProfileFiles, name: &str) -> Result<Option<Self>> {
        let mut keys = section(&files.config, &[&format!("profile {name}"), name])?;
        let mut found = keys.is_some();
        if let Some(credentials) = section(&files.credentials, &[name])? {
            keys.get_or_insert_default().extend(credentials);
            found = true;
        }
        if !found {
            return Ok(None);
        }
        Self::from_keys(keys.unwrap_or_default(), name).map(Some)
    }

    fn from_keys(mut keys: BTreeMap<String, String>, name: &str) -> Result<Self> {
        let access_key_id = keys.remove("aws_access_key_id").unwrap_or_default();
        let secret_access_key = keys.remove("aws_secret_access_key").unwrap_or_default();
        if access_key_id.is_empty() != secret_access_key.is_empty() {
            return Err(Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("AWS profile \"{name}\" has only one of access key id and secret key"),
            ));
        }
        if access_key_id.is_empty()
            && let Some(key) = NOT_SUPPORTED.iter().find(|key| keys.contains_key(**key))
        {
            return Err(Error::not_supported(format_args!("\"{key}\" of AWS profile \"{name}\""))
                .with_hint("export the profile's keys: aws configure export-credentials"));
        }
        Ok(Self {
            access_key_id,
            secret_access_key,
            session_token: keys.remove("aws_session_token"),
            region: keys.remove("region"),
            endpoint: keys.remove("endpoint_url"),
        })
    }

    /// Whether it has keys.
    pub(super) fn has_keys(&self) -> bool {
        !self.access_key_id.is_empty()
    }
}

/// The keys of the first section with one of these names; `None` when there is none.
fn section(path: &Path, names: &[&str]) -> Result<Option<BTreeMap<String, String>>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(err) => {
            return Err(Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("AWS profiles in \"{}\" cannot be read: {err}", path.display()),
            ));
        }
    };
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    for line in text.lines() {
        // An indented line belongs to the key above (`s3 =` has such); none of ours do.
        if line.starts_with([' ', '\t', '#', ';']) || line.is_empty() {
            continue;
        }
        if let Some(header) = line.trim_end().strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            inside = names.iter().any(|name| *name == header.trim());
            if inside {
                found.get_or_insert_default();
            }
        } else if inside
            && let Some(keys) = found.as_mut()
            && let Some((key, value)) = line.split_once('=')
        {
            keys.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(credentials: &str, config: &str) -> (tempfile::TempDir, ProfileFiles) {
        let dir = tempfile::tempdir().unwrap();
        let files =
            ProfileFiles { credentials: dir.path().join("cred"), config: dir.path().join("conf") };
        std::fs::write(&files.credentials, credentials).unwrap();
        std::fs::write(&files.config, config).unwrap();
        (dir, files)
    }

    #[test]
    fn both_files_make_one_profile() {
        let (_dir, files) = files(
            "[default]\naws_access_key_id = A\naws_secret_access_key=B\n\n[work]\n\
             aws_access_key_id=C\naws_secret_access_key=D=\naws_session_token=T\n",
            "# comment\n[default]\nregion = eu-west-1\n[profile work]\nregion=eu-north-1\n\
             endpoint_url = http://localhost:1\ns3 =\n  addressing_style = path\n",
        );
        let default = Profile::read(&files, "default").unwrap().unwrap();
        assert_eq!(
            (default.access_key_id.as_str(), default.region.as_deref()),
            ("A", Some("eu-west-1"))
        );
        let work = Profile::read(&files, "work").unwrap().unwrap();
        assert_eq!(work.secret_access_key, "D=");
        assert_eq!(work.session_token.as_deref(), Some("T"));
        assert_eq!(work.endpoint.as_deref(), Some("http://localhost:1"));
        assert!(Profile::read(&files, "absent").unwrap().is_none());
    }

    #[test]
    fn what_is_not_supported_is_named() {
        let (_dir, files) = files(
            "",
            "[profile p]\ncredential_process = /bin/x\n[profile q]\naws_access_key_id=A\n",
        );
        let err = Profile::read(&files, "p").err().unwrap();
        assert_eq!(err.code(), ErrorCode::NotSupported);
        assert!(err.message().contains("\"credential_process\" of AWS profile \"p\""), "{err}");
        let err = Profile::read(&files, "q").err().unwrap();
        assert_eq!(err.code(), ErrorCode::ConfigurationInvalid);
    }
}
