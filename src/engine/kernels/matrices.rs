//! Products between the channels of maps, and random signs as a map.

use super::LANES;

/// Rows that are multiplied before their sum goes on in float64.
const ROWS: usize = 64;
/// Channels of the left factor that are multiplied at once.
const TILE: usize = 8;

dispatch! {
    /// Adds `a' b` to `products` (m x n): rows are pixels, `a` has m channels and `b` n. Sums are float32 over 64 rows and
    /// float64 beyond.
    pub(in crate::engine) fn cross_products(a: &[f32], b: &[f32], m: usize, n: usize, products: &mut [f64]) {
        let (mut left, mut right) = (Rows::of(m), Rows::of(n));
        for (a, b) in a.chunks(ROWS * m.max(1)).zip(b.chunks(ROWS * n.max(1))) {
            let rows = a.len() / m.max(1);
            add_tiles(left.padded(a), right.padded(b), (m, n), rows, false, products);
        }
    }
}

dispatch! {
    /// Adds `x' x` to `products` (c x c), of which only what is on and right of the diagonal is meant to be read, and the sums of
    /// the rows of `x` to `sums` (c), all after `shift` (c) is taken from the rows. Sums as in [`cross_products`].
    pub(in crate::engine) fn shifted_products(
        x: &[f32], c: usize, shift: &[f32], sums: &mut [f64], products: &mut [f64],
    ) {
        let mut shifted = Rows::of(c);
        let mut total = vec![0f32; shifted.wide];
        for x in x.chunks(ROWS * c.max(1)) {
            let rows = x.len() / c.max(1);
            let shifted = shifted.less(x, shift);
            total.fill(0.0);
            for row in shifted.chunks_exact(total.len()).take(rows) {
                total.iter_mut().zip(row).for_each(|(t, x)| *t += x);
            }
            sums.iter_mut().zip(&total).for_each(|(s, &t)| *s += f64::from(t));
            add_tiles(shifted, shifted, (c, c), rows, true, products);
        }
    }
}

/// Rows of `width` values that are filled up with zeros to whole registers.
struct Rows {
    width: usize,
    wide: usize,
    values: Vec<f32>,
}

impl Rows {
    #[inline(always)]
    fn of(width: usize) -> Rows {
        let wide = width.next_multiple_of(LANES);
        Rows { width, wide, values: vec![0.0; ROWS * wide] }
    }

    /// The rows `x`, which are themselves if they need no zeros.
    #[inline(always)]
    fn padded<'a>(&'a mut self, x: &'a [f32]) -> &'a [f32] {
        if self.wide == self.width {
            return x;
        }
        for (out, x) in self.values.chunks_exact_mut(self.wide).zip(x.chunks_exact(self.width)) {
            out[..self.width].copy_from_slice(x);
        }
        &self.values
    }

    /// The rows `x` less `shift`.
    #[inline(always)]
    fn less(&mut self, x: &[f32], shift: &[f32]) -> &[f32] {
        for (out, x) in self.values.chunks_exact_mut(self.wide).zip(x.chunks_exact(self.width)) {
            out.iter_mut().zip(x).zip(shift).for_each(|((o, x), s)| *o = x - s);
        }
        &self.values
    }
}

/// Adds the products of some rows, tile by tile; with `upper` only the tiles that reach the diagonal or what is right of it.
#[inline(always)]
fn add_tiles(a: &[f32], b: &[f32], (m, n): (usize, usize), rows: usize, upper: bool, products: &mut [f64]) {
    let (wide_m, wide_n) = (m.next_multiple_of(LANES), n.next_multiple_of(LANES));
    for i in (0..m).step_by(TILE) {
        let first = if upper { i - i % LANES } else { 0 };
        for j in (first..n).step_by(LANES) {
            let tile = tile(&a[i..], &b[j..], wide_m, wide_n, rows);
            for (k, of_row) in tile.iter().enumerate().take(m - i) {
                let out = &mut products[(i + k) * n + j..(i + k) * n + n.min(j + LANES)];
                out.iter_mut().zip(of_row).for_each(|(p, &t)| *p += f64::from(t));
            }
        }
    }
}

/// Products of eight channels of `a` with sixteen of `b`, summed over the rows.
#[inline(always)]
fn tile(a: &[f32], b: &[f32], a_stride: usize, b_stride: usize, rows: usize) -> [[f32; LANES]; TILE] {
    let mut sums = [[0f32; LANES]; TILE];
    for r in 0..rows {
        let (Some(a), Some(b)) = (a[r * a_stride..].first_chunk::<TILE>(), b[r * b_stride..].first_chunk::<LANES>())
        else {
            continue;
        };
        for (sums, &a) in sums.iter_mut().zip(a) {
            for l in 0..LANES {
                sums[l] += a * b[l];
            }
        }
    }
    sums
}

dispatch! {
    /// Bits as signs: `out` (pixels x channels) gets 1 or -1 for bit `first + channel * pixels + pixel` of the words, lowest
    /// first. There is a word beyond the last bit.
    pub(in crate::engine) fn signs(out: &mut [f32], words: &[u64], first: usize, channels: usize) {
        let pixels = out.len() / channels.max(1);
        let mut bits = vec![0u32; channels];
        for (tile, out) in out.chunks_mut(32 * channels.max(1)).enumerate() {
            for (c, bits) in bits.iter_mut().enumerate() {
                let at = first + c * pixels + tile * 32;
                let both = u128::from(words[at / 64]) | u128::from(words[at / 64 + 1]) << 64;
                *bits = (both >> (at % 64)) as u32;
            }
            for (p, out) in out.chunks_exact_mut(channels).enumerate() {
                for (o, bits) in out.iter_mut().zip(&bits) {
                    *o = f32::from_bits(1f32.to_bits() | (!bits >> p & 1) << 31);
                }
            }
        }
    }
}
