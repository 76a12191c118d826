//! Making images the shape that a network wants: channels first, then size.

use super::DataError;
use super::resample::{Window, windows};
use crate::network::Shape;
use ndarray::{Array4, ArrayView4, Axis, Zip};

/// The most channels, and the most pixels a side.
const MAX_SIDE: usize = 4096;
/// The most float32 values in one array: 8 GiB.
const MAX_VALUES: usize = 1 << 31;
/// The most 8-bit pixel values in one data set: 8 GiB.
pub(super) const MAX_PIXELS: usize = 1 << 33;

impl Shape {
    /// That `count` images of this shape can be held: [`DataError::BadShape`] or [`DataError::TooLarge`] if not.
    pub(super) fn check(self, count: usize) -> Result<(), DataError> {
        self.check_up_to(MAX_VALUES, count)
    }

    /// [`Shape::check`] for the 8-bit pixels of a data set.
    pub(super) fn check_pixels(self, count: usize) -> Result<(), DataError> {
        self.check_up_to(MAX_PIXELS, count)
    }

    fn check_up_to(self, limit: usize, count: usize) -> Result<(), DataError> {
        if [self.channels, self.height, self.width].iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            return Err(DataError::BadShape { shape: self });
        }
        if count.saturating_mul(self.len()) > limit {
            return Err(DataError::TooLarge { count, shape: self, limit });
        }
        Ok(())
    }
}

/// `images` (n, c, h, w) as (n, `shape`): channels are matched first, then the images are resized.
///
/// * Channels: equal numbers stay; grey is repeated; several become grey by their mean. Anything else is
///   [`DataError::Channels`].
/// * Size: bilinear interpolation, antialiased along an axis that shrinks: `torch.nn.functional.interpolate(mode="bilinear",
///   align_corners=False, antialias=True)`.
///
/// A shape or a result that is too large is [`DataError::BadShape`] or [`DataError::TooLarge`].
pub fn adapt(images: ArrayView4<'_, f32>, shape: Shape) -> Result<Array4<f32>, DataError> {
    let (n, c, h, w) = images.dim();
    Shape::new(c, h, w).check(n)?;
    shape.check(n)?;
    let wrong = DataError::Channels { from: c, to: shape.channels };
    let images = if c == shape.channels {
        images.to_owned()
    } else if c == 1 {
        images.broadcast((n, shape.channels, h, w)).ok_or(wrong)?.to_owned()
    } else if shape.channels == 1 {
        images.mean_axis(Axis(1)).ok_or(wrong)?.insert_axis(Axis(1))
    } else {
        return Err(wrong);
    };
    if (h, w) == (shape.height, shape.width) { Ok(images) } else { Ok(resize(&images, shape.height, shape.width)) }
}

/// What an output position is made of: an input, and others with the weights of their differences from it.
struct Tap {
    base: usize,
    others: Vec<(usize, f32)>,
}

/// Where an axis shrinks, the windows of [`windows`]; elsewhere two neighbours.
fn taps(from: usize, to: usize) -> Vec<Tap> {
    if to < from {
        let rest = |w: &Window| (1..w.weights.len()).map(|i| (w.first + i, w.weights[i] as f32)).collect();
        return windows(from, to).iter().map(|window| Tap { base: window.first, others: rest(window) }).collect();
    }
    let scale = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            let at = ((i as f64 + 0.5) * scale - 0.5).max(0.0);
            let base = (at as usize).min(from - 1);
            Tap { base, others: vec![((base + 1).min(from - 1), (at - base as f64) as f32)] }
        })
        .collect()
}

fn resize(images: &Array4<f32>, height: usize, width: usize) -> Array4<f32> {
    along(&along(images, Axis(3), width), Axis(2), height)
}

/// The images with `to` positions along an axis.
fn along(images: &Array4<f32>, axis: Axis, to: usize) -> Array4<f32> {
    let mut size = images.raw_dim();
    size[axis.0] = to;
    let mut out = Array4::zeros(size);
    for (mut out, tap) in out.axis_iter_mut(axis).zip(taps(images.len_of(axis), to)) {
        let base = images.index_axis(axis, tap.base);
        out.assign(&base);
        // a + t (b - a) rather than (1 - t) a + t b: a constant image then stays exactly constant.
        for (other, weight) in tap.others {
            let other = images.index_axis(axis, other);
            Zip::from(&mut out).and(base).and(other).for_each(|out, &a, &b| *out += weight * (b - a));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::{array, s};
    use proptest::prelude::*;

    #[test]
    fn resizing_equals_torch() {
        // x = torch.tensor([[0., 1, 4, 2], [3, 5, 8, 1], [7, 2, 6, 9]])[None, None]
        // torch.nn.functional.interpolate(x, size=SIZE, mode="bilinear", align_corners=False, antialias=True)
        let x = array![[[[0.0, 1.0, 4.0, 2.0], [3.0, 5.0, 8.0, 1.0], [7.0, 2.0, 6.0, 9.0]]]];
        let golden = [
            array![
                [0.0, 0.3571429, 0.9285715, 2.5000005, 3.8571424, 2.7142854, 2.0],
                [1.2, 1.7, 2.5000002, 4.1000004, 5.314285, 3.0285707, 1.5999999],
                [3.0, 3.7142859, 4.8571434, 6.5000005, 7.4999986, 3.4999988, 1.0],
                [5.4000006, 4.6142855, 3.3571424, 5.0, 6.728571, 6.157143, 5.800001],
                [7.0, 5.214285, 2.3571427, 4.0000005, 6.214287, 7.928572, 9.0]
            ],
            array![[1.5375, 4.0, 2.7875], [4.7875, 4.9375, 6.225]],
            array![[1.125, 1.8125, 3.0, 5.0, 3.5625, 1.625], [5.5, 4.3125, 3.7291667, 6.1458333, 6.375, 6.0]],
            array![[4.1369048]],
        ];
        for want in golden {
            let got = adapt(x.view(), Shape::new(1, want.nrows(), want.ncols())).unwrap();
            assert_abs_diff_eq!(got.as_slice().unwrap(), want.as_slice().unwrap(), epsilon = 5e-6);
        }
    }

    #[test]
    fn channels_are_repeated_averaged_or_refused() {
        let grey = Array4::from_shape_fn((2, 1, 2, 2), |(n, _, y, x)| (n * 4 + y * 2 + x) as f32);
        let three = adapt(grey.view(), Shape::new(3, 2, 2)).unwrap();
        assert_eq!(three.slice(s![.., 2..3, .., ..]), grey);
        let colour = array![[[[1.0]], [[2.0]], [[6.0]]]];
        assert_eq!(adapt(colour.view(), Shape::new(1, 1, 1)).unwrap(), array![[[[3.0]]]]);
        let refused = adapt(colour.view(), Shape::new(4, 1, 1));
        assert!(matches!(refused, Err(DataError::Channels { from: 3, to: 4 })));
    }

    #[test]
    fn sizes_are_limited() {
        let huge = Shape::new(4096, 4096, 4096);
        assert!(matches!(huge.check(1), Err(DataError::TooLarge { count: 1, .. })));
        assert!(matches!(Shape::new(usize::MAX, 2, 2).check(usize::MAX), Err(DataError::BadShape { .. })));
    }

    proptest! {
        #[test]
        fn a_constant_image_stays_constant(
            v in -5.0f32..5.0, h in 1usize..9, w in 1usize..9, h2 in 1usize..20, w2 in 1usize..20,
        ) {
            let out = adapt(Array4::from_elem((1, 1, h, w), v).view(), Shape::new(1, h2, w2)).unwrap();
            prop_assert_eq!(out, Array4::from_elem((1, 1, h2, w2), v));
        }
    }
}
