//! `cifar10` and `cifar100`: the official binary versions, read from a folder.

use super::regular::open_regular;
use super::spec::{AtPath, flag, path_and_options};
use super::{DataError, DataSpec, Dataset, Part, SourceInfo};
use ndarray::Array4;
use std::io::Read;
use std::path::Path;
use std::{fs, io};

pub(super) const CIFAR10: SourceInfo = SourceInfo {
    name: "cifar10",
    usage: "cifar10:FOLDER",
    title: "CIFAR-10",
    what: "60,000 colour images of 32x32 pixels in 10 classes, read from FOLDER (data_batch_1.bin to _5.bin, \
           test_batch.bin); official parts: training, test",
    origin: "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html (cifar-10-binary.tar.gz)",
    licence: "none stated by its authors; not distributed with naslens",
    parse: parse_10,
};

pub(super) const CIFAR100: SourceInfo = SourceInfo {
    name: "cifar100",
    usage: "cifar100:FOLDER[,coarse]",
    title: "CIFAR-100",
    what: "60,000 colour images of 32x32 pixels in 100 classes (with coarse: 20 groups of them), read from FOLDER \
           (train.bin, test.bin); official parts: training, test",
    origin: "Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html (cifar-100-binary.tar.gz)",
    licence: "none stated by its authors; not distributed with naslens",
    parse: parse_100,
};

fn parse_10(text: &str) -> Result<DataSpec, DataError> {
    AtPath::parse(&CIFAR10, "folder of its binary files", text, |folder| read(&TEN, folder))
}

fn parse_100(text: &str) -> Result<DataSpec, DataError> {
    let (path, options) = path_and_options(&CIFAR100, "folder of its binary files", text, &["coarse"])?;
    options.iter().try_for_each(|&(option, value)| flag(&CIFAR100, option, value))?;
    let info = &CIFAR100;
    Ok(DataSpec::new(match options.is_empty() {
        true => AtPath { info, path, option: "", read: |folder| read(&HUNDRED, folder) },
        false => AtPath { info, path, option: ",coarse", read: |folder| read(&COARSE, folder) },
    }))
}

/// How the files of a version are laid out.
#[derive(Debug)]
struct Layout {
    name: &'static str,
    files: &'static [(&'static str, Part)],
    /// The folder inside the official archive, looked into as well.
    inner: &'static str,
    /// Label bytes before the pixels, and which of them is read.
    labels: usize,
    label: usize,
    classes: u8,
    /// A file of the archive with the names of the classes, one per line.
    class_names: &'static str,
    /// The other version, which its files may be by mistake.
    other: &'static str,
    remedy: &'static str,
}

const TEN: Layout = Layout {
    name: CIFAR10.name,
    files: &[
        ("data_batch_1.bin", Part::Train),
        ("data_batch_2.bin", Part::Train),
        ("data_batch_3.bin", Part::Train),
        ("data_batch_4.bin", Part::Train),
        ("data_batch_5.bin", Part::Train),
        ("test_batch.bin", Part::Test),
    ],
    inner: "cifar-10-batches-bin",
    labels: 1,
    label: 0,
    classes: 10,
    class_names: "batches.meta.txt",
    other: CIFAR100.name,
    remedy: "unpack cifar-10-binary.tar.gz (https://www.cs.toronto.edu/~kriz/cifar.html) so that data_batch_1.bin to \
             data_batch_5.bin and test_batch.bin",
};

const HUNDRED: Layout = Layout {
    name: CIFAR100.name,
    files: &[("train.bin", Part::Train), ("test.bin", Part::Test)],
    inner: "cifar-100-binary",
    labels: 2,
    label: 1,
    classes: 100,
    class_names: "fine_label_names.txt",
    other: CIFAR10.name,
    remedy: "unpack cifar-100-binary.tar.gz (https://www.cs.toronto.edu/~kriz/cifar.html) so that train.bin and test.bin",
};

const COARSE: Layout = Layout { label: 0, classes: 20, class_names: "coarse_label_names.txt", ..HUNDRED };

const SIDE: usize = 32;
/// The red, green and blue planes, row by row.
const PIXELS: usize = 3 * SIDE * SIDE;
/// More than the largest official file (153,800,000 bytes) has.
const MAX_BYTES: u64 = 1 << 28;

/// A file may hold any whole number of records, at least one, so that a small extract can be used too.
fn read(layout: &Layout, folder: &Path) -> Result<Dataset, DataError> {
    let inner = folder.join(layout.inner);
    let folder = if inner.is_dir() { &inner } else { folder };
    let record = layout.labels + PIXELS;
    let (mut labels, mut parts, mut pixels) = (Vec::new(), Vec::new(), Vec::new());
    for &(file, part) in layout.files {
        let path = folder.join(file);
        let mut bytes = Vec::new();
        let unreadable = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => DataError::MissingFile {
                data: layout.name,
                folder: folder.to_owned(),
                file: file.to_owned(),
                remedy: layout.remedy,
            },
            _ => DataError::Read { path: path.clone(), source },
        };
        let (file, length) = open_regular(&path).map_err(unreadable)?;
        if length > MAX_BYTES {
            let reason = format!("it has {length} bytes, more than any file of {}", layout.name);
            return Err(DataError::Format { path: path.clone(), format: "CIFAR", reason, remedy: "download it again" });
        }
        if length % record as u64 != 0 {
            return Err(DataError::Truncated { path: path.clone(), bytes: length, record });
        }
        file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.is_empty() || bytes.len() % record != 0 {
            return Err(DataError::Truncated { path, bytes: bytes.len() as u64, record });
        }
        for (i, content) in bytes.chunks_exact(record).enumerate() {
            let label = content[layout.label];
            if label >= layout.classes {
                let (classes, other) = (layout.classes, layout.other);
                return Err(DataError::BadRecord { path, record: i, label, classes, other });
            }
            labels.push(usize::from(label));
            parts.push(part);
            pixels.extend_from_slice(&content[layout.labels..]);
        }
    }
    let images = labels.len();
    let pixels = Array4::from_shape_vec((images, 3, SIDE, SIDE), pixels).map_err(|_| DataError::BadDataset {
        name: layout.name.to_owned(),
        images,
        labels: images,
        white: 255,
    })?;
    let dataset = Dataset::new(layout.name, pixels, 255, labels, usize::from(layout.classes))?;
    match class_names(&folder.join(layout.class_names), dataset.classes()) {
        Some(names) => dataset.with_class_names(names)?,
        None => dataset,
    }
    .with_parts(parts)
}

/// The lines of a file if there are as many as classes; names are not worth an error.
fn class_names(path: &Path, classes: usize) -> Option<Vec<String>> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(1 << 16).read_to_string(&mut text).ok()?;
    let names: Vec<String> = text.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (names.len() == classes).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataSource;
    use crate::data::open;
    use crate::network::Shape;
    use proptest::prelude::*;

    const RECORD: usize = 1 + PIXELS;

    /// Two records in each file: record `i` overall has the label `i % 10` and planes of `i`, `i + 50` and `i + 100`.
    fn generated() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (k, (file, _)) in TEN.files.iter().enumerate() {
            let i = 2 * k as u8;
            let records = [record(&[i % 10], i), record(&[(i + 1) % 10], i + 1)].concat();
            fs::write(folder.path().join(file), records).unwrap();
        }
        folder
    }

    fn record(labels: &[u8], i: u8) -> Vec<u8> {
        let planes = [i, i + 50, i + 100].into_iter().flat_map(|v| [v; SIDE * SIDE]);
        labels.iter().copied().chain(planes).collect()
    }

    /// Three training records of the coarse and fine labels (0, 5), (19, 99), (3, 7), and one for testing of (3, 7).
    fn generated_100() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let train = [record(&[0, 5], 0), record(&[19, 99], 1), record(&[3, 7], 2)].concat();
        fs::write(folder.path().join("train.bin"), train).unwrap();
        fs::write(folder.path().join("test.bin"), record(&[3, 7], 9)).unwrap();
        folder
    }

    fn opened(name: &str, folder: &Path, options: &str) -> Dataset {
        let spec: DataSpec = format!("{name}:{}{options}", folder.display()).parse().unwrap();
        let DataSource::Images(data) = open(&spec).unwrap() else { panic!("{name} is a data set") };
        data
    }

    #[test]
    fn reads_labels_planes_and_parts_in_order() {
        let folder = generated();
        let data = opened("cifar10", folder.path(), "");
        assert_eq!((data.shape(), data.len(), data.classes()), (Shape::new(3, 32, 32), 12, 10));
        assert_eq!(data.labels(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
        let image = data.images(&[11]);
        assert_eq!((image[(0, 0, 0, 0)], image[(0, 2, 31, 31)]), (11.0 / 255.0, 111.0 / 255.0));
        assert_eq!(data.part(Part::Test), [10, 11]);
        assert_eq!(data.class_names()[3], "3");
        let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
        fs::write(folder.path().join("batches.meta.txt"), names).unwrap();
        assert_eq!(opened("cifar10", folder.path(), "").class_names()[3], "cat");
    }

    #[test]
    fn a_hundred_classes_are_fine_or_coarse() {
        let folder = generated_100();
        let fine = opened("cifar100", folder.path(), "");
        assert_eq!((fine.classes(), fine.labels()), (100, &[5, 99, 7, 7][..]));
        assert_eq!(fine.images(&[3])[(0, 1, 0, 0)], 59.0 / 255.0);
        assert_eq!(fine.part(Part::Test), [3]);
        let coarse = opened("cifar100", folder.path(), ",coarse");
        assert_eq!((coarse.classes(), coarse.labels()), (20, &[0, 19, 3, 3][..]));
        let message = read(&TEN, folder.path()).unwrap_err().to_string();
        assert!(message.contains("data_batch_1.bin' is missing"), "{message}");
    }

    #[test]
    fn looks_into_the_folder_of_the_archive() {
        let (folder, outer) = (generated(), tempfile::tempdir().unwrap());
        fs::rename(folder.path(), outer.path().join(TEN.inner)).unwrap();
        assert_eq!(read(&TEN, outer.path()).unwrap().len(), 12);
    }

    #[test]
    fn missing_truncated_and_damaged_files_are_named() {
        let folder = generated();
        let path = folder.path().join("data_batch_3.bin");
        let mut bytes = fs::read(&path).unwrap();
        bytes[RECORD] = 10;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(read(&TEN, folder.path()), Err(DataError::BadRecord { record: 1, label: 10, .. })));
        fs::write(&path, &bytes[..RECORD + 7]).unwrap();
        let message = read(&TEN, folder.path()).unwrap_err().to_string();
        assert!(message.contains("data_batch_3.bin' has 3080 bytes"), "{message}");
        fs::File::create(&path).unwrap().set_len(2 << 30).unwrap();
        let sparse = read(&TEN, folder.path()).unwrap_err().to_string();
        assert!(sparse.contains("2147483648 bytes, more than any file of cifar10"), "{sparse}");
        fs::write(&path, []).unwrap();
        assert!(matches!(read(&TEN, folder.path()), Err(DataError::Truncated { bytes: 0, .. })));
        fs::remove_file(&path).unwrap();
        let message = read(&TEN, folder.path()).unwrap_err().to_string();
        let place = folder.path().display().to_string();
        assert!(message.contains("data_batch_3.bin' is missing") && message.contains(&format!("lie in '{place}'")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..3 * RECORD), length in 0usize..8000) {
            let folder = generated_100();
            let whole = fs::read(folder.path().join("train.bin")).unwrap();
            for content in [&bytes[..], &whole[..length]] {
                fs::write(folder.path().join("train.bin"), content).unwrap();
                if let Ok(data) = read(&COARSE, folder.path()) {
                    prop_assert_eq!(data.part(Part::Train).len() * (2 + PIXELS), content.len());
                }
            }
        }
    }
}
