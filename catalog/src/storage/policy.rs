//! Which locations a process may touch.

use super::location::{Location, Root, denied};
use quern_common::{Error, Result};

/// Which locations a process may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationPolicy {
    /// Locations that are one of these or lie under one: `/dir`, `file:///dir/`,
    /// `s3://bucket/prefix/`, or `s3://` for every bucket that the credentials reach.
    Prefixes(Vec<String>),
    /// Whatever the operating system and the credentials allow. For the embedded shell, which
    /// reads what its user may read.
    Unrestricted,
}

#[derive(Debug)]
enum Prefix {
    AnyBucket,
    Under(Location),
}

/// A [`LocationPolicy`] with its prefixes resolved.
#[derive(Debug)]
pub(super) struct Policy {
    /// `None` permits everything.
    prefixes: Option<Vec<Prefix>>,
}

impl Policy {
    pub(super) fn new(policy: LocationPolicy) -> Result<Self> {
        let prefixes = match policy {
            LocationPolicy::Unrestricted => None,
            LocationPolicy::Prefixes(prefixes) => {
                Some(prefixes.iter().map(|text| read_prefix(text)).collect::<Result<_>>()?)
            }
        };
        Ok(Self { prefixes })
    }

    pub(super) fn is_unrestricted(&self) -> bool {
        self.prefixes.is_none()
    }

    /// Refuses a location outside the policy. `spelled` is how the user wrote it.
    pub(super) fn check(&self, location: &Location, spelled: &str) -> Result<()> {
        let Some(prefixes) = &self.prefixes else { return Ok(()) };
        let allowed = prefixes.iter().any(|prefix| match prefix {
            Prefix::AnyBucket => matches!(location.root, Root::Bucket(_)),
            Prefix::Under(prefix) => location.is_under(prefix),
        });
        if allowed { Ok(()) } else { Err(outside(location, spelled)) }
    }

    /// Whether any location of `bucket` is within the policy.
    pub(super) fn reaches_bucket(&self, bucket: &str) -> bool {
        self.prefixes.as_ref().is_none_or(|prefixes| {
            prefixes.iter().any(|prefix| match prefix {
                Prefix::AnyBucket => true,
                Prefix::Under(prefix) => {
                    matches!(&prefix.root, Root::Bucket(name) if name == bucket)
                }
            })
        })
    }
}

fn read_prefix(text: &str) -> Result<Prefix> {
    match text.trim() {
        "s3://" | "s3a://" | "s3n://" => Ok(Prefix::AnyBucket),
        text => Location::parse(text).map(Prefix::Under),
    }
}

fn outside(location: &Location, spelled: &str) -> Error {
    let resolved = location.to_string();
    let same = resolved.trim_end_matches('/').ends_with(spelled.trim_end_matches('/'));
    let leads = if same { String::new() } else { format!(" (it leads to \"{resolved}\")") };
    denied(format!("location \"{spelled}\"{leads} is outside the allowed locations")).with_hint(
        format!(
            "the administrator of the server can allow it with --allow-location \"{resolved}\" or \
             in storage.allow_locations"
        ),
    )
}
