//! Images to train on, and how batches of them are made.

use ndarray::Array4;
use serde::{Deserialize, Serialize};
use tch::{Device, TchError, Tensor};

use super::Recipe;
use crate::data::{Batch, Census, ChannelStats, DataError, Dataset, Part, Splits, split};
use crate::engine::{DeviceBatch, EngineError};
use crate::network::Shape;
use crate::seed::Stream;

/// Random changes to training images, drawn anew for every image in every epoch, in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Shifts the image by up to so many pixels up or down and left or right; what comes in is the mean colour.
    pub crop: usize,
    /// Mirrors every other image, left to right.
    pub flip: bool,
    /// Side of a square, in pixels, that is painted with the mean colour; its centre is uniform over the image, so it may
    /// hang over the edge (DeVries & Taylor, arXiv:1708.04552).
    pub cutout: usize,
}

/// The three parts of a data set: training images in memory, the others on the device.
pub struct TrainingData {
    /// Standardised training images, channels innermost.
    images: Vec<f32>,
    labels: Vec<i64>,
    shape: Shape,
    device: Device,
    /// To choose by.
    pub(super) valid: DeviceBatch,
    /// To judge by.
    pub(super) test: DeviceBatch,
    census: Census,
    statistics: ChannelStats,
    recorded: Shape,
    tested: Vec<usize>,
}

/// Why training data cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingDataError {
    /// The data set refuses.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device refuses.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl TrainingData {
    /// Splits the data set as the recipe says. The split depends on `seed` only. [`DataError::NeededPart`] if it leaves
    /// validation or test without images.
    pub fn new(dataset: &Dataset, recipe: &Recipe, seed: u64, device: Device) -> Result<Self, TrainingDataError> {
        let splits = split(dataset, recipe.image, recipe.split, recipe.limit, seed)?;
        let census = Census::new(&splits, dataset.class_names());
        let Splits { train, valid, test, tested, statistics } = splits;
        for (part, images) in [(Part::Valid, &valid), (Part::Test, &test)] {
            if images.is_empty() {
                return Err(DataError::NeededPart { part, name: dataset.name().to_owned() }.into());
            }
        }
        let copy = |b: &Batch| DeviceBatch::new(&b.images, &b.labels, device);
        Ok(TrainingData {
            images: channels_innermost(&train.images),
            labels: train.labels.iter().map(|&l| l as i64).collect(),
            shape: train.shape(),
            device,
            valid: copy(&valid)?,
            test: copy(&test)?,
            census,
            statistics,
            recorded: dataset.shape(),
            tested,
        })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.census.classes.len()
    }

    /// Names of the classes, in the order of the logits.
    pub fn class_names(&self) -> &[String] {
        &self.census.classes
    }

    /// Images of each class in each part.
    pub fn census(&self) -> &Census {
        &self.census
    }

    /// Mean and standard deviation of the training images, which standardised all images.
    pub fn statistics(&self) -> &ChannelStats {
        &self.statistics
    }

    /// The weight of each class with [`Recipe::balance_classes`], on the device; zero without training images.
    pub(super) fn class_weights(&self) -> Result<Tensor, TchError> {
        let share = |&n: &usize| if n == 0 { 0.0 } else { self.labels.len() as f32 / (self.classes() * n) as f32 };
        let weights: Vec<f32> = self.census.train.iter().map(share).collect();
        Tensor::f_from_slice(&weights)?.f_to(self.device)
    }

    /// The shape of the images before they were adapted.
    pub fn recorded_shape(&self) -> Shape {
        self.recorded
    }

    /// Standardised test images (n, channels, height, width), on the device: the first `count` of them.
    pub fn examples(&self, count: usize) -> Result<Tensor, TchError> {
        self.test.images().f_narrow(0, 0, count.min(self.test.len()) as i64)
    }

    /// The positions of the test images in the data set.
    pub fn tested(&self) -> &[usize] {
        &self.tested
    }

    /// The classes of the test images.
    pub fn test_labels(&self) -> Result<Vec<usize>, TchError> {
        let labels: Vec<i64> = Vec::try_from(self.test.labels().f_to(Device::Cpu)?)?;
        Ok(labels.into_iter().map(|label| label as usize).collect())
    }

    /// Number of images for training, validation and test.
    pub fn sizes(&self) -> [usize; 3] {
        [self.labels.len(), self.valid.len(), self.test.len()]
    }

    /// Where networks are trained.
    pub fn device(&self) -> Device {
        self.device
    }

    /// The training images as they are (n, height x width x channels), float64, and their classes, on the device.
    pub(super) fn pixels(&self) -> Result<(Tensor, Tensor), TchError> {
        let size = [self.labels.len() as i64, self.shape.len() as i64];
        let images = Tensor::f_from_slice(&self.images)?.f_reshape(size)?.f_to_kind(tch::Kind::Double)?;
        Ok((images.f_to(self.device)?, Tensor::f_from_slice(&self.labels)?.f_to(self.device)?))
    }

    /// The training images at these positions, augmented as `seed` and `epoch` say, and their labels, on the device. What
    /// happens to an image does not depend on the others.
    pub(super) fn batch(
        &self,
        positions: &[usize],
        augmentation: Augmentation,
        seed: u64,
        epoch: usize,
    ) -> Result<(Tensor, Tensor), TchError> {
        let size = self.shape.len();
        let mut pixels = vec![0f32; positions.len() * size];
        for (&position, out) in positions.iter().zip(pixels.chunks_exact_mut(size.max(1))) {
            let image = &self.images[position * size..(position + 1) * size];
            if augmentation == Augmentation::default() {
                out.copy_from_slice(image);
            } else {
                let mut stream = Stream::named(seed, &format!("augment.{epoch}.{position}"));
                augment(image, out, self.shape, augmentation, &mut stream);
            }
        }
        let Shape { channels, height, width } = self.shape;
        let nhwc = [positions.len(), height, width, channels].map(|d| d as i64);
        let labels: Vec<i64> = positions.iter().map(|&p| self.labels[p]).collect();
        let images = Tensor::f_from_slice(&pixels)?.f_reshape(nhwc)?.f_permute([0, 3, 1, 2])?;
        Ok((images.f_to(self.device)?, Tensor::f_from_slice(&labels)?.f_to(self.device)?))
    }
}

/// The values of (n, channels, height, width) with channels innermost.
fn channels_innermost(images: &Array4<f32>) -> Vec<f32> {
    images.view().permuted_axes([0, 2, 3, 1]).iter().copied().collect()
}

/// Writes the changed image to `out`, which is zero: the mean colour, since images are standardised.
fn augment(image: &[f32], out: &mut [f32], shape: Shape, augmentation: Augmentation, stream: &mut Stream) {
    let Shape { channels: c, height, width } = shape;
    let mut shift = || stream.below(2 * augmentation.crop as u64 + 1) as isize - augmentation.crop as isize;
    let (dy, dx) = (shift(), shift());
    let mirrored = augmentation.flip && stream.below(2) == 1;
    for y in 0..height {
        let Some(from_y) = y.checked_add_signed(dy).filter(|&v| v < height) else { continue };
        for x in 0..width {
            let across = if mirrored { width - 1 - x } else { x };
            let Some(from_x) = across.checked_add_signed(dx).filter(|&v| v < width) else { continue };
            let (to, from) = ((y * width + x) * c, (from_y * width + from_x) * c);
            out[to..to + c].copy_from_slice(&image[from..from + c]);
        }
    }
    if augmentation.cutout > 0 {
        let mut span = |side: usize| {
            let first = stream.below(side as u64) as usize + side - augmentation.cutout / 2;
            first.max(side) - side..(first + augmentation.cutout).clamp(side, 2 * side) - side
        };
        let (rows, columns) = (span(height), span(width));
        for y in rows {
            out[(y * width + columns.start) * c..(y * width + columns.end) * c].fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_without_a_part_is_refused_by_its_key() {
        let digits = crate::data::open(&crate::data::DataSpec::default()).unwrap();
        let refused = |recipe: Recipe| {
            let recipe = Recipe { image: Shape::new(1, 8, 8), ..recipe };
            match TrainingData::new(digits.dataset().unwrap(), &recipe, 0, Device::Cpu) {
                Err(error) => error.to_string(),
                Ok(_) => panic!("a part is empty"),
            }
        };
        let valid = refused(Recipe { split: [0.5, 0.0, 0.5], ..Recipe::default() });
        assert!(valid.contains("images for the validation part; raise its share in `split`"), "{valid}");
        let test = refused(Recipe { limit: Some([10, 10, 0]), ..Recipe::default() });
        assert!(test.contains("test part") && test.contains("`limit`"), "{test}");
    }

    const SHAPE: Shape = Shape::new(2, 5, 4);

    fn draw(augmentation: Augmentation, count: usize) -> Vec<Vec<f32>> {
        // Pixel (y, x) of channel c is 100 c + 10 y + x + 1.
        let image: Vec<f32> = (0..40).map(|i| (i % 2 * 100 + i / 8 * 10 + i / 2 % 4 + 1) as f32).collect();
        let one = |k: usize| {
            let mut out = vec![0.0; 40];
            augment(&image, &mut out, SHAPE, augmentation, &mut Stream::new(k as u64));
            out
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn crops_shift_evenly_and_bring_in_zeros() {
        let images = draw(Augmentation { crop: 1, ..Augmentation::default() }, 900);
        let mut shifts = std::collections::BTreeMap::new();
        for image in &images {
            // The middle pixel (2, 1) of channel 0 tells where it came from.
            *shifts.entry(image[(2 * 4 + 1) * 2] as i32).or_insert(0) += 1;
            for channel in 0..2 {
                let zeros = image.iter().skip(channel).step_by(2).filter(|&&v| v == 0.0).count();
                assert!([0, 4, 5, 8].contains(&zeros), "{zeros} zeros");
            }
        }
        assert_eq!(shifts.keys().copied().collect::<Vec<_>>(), [11, 12, 13, 21, 22, 23, 31, 32, 33]);
        assert!(shifts.values().all(|&n| (65..135).contains(&n)), "{shifts:?}");
    }

    #[test]
    fn flips_mirror_half_of_the_images() {
        let images = draw(Augmentation { flip: true, ..Augmentation::default() }, 400);
        let mirrored = images.iter().filter(|i| i[0] == 4.0).count();
        assert!((160..240).contains(&mirrored), "{mirrored}");
        assert!(images.iter().all(|i| i[0] == 4.0 && i[6] == 1.0 || i[0] == 1.0 && i[6] == 4.0));
    }

    #[test]
    fn cutout_paints_one_square() {
        for image in draw(Augmentation { cutout: 2, ..Augmentation::default() }, 300) {
            let zeros = image.iter().filter(|&&v| v == 0.0).count();
            assert!([2, 4, 8].contains(&zeros), "{zeros}");
        }
        let whole = draw(Augmentation { cutout: 4, ..Augmentation::default() }, 300);
        assert!(whole.iter().any(|i| i.iter().filter(|&&v| v == 0.0).count() == 32));
    }
}
