//! Putting a data set together from the files of its official parts.

use super::{DataError, Dataset, Part};
use crate::network::Shape;
use ndarray::Array4;

/// The most classes of a file that names none: a larger label is more likely damage than a class.
const MAX_CLASSES: usize = 1 << 16;

/// The parts read so far.
pub(super) struct Assembly {
    name: String,
    shape: Option<Shape>,
    /// The pixels of all images, (n, c, h, w).
    pub pixels: Vec<u8>,
    labels: Vec<usize>,
    parts: Vec<Part>,
}

impl Assembly {
    /// Nothing yet.
    pub fn new(name: String) -> Self {
        Assembly { name, shape: None, pixels: Vec::new(), labels: Vec::new(), parts: Vec::new() }
    }

    /// Announces `count` images of `shape`, which are then appended to `pixels`. [`DataError::Mismatch`] if earlier parts
    /// have another shape, [`DataError::TooLarge`] if all of them are too many.
    pub fn announce(&mut self, part: Part, shape: Shape, count: usize) -> Result<(), DataError> {
        let expected = *self.shape.get_or_insert(shape);
        if expected != shape {
            let (found, expected) = (format!("{shape} images"), format!("{expected} images as in the training part"));
            return Err(DataError::Mismatch { name: self.name.clone(), part, found, expected });
        }
        shape.check_pixels(count.saturating_add(self.parts.len()))
    }

    /// [`DataError::Mismatch`] unless there are as many labels as images.
    pub fn check_labels(&self, part: Part, images: usize, labels: usize) -> Result<(), DataError> {
        if labels == images {
            return Ok(());
        }
        let (found, expected) = (format!("{labels} labels"), format!("{images}, one per image,"));
        Err(DataError::Mismatch { name: self.name.clone(), part, found, expected })
    }

    /// Gives the images just appended their labels.
    pub fn label(&mut self, part: Part, labels: Vec<usize>) -> Result<(), DataError> {
        if let Some((i, &label)) = labels.iter().enumerate().find(|&(_, &label)| label >= MAX_CLASSES) {
            let image = self.labels.len() + i;
            return Err(DataError::BadLabel { name: self.name.clone(), image, label, classes: MAX_CLASSES });
        }
        self.labels.extend(labels);
        self.parts.resize(self.labels.len(), part);
        Ok(())
    }

    /// The data set. Its classes are 0 to the largest label.
    pub fn finish(mut self) -> Result<Dataset, DataError> {
        let images = self.labels.len();
        let classes = self.labels.iter().max().map_or(0, |&label| label + 1);
        let shape = self.shape.unwrap_or(Shape::new(1, 1, 1));
        self.pixels.shrink_to_fit();
        let pixels = Array4::from_shape_vec((images, shape.channels, shape.height, shape.width), self.pixels);
        let Ok(pixels) = pixels else {
            return Err(DataError::BadDataset { name: self.name, images, labels: images, white: u8::MAX });
        };
        Dataset::new(self.name, pixels, u8::MAX, self.labels, classes)?.with_parts(self.parts)
    }
}
