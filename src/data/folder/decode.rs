//! From one file to the pixels of one image.

use super::pixels::{composite, resized};
use crate::data::Watch;
use crate::data::regular::open_regular;
use crate::network::Shape;
use image::codecs::{bmp::BmpDecoder, jpeg::JpegDecoder, png::PngDecoder, tiff::TiffDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, Limits};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// The most bytes of a file.
const MAX_BYTES: u64 = 256 << 20;
/// The most pixels of a file, more than cameras have: a small file can announce an enormous image. This many are decoded in
/// about a second.
const MAX_PIXELS: u64 = 100_000_000;
/// The most bytes of colour profiles and text that a PNG file may hold.
const MAX_EXTRAS: u64 = 16 << 20;
/// The bytes of a JPEG file in which its header is looked for before all of it is read.
const JPEG_HEAD: u64 = 256 << 10;
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8";

/// What a file says of its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub height: usize,
    pub width: usize,
    pub grey: bool,
}

/// What there was to do to an image before it looked as viewers show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Treatment {
    /// It was turned or mirrored, as its EXIF data say.
    pub turned: bool,
    /// Some of it is transparent.
    pub transparent: bool,
    /// It is a JPEG in the colours of print.
    pub cmyk: bool,
    /// Its pixels in place of 8-bit ones: it has 16 bits a channel, which are scaled when those of all images are known.
    pub deep: Option<Deep>,
}

/// An image of 16 bits a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deep {
    /// Its planes (c, h, w), resized.
    pub planes: Vec<u16>,
    /// Its largest value before it was resized.
    pub max: u16,
}

impl Deep {
    /// Its planes in 8 bits, if `white` is white.
    pub fn levels(&self, white: u16) -> impl Iterator<Item = u8> {
        let white = u32::from(white);
        self.planes.iter().map(move |&value| ((u32::from(value.min(white as u16)) * 255 + white / 2) / white) as u8)
    }
}

/// Reads what the file says of its image, EXIF rotation applied; the reason in words if it can't be.
pub(super) fn header(path: &Path) -> Result<Header, String> {
    let mut file = open(path)?;
    let format = format(&mut file)?;
    if format != ImageFormat::Jpeg {
        return read_header(&mut decoder(format, BufReader::new(file))?);
    }
    let mut bytes = Vec::new();
    file.by_ref().take(JPEG_HEAD).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    match JpegDecoder::new(Cursor::new(&bytes)) {
        Err(_) if bytes.len() as u64 == JPEG_HEAD => {
            file.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
            read_header(&mut JpegDecoder::new(Cursor::new(&bytes)).map_err(reason)?)
        }
        decoder => read_header(&mut decoder.map_err(reason)?),
    }
}

fn read_header(decoder: &mut impl ImageDecoder) -> Result<Header, String> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        let limit = MAX_PIXELS / 1_000_000;
        return Err(format!("{width}x{height} are {} megapixels, more than {limit}: reduce it", pixels / 1_000_000));
    }
    let grey = matches!(decoder.color_type(), ColorType::L8 | ColorType::La8 | ColorType::L16 | ColorType::La16);
    let [height, width] =
        if on_its_side(decoder.orientation().map_err(reason)?) { [width, height] } else { [height, width] };
    Ok(Header { height: height as usize, width: width as usize, grey })
}

/// Decodes the file into `planes` (c, h, w), resized to `shape`: each pixel is the mean of those it covers, weighted by a
/// triangle (antialiased bilinear interpolation, as Pillow's `BILINEAR`).
pub(super) fn decode(path: &Path, shape: Shape, planes: &mut [u8], watch: &Watch<'_>) -> Result<Treatment, String> {
    let mut treatment = Treatment::default();
    let mut file = open(path)?;
    let (image, orientation) = match format(&mut file)? {
        ImageFormat::Jpeg => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(|e| e.to_string())?;
            let Some(channels) = channels_of_whole_jpeg(&bytes) else {
                return Err("the JPEG data end before the image does".into());
            };
            treatment.cmyk = channels == 4;
            pixels(JpegDecoder::new(Cursor::new(bytes)).map_err(reason)?)?
        }
        // What is read at once is little, so that a file that unpacks to very much can be stopped.
        format => pixels(decoder(format, BufReader::with_capacity(4096, Stoppable { file, watch }))?)?,
    };
    let (mut image, transparent) = composite(image)?;
    treatment.transparent = transparent;
    treatment.turned = orientation != Orientation::NoTransforms;
    image.apply_orientation(orientation);
    let max = image.as_luma16().map(|i| i.as_raw()).or(image.as_rgb16().map(|i| i.as_raw()));
    let max = max.and_then(|values| values.iter().copied().max());
    match (max, &resized(image, shape.height as u32, shape.width as u32)?) {
        (None, image) => into_planes(image.as_bytes(), shape, planes)?,
        (Some(max), image) => {
            let values: Vec<u16> = image.as_bytes().chunks_exact(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect();
            let mut deep = Deep { planes: vec![0; planes.len()], max };
            into_planes(&values, shape, &mut deep.planes)?;
            treatment.deep = Some(deep);
        }
    }
    Ok(treatment)
}

/// Pixels with their channels side by side as planes; grey ones are repeated for colour.
fn into_planes<T: Copy>(pixels: &[T], shape: Shape, planes: &mut [T]) -> Result<(), String> {
    let size = shape.height * shape.width;
    let channels = pixels.len() / size;
    if channels != 1 && channels != shape.channels {
        return Err("it changed while it was read".into());
    }
    for (channel, plane) in planes.chunks_exact_mut(size).enumerate() {
        let values = pixels.iter().skip(channel.min(channels - 1)).step_by(channels);
        plane.iter_mut().zip(values).for_each(|(out, &pixel)| *out = pixel);
    }
    Ok(())
}

fn pixels(mut decoder: impl ImageDecoder) -> Result<(DynamicImage, Orientation), String> {
    read_header(&mut decoder)?;
    let orientation = decoder.orientation().map_err(reason)?;
    Ok((DynamicImage::from_decoder(decoder).map_err(reason)?, orientation))
}

/// The decoder of a format other than JPEG. A TIFF of several pages is refused.
fn decoder<'a, R: BufRead + Seek + 'a>(
    format: ImageFormat,
    mut reader: R,
) -> Result<Box<dyn ImageDecoder + 'a>, String> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_EXTRAS);
    Ok(match format {
        ImageFormat::Png => Box::new(PngDecoder::with_limits(reader, limits).map_err(reason)?),
        ImageFormat::Bmp => Box::new(BmpDecoder::new(reader).map_err(reason)?),
        ImageFormat::WebP => Box::new(WebPDecoder::new(reader).map_err(reason)?),
        _ if has_pages(&mut reader).map_err(|e| e.to_string())? => {
            return Err("it has several pages: make each a file, for example with `magick FILE OUT-%d.tif`".into());
        }
        _ => Box::new(TiffDecoder::new(reader).map_err(reason)?),
    })
}

/// Whether a second directory follows the first of a TIFF file; the place of the reader is kept.
fn has_pages(reader: &mut (impl Read + Seek)) -> io::Result<bool> {
    let mut read = |at: u64, size: usize, big_endian: bool| {
        let mut bytes = [0; 8];
        reader.seek(SeekFrom::Start(at))?;
        reader.read_exact(&mut bytes[..size])?;
        if big_endian {
            bytes[..size].reverse();
        }
        Ok::<_, io::Error>(u64::from_le_bytes(bytes))
    };
    let big_endian = read(0, 1, false)? == u64::from(b'M');
    // BigTIFF has wider numbers: of entries, of the bytes of an entry, and of the place of the next directory.
    let (wide, count, entry, next) = if read(2, 2, big_endian)? == 43 { (8, 8, 20, 8) } else { (4, 2, 12, 4) };
    let first = read(wide, next, big_endian)?;
    let end = read(first, count, big_endian)?.saturating_mul(entry).saturating_add(first + count as u64);
    let pages = read(end, next, big_endian)? != 0;
    reader.seek(SeekFrom::Start(0))?;
    Ok(pages)
}

/// Opens a file that is neither empty nor too long to be read.
fn open(path: &Path) -> Result<File, String> {
    let (file, length) = open_regular(path).map_err(|e| e.to_string())?;
    match length {
        0 => Err("it is empty".into()),
        length if length > MAX_BYTES => Err(format!("it has more than {} MiB", MAX_BYTES >> 20)),
        _ => Ok(file),
    }
}

/// The format by the content: what ends in .png may be a JPEG.
fn format(file: &mut File) -> Result<ImageFormat, String> {
    let mut start = Vec::new();
    file.take(64).read_to_end(&mut start).map_err(|e| e.to_string())?;
    file.seek(SeekFrom::Start(0)).map_err(|e| e.to_string())?;
    use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
    match image::guess_format(&start) {
        _ if start.starts_with(PNG) => Ok(Png),
        _ if start.starts_with(JPEG) => Ok(Jpeg),
        Ok(found @ (Tiff | Bmp | WebP)) => Ok(found),
        _ if start.starts_with(b"II\x2b\0") || start.starts_with(b"MM\0\x2b") => Ok(Tiff),
        Ok(other) => Err(format!("its content is {other:?}, not PNG, JPEG, TIFF, BMP or WebP")),
        Err(_) => Err("its content is none of PNG, JPEG, TIFF, BMP and WebP".into()),
    }
}

/// A file that can't be read any more once it was said to stop.
struct Stoppable<'a> {
    file: File,
    watch: &'a Watch<'a>,
}

impl Read for Stoppable<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.watch.stopped() { Err(io::Error::other("interrupted")) } else { self.file.read(buffer) }
    }
}

impl Seek for Stoppable<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Whether height becomes width.
fn on_its_side(orientation: Orientation) -> bool {
    use Orientation::*;
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// An error on one line.
fn reason(error: image::ImageError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The channels of a JPEG file whose segments reach the end-of-image marker; none if they don't. The decoder itself fills what is
/// missing with grey.
fn channels_of_whole_jpeg(bytes: &[u8]) -> Option<u8> {
    let (mut at, mut channels) = (2, 0);
    loop {
        // Bytes of image data, stuffed zeros (FF 00), restart markers (FF D0 to FF D7) and filling (FF FF) come before a marker.
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)? + 1;
        match bytes.get(at)? {
            0xd9 => return Some(channels),
            0xff => {}
            0x00 | 0x01 | 0xd0..=0xd8 => at += 1,
            marker => {
                let &[high, low] = bytes.get(at + 1..at + 3)? else { return None };
                // Frames: length, bits, height, width, channels.
                if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                    channels = *bytes.get(at + 8)?;
                }
                at += 1 + usize::from(high) * 256 + usize::from(low);
            }
        }
    }
}
