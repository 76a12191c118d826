//! Shapes of images and feature maps.

use std::fmt;
use std::str::FromStr;

/// Shape of one sample's feature map or image: channels x height x width, written `3x32x32` in text and in files. A
/// vector of `c` features is `(c, 1, 1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Number of channels (or features).
    pub channels: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl Shape {
    /// A `channels` x `height` x `width` map.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Shape { channels, height, width }
    }

    /// Number of values of one sample.
    pub const fn len(&self) -> usize {
        self.channels.saturating_mul(self.height).saturating_mul(self.width)
    }

    /// True if the map holds no value at all.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Text that is not a shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an image shape; write CHANNELSxHEIGHTxWIDTH, such as 3x32x32")]
pub struct ShapeError(String);

impl FromStr for Shape {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, ShapeError> {
        let sides: Option<Vec<usize>> = text.split('x').map(|side| side.parse().ok()).collect();
        match sides.as_deref() {
            Some(&[channels, height, width]) => Ok(Shape { channels, height, width }),
            _ => Err(ShapeError(text.into())),
        }
    }
}

crate::text::serde_as_text!(Shape);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_read_from_text() {
        assert_eq!("3x32x16".parse(), Ok(Shape::new(3, 32, 16)));
        assert_eq!(serde_json::to_string(&Shape::new(1, 8, 9)).unwrap(), "\"1x8x9\"");
        for wrong in ["", "3x32", "3x32x32x1", "axbxc", "3x-1x4", "3 x 2 x 2"] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
    }
}
