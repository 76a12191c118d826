//! `npz`: arrays in one file, in the layout of MedMNIST.

mod npy;

use self::npy::Header;
use super::assembly::Assembly;
use super::regular::{MOST_EXPANSION, open_regular};
use super::spec::AtPath;
use super::{DataError, DataSpec, Dataset, Part, SourceInfo};
use crate::network::Shape;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use zip::ZipArchive;
use zip::read::ZipFile;

pub(super) const INFO: SourceInfo = SourceInfo {
    name: "npz",
    usage: "npz:FILE",
    title: "MedMNIST and data sets in its layout (NumPy archive)",
    what: "the arrays train_images, train_labels, val_images, val_labels, test_images and test_labels in FILE: images are 8-bit, \
           (n, height, width) or (n, height, width, 3), labels whole numbers, (n) or (n, 1); official parts: those there are",
    origin: "Yang et al., MedMNIST v2, Scientific Data 2023, https://medmnist.com",
    licence: "that of the data set (MedMNIST: CC BY 4.0, DermaMNIST CC BY-NC 4.0); not distributed with naslens",
    parse,
};

fn parse(text: &str) -> Result<DataSpec, DataError> {
    AtPath::parse(&INFO, "file with its arrays", text, read)
}

const PARTS: [(Part, &str); 3] = [(Part::Train, "train"), (Part::Valid, "val"), (Part::Test, "test")];
const REMEDY: &str = "give the npz file of a 2-D MedMNIST set, or arrays saved like it by numpy.savez_compressed";

/// The images of the parts that are there, training first. Classes are 0 to the largest label.
pub(super) fn read(path: &Path) -> Result<Dataset, DataError> {
    let refuse = |reason: String| DataError::Format { path: path.to_owned(), format: "npz", reason, remedy: REMEDY };
    let (file, length) = open_regular(path).map_err(|source| match source.kind() {
        ErrorKind::NotFound => DataError::MissingFile {
            data: INFO.name,
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            remedy: "download a data set of https://medmnist.com so that its npz file",
        },
        _ => DataError::Read { path: path.to_owned(), source },
    })?;
    let mut archive = ZipArchive::new(file).map_err(|e| refuse(e.to_string()))?;
    let mut assembly = Assembly::new(format!("{}:{}", INFO.name, path.display()));
    for (part, prefix) in PARTS {
        let [images, labels] = ["images", "labels"].map(|kind| format!("{prefix}_{kind}"));
        let has = |name: &str| archive.index_for_name(&format!("{name}.npy")).is_some();
        match (has(&images), has(&labels)) {
            (true, true) => {}
            (false, false) if part != Part::Train => continue,
            _ => {
                let names: Vec<&str> = archive.file_names().take(20).collect();
                return Err(refuse(format!("it needs {images}.npy and {labels}.npy; it has: {}", names.join(" "))));
            }
        }
        let because = |array: &str| {
            let array = array.to_owned();
            move |reason: String| refuse(format!("{array}: {reason}"))
        };
        let mut stream = entry(&mut archive, &images, length).map_err(because(&images))?;
        let header = Header::read(&mut stream).map_err(because(&images))?;
        let (count, shape) = images_of(&header).map_err(because(&images))?;
        shape.check_pixels(count).map_err(|e| refuse(format!("{images}: {e}")))?;
        assembly.announce(part, shape, count)?;
        read_images(&mut stream, count, shape, &mut assembly.pixels).map_err(because(&images))?;

        drop(stream);
        let mut stream = entry(&mut archive, &labels, length).map_err(because(&labels))?;
        let header = Header::read(&mut stream).map_err(because(&labels))?;
        match header.sizes[..] {
            [n] | [n, 1] => assembly.check_labels(part, count, n)?,
            [_, several] => {
                let (name, array) = (format!("{}:{}", INFO.name, path.display()), labels);
                return Err(DataError::MultiLabel { name, array, labels: several });
            }
            _ => return Err(refuse(format!("{labels} has the shape {:?}, not (n) or (n, 1)", header.sizes))),
        }
        assembly.label(part, header.integers(stream, count).map_err(because(&labels))?)?;
    }
    assembly.finish()
}

/// The bytes of an array, which end with an error if their checksum differs. What a file of `length` bytes can't hold is
/// refused before it is unpacked.
fn entry<'a>(archive: &'a mut ZipArchive<File>, name: &str, length: u64) -> Result<ZipFile<'a, File>, String> {
    let entry = archive.by_name(&format!("{name}.npy")).map_err(|e| e.to_string())?;
    match entry.size() / MOST_EXPANSION > length {
        true => Err("the file is too short for what it announces".into()),
        false => Ok(entry),
    }
}

/// How many images an array is, and their shape.
fn images_of(header: &Header) -> Result<(usize, Shape), String> {
    if header.dtype != "|u1" {
        return Err(format!("its pixels are {}, not 8-bit (uint8, 0 to 255)", header.dtype));
    }
    match header.sizes[..] {
        [n, height, width] => Ok((n, Shape::new(1, height, width))),
        [n, height, width, channels @ (1 | 3)] => Ok((n, Shape::new(channels, height, width))),
        [_, _, _, _] | [_, _, _, _, _] => {
            Err(format!("images of the shape {:?} are volumes, not 2-D", &header.sizes[1..]))
        }
        _ => Err(format!("its shape is {:?}, not (n, height, width) or (n, height, width, 3)", header.sizes)),
    }
}

/// Appends the images, turning pixels with their channels side by side into planes.
fn read_images(mut stream: impl Read, count: usize, shape: Shape, pixels: &mut Vec<u8>) -> Result<(), String> {
    let mut image = vec![0; shape.len()];
    for i in 0..count {
        stream.read_exact(&mut image).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => format!("it ends within image {i} of {count}"),
            _ => format!("{e} (in image {i} of {count})"),
        })?;
        for channel in 0..shape.channels {
            pixels.extend(image.iter().skip(channel).step_by(shape.channels));
        }
    }
    // The end must be there, and the checksum is compared at it.
    match stream.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(format!("it goes on after its {count} images")),
        Err(e) => Err(e.to_string()),
    }
}

#[cfg(test)]
mod tests;
