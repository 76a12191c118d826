//! `labels.csv`: which files are of which class, part and group.

use super::list::{Image, Listing, error, not_read, part_of};
use crate::data::error::shown;
use crate::data::{DataError, Part, Skipped};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::path::Path;

/// The file beside or above the images.
pub(super) const LABELS: &str = "labels.csv";

/// What stands in the folder's `labels.csv`; none if there is no such file, or another one of that name. Columns are `file` (a path within the folder) and
/// `label`, and if wanted `part` (train, val, test) and `group`.
pub(super) fn listed(root: &Path) -> Result<Option<Listing>, DataError> {
    let path = root.join(LABELS);
    if !path.is_file() {
        return Ok(None);
    }
    const REMEDY: &str = "write a line `file,label`, then a line per image";
    let refuse = |problem: String| error(&path, problem, REMEDY);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(&path)
        .map_err(|e| refuse(format!("it can't be read: {e}")))?;
    let header = reader.headers().map_err(|e| refuse(format!("it can't be read: {e}")))?.clone();
    let column = |name: &str| header.iter().position(|found| found.trim_start_matches('\u{feff}') == name);
    let missing = |name: &str| {
        let found: Vec<&str> = header.iter().collect();
        refuse(format!("it has no column `{name}`, but {}", found.join(", ")))
    };
    // A file of that name for another purpose.
    if column("file").or(column("label")).is_none() {
        return Ok(None);
    }
    let file = column("file").ok_or_else(|| missing("file"))?;
    let label = column("label").ok_or_else(|| missing("label"))?;
    let (part, group) = (column("part"), column("group"));
    let mut listing = Listing { parted: part.is_some(), ..Listing::default() };
    let (mut labels, mut seen) = (Vec::new(), HashSet::new());
    for (line, row) in (2..).zip(reader.records()) {
        let row = row.map_err(|e| refuse(format!("line {line} can't be read: {e}")))?;
        let (name, class) = (&row[file], &row[label]);
        if name.is_empty() || class.is_empty() || group.is_some_and(|group| row[group].is_empty()) {
            return Err(refuse(format!("line {line} has no file, label or group")));
        }
        if !seen.insert(name.to_owned()) {
            return Err(refuse(format!("line {line} names '{}' a second time", shown(OsStr::new(name)))));
        }
        let part = match part.map(|part| part_of(OsStr::new(&row[part]))) {
            None => Part::Train,
            Some(Some(part)) => part,
            Some(None) => return Err(refuse(format!("line {line} has a part that is none of train, val and test"))),
        };
        let path = root.join(name);
        match not_read(&path) {
            Some(reason) => listing.foreign.push(Skipped { path, reason: reason.into() }),
            None => {
                let group = group.map(|group| row[group].to_owned());
                listing.images.push(Image { path, class: 0, part, group });
                labels.push(class.to_owned());
            }
        }
    }
    let names: BTreeSet<&String> = labels.iter().collect();
    let number: BTreeMap<&String, usize> = names.iter().copied().zip(0..).collect();
    if number.len() < 2 {
        return Err(refuse(format!("it has {} classes of images", number.len())));
    }
    listing.images.iter_mut().zip(&labels).for_each(|(image, label)| image.class = number[label]);
    listing.classes = names.into_iter().map(|name| shown(OsStr::new(name))).collect();
    Ok(Some(listing))
}
