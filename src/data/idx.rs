//! `idx`: MNIST and the data sets in its format, four files in a folder.

use super::assembly::Assembly;
use super::regular::{MOST_EXPANSION, open_regular};
use super::spec::AtPath;
use super::{DataError, DataSpec, Dataset, Part, SourceInfo};
use crate::network::Shape;
use flate2::bufread::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

pub(super) const INFO: SourceInfo = SourceInfo {
    name: "idx",
    usage: "idx:FOLDER",
    title: "MNIST and data sets in its format (IDX)",
    what: "grey images with 8-bit labels, read from FOLDER (train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with \
           t10k, plain or .gz): MNIST, Fashion-MNIST, KMNIST; official parts: training, test",
    origin: "LeCun, Cortes & Burges, The MNIST database; Fashion-MNIST (Xiao, Rasul & Vollgraf 2017) is Debian's package \
             dataset-fashion-mnist, in /usr/share/datasets/fashion-mnist",
    licence: "that of the data set (Fashion-MNIST: MIT); not distributed with naslens",
    parse,
};

fn parse(text: &str) -> Result<DataSpec, DataError> {
    AtPath::parse(&INFO, "folder of its four files", text, read)
}

const FILES: [(Part, &str); 2] = [(Part::Train, "train"), (Part::Test, "t10k")];
const AGAIN: &str = "download it again";

/// The training images, then the test images. Classes are 0 to the largest label.
pub(super) fn read(folder: &Path) -> Result<Dataset, DataError> {
    let mut assembly = Assembly::new(format!("{}:{}", INFO.name, folder.display()));
    for (part, stem) in FILES {
        let mut images = Idx::open(find(folder, &format!("{stem}-images"), "idx3-ubyte")?, 3)?;
        let [count, height, width] = images.sizes[..] else { unreachable!("three sizes were asked for") };
        let shape = Shape::new(1, height, width);
        shape.check_pixels(count).map_err(|e| images.refuse(e.to_string()))?;
        assembly.announce(part, shape, count)?;
        images.read(&mut assembly.pixels)?;
        let (mut labels, mut bytes) =
            (Idx::open(find(folder, &format!("{stem}-labels"), "idx1-ubyte")?, 1)?, Vec::new());
        assembly.check_labels(part, count, labels.sizes[0])?;
        labels.read(&mut bytes)?;
        assembly.label(part, bytes.into_iter().map(usize::from).collect())?;
    }
    assembly.finish()
}

/// The file, which some distributors compress and some write with a dot.
fn find(folder: &Path, stem: &str, kind: &str) -> Result<PathBuf, DataError> {
    let names =
        [format!("{stem}-{kind}"), format!("{stem}-{kind}.gz"), format!("{stem}.{kind}"), format!("{stem}.{kind}.gz")];
    let found = names.iter().map(|name| folder.join(name)).find(|path| path.exists());
    found.ok_or_else(|| DataError::MissingFile {
        data: INFO.name,
        folder: folder.to_owned(),
        file: format!("{stem}-{kind}[.gz]"),
        remedy: "put the four files of the data set (train-images-idx3-ubyte, train-labels-idx1-ubyte, \
                 t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, plain or .gz) where they",
    })
}

/// An open file: two zero bytes, the type (8: unsigned bytes), the number of dimensions, their sizes as big-endian 32-bit
/// numbers, then the bytes, the last dimension fastest.
struct Idx {
    path: PathBuf,
    sizes: Vec<usize>,
    /// Bytes of data.
    size: u64,
    data: Box<dyn Read>,
}

impl Idx {
    fn open(path: PathBuf, dimensions: u8) -> Result<Self, DataError> {
        let unreadable = |source: io::Error| DataError::Read { path: path.clone(), source };
        let (file, length) = open_regular(&path).map_err(unreadable)?;
        let mut file = BufReader::new(file);
        let compressed = file.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
        let mut data: Box<dyn Read> = if compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut header = Vec::new();
        let expected = 4 + 4 * u64::from(dimensions);
        let refuse = |reason: String| DataError::Format { path: path.clone(), format: "IDX", reason, remedy: AGAIN };
        let read = data.by_ref().take(expected).read_to_end(&mut header);
        if let Some(magic) = header.get(..4)
            && magic != [0, 0, 8, dimensions]
        {
            return Err(refuse(format!("it begins with the bytes {magic:?}, not with [0, 0, 8, {dimensions}]")));
        }
        read.map_err(|e| refuse(e.to_string()))?;
        if (header.len() as u64) < expected {
            return Err(refuse(format!("it ends within its header, after {} of {expected} bytes", header.len())));
        }
        let sizes: Vec<usize> =
            header[4..].chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
        // What is not compressed is as long as it says, before any of it is read.
        let size = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64));
        let size = size.ok_or_else(|| refuse(format!("its header announces sizes of {sizes:?}")))?;
        let found = length.saturating_sub(header.len() as u64);
        if !compressed && found != size {
            return Err(DataError::WrongSize { path: path.clone(), expected: size, found });
        }
        if compressed && size / MOST_EXPANSION > length {
            return Err(refuse(format!("its {length} bytes are too few for the {size} that its header announces")));
        }
        Ok(Idx { path, sizes, size, data })
    }

    fn refuse(&self, reason: String) -> DataError {
        DataError::Format { path: self.path.clone(), format: "IDX", reason, remedy: AGAIN }
    }

    /// Appends the data to `bytes`, which grows with what is there, not with what the header announces.
    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<(), DataError> {
        let expected = self.size;
        let before = bytes.len();
        // One byte more: it must not be there, and the checksum of a compressed file is compared at its end.
        let read = self.data.by_ref().take(expected.saturating_add(1)).read_to_end(bytes);
        let found = (bytes.len() - before) as u64;
        match read {
            Ok(_) if found == expected => Ok(()),
            Err(e) if found == expected || e.kind() != ErrorKind::UnexpectedEof => {
                Err(self.refuse(format!("{e} after {found} of {expected} bytes")))
            }
            _ => Err(DataError::WrongSize { path: self.path.clone(), expected, found }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataSource;
    use crate::data::open;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::fs;
    use std::io::Write;

    fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
        let header = [0, 0, 8, sizes.len() as u8].into_iter().chain(sizes.iter().flat_map(|size| size.to_be_bytes()));
        header.chain(data.iter().copied()).collect()
    }

    fn gz(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Four images of 2x3 for training, numbered through, and two for testing, compressed.
    fn generated() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
        write("train-images-idx3-ubyte", idx(&[4, 2, 3], &(0..24).collect::<Vec<u8>>()));
        write("train-labels-idx1-ubyte", idx(&[4], &[2, 0, 1, 2]));
        write("t10k-images-idx3-ubyte.gz", gz(&idx(&[2, 2, 3], &[255; 12])));
        write("t10k-labels.idx1-ubyte", idx(&[2], &[1, 0]));
        folder
    }

    #[test]
    fn reads_images_labels_and_parts() {
        let folder = generated();
        let DataSource::Images(data) = open(&format!("idx:{}", folder.path().display()).parse().unwrap()).unwrap()
        else {
            panic!("idx is a data set")
        };
        assert_eq!((data.shape(), data.classes()), (Shape::new(1, 2, 3), 3));
        assert_eq!(data.labels(), [2, 0, 1, 2, 1, 0]);
        assert_eq!(data.images(&[1]).iter().map(|v| (v * 255.0) as u8).collect::<Vec<_>>(), [6, 7, 8, 9, 10, 11]);
        assert_eq!((data.part(Part::Train), data.part(Part::Test)), (vec![0, 1, 2, 3], vec![4, 5]));
        assert_eq!(data.images(&[5]).iter().sum::<f32>(), 6.0);
    }

    #[test]
    fn damage_is_named_with_sizes() {
        let folder = generated();
        let message_of = |name: &str, bytes: Vec<u8>| {
            let path = folder.path().join(name);
            let good = fs::read(&path).unwrap();
            fs::write(&path, bytes).unwrap();
            let message = read(folder.path()).unwrap_err().to_string();
            fs::write(&path, good).unwrap();
            assert!(message.contains(name), "{message}");
            message
        };
        let (images, test) = ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz");
        let short = message_of(images, idx(&[4, 2, 3], &[0; 20]));
        assert!(short.contains("holds 20 bytes") && short.contains("announces 24"), "{short}");
        assert!(message_of(images, idx(&[4, 2, 3], &[0; 30])).contains("holds 30 bytes"));
        assert!(message_of(images, idx(&[4], &[0; 4])).contains("[0, 0, 8, 1], not with [0, 0, 8, 3]"));
        assert!(message_of(images, vec![0, 0, 8]).contains("after 3 of 16 bytes"));
        let good = gz(&idx(&[2, 2, 3], &[255; 12]));
        let cut = message_of(test, good[..good.len() - 9].to_vec());
        assert!(cut.contains("t10k-images") && cut.contains("of data") || cut.contains("after"), "{cut}");
        let mut wrong_checksum = good.clone();
        let at = good.len() - 8;
        wrong_checksum[at] ^= 1;
        assert!(message_of(test, wrong_checksum).contains("checksum"));
        // Sizes whose product is far beyond any memory, and beyond 64 bits.
        for sizes in [[u32::MAX, 1000, 1000], [u32::MAX; 3]] {
            fs::write(folder.path().join(images), idx(&sizes, &[0; 24])).unwrap();
            let message = read(folder.path()).unwrap_err().to_string();
            assert!(message.contains(images) && message.contains("4294967295"), "{message}");
        }
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let folder = generated();
        let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
        let message = || read(folder.path()).unwrap_err().to_string();
        write("t10k-labels.idx1-ubyte", idx(&[3], &[1, 0, 0]));
        assert!(message().contains("the test part has 3 labels, but 2, one per image"), "{}", message());
        write("t10k-labels.idx1-ubyte", idx(&[2], &[1, 9]));
        assert!(message().contains("class '9' has test images but none for training"), "{}", message());
        write("t10k-images-idx3-ubyte.gz", idx(&[2, 3, 3], &[0; 18]));
        assert!(message().contains("has 1x3x3 images, but 1x2x3 images as in the training part"), "{}", message());
        fs::remove_file(folder.path().join("train-labels-idx1-ubyte")).unwrap();
        assert!(message().contains("train-labels-idx1-ubyte[.gz]' is missing"), "{}", message());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn any_bytes_are_read_or_refused(
            file in 0usize..4, mut bytes in prop::collection::vec(any::<u8>(), 0..64), keep in 0usize..40, flip in any::<(usize, u8)>(),
        ) {
            let folder = generated();
            let names =
                ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte.gz", "t10k-labels.idx1-ubyte"];
            let path = folder.path().join(names[file]);
            let good = fs::read(&path).unwrap();
            let mut flipped = good.clone();
            flipped[flip.0 % good.len()] ^= flip.1;
            bytes.splice(0..0, good.iter().copied().take(keep));
            for content in [bytes.as_slice(), &flipped] {
                fs::write(&path, content).unwrap();
                if let Ok(data) = read(folder.path()) {
                    prop_assert!(data.len() <= 6);
                }
            }
        }
    }
}
