//! How much a message may make us hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use thrift::TConfiguration;

/// Nested structs that a message may have. The deepest type of the metastore has 7.
const NESTING_MAX: usize = 64;
/// What a message may take without asking [`MemoryPool`]: most never do.
const FREE_BYTES: usize = 64 << 10;
/// What a grant of [`MemoryPool`] is rounded up to.
const GRANT_BYTES: usize = 1 << 20;

/// Bounds on one message. Nothing is allocated for a size that is only claimed.
#[derive(Debug, Clone, Copy)]
pub struct WireLimits {
    /// Bytes of a message, or of a frame.
    pub message_max_bytes: usize,
    /// Bytes of one string.
    pub string_max_bytes: usize,
    /// Elements of one list, set or map.
    pub container_max_len: usize,
    /// Bytes of memory that one decoded message may take. It is more than the message's own
    /// length, because an empty struct is one byte there and hundreds here.
    pub memory_max_bytes: usize,
}

impl Default for WireLimits {
    /// 64 MiB a message holds 100,000 partitions of one request; 16 MiB a string is beyond
    /// any column list or view; the memory is four times the message.
    fn default() -> Self {
        Self {
            message_max_bytes: 64 << 20,
            string_max_bytes: 16 << 20,
            container_max_len: 4 << 20,
            memory_max_bytes: 256 << 20,
        }
    }
}

impl WireLimits {
    pub(super) fn configuration(&self) -> TConfiguration {
        let built = TConfiguration::builder()
            .max_message_size(Some(self.message_max_bytes))
            .max_frame_size(Some(self.message_max_bytes))
            .max_string_size(Some(self.string_max_bytes))
            .max_container_size(Some(self.container_max_len))
            .max_recursion_depth(Some(NESTING_MAX))
            .build();
        // It fails only for a frame that is longer than a message.
        built.unwrap_or_default()
    }
}

/// Memory that all messages which are decoded at one time share.
#[derive(Debug, Clone)]
pub(in super::super) struct MemoryPool {
    left_bytes: Arc<AtomicUsize>,
}

impl MemoryPool {
    /// A pool of this size.
    pub(in super::super) fn new(bytes: usize) -> Self {
        Self { left_bytes: Arc::new(AtomicUsize::new(bytes)) }
    }

    /// The bytes that nobody holds.
    #[cfg(test)]
    pub(in super::super) fn left_bytes(&self) -> usize {
        self.left_bytes.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: usize) -> bool {
        let take = |left: usize| left.checked_sub(bytes);
        self.left_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// What one message holds of a pool; given back when it is dropped.
#[derive(Debug)]
pub(super) struct MemoryUse {
    pool: MemoryPool,
    max_bytes: usize,
    used_bytes: usize,
    granted_bytes: usize,
}

impl MemoryUse {
    pub(super) fn new(pool: &MemoryPool, max_bytes: usize) -> Self {
        Self { pool: pool.clone(), max_bytes, used_bytes: 0, granted_bytes: 0 }
    }

    /// Counts bytes that are about to be held; the text of a refusal names the limit.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), String> {
        self.used_bytes = self.used_bytes.saturating_add(bytes);
        if self.used_bytes > self.max_bytes {
            return Err(format!("a message may take {} bytes of memory", self.max_bytes));
        }
        let asked_for = self.used_bytes.saturating_sub(FREE_BYTES);
        if asked_for > self.granted_bytes {
            let wanted = (asked_for - self.granted_bytes).max(GRANT_BYTES);
            if !self.pool.take(wanted) {
                return Err("too many large messages at one time: no memory left".to_owned());
            }
            self.granted_bytes += wanted;
        }
        Ok(())
    }
}

impl Drop for MemoryUse {
    fn drop(&mut self) {
        self.pool.left_bytes.fetch_add(self.granted_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_bounded_by_itself_and_by_the_pool() {
        let pool = MemoryPool::new(3 * GRANT_BYTES);
        let mut first = MemoryUse::new(&pool, 3 * GRANT_BYTES);
        first.charge(FREE_BYTES).unwrap();
        assert_eq!(pool.left_bytes(), 3 * GRANT_BYTES);
        first.charge(GRANT_BYTES).unwrap();
        first.charge(1).unwrap();
        assert_eq!(pool.left_bytes(), GRANT_BYTES);
        assert!(first.charge(3 * GRANT_BYTES).unwrap_err().contains("a message may take"));
        let mut second = MemoryUse::new(&pool, usize::MAX);
        second.charge(FREE_BYTES + GRANT_BYTES).unwrap();
        assert!(second.charge(1).unwrap_err().contains("no memory left"));
        drop((first, second));
        assert_eq!(pool.left_bytes(), 3 * GRANT_BYTES);
    }
}
