//! Settings, roles and privileges: answers that are always the same.
//!
//! Quern has no roles of Hive's; everybody is in `public`, as in a metastore of Hive's that
//! nobody has set up.

use super::Backend;
use super::answer::{Answer, from_store, meta, thrown};
use crate::metastore::rules::DEFAULT_DATABASE;
use quern_proto::hive_metastore::ExceptionKind;
use quern_proto::hive_metastore::types as hive;

const WAREHOUSE: &str = "hive.metastore.warehouse.dir";
/// What settings of Hadoop and Hive begin with. Others may hold passwords.
const PUBLIC: [&str; 4] = ["hive", "hdfs", "mapred", "metastore"];
/// The settings of the metastore that clients may ask for, with the values that we behave by.
const META_CONF: [(&str, &str); 5] = [
    ("hive.metastore.try.direct.sql", "true"),
    ("hive.metastore.try.direct.sql.ddl", "true"),
    ("hive.metastore.client.capability.check", "true"),
    ("hive.metastore.disallow.incompatible.col.type.changes", "true"),
    ("hive.metastore.partition.name.whitelist.pattern", ""),
];

impl Backend {
    pub(super) async fn config_value(&self, name: &str, default: String) -> Answer<String> {
        if name.is_empty() {
            return Ok(default);
        }
        if !PUBLIC.iter().any(|prefix| name.starts_with(prefix)) {
            return Err(thrown(
                ExceptionKind::ConfigValSecurity,
                format!("For security reasons, the config key {name} cannot be accessed"),
            ));
        }
        if name == WAREHOUSE {
            let database = self.store.get_database(DEFAULT_DATABASE).await.map_err(from_store)?;
            return Ok(database.location);
        }
        Ok(default)
    }
}

pub(super) fn meta_conf(key: &str) -> Answer<String> {
    let found = META_CONF.iter().find(|(known, _)| *known == key);
    match found {
        Some((_, value)) => Ok((*value).to_owned()),
        None => Err(meta(format!("Invalid configuration key {key}"))),
    }
}

pub(super) fn roles() -> Vec<hive::Role> {
    let public = || Some("public".to_owned());
    vec![hive::Role { role_name: public(), create_time: 0, owner_name: public() }]
}

pub(super) fn role_names() -> Vec<String> {
    ["admin", "public"].map(str::to_owned).to_vec()
}
