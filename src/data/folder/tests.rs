use super::*;
use crate::data::open;
use image::{DynamicImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, RgbImage};
use ndarray::s;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

pub fn grey(height: u32, width: u32, value: u8) -> DynamicImage {
    GrayImage::from_fn(width, height, |x, y| Luma([value.wrapping_add((10 * y + x) as u8)])).into()
}

pub fn colour(height: u32, width: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([x as u8, y as u8, 200])).into()
}

pub fn save(root: &Path, name: &str, image: &DynamicImage) -> PathBuf {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(&path).unwrap();
    path
}

/// Two grey images of 3x4 of each of two classes.
fn two_classes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (i, name) in ["dog/b.png", "dog/a.png", "cat/1.png", "cat/2.PNG"].iter().enumerate() {
        save(folder.path(), name, &grey(3, 4, 50 * i as u8));
    }
    folder
}

pub fn read(folder: &Path, options: &str) -> Result<Dataset, DataError> {
    match open(&format!("folder:{}{options}", folder.display()).parse()?)? {
        DataSource::Images(data) => Ok(data),
        DataSource::Noise(_) => panic!("a folder is a data set"),
    }
}

pub fn message(folder: &Path, options: &str) -> String {
    read(folder, options).unwrap_err().to_string()
}

pub fn bytes(data: &Dataset, image: usize) -> Vec<u8> {
    data.images(&[image]).iter().map(|v| (v * 255.0).round() as u8).collect()
}

#[test]
fn classes_and_images_come_in_the_order_of_their_names() {
    let folder = two_classes();
    fs::write(folder.path().join("README.txt"), "about the images").unwrap();
    fs::write(folder.path().join("cat/.DS_Store"), [0; 9]).unwrap();
    fs::create_dir(folder.path().join(".git")).unwrap();
    let data = read(folder.path(), "").unwrap();
    assert_eq!((data.shape(), data.len(), data.classes()), (Shape::new(1, 3, 4), 4, 2));
    assert_eq!((data.class_names(), data.labels()), (&["cat".to_owned(), "dog".into()][..], &[0, 0, 1, 1][..]));
    let first: Vec<u8> = (0..4).map(|i| bytes(&data, i)[0]).collect();
    assert_eq!(first, [100, 150, 50, 0]);
    assert_eq!(bytes(&data, 3), [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]);
    assert!(!data.has_parts() && data.skipped().is_empty());
}

#[test]
fn reading_reports_every_image_and_can_be_stopped() {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    let folder = two_classes();
    let spec: DataSpec = format!("folder:{}", folder.path().display()).parse().unwrap();
    let (stop, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let on_progress = |done: usize, total: usize| {
        assert!((1..=4).contains(&done) && total == 4);
        calls.fetch_add(1, Ordering::Relaxed);
    };
    let watch = Watch { stop: &stop, on_progress: &on_progress, on_note: &|_| {} };
    assert_eq!(spec.native_shape(&watch).unwrap(), spec.open(&watch).unwrap().native_shape());
    assert_eq!(calls.into_inner(), 4);
    stop.store(true, Ordering::Relaxed);
    let stopped = Watch { stop: &stop, on_progress: &|_, _| panic!("no image is read"), on_note: &|_| {} };
    assert!(matches!(spec.open(&stopped), Err(DataError::Interrupted { done: 0, total: 4 })));
}

#[test]
fn one_colour_image_makes_all_of_them_colour() {
    let folder = two_classes();
    save(folder.path(), "dog/c.png", &colour(3, 4));
    let data = read(folder.path(), "").unwrap();
    assert_eq!(data.shape(), Shape::new(3, 3, 4));
    let images = data.images(&[0, 4]);
    assert_eq!(images.slice(s![0, 0, .., ..]), images.slice(s![0, 2, .., ..]));
    assert_eq!(bytes(&data, 4)[..5], [0, 1, 2, 3, 0]);
    assert_eq!(bytes(&data, 4)[12..17], [0, 0, 0, 0, 1]);
}

#[test]
fn transparent_images_are_put_on_white_and_16_bits_become_8() {
    let folder = two_classes();
    let transparent = image::GrayAlphaImage::from_fn(4, 3, |x, _| LumaA([40 * x as u8, 0]));
    save(folder.path(), "cat/0.png", &transparent.into());
    let deep = image::ImageBuffer::from_fn(4, 3, |x, _| Luma([[0u16, 257, 30_000, 65_535][x as usize]]));
    save(folder.path(), "cat/3.png", &deep.into());
    let data = read(folder.path(), "").unwrap();
    assert_eq!(data.shape().channels, 1);
    assert_eq!(bytes(&data, 0)[..4], [255; 4]);
    // 30000 / 257 = 116.7
    assert_eq!(bytes(&data, 3)[..4], [0, 1, 117, 255]);
    let notes = data.notes().join("\n");
    assert!(notes.contains("1 of 6 images are transparent") && notes.contains("of which 16 are used"), "{notes}");
}

#[test]
fn the_common_size_is_that_of_most_or_the_median_and_at_most_256() {
    let size = |sizes: &[(usize, usize)]| {
        common_size(&sizes.iter().map(|&(height, width)| Header { height, width, grey: true }).collect::<Vec<_>>())
    };
    assert_eq!(size(&[(3, 4), (9, 9), (3, 4), (100, 1)]), [3, 4]);
    assert_eq!(size(&[(1, 50), (2, 40), (3, 30), (4, 20), (5, 10)]), [3, 30]);
    assert_eq!(size(&[(1000, 500)]), [256, 128]);
    assert_eq!(size(&[(30_000, 3)]), [256, 1]);
}

#[test]
fn resizing_equals_pillow() {
    // a = np.array([[(37 * y + 11 * x * x) % 256 for x in range(7)] for y in range(5)], np.uint8)
    // for size in (3, 2), (10, 8): np.asarray(PIL.Image.fromarray(a).resize(size, PIL.Image.BILINEAR))
    let image = GrayImage::from_fn(7, 5, |x, y| Luma([((37 * y + 11 * x * x) % 256) as u8]));
    let golden: [(&str, &[i16]); 2] = [(",size=2x3", SMALL), (",size=8x10", LARGE)];
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "a/1.png", &image.clone().into());
    save(folder.path(), "b/1.png", &image.into());
    for (size, want) in golden {
        let got = bytes(&read(folder.path(), size).unwrap(), 0);
        assert_eq!(got.len(), want.len());
        let furthest = got.iter().zip(want).map(|(&got, want)| (i16::from(got) - want).abs()).max();
        assert!(furthest <= Some(1), "{size}: {got:?}");
    }
}
const SMALL: &[i16] = &[51, 128, 131, 125, 161, 138];
const LARGE: &[i16] = &[
    0, 6, 19, 42, 80, 126, 168, 58, 73, 140, 16, 22, 35, 58, 96, 142, 184, 74, 89, 156, 39, 45, 58, 81, 119, 165, 207,
    97, 112, 179, 62, 68, 81, 104, 142, 188, 230, 120, 135, 202, 86, 92, 105, 128, 166, 183, 178, 124, 159, 226, 109,
    115, 128, 151, 189, 150, 49, 107, 182, 249, 132, 138, 151, 174, 212, 168, 57, 126, 140, 128, 148, 154, 167, 190,
    228, 184, 73, 142, 106, 32,
];

#[test]
fn directories_of_parts_above_the_classes_are_official() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["Train/a/1.png", "Train/b/1.png", "Train/b/deeper/2.png", "val/a/1.png", "test/b/1.png"] {
        save(folder.path(), name, &grey(2, 2, 7));
    }
    let data = read(folder.path(), "").unwrap();
    assert_eq!(data.class_names(), ["a", "b"]);
    let labels = |part| data.part(part).into_iter().map(|i| data.labels()[i]).collect::<Vec<_>>();
    assert_eq!([Part::Train, Part::Valid, Part::Test].map(labels), [vec![0, 1, 1], vec![0], vec![1]]);
    save(folder.path(), "test/c/1.png", &grey(2, 2, 7));
    assert!(message(folder.path(), "").contains("class 'c' has test images but none for training"));
    fs::rename(folder.path().join("test/c"), folder.path().join("c")).unwrap();
    assert!(message(folder.path(), "").contains("(Train, c, test, val) are neither classes nor parts"));
}

#[test]
fn folders_without_classes_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(message(folder.path(), "").contains("no directories of classes"));
    assert!(message(&folder.path().join("nowhere"), "").contains("no such folder"));
    save(folder.path(), "cat/1.png", &grey(2, 2, 7));
    assert!(message(folder.path(), "").contains("a single class, 'cat'"));
    let class = message(&folder.path().join("cat"), "");
    assert!(class.contains("if this is the directory of one class, give the folder above it"), "{class}");
    fs::create_dir(folder.path().join("dog")).unwrap();
    let empty = message(folder.path(), "");
    assert!(empty.contains("dog'") && empty.contains("has no image"), "{empty}");
    save(folder.path(), "dog/1.png", &grey(2, 2, 7));
    save(folder.path(), "stray.png", &grey(2, 2, 7));
    let stray = message(folder.path(), "");
    assert!(stray.contains("1 images in it belong to no class") && stray.contains("stray.png"), "{stray}");
}

#[test]
fn damaged_and_foreign_files_are_named_or_skipped_and_named() {
    let folder = two_classes();
    let whole = fs::read(folder.path().join("cat/1.png")).unwrap();
    fs::write(folder.path().join("cat/cut.png"), &whole[..whole.len() - 30]).unwrap();
    fs::write(folder.path().join("cat/empty.jpg"), []).unwrap();
    fs::write(folder.path().join("dog/text.png"), "no image").unwrap();
    fs::write(folder.path().join("dog/labels.csv"), "a,b").unwrap();
    fs::write(folder.path().join("dog/scan.TIF"), "II").unwrap();
    fs::write(folder.path().join("dog/slice.dcm"), "DICM").unwrap();
    let jpeg = save(folder.path(), "dog/cut.jpg", &colour(64, 64));
    let whole = fs::read(&jpeg).unwrap();
    fs::write(&jpeg, &whole[..whole.len() / 2]).unwrap();
    let refused = message(folder.path(), "");
    let names = [
        "cut.png",
        "empty.jpg",
        "text.png",
        "labels.csv: it is no image",
        "cut.jpg",
        "scan.TIF: its content is none of PNG",
        "slice.dcm: DICOM is not read",
    ];
    assert!(refused.contains("7 files") && refused.contains(",skip-corrupt"), "{refused}");
    assert!(names.iter().all(|name| refused.contains(name)), "{refused}");
    let data = read(folder.path(), ",skip-corrupt").unwrap();
    assert_eq!((data.len(), data.skipped().len()), (4, 7));
    assert_eq!(bytes(&data, 3)[0], 0);
    fs::remove_file(folder.path().join("dog/a.png")).unwrap();
    fs::remove_file(folder.path().join("dog/b.png")).unwrap();
    let emptied = message(folder.path(), ",skip-corrupt");
    assert!(emptied.contains("dog'") && emptied.contains("has no image") && emptied.contains("text.png"), "{emptied}");
}

#[test]
fn many_bad_files_are_counted_and_the_first_are_named() {
    let folder = two_classes();
    (0..25).for_each(|i| fs::write(folder.path().join(format!("dog/x{i:02}.png")), "no image").unwrap());
    let refused = message(folder.path(), "");
    assert!(
        refused.contains("25 files") && refused.contains("x09.png") && refused.contains("and 15 more"),
        "{refused}"
    );
    assert!(!refused.contains("x10.png"));
}

#[test]
fn an_enormous_image_is_refused_by_its_header() {
    let folder = two_classes();
    let path = folder.path().join("cat/1.png");
    let mut png = fs::read(&path).unwrap();
    // The header of a PNG file has width and height from byte 16 and a checksum from byte 29.
    for (width, height) in [(30_000u32, 30_000u32), (1 << 30, 1 << 30), (0, 4)] {
        png[16..20].copy_from_slice(&width.to_be_bytes());
        png[20..24].copy_from_slice(&height.to_be_bytes());
        let mut checksum = flate2::Crc::new();
        checksum.update(&png[12..29]);
        png[29..33].copy_from_slice(&checksum.sum().to_be_bytes());
        fs::write(&path, &png).unwrap();
        assert!(message(folder.path(), "").contains("1.png: "), "{width}");
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_once() {
    use std::os::unix::fs::symlink;
    let folder = two_classes();
    let elsewhere = tempfile::tempdir().unwrap();
    save(elsewhere.path(), "owl/1.png", &grey(3, 4, 7));
    symlink(elsewhere.path().join("owl"), folder.path().join("owl")).unwrap();
    assert_eq!(read(folder.path(), "").unwrap().classes(), 3);
    let inner = folder.path().join("cat/again");
    symlink(folder.path(), &inner).unwrap();
    let looped = message(folder.path(), "");
    assert!(looped.contains("cat/again") && looped.contains("second time"), "{looped}");
    fs::remove_file(&inner).unwrap();
    symlink("/nowhere/at/all.png", folder.path().join("cat/broken.png")).unwrap();
    assert!(message(folder.path(), "").contains("broken.png: it is not a regular file, or a link to nothing"));
}

/// `a = [[[(5 * x) % 256, (9 * y) % 256, (x * y) % 256] for x in range(24)] for y in range(16)]` as 8-bit RGB, saved and read
/// by Pillow 13: `Image.fromarray(a).save(f, "JPEG", quality=90, subsampling=0)`.
#[test]
fn jpeg_is_decoded_like_pillow() {
    use base64::Engine as _;
    let folder = tempfile::tempdir().unwrap();
    let decoder = base64::engine::general_purpose::STANDARD;
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        fs::write(folder.path().join(class).join("1.jpg"), decoder.decode(JPEG).unwrap()).unwrap();
    }
    let got = bytes(&read(folder.path(), "").unwrap(), 0);
    let planes: Vec<u64> = got.chunks(24 * 16).map(|plane| plane.iter().map(|&v| u64::from(v)).sum()).collect();
    for (got, want) in planes.iter().zip(JPEG_SUMS) {
        assert!(got.abs_diff(want) <= 24 * 16 / 10, "{planes:?}");
    }
    for (at, want) in JPEG_PIXELS {
        assert!(i16::from(got[at]).abs_diff(want) <= 2, "pixel {at}: {} {want}", got[at]);
    }
}
const JPEG: &str = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGB\
    YUGBIUFRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAQ\
    ABgDAREAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhBy\
    JxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKT\
    lJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAA\
    AAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRom\
    JygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExc\
    bHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwD87dO8F7sfu/0rzKdb2pwYXM7dTqNO8B7sfu/0r06eC9r0PsML\
    mtranUad8Ot2P3X6V6dPIPa9D6/C5xbqdTovgvft+T9K/Pspre1sfyVQzO3U7zRvAe7b+7/Sv2nKcF7W2h9DQzW3U6ePw3BprLH5BmnwDsXgD6\
    ntXdnXFOW8MVFhPZutiLJ8iaSje1ueWvK2m2koye11FSTf2GAxs6y5uayP/9k=";
const JPEG_SUMS: [u64; 3] = [22035, 25974, 28757];
const JPEG_PIXELS: [(usize, i16); 4] = [(7, 34), (250, 49), (500, 36), (1100, 18)];

/// `cat/1.jpg` of a file that Pillow 13 wrote, and what it reads: sums of the planes after `convert("RGB")`.
#[test]
fn cmyk_becomes_rgb_like_pillow() {
    // c = np.stack([(5 * x) % 256, (9 * y) % 256, (x * y) % 256, (3 * x + 2 * y) % 256], -1) for y < 16, x < 24
    // Image.fromarray(c, "CMYK").save(f, "JPEG", quality=90)
    use base64::Engine as _;
    let folder = two_classes();
    let jpeg = base64::engine::general_purpose::STANDARD.decode(CMYK).unwrap();
    fs::write(folder.path().join("cat/0.jpg"), jpeg).unwrap();
    let data = read(folder.path(), ",size=16x24").unwrap();
    let got = bytes(&data, 0);
    let planes: Vec<u64> = got.chunks(24 * 16).map(|plane| plane.iter().map(|&v| u64::from(v)).sum()).collect();
    for (got, want) in planes.iter().zip([62175u64, 58577, 57355]) {
        assert!(got.abs_diff(want) <= 24 * 16, "{planes:?}");
    }
    assert_eq!(data.notes(), ["1 of 5 images are CMYK: they become RGB without their colour profiles"]);
}
const CMYK: &str = "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgSFBUU/8AAFAgAEAAYBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD9JPF38dff/wDwtL/pt+tfpl4g8Qf2Vu+bGK/STW9S+9zXini7+Oj/AIWl/wBNv1rzTxB8af7K3fv8Y968/wBb1L73NeK+Lv46P+Fpf9Nv1rzXxB+1l/ZW7/TMY/2q8/1vUvvc19q+Lv46+P8A/haX/Tb9a9K+NPiD+yvP+bGM16rrepfe5rxTxd/HR/wtL/pt+tfBXxp+NP8AZXn/AL/GM968/wBb1L73NeK+Lv46P+Fpf9Nv1rz/AOE3wS8fftOaVP4mbXLfwT4EWaS3TWr+F5prxlVwxtYAVEqpIqo7s6KCzBS7Rug8/wBb1L73Nf/Z";

/// The bytes of a file with an EXIF orientation: a JPEG's segment APP1 after its start.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let exif = [
        b"\xff\xe1\0\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0",
        &[orientation][..],
        b"\0\0\0\0\0\0",
    ];
    [&jpeg[..2], &exif.concat(), &jpeg[2..]].concat()
}

#[test]
fn images_are_turned_as_exif_says() {
    // A wide image, white at the left. What is at the left is at the top after a turn by 90 degrees clockwise (6).
    let wide = GrayImage::from_fn(32, 16, |x, _| Luma([if x < 16 { 255 } else { 0 }]));
    let mut jpeg = std::io::Cursor::new(Vec::new());
    DynamicImage::from(wide).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let folder = tempfile::tempdir().unwrap();
    for class in ["a", "b"] {
        fs::create_dir(folder.path().join(class)).unwrap();
        fs::write(folder.path().join(class).join("1.jpg"), turned(&jpeg, 6)).unwrap();
    }
    let data = read(folder.path(), "").unwrap();
    assert_eq!(data.shape(), Shape::new(1, 32, 16));
    assert_eq!(data.notes(), ["2 of 2 images are turned or mirrored, as their EXIF data say"]);
    let pixels = bytes(&data, 0);
    assert!(pixels[..15 * 16].iter().all(|&v| v > 250) && pixels[17 * 16..].iter().all(|&v| v < 5));
    // The same resized (a triangle reaches from one half into the other), and upside down (8).
    fs::write(folder.path().join("a/1.jpg"), turned(&jpeg, 8)).unwrap();
    let small = read(folder.path(), ",size=4x2").unwrap();
    assert_eq!(
        (bytes(&small, 0), bytes(&small, 1)),
        (vec![0, 0, 32, 32, 223, 223, 255, 255], vec![255, 255, 223, 223, 32, 32, 0, 0])
    );
}

#[test]
fn bits_that_16_bit_files_use_are_found_in_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let deep = |values: [u16; 4]| image::ImageBuffer::from_fn(2, 2, |x, y| Luma([values[(2 * y + x) as usize]]));
    save(folder.path(), "a/1.png", &deep([0, 1000, 2000, 2048]).into());
    save(folder.path(), "b/1.png", &deep([0, 5, 4095, 1]).into());
    let data = read(folder.path(), "").unwrap();
    assert_eq!((bytes(&data, 0), bytes(&data, 1)), (vec![0, 62, 125, 128], vec![0, 0, 255, 0]));
    assert_eq!(data.notes(), ["2 of 2 images have 16 bits a channel, of which 12 are used: they become 8"]);
    save(folder.path(), "b/1.png", &deep([0, 5, 255, 1]).into());
    save(folder.path(), "a/1.png", &deep([7, 8, 9, 10]).into());
    assert_eq!(bytes(&read(folder.path(), "").unwrap(), 1), [0, 5, 255, 1]);
}

#[test]
fn drawings_in_the_alpha_channel_can_be_seen() {
    let folder = tempfile::tempdir().unwrap();
    let drawing =
        |ink: u8| image::RgbaImage::from_fn(3, 1, |x, _| image::Rgba([ink, ink, ink, [0, 102, 255][x as usize]]));
    save(folder.path(), "a/1.png", &drawing(0).into());
    save(folder.path(), "b/1.png", &drawing(255).into());
    let data = read(folder.path(), "").unwrap();
    // 255 - 102 = 153: black on white, and white on black.
    assert_eq!((&bytes(&data, 0)[..3], &bytes(&data, 1)[..3]), (&[255, 153, 0][..], &[0, 102, 255][..]));
}

#[cfg(unix)]
#[test]
fn names_are_told_apart_by_their_bytes() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    for (i, name) in [&b"caf\xe9"[..], b"caf\xe8", b"caf\xc3\xa9", b"new\nline"].into_iter().enumerate() {
        let class = folder.path().join(std::ffi::OsStr::from_bytes(name));
        fs::create_dir(&class).unwrap();
        grey(3, 4, 50 * i as u8).save(class.join("1.png")).unwrap();
    }
    let data = read(folder.path(), "").unwrap();
    assert_eq!(data.class_names(), ["caf\u{e9}", "caf\\xE8", "caf\\xE9", "new\\nline"]);
    assert_eq!(data.labels(), [0, 1, 2, 3]);
    fs::write(folder.path().join("new\nline/bad\x1b.png"), "no image").unwrap();
    let refused = message(folder.path(), "");
    assert!(refused.contains("new\\nline/bad\\u{1b}.png: "), "{refused}");
}

#[test]
fn sparse_files_and_profiles_without_end_are_refused() {
    let folder = two_classes();
    let sparse = fs::File::create(folder.path().join("cat/huge.png")).unwrap();
    sparse.set_len(4 << 30).unwrap();
    // An ICC profile of 64 MiB of zeros, before the pixels.
    let png = fs::read(folder.path().join("cat/1.png")).unwrap();
    let mut profile = flate2::write::ZlibEncoder::new(b"iCCPicc\0\0".to_vec(), flate2::Compression::best());
    std::io::Write::write_all(&mut profile, &vec![0; 64 << 20]).unwrap();
    let chunk = profile.finish().unwrap();
    let mut checksum = flate2::Crc::new();
    checksum.update(&chunk);
    let length = (chunk.len() as u32 - 4).to_be_bytes();
    let bytes = [&png[..33], &length, &chunk, &checksum.sum().to_be_bytes(), &png[33..]].concat();
    fs::write(folder.path().join("cat/profile.png"), bytes).unwrap();
    let refused = message(folder.path(), "");
    assert!(refused.contains("huge.png: it has more than 256 MiB"), "{refused}");
    // A profile beyond the limit is left out, and the image read.
    assert!(!refused.contains("profile.png"), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn any_bytes_are_decoded_or_refused(
        kind in 0..5usize, flips in prop::collection::vec(any::<(usize, u8)>(), 0..4), keep in any::<usize>(),
    ) {
        let mut bytes = std::io::Cursor::new(Vec::new());
        use ImageFormat::{Bmp, Jpeg, Png, Tiff, WebP};
        let format = [Jpeg, Png, Tiff, Bmp, WebP][kind];
        colour(20, 30).write_to(&mut bytes, format).unwrap();
        let mut bytes = bytes.into_inner();
        let length = bytes.len();
        flips.iter().for_each(|&(at, bits)| bytes[at % length] ^= bits);
        bytes.truncate(length - (keep % 3) * (keep % length) / 3);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("1.png");
        fs::write(&path, bytes).unwrap();
        let mut planes = vec![0; 3 * 6 * 5];
        if decode::header(&path).is_ok() {
            let _ = decode::decode(&path, Shape::new(3, 6, 5), &mut planes, &Watch::nobody());
        }
    }
}
