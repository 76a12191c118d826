use super::*;
use crate::data::{DataSource, open};
use ndarray::{Array, Array1, Array2, Array3, Array4};
use ndarray_npy::{NpzWriter, WritableElement};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;

/// Image `i` of `n` has the pixels `start + i`, `start + i + 1`, …
fn grey(n: usize, start: u8) -> Array3<u8> {
    Array3::from_shape_fn((n, 2, 3), |(i, y, x)| start + (i + 3 * y + x) as u8)
}

struct Npz {
    folder: tempfile::TempDir,
    writer: NpzWriter<File>,
}

impl Npz {
    fn new(compressed: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("set.npz")).unwrap();
        Npz { folder, writer: if compressed { NpzWriter::new_compressed(file) } else { NpzWriter::new(file) } }
    }

    fn with<A: WritableElement, D: ndarray::Dimension>(mut self, name: &str, array: &Array<A, D>) -> Self {
        self.writer.add_array(name, array).unwrap();
        self
    }

    fn done(self) -> (tempfile::TempDir, PathBuf) {
        let path = self.folder.path().join("set.npz");
        self.writer.finish().unwrap();
        (self.folder, path)
    }
}

fn three_parts(compressed: bool) -> (tempfile::TempDir, PathBuf) {
    let column = |labels: &[u8]| Array2::from_shape_vec((labels.len(), 1), labels.to_vec()).unwrap();
    Npz::new(compressed)
        .with("test_images", &grey(1, 100))
        .with("test_labels", &column(&[1]))
        .with("train_images", &grey(3, 0))
        .with("train_labels", &column(&[0, 1, 2]))
        .with("val_images", &grey(2, 50))
        .with("val_labels", &column(&[2, 0]))
        .done()
}

#[test]
fn reads_all_parts_in_order() {
    for compressed in [false, true] {
        let (_folder, path) = three_parts(compressed);
        let DataSource::Images(data) = open(&format!("npz:{}", path.display()).parse().unwrap()).unwrap() else {
            panic!("npz is a data set")
        };
        assert_eq!((data.shape(), data.classes(), data.labels()), (Shape::new(1, 2, 3), 3, &[0, 1, 2, 2, 0, 1][..]));
        assert_eq!([Part::Train, Part::Valid, Part::Test].map(|part| data.part(part).len()), [3, 2, 1]);
        let first: Vec<f32> = (0..6).map(|i| data.images(&[i])[(0, 0, 0, 0)] * 255.0).collect();
        assert_eq!(first, [0.0, 1.0, 2.0, 50.0, 51.0, 100.0]);
    }
}

#[test]
fn colours_become_planes_and_parts_may_lack() {
    let colour = Array4::from_shape_fn((2, 2, 3, 3), |(i, y, x, c)| (100 * i + 10 * c + 3 * y + x) as u8);
    let (_folder, path) =
        Npz::new(true).with("train_images", &colour).with("train_labels", &Array1::from(vec![1i64, 0])).done();
    let data = read(&path).unwrap();
    assert_eq!((data.shape(), data.labels(), data.has_parts()), (Shape::new(3, 2, 3), &[1, 0][..], true));
    let planes: Vec<u8> = data.images(&[1]).iter().map(|v| (v * 255.0).round() as u8).collect();
    let want: Vec<u8> = [100, 110, 120].iter().flat_map(|c| (0..6).map(move |i| c + i)).collect();
    assert_eq!(planes, want);
}

/// NumPy's own bytes:
/// `np.savez_compressed(f, train_images=np.arange(8, dtype=np.uint8).reshape(2, 2, 2), train_labels=np.array([[0], [1]]))`
const NUMPY: &str = "UEsDBC0AAAAIAAAAIQBhYP21//////////8QABQAdHJhaW5faW1hZ2VzLm5weQEAEACIAAAAAAAAAE8AAAAAAAAAm+wX6hsQychQ\
    xlCtnpJanFykbqWgXlNqqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaRjoKIKSpo1CrQB7gYmBkYmZhZWMHAFBLAwQt\
    AAAACAAAACEAhv9n2P//////////EAAUAHRyYWluX2xhYmVscy5ucHkBABAAkAAAAAAAAABLAAAAAAAAAJvsF+obEMnIUMZQrZ6S\
    WpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6CoaaOgq1CmQDLgYoYITSAFBLAQItAy0AAAAIAAAA\
    IQBhYP21TwAAAIgAAAAQAAAAAAAAAAAAAACAAQAAAAB0cmFpbl9pbWFnZXMubnB5UEsBAi0DLQAAAAgAAAAhAIb/Z9hLAAAAkAAA\
    ABAAAAAAAAAAAAAAAIABkQAAAHRyYWluX2xhYmVscy5ucHlQSwUGAAAAAAIAAgB8AAAAHgEAAAAA";

#[test]
fn an_archive_of_numpy_is_read() {
    use base64::Engine as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("numpy.npz");
    fs::write(&path, base64::engine::general_purpose::STANDARD.decode(NUMPY).unwrap()).unwrap();
    let data = read(&path).unwrap();
    let pixels: Vec<u8> = data.images(&[0, 1]).iter().map(|v| (v * 255.0).round() as u8).collect();
    assert_eq!((pixels, data.labels()), ((0..8).collect(), &[0, 1][..]));
}

#[test]
fn what_is_no_such_data_set_is_refused_in_words() {
    let labels = Array1::from(vec![0u8, 1, 1]);
    let message = |npz: Npz| {
        let (_folder, path) = npz.done();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("set.npz"), "{message}");
        message
    };
    let with = |images: &Array3<u8>| Npz::new(true).with("train_images", images);
    let several = Array2::<i64>::zeros((3, 14));
    let multi = message(with(&grey(3, 0)).with("train_labels", &several));
    assert!(multi.contains("14 labels per image") && multi.contains("one label per image"), "{multi}");
    assert!(
        message(with(&grey(3, 0))).contains("needs train_images.npy and train_labels.npy; it has: train_images.npy")
    );
    assert!(message(with(&grey(2, 0)).with("train_labels", &labels)).contains("3 labels, but 2"));
    let float = Npz::new(true).with("train_images", &grey(3, 0).mapv(f32::from)).with("train_labels", &labels);
    assert!(message(float).contains("its pixels are <f4, not 8-bit"));
    let volumes = Array4::<u8>::zeros((3, 4, 4, 4));
    assert!(message(Npz::new(true).with("train_images", &volumes).with("train_labels", &labels)).contains("volumes"));
    let far = Array1::from(vec![0i64, 1, 1 << 40]);
    assert!(message(with(&grey(3, 0)).with("train_labels", &far)).contains("1099511627776"));
    let negative = Array1::from(vec![0i64, 1, -1]);
    assert!(message(with(&grey(3, 0)).with("train_labels", &negative)).contains("negative"));
    let other = with(&grey(3, 0)).with("train_labels", &labels).with("test_images", &Array3::<u8>::zeros((1, 9, 9)));
    let other = message(other.with("test_labels", &Array1::from(vec![0u8])));
    assert!(other.contains("the test part has 1x9x9 images, but 1x2x3 images"), "{other}");
    let missing = read(Path::new("/nowhere/set.npz")).unwrap_err().to_string();
    assert!(missing.contains("'/nowhere/set.npz' is missing") && missing.contains("medmnist.com"), "{missing}");
}

#[test]
fn damage_is_noticed() {
    let (_folder, path) = three_parts(false);
    let good = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        read(&path).unwrap_err().to_string()
    };
    assert!(refused(&good[..good.len() / 2]).contains("EOCD"));
    assert!(refused(b"").contains("EOCD"));
    // A pixel of train_images: the only place of the bytes 0 1 2 1 2 3... that follows its header.
    let at = good.windows(6).position(|w| w == [0, 1, 2, 3, 4, 5]).unwrap();
    let mut flipped = good.clone();
    flipped[at] ^= 1;
    assert!(refused(&flipped).contains("train_images: Invalid checksum"));
    // A shape of a hundred billion images.
    let at = good.windows(13).position(|w| w == b"'shape': (3, ").unwrap();
    let mut huge = good.clone();
    huge[at..at + 13].copy_from_slice(b"'shape': (9e9");
    assert!(refused(&huge).contains("its shape is (9e9"));
    huge[at..at + 13].copy_from_slice(b"'shape':(999,");
    assert!(refused(&huge).contains("in image 3 of 999"), "{}", refused(&huge));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn any_bytes_are_read_or_refused(
        compressed in any::<bool>(), keep in 0usize..2000, flips in prop::collection::vec(any::<(usize, u8)>(), 1..4),
        noise in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let (_folder, path) = three_parts(compressed);
        let good = fs::read(&path).unwrap();
        let mut flipped = good.clone();
        flips.iter().for_each(|&(at, bits)| flipped[at % good.len()] ^= bits);
        for bytes in [&good[..keep.min(good.len())], &flipped, &noise] {
            fs::write(&path, bytes).unwrap();
            if let Ok(data) = read(&path) {
                prop_assert!(data.len() <= 6);
            }
        }
    }
}
