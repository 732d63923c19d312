//! What our stores write into the log of changes.

use crate::model::{Event, EventKind, HiveFunction, Table};
use serde_json::json;

/// Partitions that one event names; a change of more is several events.
const PARTITIONS_PER_EVENT: usize = 1_000;

/// A change that is to be logged.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) kind: EventKind,
    pub(super) database: String,
    pub(super) table: Option<String>,
    pub(super) message: String,
}

impl Change {
    /// The event that has this number.
    pub(super) fn into_event(self, id: i64, time: i64) -> Event {
        Event {
            id,
            time,
            kind: self.kind.hive_name().to_owned(),
            database: Some(self.database),
            table: self.table,
            message: self.message,
        }
    }
}

pub(super) fn of_database(kind: EventKind, name: &str) -> Change {
    let message = json!({ "db": name }).to_string();
    Change { kind, database: name.to_owned(), table: None, message }
}

pub(super) fn of_table(kind: EventKind, table: &Table) -> Change {
    let (database, name) = (&table.database, &table.name);
    let table_type = table.table_type.hive_name();
    let message = json!({ "db": database, "table": name, "tableType": table_type }).to_string();
    Change { kind, database: database.clone(), table: Some(name.clone()), message }
}

pub(super) fn of_altered_table(old: &Table, new: &Table) -> Change {
    let renamed = (&old.database, &old.name) != (&new.database, &new.name);
    let mut change = of_table(EventKind::AlterTable, new);
    if renamed {
        let before = json!({ "db": old.database, "table": old.name });
        let after = json!({ "db": new.database, "table": new.name, "before": before });
        change.message = after.to_string();
    }
    change
}

pub(super) fn of_partitions<'a>(
    kind: EventKind,
    table: &Table,
    names: impl IntoIterator<Item = &'a str>,
) -> Vec<Change> {
    let names: Vec<&str> = names.into_iter().collect();
    let change = |names: &[&str]| {
        let message = json!({ "db": table.database, "table": table.name, "partitions": names });
        Change {
            kind,
            database: table.database.clone(),
            table: Some(table.name.clone()),
            message: message.to_string(),
        }
    };
    names.chunks(PARTITIONS_PER_EVENT).map(change).collect()
}

pub(super) fn of_renamed_partition(table: &Table, before: &str, after: &str) -> Change {
    let message = json!({
        "db": table.database, "table": table.name, "partitions": [after], "before": before,
    });
    Change {
        kind: EventKind::AlterPartition,
        database: table.database.clone(),
        table: Some(table.name.clone()),
        message: message.to_string(),
    }
}

pub(super) fn of_statistics(
    kind: EventKind,
    table: &Table,
    partition: Option<&str>,
    columns: &[&str],
) -> Change {
    let mut message = json!({ "db": table.database, "table": table.name, "columns": columns });
    if let Some(partition) = partition {
        message["partitions"] = json!([partition]);
    }
    Change {
        kind,
        database: table.database.clone(),
        table: Some(table.name.clone()),
        message: message.to_string(),
    }
}

pub(super) fn of_function(kind: EventKind, function: &HiveFunction) -> Change {
    let message = json!({ "db": function.database, "function": function.name }).to_string();
    Change { kind, database: function.database.clone(), table: None, message }
}
