//! Reads the configuration: defaults, then the file, then the environment, then flags.

use crate::args::ConfigArgs;
use quern_common::config::Config;
use quern_common::{Error, ErrorCode, Result};
use std::path::Path;
use toml::{Table, Value};

/// Variables that set a key: `QUERN__QUERY__MAX_RUNNING=10`.
const ENV_PREFIX: &str = "QUERN__";

/// The effective configuration.
///
/// # Errors
/// `CONFIGURATION_INVALID` naming the file, the key or the value.
pub(crate) fn load(args: &ConfigArgs) -> Result<Config> {
    let mut table = match &args.config {
        Some(path) => read_file(path)?,
        None => Table::new(),
    };
    for (name, value) in std::env::vars() {
        if let Some(key) = name.strip_prefix(ENV_PREFIX) {
            let path: Vec<String> = key.split("__").map(str::to_lowercase).collect();
            set(&mut table, &path, &value)?;
        }
    }
    for setting in &args.set {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| invalid(format!("--set {setting}: expected KEY=VALUE")))?;
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        set(&mut table, &path, value)?;
    }
    let mut config: Config =
        Value::Table(table).try_into().map_err(|err: toml::de::Error| invalid(err.to_string()))?;
    if let Some(dir) = &args.data_dir {
        config.data_dir.clone_from(dir);
    }
    if let Some(log) = &args.log {
        config.log.clone_from(log);
    }
    if config.storage.s3.profile.is_empty() {
        let profile = std::env::vars().find(|(name, _)| name == "AWS_PROFILE");
        config.storage.s3.profile = profile.map(|(_, value)| value).unwrap_or_default();
    }
    config.storage.allow_locations.extend(args.allow_locations.iter().cloned());
    Ok(config)
}

fn read_file(path: &Path) -> Result<Table> {
    let text = std::fs::read_to_string(path)
        .map_err(|err| invalid(format!("file \"{}\": {err}", path.display())))?;
    text.parse::<Table>().map_err(|err| invalid(format!("file \"{}\": {err}", path.display())))
}

/// Sets a key; the value is read as TOML where it is TOML and as text otherwise.
fn set(table: &mut Table, path: &[String], value: &str) -> Result<()> {
    let Some((last, sections)) = path.split_last() else { return Ok(()) };
    let mut section = table;
    for name in sections {
        let entry = section.entry(name.clone()).or_insert_with(|| Value::Table(Table::new()));
        section = entry.as_table_mut().ok_or_else(|| {
            invalid(format!("key \"{}\": \"{name}\" is no section", path.join(".")))
        })?;
    }
    let parsed = format!("x = {value}").parse::<Table>().ok().and_then(|mut t| t.remove("x"));
    section.insert(last.clone(), parsed.unwrap_or_else(|| Value::String(value.to_owned())));
    Ok(())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::ConfigurationInvalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quern_common::config::ByteSize;

    #[test]
    fn flags_win_over_defaults_and_unknown_keys_are_named() {
        let args = ConfigArgs {
            set: vec!["query.max_running=3".to_owned(), "query.spill_size=2GiB".to_owned()],
            data_dir: Some("d".into()),
            ..ConfigArgs::default()
        };
        let config = load(&args).unwrap();
        assert_eq!(config.query.max_running, 3);
        assert_eq!(config.query.spill_size, ByteSize::mib(2 << 10));
        assert_eq!(config.data_dir, Path::new("d"));

        let args =
            ConfigArgs { set: vec!["query.max_runing=3".to_owned()], ..ConfigArgs::default() };
        let err = load(&args).unwrap_err();
        assert!(err.to_string().contains("max_runing"), "{err}");
    }
}
