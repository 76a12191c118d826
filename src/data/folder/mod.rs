//! `folder`: image files, a directory per class.

mod decode;
mod labels;
mod list;
mod pixels;
mod single;

use self::decode::{Header, Treatment};
pub use self::list::image_files;
use self::list::{Image, Listing, error, list};
pub use self::single::read_image;
use super::error::{listed_files, shown};
use super::spec::{flag, path_and_options};
use super::{DataError, DataSource, DataSpec, Dataset, Part, Skipped, Source, SourceInfo, Watch};
use crate::network::Shape;
use ndarray::parallel::prelude::*;
use ndarray::{Array4, Axis};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(super) const INFO: SourceInfo = SourceInfo {
    name: "folder",
    usage: "folder:PATH[,size=HEIGHTxWIDTH][,group=REGEX][,skip-corrupt]",
    title: "Image folder",
    what: "PNG, JPEG, TIFF, BMP and WebP images of any size, grey or colour, in a directory per class, or with their classes in labels.csv (columns \
           file, label); with directories train, test and val above the classes, or a column part, these are the official parts. \
           Images of one group are never parted: a column group, or what the brackets of the regular expression match in the path. All are resized to one size: that of most images, or else the \
           median height and width, at most 256 pixels the longer side, unless size says otherwise. A file that can't be \
           decoded is an error, with skip-corrupt it is left out and named",
    origin: "your files; the layout of torchvision's ImageFolder",
    licence: "that of your files",
    parse,
};

fn parse(text: &str) -> Result<DataSpec, DataError> {
    let what = "path of a folder with a directory of images per class";
    let (path, options) = path_and_options(&INFO, what, text, &["size", "group", "skip-corrupt"])?;
    let mut folder = ImageFolder { path, size: None, group: None, skip_corrupt: false };
    for (option, value) in options {
        if option == "size" {
            folder.size = Some(size(value).ok_or_else(|| DataError::BadOption {
                data: INFO.name,
                option,
                value: value.to_owned(),
                expected: "HEIGHTxWIDTH in pixels from 1 to 4096, such as 64x64",
            })?);
        } else if option == "group" {
            folder.group = Some(value.to_owned());
            folder.grouping()?;
        } else {
            flag(&INFO, option, value)?;
            folder.skip_corrupt = true;
        }
    }
    Ok(DataSpec::new(folder))
}

fn size(text: &str) -> Option<[usize; 2]> {
    let (height, width) = text.split_once('x')?;
    let size = [height.parse().ok()?, width.parse().ok()?];
    Shape::new(1, size[0], size[1]).check(1).ok().map(|()| size)
}

/// The longer side to which large images are reduced while they are read, in pixels.
const MAX_SIDE: usize = 256;

/// A folder with a directory of images per class, or their classes in `labels.csv`, and how to read it. In text
/// `folder:PATH[,size=HxW][,group=REGEX][,skip-corrupt]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFolder {
    /// The folder.
    pub path: PathBuf,
    /// Height and width that images are resized to while they are read. Without it: the size that at least half of the
    /// images have, else the median height and the median width; reduced in proportion if a side is above 256.
    pub size: Option<[usize; 2]>,
    /// A regular expression with one group in brackets: images in whose path, within the folder, it matches the same text are of
    /// one group, such as a patient.
    pub group: Option<String>,
    /// Whether files that can't be decoded are left out ([`Dataset::skipped`] names them) instead of being an error.
    pub skip_corrupt: bool,
}

impl fmt::Display for ImageFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", INFO.name, self.path.display())?;
        if let Some([height, width]) = self.size {
            write!(f, ",size={height}x{width}")?;
        }
        if let Some(group) = &self.group {
            write!(f, ",group={group}")?;
        }
        if self.skip_corrupt { f.write_str(",skip-corrupt") } else { Ok(()) }
    }
}

impl Source for ImageFolder {
    fn open(&self, watch: &Watch<'_>) -> Result<DataSource, DataError> {
        let dataset = self.read(watch)?;
        dataset.notes().iter().for_each(|note| (watch.on_note)(note));
        few(&dataset).iter().for_each(|note| (watch.on_note)(note));
        Ok(DataSource::Images(dataset))
    }

    fn native_shape(&self, _: &Watch<'_>) -> Result<Option<Shape>, DataError> {
        let headers: Vec<Header> =
            self.list()?.images.par_iter().filter_map(|image| decode::header(&image.path).ok()).collect();
        Ok(Some(self.shape(&headers)))
    }
}

impl ImageFolder {
    /// All images, class by class in the order of the names of directories and files. They are grey if all files are grey,
    /// otherwise RGB, and look as viewers show them: turned as their EXIF data say, what is transparent on white (on black if all
    /// that can be seen is white). Files of 16 bits a channel become 8 bits: the largest value of all such files says how many
    /// bits are used (8, 10, 12, 14 or 16), and the most that these can hold becomes 255. [`Dataset::notes`] counts all this.
    ///
    /// [`DataError::Folder`] if the directories are no classes, [`DataError::BadFiles`] for files that can't be decoded
    /// unless they are to be skipped, [`DataError::Read`], [`DataError::TooLarge`].
    pub fn read(&self, watch: &Watch<'_>) -> Result<Dataset, DataError> {
        let Listing { classes, directories, images, foreign, parted } = self.list()?;
        // Headers first: they decide the one shape to which images are reduced while they are decoded.
        let headers: Vec<_> = images.par_iter().map(|image| decode::header(&image.path)).collect();
        let mut skipped = foreign;
        let (images, headers) = usable(images, headers, &mut skipped);
        let shape = self.shape(&headers);
        shape.check_pixels(images.len())?;
        let mut pixels = Array4::zeros((images.len(), shape.channels, shape.height, shape.width));
        let done = AtomicUsize::new(0);
        let decoded: Vec<_> = pixels
            .axis_iter_mut(Axis(0))
            .into_par_iter()
            .zip(&images)
            .map(|(mut pixels, image)| {
                if watch.stopped() {
                    return Err("interrupted".to_owned());
                }
                let planes = pixels.as_slice_mut().ok_or("its pixels lie apart")?;
                let result = decode::decode(&image.path, shape, planes, watch);
                (watch.on_progress)(done.fetch_add(1, Ordering::Relaxed) + 1, images.len());
                result
            })
            .collect();
        if watch.stopped() {
            return Err(DataError::Interrupted { done: done.into_inner(), total: images.len() });
        }
        let whole: Vec<usize> = (0..images.len()).filter(|&i| decoded[i].is_ok()).collect();
        if whole.len() < images.len() {
            pixels = pixels.select(Axis(0), &whole);
        }
        let (images, treatments) = usable(images, decoded, &mut skipped);
        let (notes, deep_white) = finish(&mut pixels, treatments);
        if !skipped.is_empty() && !self.skip_corrupt {
            return Err(DataError::BadFiles { folder: self.path.clone(), files: skipped });
        }
        let filled: HashSet<(usize, Part)> = images.iter().map(|image| (image.class, image.part)).collect();
        if let Some((path, ..)) = directories.into_iter().find(|(_, class, part)| !filled.contains(&(*class, *part))) {
            let problem = format!("it is the directory of a class but has no image{}", listed_files(&skipped));
            return Err(DataError::Folder { path, problem, remedy: "fill it, or remove it" });
        }
        let labels = images.iter().map(|image| image.class).collect();
        let count = classes.len();
        let dataset = Dataset::new(self.to_string(), pixels, u8::MAX, labels, count)?.with_class_names(classes)?;
        let dataset =
            if parted { dataset.with_parts(images.iter().map(|image| image.part).collect())? } else { dataset };
        let groups: BTreeSet<&String> = images.iter().filter_map(|image| image.group.as_ref()).collect();
        let number: BTreeMap<&String, usize> = groups.into_iter().zip(0..).collect();
        let groups = images.iter().map(|image| Some(number[image.group.as_ref()?])).collect();
        let dataset = dataset.with_groups(groups).with_skipped(skipped).with_notes(notes);
        let name = |image: &Image| image.path.strip_prefix(&self.path).unwrap_or(&image.path).display().to_string();
        let names = images.iter().map(name).collect();
        Ok(dataset.with_deep_white(deep_white).with_image_names(names))
    }

    fn list(&self) -> Result<Listing, DataError> {
        let mut listing = match labels::listed(&self.path)? {
            Some(listing) => listing,
            None => list(&self.path)?,
        };
        let Some(grouping) = self.grouping()? else { return Ok(listing) };
        for image in &mut listing.images {
            let within = image.path.strip_prefix(&self.path).unwrap_or(&image.path).to_string_lossy().into_owned();
            let Some(group) = grouping.captures(&within).and_then(|found| found.get(1)) else {
                let problem = format!("'{}' does not match {grouping}", shown(within.as_ref()));
                return Err(error(
                    &self.path,
                    problem,
                    "write an expression that finds the group in the path of every image",
                ));
            };
            image.group = Some(group.as_str().to_owned());
        }
        Ok(listing)
    }

    /// What finds the group of a path.
    fn grouping(&self) -> Result<Option<Regex>, DataError> {
        let Some(text) = &self.group else { return Ok(None) };
        let refused = || DataError::BadOption {
            data: INFO.name,
            option: "group",
            value: text.clone(),
            expected: "a regular expression with one group in brackets and no comma, such as group=(patient[0-9]+)",
        };
        Regex::new(text).ok().filter(|regex| regex.captures_len() == 2).map(Some).ok_or_else(refused)
    }

    /// The shape of all images.
    fn shape(&self, headers: &[Header]) -> Shape {
        let [height, width] = self.size.unwrap_or_else(|| common_size(headers));
        Shape::new(if headers.iter().all(|header| header.grey) { 1 } else { 3 }, height, width)
    }
}

/// Images of a class, and groups, below which there is little to learn or to part.
const FEW: usize = 10;

/// What there is too little of.
fn few(dataset: &Dataset) -> Vec<String> {
    let all: Vec<usize> = (0..dataset.len()).collect();
    let counts = dataset.by_class(&all).into_iter().map(|class| class.len());
    let rare = counts.zip(dataset.class_names()).filter(|(count, _)| *count < FEW);
    let rare: Vec<String> = rare.map(|(count, name)| format!("'{name}' ({count})")).collect();
    let mut notes = Vec::new();
    if !rare.is_empty() {
        let more = if rare.len() > 5 { format!(" and {} more classes", rare.len() - 5) } else { String::new() };
        let named = rare.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        notes.push(format!("few images of {named}{more}: too few to learn a class or to judge by"));
    }
    let Some(groups) = dataset.groups() else { return notes };
    let of = |part| dataset.part(part).into_iter().map(|image| groups[image]).collect::<HashSet<_>>();
    let parts = [Part::Train, Part::Valid, Part::Test].map(of);
    let distinct: HashSet<_> = groups.iter().collect();
    let count = dataset.units();
    if count < FEW {
        notes.push(format!("{count} groups, which stay whole: the parts may be far from the shares asked for"));
    }
    let shared = distinct.iter().filter(|group| parts.iter().filter(|part| part.contains(group)).count() > 1).count();
    if shared > 0 {
        notes.push(format!(
            "{shared} groups have images in several of the given parts, so accuracies come out too good"
        ));
    }
    notes
}

/// The images that came to something, with what they came to; the others join `skipped`.
fn usable<T>(images: Vec<Image>, results: Vec<Result<T, String>>, skipped: &mut Vec<Skipped>) -> (Vec<Image>, Vec<T>) {
    let mut usable = (Vec::new(), Vec::new());
    for (image, result) in images.into_iter().zip(results) {
        match result {
            Ok(value) => {
                usable.0.push(image);
                usable.1.push(value);
            }
            Err(reason) => skipped.push(Skipped { path: image.path, reason }),
        }
    }
    usable
}

/// Scales what has 16 bits; says what was done to how many of the images, and what is white in those of 16 bits.
fn finish(pixels: &mut Array4<u8>, treatments: Vec<Treatment>) -> (Vec<String>, Option<u16>) {
    let total = treatments.len();
    let mut notes = Vec::new();
    let mut note = |count: usize, what: String| {
        if count > 0 {
            notes.push(format!("{count} of {total} images {what}"));
        }
    };
    let count = |has: fn(&Treatment) -> bool| treatments.iter().filter(|t| has(t)).count();
    note(count(|t| t.turned), "are turned or mirrored, as their EXIF data say".into());
    note(
        count(|t| t.transparent),
        "are transparent in part: they are put on white, or on black if they are white".into(),
    );
    note(count(|t| t.cmyk), "are CMYK: they become RGB without their colour profiles".into());
    let max = treatments.iter().filter_map(|t| t.deep.as_ref()).map(|deep| deep.max).max();
    let bits = max.map(|max| [8, 10, 12, 14].into_iter().find(|&bits| max >> bits == 0).unwrap_or(16u32));
    let white = bits.map(|bits| u16::MAX >> (16 - bits));
    if let (Some(bits), Some(white)) = (bits, white) {
        note(count(|t| t.deep.is_some()), format!("have 16 bits a channel, of which {bits} are used: they become 8"));
        for (mut image, treatment) in pixels.outer_iter_mut().zip(&treatments) {
            let levels = treatment.deep.iter().flat_map(|deep| deep.levels(white));
            image.iter_mut().zip(levels).for_each(|(pixel, value)| *pixel = value);
        }
    }
    (notes, white)
}

/// The height and width that at least half of the images have, else the median of each; the longer side at most
/// [`MAX_SIDE`], the other in proportion.
fn common_size(headers: &[Header]) -> [usize; 2] {
    let mut counts = BTreeMap::new();
    headers.iter().for_each(|h| *counts.entry([h.height, h.width]).or_insert(0) += 1);
    let median = |mut sides: Vec<usize>| {
        sides.sort_unstable();
        sides.get(sides.len().saturating_sub(1) / 2).copied().unwrap_or(1)
    };
    let size = match counts.into_iter().max_by_key(|&(_, count)| count) {
        Some((size, count)) if 2 * count >= headers.len() => size,
        _ => [median(headers.iter().map(|h| h.height).collect()), median(headers.iter().map(|h| h.width).collect())],
    };
    let longer = size[0].max(size[1]);
    if longer <= MAX_SIDE { size } else { size.map(|side| ((side * MAX_SIDE + longer / 2) / longer).max(1)) }
}

#[cfg(test)]
mod more_tests;
#[cfg(test)]
mod tests;
