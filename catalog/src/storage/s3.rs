//! The client of one S3 bucket.
//!
//! Credentials, first match wins:
//! 1. keys in the configuration (`storage.s3.access_key_id`), or `anonymous`;
//! 2. the profile that the configuration names;
//! 3. environment: static keys, then web identity, then container credentials. `object_store`
//!    itself reads every `AWS_…` variable, endpoint, region and proxy among them;
//! 4. static keys of the profile `default` in the home directory;
//! 5. the metadata service of the machine (IMDS).

use super::profile::{Profile, ProfileFiles};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig, StaticCredentialProvider};
use quern_common::config::S3Config;
use quern_common::{Error, ErrorCode, Result};
use std::sync::Arc;
use url::{Host, Url};

/// Builds the client of a bucket.
pub(super) fn build(
    config: &S3Config,
    bucket: &str,
    files: Option<&ProfileFiles>,
) -> Result<AmazonS3> {
    builder(config, bucket, files)?.build().map_err(|err| {
        Error::new(
            ErrorCode::ConfigurationInvalid,
            format!("S3 client of bucket \"{bucket}\": {err}"),
        )
    })
}

fn builder(
    config: &S3Config,
    bucket: &str,
    files: Option<&ProfileFiles>,
) -> Result<AmazonS3Builder> {
    let timeout = format!("{} ms", config.request_timeout.0.as_millis());
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), timeout)
        .with_retry(RetryConfig {
            // Doubles from 100 ms to 15 s, with jitter.
            backoff: BackoffConfig::default(),
            max_retries: config.max_retries,
            retry_timeout: config.retry_timeout.0,
        });
    let profile = profile(config, files, &builder)?;
    builder = with_credentials(builder, config, profile.as_ref());
    let from_profile =
        |pick: fn(&Profile) -> &Option<String>| profile.as_ref().and_then(|p| pick(p).clone());
    if !config.region.is_empty() {
        builder = builder.with_region(&config.region);
    } else if builder.get_config_value(&AmazonS3ConfigKey::Region).is_none()
        && let Some(region) = from_profile(|p| &p.region)
    {
        builder = builder.with_region(region);
    }
    let endpoint = Some(config.endpoint.clone())
        .filter(|endpoint| !endpoint.is_empty())
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::S3Endpoint))
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::Endpoint))
        .or_else(|| from_profile(|p| &p.endpoint));
    with_address(builder, endpoint, bucket, config.path_style)
}

/// The profile that applies: the one that is named, else `default` when nothing else is set.
fn profile(
    config: &S3Config,
    files: Option<&ProfileFiles>,
    environment: &AmazonS3Builder,
) -> Result<Option<Profile>> {
    if config.anonymous || !config.access_key_id.is_empty() {
        return Ok(None);
    }
    if !config.profile.is_empty() {
        let found = files.map(|files| Profile::read(files, &config.profile)).transpose()?.flatten();
        return found.filter(Profile::has_keys).map(Some).ok_or_else(|| {
            Error::new(
                ErrorCode::ConfigurationInvalid,
                format!("AWS profile \"{}\" has no keys", config.profile),
            )
            .with_hint("see the files credentials and config in the folder .aws")
        });
    }
    let set = |key| environment.get_config_value(&key).is_some();
    if set(AmazonS3ConfigKey::AccessKeyId)
        || set(AmazonS3ConfigKey::WebIdentityTokenFile)
        || set(AmazonS3ConfigKey::ContainerCredentialsRelativeUri)
        || set(AmazonS3ConfigKey::ContainerCredentialsFullUri)
        || environment.get_config_value(&AmazonS3ConfigKey::SkipSignature).as_deref()
            == Some("true")
    {
        return Ok(None);
    }
    files.map(|files| Profile::read(files, "default")).transpose().map(Option::flatten)
}

fn with_credentials(
    builder: AmazonS3Builder,
    config: &S3Config,
    profile: Option<&Profile>,
) -> AmazonS3Builder {
    let credential = if config.anonymous {
        return builder.with_skip_signature(true);
    } else if !config.access_key_id.is_empty() {
        AwsCredential {
            key_id: config.access_key_id.clone(),
            secret_key: config.secret_access_key.expose().to_owned(),
            token: Some(config.session_token.expose().to_owned()).filter(|token| !token.is_empty()),
        }
    } else if let Some(profile) = profile.filter(|p| p.has_keys()) {
        AwsCredential {
            key_id: profile.access_key_id.clone(),
            secret_key: profile.secret_access_key.clone(),
            token: profile.session_token.clone(),
        }
    } else {
        return builder;
    };
    // A provider, not single keys: a session token of the environment must not be mixed in.
    builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)))
}

/// Sets endpoint and address style. `object_store` wants the bucket in a virtual-hosted
/// endpoint already.
fn with_address(
    builder: AmazonS3Builder,
    endpoint: Option<String>,
    bucket: &str,
    path_style: bool,
) -> Result<AmazonS3Builder> {
    let Some(endpoint) = endpoint else {
        // A dot in the bucket's name would not match the certificate of the host name.
        return Ok(builder.with_virtual_hosted_style_request(!path_style && !bucket.contains('.')));
    };
    let invalid = |problem: String| {
        Error::new(ErrorCode::ConfigurationInvalid, format!("S3 endpoint \"{endpoint}\" {problem}"))
    };
    let mut url = Url::parse(&endpoint).map_err(|err| invalid(format!("is not a URL: {err}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("is neither http:// nor https://".to_owned()));
    }
    let named = match url.host() {
        Some(Host::Domain(name)) if name != "localhost" => Some(name.to_owned()),
        _ => None,
    };
    let virtual_host = named.filter(|_| !path_style && !bucket.contains('.'));
    if let Some(name) = &virtual_host {
        url.set_host(Some(&format!("{bucket}.{name}")))
            .map_err(|err| invalid(format!("cannot be prefixed with \"{bucket}\": {err}")))?;
    }
    let address = url.as_str().trim_end_matches('/');
    Ok(builder
        .with_config(AmazonS3ConfigKey::S3Endpoint, address)
        .with_allow_http(url.scheme() == "http")
        .with_virtual_hosted_style_request(virtual_host.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use quern_common::config::Secret;

    fn endpoint_of(config: &S3Config, bucket: &str) -> String {
        let builder = builder(config, bucket, None).unwrap();
        builder.get_config_value(&AmazonS3ConfigKey::S3Endpoint).unwrap_or_default()
    }

    #[test]
    fn the_bucket_goes_into_the_host_name_only_where_that_can_work() {
        let mut config =
            S3Config { endpoint: "https://s3.example.com/".into(), ..S3Config::default() };
        assert_eq!(endpoint_of(&config, "lake"), "https://lake.s3.example.com");
        assert_eq!(endpoint_of(&config, "my.lake"), "https://s3.example.com");
        config.path_style = true;
        assert_eq!(endpoint_of(&config, "lake"), "https://s3.example.com");
        config = S3Config { endpoint: "http://127.0.0.1:8333".into(), ..S3Config::default() };
        assert_eq!(endpoint_of(&config, "lake"), "http://127.0.0.1:8333");
        config.endpoint = "ftp://x".into();
        assert!(builder(&config, "lake", None).is_err());
    }

    #[test]
    fn keys_of_the_configuration_build_without_any_file_and_a_missing_profile_is_named() {
        let config = S3Config {
            access_key_id: "a".into(),
            secret_access_key: Secret::new("b"),
            ..S3Config::default()
        };
        build(&config, "lake", None).unwrap();
        let config = S3Config { profile: "work".into(), ..S3Config::default() };
        let err = build(&config, "lake", None).unwrap_err();
        assert!(err.message().contains("\"work\""), "{err}");
    }
}
