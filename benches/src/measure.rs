//! Statistics of times, and a process's memory.

use anyhow::{Context, Result};

/// The median; the mean of the two in the middle of an even number.
pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

/// The smallest value that at least `percent` of the values do not exceed.
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let rank = (values.len() * percent).div_ceil(100).max(1);
    sorted(values).get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// The geometric mean.
pub(crate) fn geometric_mean(values: &[f64]) -> f64 {
    let logarithms: f64 = values.iter().map(|value| value.ln()).sum();
    (logarithms / values.len() as f64).exp()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// A process's memory in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// What is resident now.
    pub(crate) resident_mib: f64,
    /// The most that ever was.
    pub(crate) peak_mib: f64,
}

/// Reads the memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let mib =
        |name: &str| status_mib(&status, name).with_context(|| format!("no {name} in {path}"));
    Ok(Memory { resident_mib: mib("VmRSS:")?, peak_mib: mib("VmHWM:")? })
}

fn status_mib(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        let thousand: Vec<f64> = (1..=1_000).map(f64::from).collect();
        assert_eq!(percentile(&thousand, 50), 500.0);
        assert_eq!(percentile(&thousand, 99), 990.0);
        assert_eq!(percentile(&[7.0], 99), 7.0);
        assert!((geometric_mean(&[1.0, 4.0]) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn reads_proc_status() {
        let status = "Name:\tquern\nVmHWM:\t   4096 kB\nVmRSS:\t  2048 kB\n";
        assert_eq!(status_mib(status, "VmRSS:"), Some(2.0));
        assert_eq!(status_mib(status, "VmSwap:"), None);
    }
}
