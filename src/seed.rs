//! Counter-based random numbers: the same seed gives the same numbers on every machine, in any order, on any thread.
//!
//! The generator is SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014),
//! read as a counter: value `i` of the stream with key `k` is `mix(k + (i + 1) * 0x9E3779B97F4A7C15)`. Keys are derived
//! from a root seed and a name with XXH3-64. Both exist in NumPy and PyPI's `xxhash`, so a score can be reproduced
//! outside of naslens from its seed alone (`tests/golden/networks.py` does it).

use std::f64::consts::TAU;

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A key for the stream called `name` under `root`: XXH3-64 of the name's UTF-8 bytes, seeded with `root`.
pub fn derive(root: u64, name: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(name.as_bytes(), root)
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// An endless stream of random numbers, fixed by its key.
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
    spare_normal: Option<f64>,
}

impl Stream {
    /// The stream with this key.
    pub fn new(key: u64) -> Self {
        Stream { state: key, spare_normal: None }
    }

    /// The stream called `name` under `root`: `Stream::new(derive(root, name))`.
    pub fn named(root: u64, name: &str) -> Self {
        Stream::new(derive(root, name))
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mix(self.state)
    }

    /// Uniform in `[0, 1)` with 24 random bits, exact in float32.
    pub fn uniform_f32(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 * (1.0 / (1u32 << 24) as f32)
    }

    /// Uniform in `[0, 1)` with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform over `0..n` without bias (multiply-shift with rejection). Zero for `n == 0`.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            // Rejecting the short tail makes every value equally likely.
            if product as u64 >= n.wrapping_neg() % n {
                return (product >> 64) as u64;
            }
        }
    }

    /// Standard normal by Box and Muller; the second number of each pair is kept for the next call.
    pub fn normal(&mut self) -> f64 {
        if let Some(z) = self.spare_normal.take() {
            return z;
        }
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        let angle = TAU * self.uniform();
        self.spare_normal = Some(radius * angle.sin());
        radius * angle.cos()
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// `k` distinct numbers of `0..n` in random order; all of them if `k >= n`. Memory O(k) (Floyd's algorithm).
    pub fn sample_indices(&mut self, n: u64, k: u64) -> Vec<u64> {
        let k = k.min(n);
        let mut seen = std::collections::HashSet::with_capacity(k as usize);
        let mut picked = Vec::with_capacity(k as usize);
        for j in n - k..n {
            let t = self.below(j + 1);
            let chosen = if seen.insert(t) { t } else { j };
            seen.insert(chosen);
            picked.push(chosen);
        }
        self.shuffle(&mut picked);
        picked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_splitmix64_stream() {
        // java.util.SplittableRandom / the reference C code, seed 1234567.
        let mut s = Stream::new(1234567);
        let got: Vec<u64> = (0..5).map(|_| s.next_u64()).collect();
        assert_eq!(
            got,
            [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]
        );
    }

    #[test]
    fn keys_match_the_python_xxhash_package() {
        // python3 -c 'import xxhash; print(xxhash.xxh3_64_intdigest(b"stem.conv", seed=7))'
        assert_eq!(derive(7, "stem.conv"), 4606716343929183066);
    }

    #[test]
    fn normal_has_unit_moments_and_below_is_uniform() {
        let mut s = Stream::new(3);
        let z: Vec<f64> = (0..40_000).map(|_| s.normal()).collect();
        let mean = z.iter().sum::<f64>() / z.len() as f64;
        let var = z.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / z.len() as f64;
        assert!(mean.abs() < 0.02 && (var - 1.0).abs() < 0.03, "mean {mean} var {var}");
        let mut counts = [0u32; 5];
        (0..50_000).for_each(|_| counts[s.below(5) as usize] += 1);
        assert!(counts.iter().all(|&c| c.abs_diff(10_000) < 500), "{counts:?}");
    }

    #[test]
    fn samples_are_distinct_and_complete() {
        let mut s = Stream::new(5);
        let mut all = s.sample_indices(100, 100);
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        let few = s.sample_indices(1_000_000_000, 50);
        assert_eq!(few.iter().collect::<std::collections::HashSet<_>>().len(), 50);
        assert!(s.sample_indices(3, 10).len() == 3 && s.sample_indices(0, 4).is_empty());
    }
}
