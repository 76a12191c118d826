//! Formats beyond PNG and JPEG, `labels.csv`, groups.

use super::tests::{bytes, colour, grey, message, read, save};
use super::*;
use image::Luma;
use std::fs;

/// A TIFF of 1x1 pixel of 8 bits; `next` is where its second directory is.
fn tiny_tiff(next: u32) -> Vec<u8> {
    let entries: [[u32; 3]; 8] =
        [[256, 3, 1], [257, 3, 1], [258, 3, 8], [259, 3, 1], [262, 3, 1], [273, 4, 8], [278, 3, 1], [279, 4, 1]];
    let mut bytes = [&b"II*\0"[..], &12u32.to_le_bytes(), &[77, 0, 0, 0], &8u16.to_le_bytes()].concat();
    for [tag, kind, value] in entries {
        bytes.extend([&(tag as u16).to_le_bytes()[..], &(kind as u16).to_le_bytes(), &1u32.to_le_bytes()].concat());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend(next.to_le_bytes());
    bytes
}

#[test]
fn tiff_bmp_and_webp_are_read_and_pages_refused() {
    let folder = tempfile::tempdir().unwrap();
    let square = colour(5, 4);
    for name in ["a/1.tif", "a/2.bmp", "b/1.webp", "b/2.TIFF", "b/3.png"] {
        save(folder.path(), &name.to_lowercase(), &square);
    }
    let data = read(folder.path(), "").unwrap();
    assert_eq!(data.shape(), Shape::new(3, 5, 4));
    assert!((1..5).all(|i| bytes(&data, i) == bytes(&data, 0)));
    let deep = image::ImageBuffer::from_fn(4, 5, |x, y| Luma([(1000 * x + 50 * y) as u16]));
    save(folder.path(), "a/4.tif", &deep.into());
    assert!(read(folder.path(), "").unwrap().notes()[0].contains("of which 12 are used"));
    fs::write(folder.path().join("a/one.tif"), tiny_tiff(0)).unwrap();
    assert_eq!(bytes(&read(folder.path(), "").unwrap(), 3)[0], 77);
    fs::write(folder.path().join("a/pages.tif"), tiny_tiff(12)).unwrap();
    let refused = message(folder.path(), "");
    assert!(refused.contains("pages.tif: it has several pages: make each a file"), "{refused}");
    let whole = fs::read(folder.path().join("b/1.webp")).unwrap();
    fs::write(folder.path().join("a/pages.tif"), &whole[..whole.len() / 2]).unwrap();
    assert!(message(folder.path(), "").contains("1 file"));
}

#[test]
fn labels_and_groups_are_read_from_a_table() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..6 {
        save(folder.path(), &format!("scans/{i}.png"), &grey(3, 4, i));
    }
    let table = |text: &str| fs::write(folder.path().join("labels.csv"), text).unwrap();
    table("label,file,group\nill,scans/1.png,b\nwell,scans/0.png,a\nwell, scans/2.png ,b\n");
    let data = read(folder.path(), "").unwrap();
    assert_eq!((data.class_names(), data.labels()), (&["ill".to_owned(), "well".into()][..], &[0, 1, 1][..]));
    assert_eq!((bytes(&data, 0)[0], data.groups(), data.has_parts()), (1, Some(&[1, 0, 1][..]), false));
    let without = data.clone().with_groups(None);
    assert_ne!(data.fingerprint(), without.fingerprint());
    let notes = std::sync::Mutex::new(Vec::new());
    let on_note = |note: &str| notes.lock().unwrap().push(note.to_owned());
    let spec: crate::data::DataSpec = format!("folder:{}", folder.path().display()).parse().unwrap();
    spec.open(&Watch { on_note: &on_note, ..Watch::nobody() }).unwrap();
    let notes = notes.lock().unwrap().join("; ");
    assert!(notes.contains("few images of 'ill' (1), 'well' (2)") && notes.contains("2 groups, which stay"), "{notes}");

    table("file,label,part\nscans/1.png,a,train\nscans/2.png,b,Train\nscans/3.png,a,test\nscans/4.png,b,test");
    assert_eq!(read(folder.path(), "").unwrap().part(Part::Test), [2, 3]);
    for (text, said) in [
        ("file,class\nscans/1.png,a", "no column `label`, but file, class; write a line `file,label`"),
        ("file,label\nscans/1.png,a\nscans/1.png,b", "line 3 names 'scans/1.png' a second time"),
        ("file,label\nscans/1.png,a\nscans/2.png", "line 3 can't be read"),
        ("file,label,part\nscans/1.png,a,dev", "line 2 has a part that is none of"),
        ("file,label\nscans/1.png,a\nscans/7.png,b\nscans/2.png,b", "scans/7.png: it is not a regular file"),
        ("file,label\nscans/1.png,a\n,b", "line 3 has no file"),
        ("file,label\nscans/1.png,a", "it has 1 classes"),
        ("some,thing", "single class, 'scans'"),
    ] {
        table(text);
        let found = message(folder.path(), "");
        assert!(found.contains(said), "{found}");
    }
}

#[test]
fn groups_are_found_in_the_paths() {
    let folder = tempfile::tempdir().unwrap();
    ["a/p1_1.png", "a/p2_1.png", "b/p1_2.png"].iter().for_each(|name| drop(save(folder.path(), name, &grey(3, 4, 9))));
    let data = read(folder.path(), ",group=(p[0-9]+)_").unwrap();
    assert_eq!(data.groups(), Some(&[0, 1, 0][..]));
    assert!(message(folder.path(), ",group=(q[0-9]+)_").contains("'a/p1_1.png' does not match (q[0-9]+)_"));
}
