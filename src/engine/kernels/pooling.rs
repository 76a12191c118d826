//! Average pooling.

use super::{LANES, lanes};

/// A window that slides over one sample.
#[derive(Clone, Copy)]
pub(in crate::engine) struct Window {
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub channels: usize,
    /// (height, width) that the window slides over.
    pub inner: (usize, usize),
    /// (height, width) of its positions.
    pub outer: (usize, usize),
}

impl Window {
    /// Rows or columns of the input, of length `n`, that position `i` covers.
    #[inline(always)]
    fn span(&self, i: usize, n: usize) -> std::ops::Range<usize> {
        let start = i * self.stride;
        start.saturating_sub(self.padding)..(start + self.kernel).saturating_sub(self.padding).min(n)
    }
}

dispatch! {
    /// Average over the pixels that the window covers, padding not counted, of one sample.
    pub(in crate::engine) fn avg_pool(out: &mut [f32], x: &[f32], window: Window) {
        let (c, width) = (window.channels, window.inner.1);
        let whole = c - c % LANES;
        for i in 0..window.outer.0 {
            let rows = window.span(i, window.inner.0);
            for j in 0..window.outer.1 {
                let columns = window.span(j, width);
                let at = (i * window.outer.1 + j) * c;
                let share = 1.0 / (rows.len() * columns.len()).max(1) as f32;
                for b in (0..whole).step_by(LANES) {
                    let mut sum = [0f32; LANES];
                    for r in rows.clone() {
                        for q in columns.clone() {
                            let x = lanes(x, (r * width + q) * c + b);
                            for l in 0..LANES {
                                sum[l] += x[l];
                            }
                        }
                    }
                    if let Some(out) = out[at + b..].first_chunk_mut::<LANES>() {
                        for l in 0..LANES {
                            out[l] = sum[l] * share;
                        }
                    }
                }
                for b in whole..c {
                    let mut sum = 0f32;
                    for r in rows.clone() {
                        for q in columns.clone() {
                            sum += x[(r * width + q) * c + b];
                        }
                    }
                    out[at + b] = sum * share;
                }
            }
        }
    }
}

dispatch! {
    /// Adds the gradient of the average with respect to its input, of one sample.
    pub(in crate::engine) fn avg_pool_backward(gradient: &mut [f32], g: &[f32], window: Window) {
        let (c, width) = (window.channels, window.inner.1);
        for i in 0..window.outer.0 {
            let rows = window.span(i, window.inner.0);
            for j in 0..window.outer.1 {
                let columns = window.span(j, width);
                let share = 1.0 / (rows.len() * columns.len()).max(1) as f32;
                let g = &g[(i * window.outer.1 + j) * c..][..c];
                for r in rows.clone() {
                    for q in columns.clone() {
                        let out = &mut gradient[(r * width + q) * c..][..c];
                        out.iter_mut().zip(g).for_each(|(d, g)| *d += g * share);
                    }
                }
            }
        }
    }
}
