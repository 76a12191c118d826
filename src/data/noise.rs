//! What white and pink noise share: random labels, and images that depend on the seed and their number alone.

use super::{DataError, pink};
use crate::network::Shape;
use crate::seed::Stream;
use ndarray::{Array4, Axis};
use std::fmt;

/// The words that select white and pink noise.
pub(super) const GAUSSIAN: &str = "gaussian";
pub(super) const PINK: &str = "pink";
/// The exponent of pink noise unless another is given.
pub(super) const BETA: f64 = 1.5;
const MAX_BETA: f64 = 8.0;
const MAX_CLASSES: usize = 1_000_000;

/// How strong each frequency of the noise is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Spectrum {
    /// All alike: every value is N(0, 1) by itself.
    White,
    /// Amplitude `f^-beta` at the radial frequency `f`, none at 0.
    Pink {
        /// The exponent, from 0 to 8. Natural images have about 1.
        beta: f64,
    },
}

/// Endless noise images with random labels. Image `i` depends on the seed, `i` and the shape alone, so a larger batch
/// begins with the images of a smaller one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    spectrum: Spectrum,
    classes: usize,
}

impl Noise {
    pub(super) const DEFAULT_CLASSES: usize = 10;

    /// Noise of this spectrum with labels in `0..classes`. [`DataError::BadOption`] for a `beta` outside of 0 to 8 or
    /// `classes` outside of 2 to 1,000,000.
    pub fn new(spectrum: Spectrum, classes: usize) -> Result<Self, DataError> {
        let noise = Noise { spectrum, classes };
        if let Spectrum::Pink { beta } = spectrum
            && !(0.0..=MAX_BETA).contains(&beta)
        {
            return Err(Noise::bad_beta(&beta.to_string()));
        }
        if !(2..=MAX_CLASSES).contains(&classes) {
            return Err(Noise::bad_classes(noise.name(), &classes.to_string()));
        }
        Ok(noise)
    }

    /// How strong each frequency is.
    pub fn spectrum(&self) -> Spectrum {
        self.spectrum
    }

    /// The number of classes that labels are drawn from.
    pub fn classes(&self) -> usize {
        self.classes
    }

    fn name(&self) -> &'static str {
        match self.spectrum {
            Spectrum::White => GAUSSIAN,
            Spectrum::Pink { .. } => PINK,
        }
    }

    pub(super) fn bad_beta(value: &str) -> DataError {
        let expected = "a number from 0 to 8";
        DataError::BadOption { data: PINK, option: "beta", value: value.to_owned(), expected }
    }

    fn bad_classes(data: &'static str, value: &str) -> DataError {
        let expected = "a whole number from 2 to 1000000";
        DataError::BadOption { data, option: "classes", value: value.to_owned(), expected }
    }

    pub(super) fn read_classes(data: &'static str, value: &str) -> Result<usize, DataError> {
        value.parse().map_err(|_| Noise::bad_classes(data, value))
    }

    /// Images 0 to `count` of this shape, (n, c, h, w). The shape has been checked to fit in memory.
    pub(super) fn images(&self, count: usize, shape: Shape, seed: u64) -> Result<Array4<f32>, DataError> {
        let filter = match self.spectrum {
            Spectrum::White => None,
            Spectrum::Pink { beta } => Some(pink::Filter::new(shape, beta)?),
        };
        let mut images = Array4::zeros((count, shape.channels, shape.height, shape.width));
        for (i, mut image) in images.axis_iter_mut(Axis(0)).enumerate() {
            let values = filter.as_ref().map_or_else(|| white(shape, seed, i), |f| f.image(seed, i));
            image.iter_mut().zip(values).for_each(|(pixel, value)| *pixel = value as f32);
        }
        Ok(images)
    }

    /// The label of image `i`: uniform over the classes, from the stream `label/i`.
    pub(super) fn label(&self, seed: u64, i: usize) -> usize {
        Stream::named(seed, &format!("label/{i}")).below(self.classes as u64) as usize
    }
}

/// Image `i`: one N(0, 1) value after another from the stream `gaussian/i`, in (c, h, w) order.
fn white(shape: Shape, seed: u64, i: usize) -> Vec<f64> {
    let mut stream = Stream::named(seed, &format!("gaussian/{i}"));
    (0..shape.len()).map(|_| stream.normal()).collect()
}

impl fmt::Display for Noise {
    /// The text that selects it, without the options that have their defaults.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beta = match self.spectrum {
            Spectrum::White => None,
            Spectrum::Pink { beta } => (beta != BETA).then(|| format!("beta={beta}")),
        };
        let classes = (self.classes != Self::DEFAULT_CLASSES).then(|| format!("classes={}", self.classes));
        f.write_str(self.name())?;
        for (i, option) in beta.into_iter().chain(classes).enumerate() {
            write!(f, "{}{option}", if i == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::s;

    const SHAPE: Shape = Shape::new(3, 16, 12);

    #[test]
    fn equals_the_stream_in_python() {
        // s = Stream.named(7, "gaussian/3"); [s.normal() for _ in range(6)]
        // [Stream.named(7, f"label/{i}").below(10) for i in range(8)]
        let white = Noise::new(Spectrum::White, 10).unwrap();
        let image = white.images(4, Shape::new(1, 2, 3), 7).unwrap();
        let want = [-0.03787406, -0.82973975, 1.4649557, 0.899981, -0.05965881, -0.2551821];
        assert_abs_diff_eq!(
            image.slice(s![3, .., .., ..]).iter().copied().collect::<Vec<f32>>()[..],
            want,
            epsilon = 1e-6
        );
        assert_eq!((0..8).map(|i| white.label(7, i)).collect::<Vec<_>>(), [8, 6, 6, 7, 9, 6, 0, 2]);
    }

    #[test]
    fn images_do_not_depend_on_their_batch_and_are_standard() {
        for spectrum in [Spectrum::White, Spectrum::Pink { beta: 1.5 }] {
            let noise = Noise::new(spectrum, 10).unwrap();
            let many = noise.images(20, SHAPE, 1).unwrap();
            assert_eq!(many.slice(s![..3, .., .., ..]), noise.images(3, SHAPE, 1).unwrap());
            assert_ne!(many, noise.images(20, SHAPE, 2).unwrap());
            assert_abs_diff_eq!(many.mean().unwrap(), 0.0, epsilon = 0.03);
            assert_abs_diff_eq!(many.std(0.0), 1.0, epsilon = 0.03);
        }
    }

    #[test]
    fn options_out_of_range_are_refused() {
        for beta in [-0.1, 8.1, f64::NAN, f64::INFINITY] {
            assert!(Noise::new(Spectrum::Pink { beta }, 10).is_err());
        }
        assert!(Noise::new(Spectrum::White, 1).is_err() && Noise::new(Spectrum::White, usize::MAX).is_err());
    }
}
