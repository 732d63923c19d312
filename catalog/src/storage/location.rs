//! Reading a location: from the text of a statement or of a metastore to the one spelling
//! that is compared with the policy and handed to a store.

use percent_encoding::percent_decode_str;
use quern_common::{Error, ErrorCode, Result};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use url::Url;

/// Longest location, in bytes: Linux's longest path, four times the longest S3 key.
const MAX_LENGTH: usize = 4096;

/// What a location is relative to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Root {
    /// The local file system.
    Local,
    /// An S3 bucket.
    Bucket(String),
}

/// A location in its one spelling: no `.`, no `..`, no empty segment, no symbolic link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    pub(super) root: Root,
    pub(super) segments: Vec<String>,
    /// Whether it is known to be a directory.
    pub(super) directory: bool,
}

impl Location {
    /// Reads an absolute path, `file:/path`, `file:///path` or `s3://bucket/key`.
    ///
    /// The text is a Hadoop path, which is how Hive, Spark and Trino store it: a `%` in it is
    /// the character itself, because partition directories are really named `k=a%3Ab`. For
    /// the same reason a segment that *decodes* to `.` or `..` cannot be meant, and is refused.
    pub(super) fn parse(text: &str) -> Result<Self> {
        check_characters(text)?;
        let (root, path) = split_root(text)?;
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
        if let Some(segment) = segments.iter().find(|s| is_disguised_dots(s)) {
            return Err(denied(format!(
                "location \"{text}\" has the segment \"{segment}\", which other programs read as \
                 a parent directory"
            )));
        }
        let slash = path.is_empty() || path.ends_with('/');
        match root {
            Root::Local => Self::resolve_local(&segments, slash, text),
            Root::Bucket(_) => {
                Ok(Self { root, segments: resolve_lexically(&segments, text)?, directory: slash })
            }
        }
    }

    fn resolve_local(segments: &[&str], slash: bool, text: &str) -> Result<Self> {
        let resolved = resolve_path(segments).map_err(|err| resolve_error(&err, text))?;
        let directory = slash || resolved.is_dir();
        Ok(Self { root: Root::Local, segments: path_segments(&resolved, text)?, directory })
    }

    /// Reads a URL that [`Location::to_url`] wrote.
    pub(super) fn from_url(url: &Url) -> Result<Self> {
        let path = percent_decode_str(url.path())
            .decode_utf8()
            .map_err(|_| malformed(url, "is not UTF-8"))?;
        let authority = url.host_str().unwrap_or_default();
        Self::parse(&format!("{}://{authority}{path}", url.scheme()))
    }

    /// Writes the location as a URL, percent-encoded; a directory ends with `/`.
    pub(super) fn to_url(&self) -> Result<Url> {
        let base = match &self.root {
            Root::Local => "file:///".to_owned(),
            Root::Bucket(bucket) => format!("s3://{bucket}/"),
        };
        let mut url = Url::parse(&base).map_err(|err| malformed(&base, err))?;
        {
            let mut path = url
                .path_segments_mut()
                .map_err(|()| Error::internal("a location's URL has no path"))?;
            path.pop_if_empty().extend(&self.segments);
            if self.directory && !self.segments.is_empty() {
                path.push("");
            }
        }
        Ok(url)
    }

    /// Whether this is `other` or lies under it, by whole segments.
    pub(super) fn is_under(&self, other: &Self) -> bool {
        self.root == other.root && self.segments.starts_with(&other.segments)
    }
}

/// The text form that a metastore stores: not percent-encoded.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Root::Local => f.write_str("file://")?,
            Root::Bucket(bucket) => write!(f, "s3://{bucket}")?,
        }
        for segment in &self.segments {
            write!(f, "/{segment}")?;
        }
        f.write_str(if self.directory || self.segments.is_empty() { "/" } else { "" })
    }
}

/// Resolves every symbolic link of an absolute path, of which a tail need not exist.
///
/// # Errors
/// Those of the file system; `NotFound` for a symbolic link that leads nowhere, because what
/// it will lead to later cannot be judged now.
pub(super) fn resolve_path<S: AsRef<str>>(segments: &[S]) -> io::Result<PathBuf> {
    let mut whole = PathBuf::from("/");
    whole.extend(segments.iter().map(AsRef::as_ref));
    match whole.canonicalize() {
        Err(err) if err.kind() == io::ErrorKind::NotFound => {}
        resolved => return resolved,
    }
    let mut resolved = PathBuf::from("/");
    for segment in segments.iter().map(AsRef::as_ref) {
        if segment == ".." {
            resolved.pop();
            continue;
        }
        resolved.push(segment);
        match resolved.symlink_metadata() {
            Ok(found) if found.is_symlink() => resolved = resolved.canonicalize()?,
            Ok(_) => {}
            Err(err) if err.kind() == io::ErrorKind::NotFound => {}
            Err(err) => return Err(err),
        }
    }
    Ok(resolved)
}

/// The segments of a resolved path.
pub(super) fn path_segments(path: &Path, text: &str) -> Result<Vec<String>> {
    let path = path.to_str().ok_or_else(|| malformed(text, "leads to a name that is not UTF-8"))?;
    Ok(path.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect())
}

/// The error of [`resolve_path`] for the location `text`.
pub(super) fn resolve_error(err: &io::Error, text: &str) -> Error {
    match err.kind() {
        io::ErrorKind::NotFound => {
            denied(format!("location \"{text}\" leads through a symbolic link to nowhere"))
        }
        io::ErrorKind::PermissionDenied => {
            denied(format!("location \"{text}\" cannot be looked at: {err}"))
        }
        _ => Error::new(
            ErrorCode::HiveFilesystemError,
            format!("location \"{text}\" cannot be resolved: {err}"),
        ),
    }
}

/// Permission to a location is refused.
pub(super) fn denied(message: String) -> Error {
    Error::new(ErrorCode::PermissionDenied, message)
}

fn malformed(location: impl fmt::Display, problem: impl fmt::Display) -> Error {
    Error::new(ErrorCode::InvalidTableProperty, format!("location \"{location}\" {problem}"))
        .with_hint("write an absolute path, file:///path or s3://bucket/path")
}

fn check_characters(text: &str) -> Result<()> {
    if text.len() > MAX_LENGTH {
        let start: String = text.chars().take(60).collect();
        return Err(malformed(format!("{start}…"), format!("is longer than {MAX_LENGTH} bytes")));
    }
    if let Some(c) = text.chars().find(|c| c.is_control() || *c == '\\') {
        return Err(malformed(text.escape_debug(), format!("has the character {c:?}")));
    }
    Ok(())
}

fn split_root(text: &str) -> Result<(Root, &str)> {
    if text.starts_with('/') {
        return Ok((Root::Local, text));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(malformed(text, "is neither an absolute path nor a URL"));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "file" => split_file(text, rest),
        "s3" | "s3a" | "s3n" => split_bucket(text, rest),
        other => Err(Error::not_supported(format_args!("location scheme \"{other}\""))
            .with_hint("use file:/// or s3://")),
    }
}

fn split_file<'a>(text: &str, rest: &'a str) -> Result<(Root, &'a str)> {
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
        None => rest,
    };
    if path.starts_with('/') {
        Ok((Root::Local, path))
    } else {
        Err(malformed(text, "names a host or a relative path"))
    }
}

fn split_bucket<'a>(text: &str, rest: &'a str) -> Result<(Root, &'a str)> {
    let rest = rest.strip_prefix("//").ok_or_else(|| malformed(text, "has no bucket"))?;
    let (bucket, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if bucket.contains('@') {
        // Not repeated in the message: what stands before the @ may be a secret.
        return Err(malformed("s3://…", "has credentials in it; they belong in the configuration"));
    }
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if bucket.is_empty() || !bucket.chars().all(valid) || bucket.starts_with('.') {
        return Err(malformed(text, "has no valid bucket name"));
    }
    Ok((Root::Bucket(bucket.to_owned()), path))
}

fn resolve_lexically(segments: &[&str], text: &str) -> Result<Vec<String>> {
    let mut resolved: Vec<String> = Vec::with_capacity(segments.len());
    for segment in segments {
        if *segment != ".." {
            resolved.push((*segment).to_owned());
        } else if resolved.pop().is_none() {
            return Err(denied(format!("location \"{text}\" leads out of its bucket")));
        }
    }
    Ok(resolved)
}

fn is_disguised_dots(segment: &str) -> bool {
    segment.contains('%') && {
        let decoded = percent_decode_str(segment).decode_utf8_lossy();
        matches!(decoded.as_ref(), "." | "..")
            || decoded.split(['/', '\\']).any(|part| part == "..")
    }
}
