//! The executors that are there.

use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// An executor, for people.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    /// Its id; a process that starts anew has a new one.
    pub id: String,
    /// `HOST:PORT` of its internal listener.
    pub address: String,
    /// Whether it reports and accepts connections.
    pub live: bool,
    /// Tasks that it runs at once.
    pub task_slots: usize,
    /// Tasks of staged queries that it runs now.
    pub running_tasks: usize,
    /// When it last reported.
    pub last_heartbeat: Option<SystemTime>,
}

/// An executor, for the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) task_slots: usize,
    /// Cancelled when the executor is no longer in the registry.
    pub(crate) gone: CancellationToken,
}

impl Node {
    pub(crate) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }
}

/// Executors by id.
#[derive(Debug)]
pub(crate) struct Registry {
    nodes: RwLock<BTreeMap<String, Arc<Node>>>,
    changes: watch::Sender<u64>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { nodes: RwLock::default(), changes: watch::Sender::new(0) }
    }
}

impl Registry {
    pub(crate) fn all(&self) -> Vec<Arc<Node>> {
        self.nodes.read().values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.read().len()
    }

    pub(crate) fn changed(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Takes `present` for all there are; says who joined and who left.
    pub(super) fn replace(&self, present: Vec<Node>) -> (Vec<Arc<Node>>, Vec<Arc<Node>>) {
        let mut nodes = self.nodes.write();
        let mut before = std::mem::take(&mut *nodes);
        let mut joined = Vec::new();
        for node in present {
            let node = before.remove(&node.id).unwrap_or_else(|| {
                let node = Arc::new(node);
                joined.push(Arc::clone(&node));
                node
            });
            nodes.insert(node.id.clone(), node);
        }
        drop(nodes);
        let left: Vec<_> = before.into_values().collect();
        left.iter().for_each(|node| node.gone.cancel());
        if !(joined.is_empty() && left.is_empty()) {
            self.changes.send_modify(|n| *n += 1);
        }
        (joined, left)
    }

    /// Whether it was there.
    pub(super) fn remove(&self, id: &str) -> bool {
        let removed = self.nodes.write().remove(id);
        if let Some(node) = &removed {
            node.gone.cancel();
            self.changes.send_modify(|n| *n += 1);
        }
        removed.is_some()
    }

    pub(super) fn clear(&self) {
        self.replace(Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str) -> Node {
        Node {
            id: id.to_owned(),
            host: "h".to_owned(),
            port: 1,
            task_slots: 2,
            gone: CancellationToken::new(),
        }
    }

    #[test]
    fn says_who_joined_and_who_left() {
        let registry = Registry::default();
        let changed = registry.changed();
        let (joined, left) = registry.replace(vec![node("a"), node("b")]);
        assert_eq!((joined.len(), left.len()), (2, 0));
        assert!(changed.has_changed().unwrap());
        let (joined, left) = registry.replace(vec![node("b"), node("c")]);
        assert_eq!(joined[0].id, "c");
        assert_eq!(left[0].id, "a");
        assert!(left[0].gone.is_cancelled());
        assert!(registry.remove("b"));
        assert!(!registry.remove("b"));
        assert_eq!(registry.len(), 1);
    }
}
