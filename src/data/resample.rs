//! Resizing by a triangle: bilinear interpolation where images grow, and where they shrink an average of all that a pixel
//! covers, weighted by how near it lies (antialiasing). In whole numbers it is Pillow's `Image.resize(size, BILINEAR)`, first of
//! the width, then of the height, to the last bit. (In one call Pillow 13 starts with what is cheaper.)

/// The inputs that an output looks at: so many from the first on, with weights that add up to 1.
pub(super) struct Window {
    pub first: usize,
    pub weights: Vec<f64>,
}

/// The windows of `to` outputs over `from` inputs, in Pillow's arithmetic.
pub(super) fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f64 / to as f64;
    let reach = scale.max(1.0);
    let window = |output: usize| {
        let centre = (output as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).min(from);
        let weight = |input: usize| (1.0 - ((input as f64 - centre + 0.5) * (1.0 / reach)).abs()).max(0.0);
        let weights: Vec<f64> = (first..end).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        Window { first, weights: weights.into_iter().map(|weight| weight / sum).collect() }
    };
    (0..to).map(window).collect()
}

/// The weight of each of `from` inputs (columns) in each of `to` outputs (rows), row by row: a product with this matrix resizes
/// as [`super::adapt`] does.
pub(crate) fn resize_weights(from: usize, to: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; from * to];
    for (row, window) in matrix.chunks_exact_mut(from).zip(windows(from, to)) {
        row[window.first..].iter_mut().zip(window.weights).for_each(|(out, weight)| *out = weight as f32);
    }
    matrix
}

/// Bits of a weight behind the point.
const BITS: u32 = 22;

/// Pixels (height x width x channels) in another size: first the rows are resized, then the columns, each rounded.
pub(super) fn resample<T>(pixels: &[T], channels: usize, from: [usize; 2], to: [usize; 2]) -> Vec<T>
where
    T: Copy + Into<i64> + TryFrom<i64> + Default,
{
    let weights = |from, to| {
        let fixed = |window: Window| {
            let weights = window.weights.iter().map(|weight| (0.5 + weight * f64::from(1u32 << BITS)) as i64);
            (window.first, weights.collect::<Vec<_>>())
        };
        windows(from, to).into_iter().map(fixed).collect::<Vec<_>>()
    };
    // The weights add up to 1 but for their rounding, which can't take a value out of its range: it's less than half a level.
    let rounded = |sum: i64| T::try_from((sum + (1 << (BITS - 1))) >> BITS).unwrap_or_default();
    let mut wide = pixels.to_vec();
    if from[1] != to[1] {
        let columns = weights(from[1], to[1]);
        wide = Vec::with_capacity(from[0] * to[1] * channels);
        for row in pixels.chunks_exact(from[1] * channels) {
            for (first, weights) in &columns {
                wide.extend((0..channels).map(|channel| {
                    let values = row[first * channels + channel..].iter().step_by(channels);
                    rounded(values.zip(weights).map(|(&value, weight)| value.into() * weight).sum())
                }));
            }
        }
    }
    if from[0] == to[0] {
        return wide;
    }
    let length = to[1] * channels;
    let mut out = Vec::with_capacity(to[0] * length);
    let mut sums = vec![0; length];
    for (first, weights) in weights(from[0], to[0]) {
        sums.fill(0);
        for (row, weight) in wide[first * length..].chunks_exact(length).zip(weights) {
            sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value.into() * weight);
        }
        out.extend(sums.iter().map(|&sum| rounded(sum)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `x = np.array([(1103515245 * i + 12345) % 2**31 >> 16 & 255 for i in range(37 * 50)], np.uint8)`, then
    /// `np.asarray(Image.fromarray(x.reshape(37, 50)).resize((5, 3), Image.BILINEAR))` and so on, Pillow 13.
    #[test]
    fn eight_bits_equal_pillow() {
        let noise: Vec<u8> = (0..37 * 50u64).map(|i| (((1103515245 * i + 12345) % (1 << 31)) >> 16) as u8).collect();
        assert_eq!(resample(&noise, 1, [37, 50], [3, 5]), GOLDEN_SMALL);
        assert_eq!(resample(&noise[..12], 1, [3, 4], [5, 6]), GOLDEN_LARGE);
        let colour = resample(&noise[..1800], 3, [20, 30], [2, 3]);
        assert_eq!(colour, GOLDEN_COLOUR);
    }
    const GOLDEN_SMALL: [u8; 15] = [128, 128, 128, 128, 128, 127, 128, 127, 127, 128, 128, 128, 127, 128, 128];
    const GOLDEN_LARGE: [u8; 30] = [
        0, 99, 188, 150, 112, 83, 10, 109, 198, 160, 122, 93, 25, 124, 213, 176, 137, 108, 40, 139, 228, 191, 152, 123,
        50, 149, 238, 201, 162, 133,
    ];
    const GOLDEN_COLOUR: [u8; 18] =
        [127, 128, 128, 128, 128, 128, 129, 128, 128, 127, 129, 126, 127, 128, 127, 128, 127, 129];

    #[test]
    fn weights_add_up_to_one_and_flat_images_stay_flat() {
        for (from, to) in [(1, 1), (1, 9), (9, 1), (2000, 32), (255, 256), (4096, 3)] {
            for row in resize_weights(from, to).chunks(from) {
                assert!((row.iter().map(|&w| f64::from(w)).sum::<f64>() - 1.0).abs() < 1e-5);
            }
            assert!(resample(&vec![255u8; from], 1, [1, from], [1, to]).iter().all(|&v| v == 255));
            assert!(resample(&vec![65535u16; from], 1, [from, 1], [to, 1]).iter().all(|&v| v == 65535));
        }
    }
}
