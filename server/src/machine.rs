//! What this machine offers: memory and cores.

use quern_common::config::Config;

/// Memory to assume where the system does not tell.
const MEMORY_FALLBACK_BYTES: u64 = 4 << 30;

/// Memory for queries: the configured pool, or half of what the machine or its cgroup has.
pub(crate) fn query_memory_bytes(config: &Config) -> usize {
    let bytes = match config.query.memory_pool_size.0 {
        0 => memory_bytes() / 2,
        configured => configured,
    };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Threads for queries: the configured number, or one a core.
pub(crate) fn query_threads(config: &Config) -> usize {
    match config.query.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        configured => configured,
    }
}

fn memory_bytes() -> u64 {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| meminfo_total(&text))
        .unwrap_or(MEMORY_FALLBACK_BYTES);
    let limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    limits
        .into_iter()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .filter_map(|text| text.trim().parse::<u64>().ok())
        .fold(machine, u64::min)
}

fn meminfo_total(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_meminfo() {
        let text = "MemTotal:       16318480 kB\nMemFree:  1 kB\n";
        assert_eq!(meminfo_total(text), Some(16_318_480 << 10));
        assert_eq!(meminfo_total("nothing"), None);
    }
}
