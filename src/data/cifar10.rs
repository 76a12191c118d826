//! `cifar10`: the official binary version, read from a folder.

use super::{DataError, DataSpec, Dataset, SourceInfo};
use ndarray::Array4;
use std::{fs, io, path::Path};

pub(super) const INFO: SourceInfo = SourceInfo {
    name: "cifar10",
    usage: "cifar10:FOLDER",
    title: "CIFAR-10",
    what: "60,000 colour images of 32x32 pixels in 10 classes, read from FOLDER (data_batch_1.bin to _5.bin, \
           test_batch.bin)",
    origin: "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html (cifar-10-binary.tar.gz)",
    licence: "none stated by its authors; not distributed with naslens",
    parse: |text| match text {
        "" => Err(DataError::NoFolder),
        folder => Ok(DataSpec::Cifar10 { folder: folder.into() }),
    },
};

const FILES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
/// The folder inside the official archive, looked into as well.
const INNER: &str = "cifar-10-batches-bin";
const SIDE: usize = 32;
/// A label, then the red, green and blue planes, row by row.
const RECORD: usize = 1 + 3 * SIDE * SIDE;
const CLASSES: u8 = 10;

/// The images of all six files in order, the test batch last. A file may hold any whole number of records, at least
/// one, so that a small extract can be used too.
pub(super) fn read(folder: &Path) -> Result<Dataset, DataError> {
    let inner = folder.join(INNER);
    let folder = if inner.is_dir() { &inner } else { folder };
    let (mut labels, mut pixels) = (Vec::new(), Vec::new());
    for file in FILES {
        let path = folder.join(file);
        let bytes = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DataError::MissingFile { folder: folder.to_owned(), file: file.to_owned() },
            _ => DataError::Read { path: path.clone(), source },
        })?;
        if bytes.is_empty() || bytes.len() % RECORD != 0 {
            return Err(DataError::Truncated { path, bytes: bytes.len(), record: RECORD });
        }
        for (record, content) in bytes.chunks_exact(RECORD).enumerate() {
            let label = content[0];
            if label >= CLASSES {
                return Err(DataError::BadRecord { path, record, label });
            }
            labels.push(usize::from(label));
            pixels.extend_from_slice(&content[1..]);
        }
    }
    let images = labels.len();
    let pixels = Array4::from_shape_vec((images, 3, SIDE, SIDE), pixels).map_err(|_| DataError::BadDataset {
        name: INFO.name.to_owned(),
        images,
        labels: images,
        white: 255,
    })?;
    Dataset::new(INFO.name, pixels, 255, labels, usize::from(CLASSES))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataSource, open};
    use crate::network::Shape;

    /// Two records in each file: record `i` overall has the label `i % 10` and planes of `i`, `i + 50` and `i + 100`.
    fn generated() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (k, file) in FILES.iter().enumerate() {
            let record = |i: u8| {
                let planes = [i, i + 50, i + 100].into_iter().flat_map(|v| [v; SIDE * SIDE]);
                std::iter::once(i % 10).chain(planes)
            };
            let i = 2 * k as u8;
            fs::write(folder.path().join(file), record(i).chain(record(i + 1)).collect::<Vec<u8>>()).unwrap();
        }
        folder
    }

    #[test]
    fn reads_labels_and_planes_in_order() {
        let folder = generated();
        let spec: DataSpec = format!("cifar10:{}", folder.path().display()).parse().unwrap();
        let DataSource::Images(data) = open(&spec).unwrap() else { panic!("cifar10 is a data set") };
        assert_eq!((data.shape(), data.len(), data.classes()), (Shape::new(3, 32, 32), 12, 10));
        assert_eq!(data.labels(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
        let image = data.images(&[11]);
        assert_eq!((image[(0, 0, 0, 0)], image[(0, 2, 31, 31)]), (11.0 / 255.0, 111.0 / 255.0));
    }

    #[test]
    fn looks_into_the_folder_of_the_archive() {
        let (folder, outer) = (generated(), tempfile::tempdir().unwrap());
        fs::rename(folder.path(), outer.path().join(INNER)).unwrap();
        assert_eq!(read(outer.path()).unwrap().len(), 12);
    }

    #[test]
    fn missing_truncated_and_damaged_files_are_named() {
        let folder = generated();
        let path = folder.path().join("data_batch_3.bin");
        let mut bytes = fs::read(&path).unwrap();
        bytes[RECORD] = 10;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(folder.path()), Err(DataError::BadRecord { record: 1, label: 10, .. })));
        fs::write(&path, &bytes[..RECORD + 7]).unwrap();
        let message = read(folder.path()).unwrap_err().to_string();
        assert!(message.contains("data_batch_3.bin' has 3080 bytes"), "{message}");
        fs::write(&path, []).unwrap();
        assert!(matches!(read(folder.path()), Err(DataError::Truncated { bytes: 0, .. })));
        fs::remove_file(&path).unwrap();
        let message = read(folder.path()).unwrap_err().to_string();
        let place = folder.path().display().to_string();
        assert!(message.contains("data_batch_3.bin' is missing") && message.contains(&format!("lie in '{place}'")));
    }
}
