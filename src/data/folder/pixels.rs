//! Transparency and size of a decoded image.

use crate::data::resample::resample;
use image::{DynamicImage, ImageBuffer, Luma, Pixel, Primitive, Rgb};

/// The image without its alpha channel, as it looks on white paper, or on black if white is all that can be seen of it; and
/// whether any of it is transparent.
pub(super) fn composite(image: DynamicImage) -> Result<(DynamicImage, bool), String> {
    Ok(match image {
        DynamicImage::ImageLumaA8(i) => {
            let (image, transparent) = on_paper::<_, Luma<u8>>(i.as_raw(), i.width(), i.height())?;
            (image.into(), transparent)
        }
        DynamicImage::ImageRgba8(i) => {
            let (image, transparent) = on_paper::<_, Rgb<u8>>(i.as_raw(), i.width(), i.height())?;
            (image.into(), transparent)
        }
        DynamicImage::ImageLumaA16(i) => {
            let (image, transparent) = on_paper::<_, Luma<u16>>(i.as_raw(), i.width(), i.height())?;
            (image.into(), transparent)
        }
        DynamicImage::ImageRgba16(i) => {
            let (image, transparent) = on_paper::<_, Rgb<u16>>(i.as_raw(), i.width(), i.height())?;
            (image.into(), transparent)
        }
        opaque => (opaque, false),
    })
}

/// An image, and whether any of it was transparent.
type OnPaper<P, T> = (ImageBuffer<P, Vec<T>>, bool);

/// Pixels of the channels of `P` and one of alpha, whose largest value is opaque.
fn on_paper<T, P>(pixels: &[T], width: u32, height: u32) -> Result<OnPaper<P, T>, String>
where
    T: Primitive + Into<u64>,
    P: Pixel<Subpixel = T>,
{
    let channels = usize::from(P::CHANNEL_COUNT);
    let white: u64 = T::DEFAULT_MAX_VALUE.into();
    let alpha = |pixel: &[T]| -> u64 { pixel[channels].into() };
    let transparent = pixels.chunks_exact(channels + 1).any(|pixel| alpha(pixel) < white);
    let mut visible = pixels.chunks_exact(channels + 1).filter(|pixel| alpha(pixel) > 0).peekable();
    let white_only = visible.peek().is_some() && visible.all(|p| p[..channels].iter().all(|&v| v.into() == white));
    let paper = if white_only { 0 } else { white };
    let mixed = pixels.chunks_exact(channels + 1).flat_map(|pixel| {
        let alpha = alpha(pixel);
        pixel[..channels].iter().map(move |&value| {
            let value = (value.into() * alpha + paper * (white - alpha) + white / 2) / white;
            T::from(value).unwrap_or(T::DEFAULT_MAX_VALUE)
        })
    });
    let image = ImageBuffer::from_raw(width, height, mixed.collect()).ok_or("its pixels are not what it announces")?;
    Ok((image, transparent))
}

/// The image in another size, as [`resample`] makes it. It has no alpha channel.
pub(super) fn resized(image: DynamicImage, height: u32, width: u32) -> Result<DynamicImage, String> {
    let resized = match image {
        DynamicImage::ImageLuma8(i) => scaled(&i, height, width).map(DynamicImage::from),
        DynamicImage::ImageRgb8(i) => scaled(&i, height, width).map(DynamicImage::from),
        DynamicImage::ImageLuma16(i) => scaled(&i, height, width).map(DynamicImage::from),
        DynamicImage::ImageRgb16(i) => scaled(&i, height, width).map(DynamicImage::from),
        other => return Err(format!("its pixels are {:?}", other.color())),
    };
    resized.ok_or_else(|| "its pixels are not what it announces".into())
}

fn scaled<P, T>(image: &ImageBuffer<P, Vec<T>>, height: u32, width: u32) -> Option<ImageBuffer<P, Vec<T>>>
where
    T: Primitive + Into<i64> + TryFrom<i64> + Default,
    P: Pixel<Subpixel = T>,
{
    let size = |height: u32, width: u32| [height as usize, width as usize];
    let (from, channels) = (size(image.height(), image.width()), usize::from(P::CHANNEL_COUNT));
    ImageBuffer::from_raw(width, height, resample(image.as_raw(), channels, from, size(height, width)))
}
