//! From one file to the pixels of one image.

use image::imageops::FilterType;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use crate::network::Shape;

/// The most bytes of a file, and of its pixels once decoded: a small file can announce an enormous image.
const MAX_BYTES: u64 = 256 << 20;
/// The most pixels a side of a file.
const MAX_SIDE: u32 = 1 << 15;

/// What a file says of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub height: usize,
    pub width: usize,
    pub grey: bool,
}

/// Reads what the file says of its image; the reason in words if it can't be.
pub(super) fn header(path: &Path) -> Result<Header, String> {
    let decoder = reader(bytes(path)?)?.into_decoder().map_err(reason)?;
    let (width, height) = decoder.dimensions();
    let grey = matches!(decoder.color_type(), ColorType::L8 | ColorType::La8 | ColorType::L16 | ColorType::La16);
    if decoder.total_bytes() > MAX_BYTES {
        return Err(format!("{width}x{height} pixels are more than {} MiB", MAX_BYTES >> 20));
    }
    Ok(Header { height: height as usize, width: width as usize, grey })
}

/// Decodes the file into `planes` (c, h, w), resized to `shape`: each pixel is the mean of those it covers, weighted by a
/// triangle (antialiased bilinear interpolation, as Pillow's `BILINEAR`). EXIF rotation is not applied.
pub(super) fn decode(path: &Path, shape: Shape, planes: &mut [u8]) -> Result<(), String> {
    let bytes = bytes(path)?;
    if bytes.starts_with(&[0xff, 0xd8]) && !is_whole_jpeg(&bytes) {
        return Err("the JPEG data end before the image does".into());
    }
    let image = reader(bytes)?.decode().map_err(reason)?;
    let image = if shape.channels == 1 {
        DynamicImage::ImageLuma8(image.into_luma8())
    } else {
        DynamicImage::ImageRgb8(image.into_rgb8())
    };
    let (height, width) = (shape.height as u32, shape.width as u32);
    let same = (image.height(), image.width()) == (height, width);
    let image = if same { image } else { image.resize_exact(width, height, FilterType::Triangle) };
    let pixels = image.as_bytes();
    for (channel, plane) in planes.chunks_exact_mut(shape.height * shape.width).enumerate() {
        plane
            .iter_mut()
            .zip(pixels.iter().skip(channel).step_by(shape.channels))
            .for_each(|(out, &pixel)| *out = pixel);
    }
    Ok(())
}

fn bytes(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    match bytes.len() as u64 {
        0 => Err("it is empty".into()),
        length if length > MAX_BYTES => Err(format!("it has more than {} MiB", MAX_BYTES >> 20)),
        _ => Ok(bytes),
    }
}

/// The format is told by the content: what ends in .png may be a JPEG.
fn reader(bytes: Vec<u8>) -> Result<ImageReader<Cursor<Vec<u8>>>, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    match reader.format() {
        Some(ImageFormat::Png | ImageFormat::Jpeg) => {}
        Some(other) => return Err(format!("its content is {other:?}, not PNG or JPEG")),
        None => return Err("its content is neither PNG nor JPEG".into()),
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    Ok(reader)
}

/// An error on one line.
fn reason(error: image::ImageError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the segments of a JPEG file reach its end-of-image marker. The decoder itself fills what is missing with grey.
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // Bytes of image data, stuffed zeros (FF 00), restart markers (FF D0 to FF D7) and filling (FF FF) come before a marker.
        let Some(skip) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) else {
            return false;
        };
        at += skip + 1;
        match bytes.get(at) {
            None => return false,
            Some(0xd9) => return true,
            Some(0xff) => {}
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(&[high, low]) => at += 1 + usize::from(high) * 256 + usize::from(low),
                _ => return false,
            },
        }
    }
}
