//! Labelled images in memory, and the statistics that standardise them.

use super::DataError;
use super::split::by_group;
use crate::network::Shape;
use crate::seed::Stream;
use ndarray::{Array3, Array4, Axis};
use rayon::prelude::*;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

/// The part of a data set that its authors gave an image to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// To learn from.
    Train,
    /// To choose by while learning.
    Valid,
    /// To judge by at the end.
    Test,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Train => "training",
            Part::Valid => "validation",
            Part::Test => "test",
        })
    }
}

/// A file that was left out of a data set.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why it could not be used.
    pub reason: String,
}

/// Labelled images as the data set's files have them: integer pixels, one class per image.
///
/// Pixels stay 8-bit (all of CIFAR-10 is then 184 MB, a quarter of float32) and become floats image by image.
#[derive(Clone, Debug)]
pub struct Dataset {
    name: String,
    pixels: Array4<u8>,
    white: u8,
    labels: Vec<usize>,
    class_names: Vec<String>,
    parts: Option<Vec<Part>>,
    skipped: Vec<Skipped>,
    notes: Vec<String>,
    deep_white: Option<u16>,
    image_names: Option<Vec<String>>,
    groups: Option<Vec<usize>>,
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
        let class_names = (0..classes).map(|class| class.to_string()).collect();
        let (skipped, notes) = (Vec::new(), Vec::new());
        let dataset = Dataset {
            name,
            pixels,
            white,
            labels,
            class_names,
            parts: None,
            skipped,
            notes,
            deep_white: None,
            image_names: None,
            groups: None,
        };
        dataset.shape().check(1)?;
        Ok(dataset)
    }

    /// The same with names for its classes, which are numbers otherwise. [`DataError::ClassNames`] unless there is one
    /// for each class.
    pub fn with_class_names(self, class_names: Vec<String>) -> Result<Self, DataError> {
        if class_names.len() != self.classes() {
            return Err(DataError::ClassNames { classes: self.classes(), names: class_names.len(), name: self.name });
        }
        Ok(Dataset { class_names, ..self })
    }

    /// The same with the part that each image officially belongs to. [`DataError::Parts`] unless there is one per image
    /// and a training image among them; [`DataError::UnlearntClass`] if a class has images, but none for training.
    pub fn with_parts(self, parts: Vec<Part>) -> Result<Self, DataError> {
        if parts.len() != self.len() || !parts.contains(&Part::Train) {
            return Err(DataError::Parts { images: self.len(), parts: parts.len(), name: self.name });
        }
        let pairs = || self.labels.iter().zip(&parts);
        let learnt: HashSet<&usize> =
            pairs().filter(|(_, part)| **part == Part::Train).map(|(label, _)| label).collect();
        if let Some((&label, &part)) = pairs().find(|(label, _)| !learnt.contains(label)) {
            return Err(DataError::UnlearntClass { class: self.class_names[label].clone(), part, name: self.name });
        }
        Ok(Dataset { parts: Some(parts), ..self })
    }

    /// The same with fold `fold` of `folds` as its official test part and the others as training images: each class is dealt
    /// out in an order that `seed` fixes, so the folds differ by an image a class at most. Over all folds every image is
    /// tested once. Images of one group are in one fold, and a group that has all images of a class is never tested. Parts that it
    /// had are forgotten. The errors of [`Dataset::with_parts`]: a class of one image cannot be tested.
    pub fn fold(&self, folds: usize, fold: usize, seed: u64) -> Result<Self, DataError> {
        let mut stream = Stream::named(seed, "folds");
        let mut parts = vec![Part::Train; self.len()];
        let classes = self.by_class(&(0..self.len()).collect::<Vec<_>>());
        if let Some(groups) = &self.groups {
            let only = |class: &&Vec<usize>| class.iter().all(|&image| groups[image] == groups[class[0]]);
            let kept: HashSet<usize> =
                classes.iter().filter(|class| !class.is_empty()).filter(only).map(|class| groups[class[0]]).collect();
            let shares = vec![1.0 / folds.max(1) as f64; folds.max(1)];
            let dealt = by_group(classes, groups, &shares, &mut stream);
            let tested = dealt.into_iter().nth(fold).unwrap_or_default().into_iter().flatten();
            tested.filter(|&image| !kept.contains(&groups[image])).for_each(|image| parts[image] = Part::Test);
            return self.clone().with_parts(parts);
        }
        let mut dealt = 0;
        for mut class in classes {
            stream.shuffle(&mut class);
            for image in class {
                if dealt % folds.max(1) == fold {
                    parts[image] = Part::Test;
                }
                dealt += 1;
            }
        }
        self.clone().with_parts(parts)
    }

    /// The same with the group of each image, such as a patient or a scene: [`super::split`] keeps images of one group together.
    /// Without groups if there is not one for each.
    pub fn with_groups(self, groups: Option<Vec<usize>>) -> Self {
        let groups = groups.filter(|groups| groups.len() == self.len());
        Dataset { groups, ..self }
    }

    /// The group of each image, if there are groups.
    pub fn groups(&self) -> Option<&[usize]> {
        self.groups.as_deref()
    }

    /// How many images it has, or groups of them if there are: what is parted as a whole.
    pub fn units(&self) -> usize {
        self.groups.as_ref().map_or(self.len(), |groups| groups.iter().collect::<HashSet<_>>().len())
    }

    /// The same, read from files of which these were left out.
    pub(super) fn with_skipped(self, skipped: Vec<Skipped>) -> Self {
        Dataset { skipped, ..self }
    }

    /// The same with remarks on how its files were read.
    pub(super) fn with_notes(self, notes: Vec<String>) -> Self {
        Dataset { notes, ..self }
    }

    /// The same, with what files of 16 bits a channel have for white.
    pub(super) fn with_deep_white(self, deep_white: Option<u16>) -> Self {
        Dataset { deep_white, ..self }
    }

    /// The same with a name for each image.
    pub(super) fn with_image_names(self, names: Vec<String>) -> Self {
        Dataset { image_names: Some(names), ..self }
    }

    /// What the image at this position is called: the path of its file in the folder, or its position.
    pub fn image_name(&self, image: usize) -> String {
        let names = self.image_names.as_ref();
        names.and_then(|names| names.get(image)).cloned().unwrap_or_else(|| image.to_string())
    }

    /// The image at this position as a PNG file, grey or the first three channels; None where it cannot be encoded.
    pub fn png(&self, image: usize) -> Option<Vec<u8>> {
        let pixels = self.pixels.index_axis(Axis(0), image);
        let (channels, height, width) = pixels.dim();
        let colour = if channels < 3 { 1 } else { 3 };
        let scale = |value: u8| (u32::from(value) * 255 / u32::from(self.white)).min(255) as u8;
        let bytes: Vec<u8> = pixels
            .slice(ndarray::s![..colour, .., ..])
            .permuted_axes([1, 2, 0])
            .iter()
            .map(|&value| scale(value))
            .collect();
        let kind = if colour == 1 { image::ExtendedColorType::L8 } else { image::ExtendedColorType::Rgb8 };
        let mut file = Vec::new();
        let encoder = image::codecs::png::PngEncoder::new(&mut file);
        image::ImageEncoder::write_image(encoder, &bytes, width as u32, height as u32, kind).ok()?;
        Some(file)
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

    /// A hash of pixels, labels, names of classes and groups, 32 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = md5::Context::new();
        match self.pixels.as_slice() {
            Some(pixels) => hash.consume(pixels),
            None => self.pixels.iter().for_each(|&pixel| hash.consume([pixel])),
        }
        self.labels.iter().for_each(|&label| hash.consume((label as u64).to_le_bytes()));
        self.class_names.iter().for_each(|name| hash.consume(format!("{name}\n")));
        self.groups.iter().flatten().for_each(|&group| hash.consume((group as u64).to_le_bytes()));
        format!("{:x}", hash.finalize())
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
        self.class_names.len()
    }

    /// The names of the classes; numbers from 0 if the files have none.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The files that were left out because they could not be decoded; only where that was asked for.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What was done to images that files store in an unusual way, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether its authors parted it, so that [`super::split`] takes their parts.
    pub fn has_parts(&self) -> bool {
        self.parts.is_some()
    }

    /// The positions of the images of an official part. Without official parts all images are for training.
    pub fn part(&self, part: Part) -> Vec<usize> {
        let belongs = |&i: &usize| self.parts.as_ref().map_or(Part::Train, |parts| parts[i]) == part;
        (0..self.len()).filter(belongs).collect()
    }

    /// The images at these positions (each below [`Dataset::len`]), scaled to `[0, 1]`: (n, c, h, w).
    pub(super) fn images(&self, indices: &[usize]) -> Array4<f32> {
        self.pixels.select(Axis(0), indices).mapv(|pixel| f32::from(pixel) / f32::from(self.white))
    }

    /// `positions` by class, in their order.
    pub(super) fn by_class(&self, positions: &[usize]) -> Vec<Vec<usize>> {
        let mut members = vec![Vec::new(); self.classes()];
        positions.iter().for_each(|&i| members[self.labels[i]].push(i));
        members
    }

    /// The statistics of the images at these positions, as images of `channels` channels: after channels are matched
    /// (as in [`super::adapt`]), before any resizing. [`DataError::Channels`] if they can't be matched.
    pub(super) fn stats(&self, positions: &[usize], channels: usize) -> Result<ChannelStats, DataError> {
        let own = self.shape().channels;
        if own != channels && own != 1 && channels != 1 {
            return Err(DataError::Channels { from: own, to: channels });
        }
        let to_grey = own > 1 && channels == 1;
        let distinct = if to_grey { 1 } else { own };
        // Whole numbers, summed exactly: the same statistics on every machine and in any order.
        let sums_of = |&i: &usize| -> Vec<[u128; 2]> {
            let mut image: Array3<u64> = self.pixels.index_axis(Axis(0), i).mapv(u64::from);
            if to_grey {
                image = image.sum_axis(Axis(0)).insert_axis(Axis(0));
            }
            let sums = |plane: ndarray::ArrayView2<u64>| [plane.sum(), plane.iter().map(|&v| v * v).sum()];
            image.outer_iter().map(|plane| sums(plane).map(u128::from)).collect()
        };
        let add = |mut a: Vec<[u128; 2]>, b: Vec<[u128; 2]>| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a = [a[0] + b[0], a[1] + b[1]]);
            a
        };
        let sums = positions.par_iter().map(sums_of).reduce(|| vec![[0; 2]; distinct], add);
        let count = (positions.len() * self.shape().height * self.shape().width) as u128;
        let unit = f64::from(self.white) * if to_grey { own as f64 } else { 1.0 };
        let of = |channel: usize| {
            let [sum, square] = sums[channel.min(distinct - 1)];
            let mean = sum as f64 / (count.max(1) as f64 * unit);
            let std = ((count * square - sum * sum) as f64).sqrt() / (count.max(1) as f64 * unit);
            (mean, std)
        };
        let (mean, std) = (0..channels).map(of).unzip();
        let size = [self.shape().height, self.shape().width];
        Ok(ChannelStats { mean, std, size, deep_white: self.deep_white })
    }
}

/// Mean and standard deviation of each channel over a set of images with values in `[0, 1]`, and how these were read: what has to
/// be done to another image before it is shown to a network that was trained on them.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelStats {
    /// Mean of each channel over all images and pixels.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel, `sqrt(mean((x − mean)²))`: divided by the count, not the count less one.
    pub std: Vec<f64>,
    /// Height and width of the images: before they are standardised and resized to those of a network.
    pub size: [usize; 2],
    /// What is white in files of 16 bits a channel, if there were such: 4095 where they use 12 bits.
    pub deep_white: Option<u16>,
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
#[path = "dataset_tests.rs"]
mod tests;
