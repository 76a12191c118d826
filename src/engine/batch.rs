//! Images and labels on a device.

use std::collections::HashMap;

use ndarray::{Array4, Axis};
use tch::{Device, Tensor};

use super::EngineError;
use super::weights::channels_last;
use crate::network::Shape;

/// A batch of images and labels on a device.
#[derive(Debug)]
pub struct DeviceBatch {
    images: Tensor,
    labels: Tensor,
    classes: Vec<usize>,
    shape: Shape,
    counts: BatchCounts,
}

/// How much the images of a batch differ: scores that compare images are not defined for all batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// Number of images.
    pub images: usize,
    /// Whether every channel has one value in the whole batch.
    pub blank: bool,
    /// Whether two images differ.
    pub differ: bool,
    /// Whether two images of one class differ.
    pub differ_in_a_class: bool,
}

impl BatchCounts {
    fn of(images: &Array4<f32>, labels: &[usize]) -> Self {
        let differ = |a: usize, b: usize| images.index_axis(Axis(0), a) != images.index_axis(Axis(0), b);
        let mut first_of: HashMap<usize, usize> = HashMap::new();
        let in_a_class = |(i, &label): (usize, &usize)| differ(*first_of.entry(label).or_insert(i), i);
        let differ_in_a_class = labels.iter().enumerate().any(in_a_class);
        let blank = images.axis_iter(Axis(1)).all(|channel| {
            let first = channel.first();
            channel.iter().all(|value| Some(value) == first)
        });
        let images = images.dim().0;
        BatchCounts { images, blank, differ: (1..images).any(|i| differ(0, i)), differ_in_a_class }
    }

    /// The number of images that a comparison sees: one if all are equal, none if there is nothing to see.
    pub fn telling(&self) -> usize {
        match self {
            BatchCounts { blank: true, .. } => 0,
            BatchCounts { differ: false, images, .. } => 1.min(*images),
            BatchCounts { images, .. } => *images,
        }
    }
}

impl DeviceBatch {
    /// Copies images (n, channels, height, width) and labels to the device.
    pub fn new(images: &Array4<f32>, labels: &[usize], device: Device) -> Result<Self, EngineError> {
        let counts = BatchCounts::of(images, labels);
        let (n, c, h, w) = images.dim();
        let standard = images.as_standard_layout();
        let values = standard.as_slice().unwrap_or_default();
        let images = Tensor::f_from_slice(values)?.f_reshape([n as i64, c as i64, h as i64, w as i64])?;
        let indices: Vec<i64> = labels.iter().map(|&l| l as i64).collect();
        Ok(DeviceBatch {
            images: channels_last(&images.f_to(device)?)?,
            labels: Tensor::f_from_slice(&indices)?.f_to(device)?,
            classes: labels.to_vec(),
            shape: Shape::new(c, h, w),
            counts,
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.size()[0] as usize
    }

    /// How much the images differ.
    pub fn counts(&self) -> BatchCounts {
        self.counts
    }

    /// True if there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The images (n, channels, height, width), stored channels-last.
    pub fn images(&self) -> &Tensor {
        &self.images
    }

    /// Shape of one image.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The label of every image.
    pub fn classes(&self) -> &[usize] {
        &self.classes
    }

    /// The labels (n), int64.
    pub fn labels(&self) -> &Tensor {
        &self.labels
    }
}

// SAFETY: the tensors are written once in `new` and only read afterwards; libtorch allows concurrent reads, and the
// reference counts of shallow clones are atomic.
unsafe impl Sync for DeviceBatch {}
