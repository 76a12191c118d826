//! Which files an image folder has, and what their directories say.

use crate::data::error::shown;
use crate::data::{DataError, Part, Skipped};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Left by Windows and macOS beside images.
const IGNORED: [&str; 3] = ["Thumbs.db", "desktop.ini", "__MACOSX"];
const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "tif", "tiff", "bmp", "webp"];

/// An image file of a class.
#[derive(Debug)]
pub(super) struct Image {
    pub path: PathBuf,
    pub class: usize,
    pub part: Part,
    /// Of images of one group all are in one part.
    pub group: Option<String>,
}

/// What is in an image folder.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Names of the classes in the order of their bytes, as they are shown.
    pub classes: Vec<String>,
    /// Directories of classes, each with its part.
    pub directories: Vec<(PathBuf, usize, Part)>,
    /// Image files, by directory and name.
    pub images: Vec<Image>,
    /// Other files in the directories of classes.
    pub foreign: Vec<Skipped>,
    /// Whether directories of parts stand above those of classes.
    pub parted: bool,
}

pub(super) fn error(path: &Path, problem: impl Into<String>, remedy: &'static str) -> DataError {
    DataError::Folder { path: path.to_owned(), problem: problem.into(), remedy }
}

/// The part that a directory's name stands for.
pub(super) fn part_of(name: &OsStr) -> Option<Part> {
    match name.to_str()?.to_lowercase().as_str() {
        "train" | "training" => Some(Part::Train),
        "val" | "valid" | "validation" => Some(Part::Valid),
        "test" | "testing" => Some(Part::Test),
        _ => None,
    }
}

/// Looks through the folder. Symbolic links are followed, but no directory is entered twice.
pub(super) fn list(root: &Path) -> Result<Listing, DataError> {
    const LAYOUT: &str =
        "give a folder with one directory of images per class, or with train and test directories of these";
    if !root.is_dir() {
        return Err(error(root, "there is no such folder", LAYOUT));
    }
    let mut seen = HashSet::new();
    let (tops, loose) = children(root, &mut seen)?;
    no_images(root, &loose)?;
    let parts: Vec<Option<Part>> = tops.iter().map(|(name, _)| part_of(name)).collect();
    let named = parts.iter().flatten().count();
    let has = |part| parts.iter().filter(|&&p| p == Some(part)).count();
    let once = [Part::Train, Part::Valid, Part::Test].iter().all(|&part| has(part) < 2);
    let mut listing = Listing { parted: named == tops.len() && once && has(Part::Train) == 1, ..Listing::default() };
    // One directory of a class may well be called `test`; two such names are no coincidence.
    if !listing.parted && named > 1 {
        let names: Vec<String> = tops.iter().map(|(name, _)| shown(name)).take(10).collect();
        let problem = format!("its directories ({}) are neither classes nor parts", names.join(", "));
        let remedy = "have nothing but train, val (if there is any) and test in it, each once, or classes only";
        return Err(error(root, problem, remedy));
    }
    let mut directories = Vec::new();
    for ((name, path), part) in tops.into_iter().zip(parts) {
        if listing.parted {
            let (classes, loose) = children(&path, &mut seen)?;
            no_images(&path, &loose)?;
            directories.extend(classes.into_iter().map(|(name, path)| (name, path, part.unwrap_or(Part::Train))));
        } else {
            directories.push((name, path, Part::Train));
        }
    }
    // Names are told apart by their bytes: what is shown of two may be the same.
    let names: BTreeSet<&OsString> = directories.iter().map(|(name, ..)| name).collect();
    let number: BTreeMap<OsString, usize> = names.into_iter().cloned().zip(0..).collect();
    listing.classes = number.keys().map(|name| shown(name)).collect();
    match &listing.classes[..] {
        [] => return Err(error(root, "it has no directories of classes", LAYOUT)),
        [one] => return Err(error(root, format!("it has a single class, '{one}'"), LAYOUT)),
        _ => {}
    }
    for (name, path, part) in directories {
        listing.collect(&path, number[&name], part, &mut seen)?;
        listing.directories.push((path, number[&name], part));
    }
    Ok(listing)
}

/// What is said of a file that is none of images.
const NO_IMAGE: &str = "it is no image file: PNG, JPEG, TIFF, BMP or WebP";

/// All image files in a folder and below, by directory and name, and those of formats that are not read; hidden ones are left out.
pub fn image_files(folder: &Path) -> Result<(Vec<PathBuf>, Vec<Skipped>), DataError> {
    let (mut listing, mut seen) = (Listing::default(), HashSet::new());
    listing.collect(folder, 0, Part::Train, &mut seen)?;
    listing.foreign.retain(|file| file.reason != NO_IMAGE);
    Ok((listing.images.into_iter().map(|image| image.path).collect(), listing.foreign))
}

impl Listing {
    /// All files of a directory and the directories in it, as files of one class.
    fn collect(&mut self, path: &Path, class: usize, part: Part, seen: &mut HashSet<PathBuf>) -> Result<(), DataError> {
        let mut waiting = vec![path.to_owned()];
        while let Some(path) = waiting.pop() {
            let (directories, files) = children(&path, seen)?;
            waiting.extend(directories.into_iter().rev().map(|(_, path)| path));
            for path in files {
                match not_read(&path) {
                    Some(reason) => self.foreign.push(Skipped { path, reason: reason.into() }),
                    None => self.images.push(Image { path, class, part, group: None }),
                }
            }
        }
        Ok(())
    }
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}

/// Why a file is not read, if it isn't, and how to make one of it that is.
pub(super) fn not_read(path: &Path) -> Option<&'static str> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    Some(match extension.as_deref() {
        // A broken link is not a regular file; a named pipe would be waited for.
        _ if is_image(path) && !path.is_file() => "it is not a regular file, or a link to nothing",
        _ if is_image(path) => return None,
        Some("dcm" | "dicom") => {
            "DICOM is not read: convert it to PNG, for example with `dcmj2pnm --write-16-bit-png FILE OUT.png`"
        }
        Some("gif" | "heic" | "heif" | "avif" | "jp2" | "ppm" | "pgm" | "nii" | "svs" | "tga") => {
            "its format is not read: convert it to PNG, for example with `magick FILE OUT.png`"
        }
        _ => NO_IMAGE,
    })
}

/// Images beside the directories of classes belong to no class.
fn no_images(directory: &Path, files: &[PathBuf]) -> Result<(), DataError> {
    let images: Vec<&PathBuf> = files.iter().filter(|path| is_image(path)).collect();
    let Some(first) = images.first() else { return Ok(()) };
    let problem =
        format!("{} images in it belong to no class, the first is '{}'", images.len(), shown(first.as_os_str()));
    let remedy = "move them into directories of their classes, name their classes in labels.csv (columns file and label), or, if this is \
                  the directory of one class, give the folder above it";
    Err(error(directory, problem, remedy))
}

/// Directories with their names, and files.
type Children = (Vec<(OsString, PathBuf)>, Vec<PathBuf>);

/// What is in `directory`, sorted by name; hidden files and directories are left out. An error if it was seen before,
/// through a link.
fn children(directory: &Path, seen: &mut HashSet<PathBuf>) -> Result<Children, DataError> {
    let unreadable = |source| DataError::Read { path: directory.to_owned(), source };
    if !seen.insert(fs::canonicalize(directory).map_err(unreadable)?) {
        let problem = "links lead to it a second time, so its images would count twice or without end";
        return Err(error(directory, problem, "remove the link"));
    }
    let mut found: Children = Default::default();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let (name, path) = entry.map(|entry| (entry.file_name(), entry.path())).map_err(unreadable)?;
        if name.as_encoded_bytes().starts_with(b".") || IGNORED.iter().any(|&ignored| name == ignored) {
            continue;
        }
        if path.is_dir() { found.0.push((name, path)) } else { found.1.push(path) }
    }
    found.0.sort();
    found.1.sort();
    Ok(found)
}
