//! Random values for tests.

use super::Binary;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;

/// A source of random values.
pub(in super::super) struct Draw {
    random: StdRng,
}

impl Draw {
    pub(in super::super) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed) }
    }

    pub(in super::super) fn choose<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.random.random_range(0..from.len())].clone()
    }

    pub(in super::super) fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }
}

/// A type of which random values can be made.
pub(in super::super) trait Sample: Sized {
    fn sample(draw: &mut Draw) -> Self;
}

macro_rules! numbers {
    ($($ty:ty)+) => { $(
        impl Sample for $ty {
            fn sample(draw: &mut Draw) -> Self {
                let other = draw.random.random();
                draw.choose(&[0, 1, -1, <$ty>::MIN, <$ty>::MAX, other])
            }
        }
    )+ };
}

numbers! { i8 i16 i32 i64 }

impl Sample for bool {
    fn sample(draw: &mut Draw) -> Self {
        draw.random.random()
    }
}

impl Sample for f64 {
    fn sample(draw: &mut Draw) -> Self {
        draw.choose(&[0.0, -0.5, Self::MIN, Self::MAX, Self::INFINITY, Self::MIN_POSITIVE])
    }
}

impl Sample for String {
    fn sample(draw: &mut Draw) -> Self {
        let long = "x".repeat(draw.below(300));
        draw.choose(&["", "a", "k=v/é %2F", "\0", "'\"\\\n", "🦆", &long].map(Self::from))
    }
}

impl Sample for Binary {
    fn sample(draw: &mut Draw) -> Self {
        Self((0..draw.below(4)).map(|_| draw.random.random()).collect())
    }
}

impl Sample for () {
    fn sample(_: &mut Draw) -> Self {}
}

impl<T: Sample> Sample for Option<T> {
    fn sample(draw: &mut Draw) -> Self {
        (draw.below(3) > 0).then(|| T::sample(draw))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(draw: &mut Draw) -> Self {
        (0..draw.below(3)).map(|_| T::sample(draw)).collect()
    }
}

impl<K: Sample + Ord, V: Sample> Sample for BTreeMap<K, V> {
    fn sample(draw: &mut Draw) -> Self {
        (0..draw.below(3)).map(|_| (K::sample(draw), V::sample(draw))).collect()
    }
}
