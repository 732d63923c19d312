//! A fixed hash of rows, so that samples depend on the rows and the seed and not on how the
//! rows are spread over files, batches and nodes.

/// Mixes a word into a hash (the finaliser of SplitMix64).
pub(crate) fn mix(hash: u64, word: u64) -> u64 {
    let mut z = (hash ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Hashes the values of a row; 0 and -0 are one value.
pub(crate) fn hash_row(row: &[f64]) -> u64 {
    row.iter().fold(0, |hash, value| mix(hash, (value + 0.0).to_bits()))
}

/// Maps a hash to a number in the open interval (0, 1).
pub(crate) fn unit_interval(hash: u64) -> f64 {
    // 52 bits, moved by half a step so that 0 does not occur.
    ((hash >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_fixed_and_spread_over_the_unit_interval() {
        assert_eq!(hash_row(&[0.0, 1.5]), hash_row(&[-0.0, 1.5]));
        assert_ne!(hash_row(&[1.5, 0.0]), hash_row(&[0.0, 1.5]));
        let mean = (0..10_000).map(|i| unit_interval(mix(7, i))).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.01, "mean {mean}");
        assert!(unit_interval(0) > 0.0 && unit_interval(u64::MAX) < 1.0);
    }
}
