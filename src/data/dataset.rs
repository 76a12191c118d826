//! Labelled images in memory, and the statistics that standardise them.

use super::DataError;
use crate::network::Shape;
use ndarray::{Array3, Array4, Axis};

/// Labelled images as the data set's files have them: integer pixels, one class per image.
///
/// Pixels stay 8-bit (all of CIFAR-10 is then 184 MB, a quarter of float32) and become floats image by image.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    pixels: Array4<u8>,
    white: u8,
    labels: Vec<usize>,
    classes: usize,
}

impl Dataset {
    /// A data set of `pixels` (n, c, h, w), in which `white` stands for 1.0, with one label below `classes` per image.
    ///
    /// [`DataError::BadDataset`] if it has no images, another number of labels or no white level,
    /// [`DataError::BadLabel`] for a label outside of `0..classes`, and [`DataError::BadShape`] for images of no size.
    pub fn new(
        name: impl Into<String>,
        pixels: Array4<u8>,
        white: u8,
        labels: Vec<usize>,
        classes: usize,
    ) -> Result<Self, DataError> {
        let name = name.into();
        let images = pixels.len_of(Axis(0));
        if images == 0 || labels.len() != images || white == 0 {
            return Err(DataError::BadDataset { name, images, labels: labels.len(), white });
        }
        if let Some((image, &label)) = labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
            return Err(DataError::BadLabel { name, image, label, classes });
        }
        let dataset = Dataset { name, pixels, white, labels, classes };
        dataset.shape().check(1)?;
        Ok(dataset)
    }

    /// Its name, such as `digits`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many images it has; never 0.
    #[allow(clippy::len_without_is_empty, reason = "a data set is never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The shape of its images as they were recorded.
    pub fn shape(&self) -> Shape {
        let (_, channels, height, width) = self.pixels.dim();
        Shape { channels, height, width }
    }

    /// The class of every image.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The images at these positions (each below [`Dataset::len`]), scaled to `[0, 1]`: (n, c, h, w).
    pub(super) fn images(&self, indices: &[usize]) -> Array4<f32> {
        self.pixels.select(Axis(0), indices).mapv(|pixel| f32::from(pixel) / f32::from(self.white))
    }

    /// The positions of each class's images.
    pub(super) fn members(&self) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.classes];
        for (i, &label) in self.labels.iter().enumerate() {
            members[label].push(i);
        }
        members
    }

    /// The statistics of the images at these positions, as images of `channels` channels: after channels are matched
    /// (as in [`super::adapt`]), before any resizing. [`DataError::Channels`] if they can't be matched.
    pub(super) fn stats(
        &self,
        indices: impl IntoIterator<Item = usize>,
        channels: usize,
    ) -> Result<ChannelStats, DataError> {
        let own = self.shape().channels;
        if own != channels && own != 1 && channels != 1 {
            return Err(DataError::Channels { from: own, to: channels });
        }
        let to_grey = own > 1 && channels == 1;
        let distinct = if to_grey { 1 } else { own };
        // Whole numbers, summed exactly: the same statistics on every machine and in any order.
        let (mut count, mut sums, mut squares) = (0u128, vec![0u128; distinct], vec![0u128; distinct]);
        for i in indices {
            let mut image: Array3<u64> = self.pixels.index_axis(Axis(0), i).mapv(u64::from);
            if to_grey {
                image = image.sum_axis(Axis(0)).insert_axis(Axis(0));
            }
            count += (image.len() / distinct) as u128;
            for (channel, values) in image.outer_iter().enumerate() {
                sums[channel] += u128::from(values.sum());
                squares[channel] += values.iter().map(|&v| u128::from(v * v)).sum::<u128>();
            }
        }
        let unit = f64::from(self.white) * if to_grey { own as f64 } else { 1.0 };
        let of = |channel: usize| {
            let (sum, square) = (sums[channel.min(distinct - 1)], squares[channel.min(distinct - 1)]);
            let mean = sum as f64 / (count.max(1) as f64 * unit);
            let std = ((count * square - sum * sum) as f64).sqrt() / (count.max(1) as f64 * unit);
            (mean, std)
        };
        let (mean, std) = (0..channels).map(of).unzip();
        Ok(ChannelStats { mean, std })
    }
}

/// Mean and standard deviation of each channel over a set of images with values in `[0, 1]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelStats {
    /// Mean of each channel over all images and pixels.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel, `sqrt(mean((x − mean)²))`: divided by the count, not the count less one.
    pub std: Vec<f64>,
}

impl ChannelStats {
    /// Replaces every value `x` of channel `c` of `images` (n, c, h, w) by `(x − mean[c]) / std[c]`. A channel that
    /// never varies (`std[c]` = 0) only loses its mean.
    pub(super) fn standardise(&self, images: &mut Array4<f32>) {
        for ((mut channel, &mean), &std) in images.axis_iter_mut(Axis(1)).zip(&self.mean).zip(&self.std) {
            let std = if std > 0.0 { std } else { 1.0 };
            channel.mapv_inplace(|x| ((f64::from(x) - mean) / std) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::array;

    fn colour() -> Dataset {
        let pixels = array![[[[0u8, 10]], [[20, 30]], [[100, 50]]], [[[255, 0]], [[1, 2]], [[3, 4]]]];
        Dataset::new("colour", pixels, 255, vec![0, 1], 2).unwrap()
    }

    #[test]
    fn statistics_equal_numpy() {
        // x = np.array([[[[0, 10]], [[20, 30]], [[100, 50]]], [[[255, 0]], [[1, 2]], [[3, 4]]]]) / 255
        // x.mean((0, 2, 3)), x.std((0, 2, 3)); x.mean(1).mean(), x.mean(1).std()
        let stats = colour().stats(0..2, 3).unwrap();
        assert_abs_diff_eq!(
            stats.mean[..],
            [0.2598039215686274, 0.051960784313725486, 0.153921568627451],
            epsilon = 1e-15
        );
        assert_abs_diff_eq!(
            stats.std[..],
            [0.42765218326352283, 0.04813915175368987, 0.15640558382387748],
            epsilon = 1e-15
        );
        let grey = colour().stats(0..2, 1).unwrap();
        assert_abs_diff_eq!(grey.mean[..], [0.15522875816993464], epsilon = 1e-15);
        assert_abs_diff_eq!(grey.std[..], [0.11910991394785914], epsilon = 1e-15);
        assert!(matches!(colour().stats(0..2, 4), Err(DataError::Channels { from: 3, to: 4 })));
    }

    #[test]
    fn standardised_images_have_mean_0_and_variance_1_unless_constant() {
        let data = colour();
        let mut images = data.images(&[0, 1]);
        let stats = data.stats(0..2, 3).unwrap();
        stats.standardise(&mut images);
        for channel in images.axis_iter(Axis(1)) {
            assert_abs_diff_eq!(channel.mean().unwrap(), 0.0, epsilon = 1e-6);
            assert_abs_diff_eq!(channel.std(0.0), 1.0, epsilon = 1e-6);
        }
        let flat = Dataset::new("flat", Array4::from_elem((1, 1, 2, 2), 8), 16, vec![0], 1).unwrap();
        let mut images = flat.images(&[0]);
        flat.stats([0], 1).unwrap().standardise(&mut images);
        assert_eq!(images, Array4::<f32>::zeros((1, 1, 2, 2)));
    }

    #[test]
    fn inconsistent_data_sets_are_refused() {
        let pixels = Array4::<u8>::zeros((2, 1, 2, 2));
        let make = |labels, white, classes| Dataset::new("d", pixels.clone(), white, labels, classes);
        assert!(matches!(make(vec![0], 1, 1), Err(DataError::BadDataset { labels: 1, .. })));
        assert!(matches!(make(vec![0, 0], 0, 1), Err(DataError::BadDataset { white: 0, .. })));
        assert!(matches!(make(vec![0, 3], 1, 2), Err(DataError::BadLabel { image: 1, label: 3, .. })));
        let no_size = Dataset::new("d", Array4::zeros((1, 1, 0, 2)), 1, vec![0], 1);
        assert!(matches!(no_size, Err(DataError::BadShape { .. })));
    }
}
