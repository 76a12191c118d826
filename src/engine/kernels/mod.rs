//! Memory-bound loops over float32 activations stored channels-last, for the CPU.
//!
//! Convolutions run at the machine's peak in libtorch; normalisation, sums, ReLU and pooling do not: each reads and writes
//! whole activations. The loops here fuse what follows each other and keep a chunk in the first-level cache. Every slice
//! holds `pixels x channels` values, channels innermost. They are plain Rust, compiled for AVX-512, AVX2 and the baseline;
//! no operation is reordered, so all three give the same bits.

/// Channels that are processed together: one AVX-512 register.
const LANES: usize = 16;
/// Values per chunk: 16 KiB, a third of the smallest first-level cache in use.
const CHUNK: usize = 4096;

/// Compiles `$body` for every instruction set and calls the best that the processor has.
macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "slices and sizes of one loop")]
        $vis fn $name($($arg: $type),*) $(-> $result)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            fn body($($arg: $type),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vpopcntdq,popcnt")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx512($($arg: $type),*) $(-> $result)? { body($($arg),*) }
                #[target_feature(enable = "avx2,popcnt")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx2($($arg: $type),*) $(-> $result)? { body($($arg),*) }
                if std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512vpopcntdq")
                {
                    // SAFETY: the processor has these instructions.
                    return unsafe { avx512($($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("popcnt") {
                    // SAFETY: the processor has these instructions.
                    return unsafe { avx2($($arg),*) };
                }
            }
            body($($arg),*)
        }
    };
}

mod matrices;
mod pooling;

pub(super) use matrices::{cross_products, shifted_products, signs};
pub(super) use pooling::{Window, avg_pool, avg_pool_backward};

use crate::network::gcd;

/// One summand: `x`, or `x * scale + shift` per channel.
#[derive(Clone, Copy)]
pub(super) struct Term<'a> {
    pub x: &'a [f32],
    pub affine: Option<(&'a [f32], &'a [f32])>,
}

/// Where a sum goes: the sum itself, its ReLU, and the signs of each sample, 64 to a word.
#[derive(Default)]
pub(super) struct Targets<'a> {
    pub sum: Option<&'a mut [f32]>,
    pub relu: Option<&'a mut [f32]>,
    pub bits: Option<&'a mut [u64]>,
}

dispatch! {
    /// The sum of the terms of one sample of `channels` channels. `bits` has `len.div_ceil(64)` words.
    pub(super) fn combine(terms: &[Term<'_>], channels: usize, targets: Targets<'_>) {
        let Targets { mut sum, mut relu, mut bits } = targets;
        let len = terms.first().map_or(0, |t| t.x.len());
        // Whole pixels and whole words, so that a chunk starts at a channel zero and at a bit zero.
        let unit = channels * (64 / gcd(channels, 64));
        let step = unit * (CHUNK / unit).max(1);
        let mut scratch = vec![0f32; step.min(len)];
        let mut start = 0;
        while start < len {
            let range = start..(start + step).min(len);
            let chunk = &mut scratch[..range.len()];
            for (i, term) in terms.iter().enumerate() {
                let x = &term.x[range.clone()];
                match (i, term.affine) {
                    (0, None) => chunk.copy_from_slice(x),
                    (_, None) => chunk.iter_mut().zip(x).for_each(|(s, x)| *s += x),
                    (0, Some((scale, shift))) => affine(chunk, x, channels, scale, shift, |_, value| value),
                    (_, Some((scale, shift))) => affine(chunk, x, channels, scale, shift, |old, value| old + value),
                }
            }
            if let Some(sum) = sum.as_deref_mut() {
                sum[range.clone()].copy_from_slice(chunk);
            }
            if let Some(bits) = bits.as_deref_mut() {
                pack(chunk, &mut bits[start / 64..range.end.div_ceil(64)]);
            }
            if let Some(relu) = relu.as_deref_mut() {
                relu[range.clone()].iter_mut().zip(chunk.iter()).for_each(|(r, &s)| *r = relu_of(s));
            }
            start = range.end;
        }
    }
}

/// As libtorch's: not a number stays not a number, so that a broken network is seen to be broken.
#[inline(always)]
fn relu_of(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

/// The 16 values from an offset on.
#[inline(always)]
fn lanes(x: &[f32], offset: usize) -> &[f32; LANES] {
    match x[offset..].first_chunk() {
        Some(block) => block,
        None => &[0.0; LANES],
    }
}

#[inline(always)]
fn affine(out: &mut [f32], x: &[f32], c: usize, scale: &[f32], shift: &[f32], merge: impl Fn(f32, f32) -> f32 + Copy) {
    let pixels = x.len() / c.max(1);
    let whole = c - c % LANES;
    for b in (0..whole).step_by(LANES) {
        let (s, t) = (*lanes(scale, b), *lanes(shift, b));
        for p in 0..pixels {
            let at = p * c + b;
            let x = lanes(x, at);
            if let Some(o) = out[at..].first_chunk_mut::<LANES>() {
                for l in 0..LANES {
                    o[l] = merge(o[l], x[l] * s[l] + t[l]);
                }
            }
        }
    }
    for b in whole..c {
        for p in 0..pixels {
            out[p * c + b] = merge(out[p * c + b], x[p * c + b] * scale[b] + shift[b]);
        }
    }
}

/// Bit `i` of the words is `x[i] > 0`.
#[inline(always)]
fn pack(x: &[f32], words: &mut [u64]) {
    for (chunk, word) in x.chunks(64).zip(words) {
        *word = match chunk.first_chunk::<64>() {
            Some(values) => {
                let mut bits = 0u64;
                for (i, &v) in values.iter().enumerate() {
                    bits |= u64::from(v > 0.0) << i;
                }
                bits
            }
            None => chunk.iter().enumerate().fold(0, |w, (b, &v)| w | u64::from(v > 0.0) << b),
        };
    }
}

dispatch! {
    /// Adds to `differing[i * n + j]`, `j < i`, the number of bits in which rows `i` and `j` of `n` rows of `words` differ.
    pub(super) fn hamming(bits: &[u64], n: usize, words: usize, differing: &mut [u64]) {
        // Rows come in blocks that fit the first-level cache together.
        const SPAN: usize = 64;
        for start in (0..words).step_by(SPAN) {
            let span = start..(start + SPAN).min(words);
            for i in 1..n {
                let a = &bits[i * words..][span.clone()];
                for j in 0..i {
                    let b = &bits[j * words..][span.clone()];
                    differing[i * n + j] += a.iter().zip(b).map(|(x, y)| u64::from((x ^ y).count_ones())).sum::<u64>();
                }
            }
        }
    }
}

dispatch! {
    /// Per channel, the sums over pixels of `x` and of `x * x`.
    pub(super) fn moments(x: &[f32], channels: usize, sums: &mut [f64], squares: &mut [f64]) {
        reduce(x, channels, sums, squares, |_, x| (x, x * x), x);
    }
}

dispatch! {
    /// Per channel, the sums over pixels of `g` and of `g * y`.
    pub(super) fn products(g: &[f32], y: &[f32], channels: usize, sums: &mut [f64], dots: &mut [f64]) {
        reduce(g, channels, sums, dots, |y, g| (g, g * y), y);
    }
}

dispatch! {
    /// The same with `g` counted only where `mask` is positive.
    pub(super) fn masked_products(
        g: &[f32], y: &[f32], mask: &[f32], channels: usize, sums: &mut [f64], dots: &mut [f64],
    ) {
        let step = channels * (CHUNK / channels).max(1);
        let mut scratch = vec![0f32; step.min(g.len())];
        for ((g, y), mask) in g.chunks(step).zip(y.chunks(step)).zip(mask.chunks(step)) {
            let kept = &mut scratch[..g.len()];
            for ((k, &g), &m) in kept.iter_mut().zip(g).zip(mask) {
                *k = if m > 0.0 { g } else { 0.0 };
            }
            reduce(kept, channels, sums, dots, |y, g| (g, g * y), y);
        }
    }
}

/// Two sums per channel over the pixels of `x` and `y`; float32 within a chunk, float64 across chunks.
#[inline(always)]
fn reduce(
    x: &[f32],
    c: usize,
    first: &mut [f64],
    second: &mut [f64],
    terms: impl Fn(f32, f32) -> (f32, f32) + Copy,
    y: &[f32],
) {
    // Four independent sums hide the latency of the addition.
    const WAYS: usize = 4;
    let step = c * (CHUNK / c.max(1)).max(1);
    for (x, y) in x.chunks(step).zip(y.chunks(step)) {
        let pixels = x.len() / c;
        let whole = c - c % LANES;
        for b in (0..whole).step_by(LANES) {
            let mut a = [[0f32; LANES]; WAYS];
            let mut d = [[0f32; LANES]; WAYS];
            let mut p = 0;
            while p + WAYS <= pixels {
                for w in 0..WAYS {
                    let (xs, ys) = (lanes(x, (p + w) * c + b), lanes(y, (p + w) * c + b));
                    for l in 0..LANES {
                        let (s, q) = terms(ys[l], xs[l]);
                        a[w][l] += s;
                        d[w][l] += q;
                    }
                }
                p += WAYS;
            }
            for p in p..pixels {
                let (xs, ys) = (lanes(x, p * c + b), lanes(y, p * c + b));
                for l in 0..LANES {
                    let (s, q) = terms(ys[l], xs[l]);
                    a[0][l] += s;
                    d[0][l] += q;
                }
            }
            for l in 0..LANES {
                first[b + l] += f64::from((a[0][l] + a[1][l]) + (a[2][l] + a[3][l]));
                second[b + l] += f64::from((d[0][l] + d[1][l]) + (d[2][l] + d[3][l]));
            }
        }
        for b in whole..c {
            for p in 0..pixels {
                let (s, q) = terms(y[p * c + b], x[p * c + b]);
                first[b] += f64::from(s);
                second[b] += f64::from(q);
            }
        }
    }
}

dispatch! {
    /// `out = g * a + y * b + d` per channel, `g` counted only where `mask` is positive, if there is a mask.
    pub(super) fn blend(
        out: &mut [f32], g: &[f32], y: &[f32], mask: Option<&[f32]>, channels: usize, a: &[f32], b: &[f32], d: &[f32],
    ) {
        let c = channels;
        let pixels = out.len() / c.max(1);
        let whole = c - c % LANES;
        // Chunks of pixels, so that a second block of channels finds the first one's cache lines.
        let rows = (CHUNK / c.max(1)).max(1);
        for first in (0..pixels).step_by(rows) {
            let last = (first + rows).min(pixels);
            for k in (0..whole).step_by(LANES) {
                let (a, b, d) = (*lanes(a, k), *lanes(b, k), *lanes(d, k));
                for at in (first * c + k..last * c).step_by(c) {
                    let (gs, ys) = (lanes(g, at), lanes(y, at));
                    let Some(o) = out[at..].first_chunk_mut::<LANES>() else { continue };
                    match mask {
                        Some(mask) => {
                            let ms = lanes(mask, at);
                            for l in 0..LANES {
                                let g = if ms[l] > 0.0 { gs[l] } else { 0.0 };
                                o[l] = g * a[l] + ys[l] * b[l] + d[l];
                            }
                        }
                        None => {
                            for l in 0..LANES {
                                o[l] = gs[l] * a[l] + ys[l] * b[l] + d[l];
                            }
                        }
                    }
                }
            }
            for k in whole..c {
                for at in (first * c + k..last * c).step_by(c) {
                    let g = if mask.is_none_or(|m| m[at] > 0.0) { g[at] } else { 0.0 };
                    out[at] = g * a[k] + y[at] * b[k] + d[k];
                }
            }
        }
    }
}

dispatch! {
    /// `out = base + g` where `mask` is positive, `base` (or zero) elsewhere.
    pub(super) fn masked_add(out: &mut [f32], base: Option<&[f32]>, g: &[f32], mask: &[f32]) {
        match base {
            Some(base) => {
                for (((o, &b), &g), &m) in out.iter_mut().zip(base).zip(g).zip(mask) {
                    *o = b + if m > 0.0 { g } else { 0.0 };
                }
            }
            None => {
                for ((o, &g), &m) in out.iter_mut().zip(g).zip(mask) {
                    *o = if m > 0.0 { g } else { 0.0 };
                }
            }
        }
    }
}

dispatch! {
    /// `out += g` where `mask` is positive.
    pub(super) fn masked_add_assign(out: &mut [f32], g: &[f32], mask: &[f32]) {
        for ((o, &g), &m) in out.iter_mut().zip(g).zip(mask) {
            *o += if m > 0.0 { g } else { 0.0 };
        }
    }
}

dispatch! {
    /// `tangent += value`; returns the largest tangent.
    pub(super) fn add_and_max(tangent: &mut [f32], value: &[f32]) -> f32 {
        let mut max = [0f32; LANES];
        let mut tangents = tangent.chunks_exact_mut(LANES);
        let mut values = value.chunks_exact(LANES);
        for (t, v) in tangents.by_ref().zip(values.by_ref()) {
            for l in 0..LANES {
                t[l] += v[l];
                max[l] = if t[l] > max[l] { t[l] } else { max[l] };
            }
        }
        let mut largest = max.iter().fold(0f32, |a, &b| a.max(b));
        for (t, v) in tangents.into_remainder().iter_mut().zip(values.remainder()) {
            *t += v;
            largest = largest.max(*t);
        }
        largest
    }
}

dispatch! {
    /// `out = x * factor`, or `out += x * factor`.
    pub(super) fn scale(out: &mut [f32], x: &[f32], factor: f32, accumulate: bool) {
        if accumulate {
            out.iter_mut().zip(x).for_each(|(o, x)| *o += x * factor);
        } else {
            out.iter_mut().zip(x).for_each(|(o, x)| *o = x * factor);
        }
    }
}
