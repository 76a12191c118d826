//! Transparency and size of a decoded image.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{ColorType, DynamicImage, ImageBuffer, Luma, Pixel, Primitive, Rgb};

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

/// The image in another size, antialiased, by a triangle as wide as the reduction. It has no alpha channel.
pub(super) fn resized(image: DynamicImage, height: u32, width: u32) -> Result<DynamicImage, String> {
    if (image.height(), image.width()) == (height, width) {
        return Ok(image);
    }
    let kind = match image.color() {
        ColorType::L8 => PixelType::U8,
        ColorType::Rgb8 => PixelType::U8x3,
        ColorType::L16 => PixelType::U16,
        ColorType::Rgb16 => PixelType::U16x3,
        other => return Err(format!("its pixels are {other:?}")),
    };
    let words = |bytes: Vec<u8>| bytes.chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect::<Vec<u16>>();
    let source = ImageRef::new(image.width(), image.height(), image.as_bytes(), kind).map_err(|e| e.to_string())?;
    let mut out = Image::new(width, height, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    Resizer::new().resize(&source, &mut out, &options).map_err(|e| e.to_string())?;
    let bytes = out.into_vec();
    let resized = match kind {
        PixelType::U8 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8),
        PixelType::U8x3 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8),
        PixelType::U16 => ImageBuffer::from_raw(width, height, words(bytes)).map(DynamicImage::ImageLuma16),
        _ => ImageBuffer::from_raw(width, height, words(bytes)).map(DynamicImage::ImageRgb16),
    };
    resized.ok_or_else(|| "its pixels are not what it announces".into())
}
