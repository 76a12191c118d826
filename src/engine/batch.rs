//! Images and labels on a device.

use ndarray::Array4;
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
}

impl DeviceBatch {
    /// Copies images (n, channels, height, width) and labels to the device.
    pub fn new(images: &Array4<f32>, labels: &[usize], device: Device) -> Result<Self, EngineError> {
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
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.size()[0] as usize
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
