//! The container of `torch.save`: since 1.6 a zip archive with `data.pkl`, before that pickles in a row.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::ImportError;
use super::nats_file::{Counted, UseInput};
use super::pickle::{Input, Limits, Value, read_next};

/// How a file of the old form begins: protocol 2, then the number 0x1950a86a20f9469cfc6c.
pub(super) const LEGACY: &[u8] = &[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, b'.'];
/// How a zip archive begins.
pub(super) const ZIP: &[u8] = b"PK\x03\x04";
/// Version of the old form.
const LEGACY_VERSION: i64 = 1001;

/// Gives the pickle of the saved object to `use_input`, from its start.
pub(super) fn open(path: &Path, position: &Cell<u64>, use_input: UseInput) -> Result<(), ImportError> {
    let refuse = ImportError::unreadable(path);
    let content = |place: &str, reason: String| ImportError::content(path, place, reason);
    let mut file = BufReader::with_capacity(1 << 18, Counted { inner: File::open(path).map_err(&refuse)?, position });
    let head = file.fill_buf().map_err(&refuse)?;
    if head.starts_with(ZIP) {
        drop(file);
        let damaged = |error: zip::result::ZipError| content("the zip archive", error.to_string());
        let mut archive = zip::ZipArchive::new(File::open(path).map_err(&refuse)?).map_err(damaged)?;
        let name =
            archive.file_names().find(|name| name.ends_with("/data.pkl") || *name == "data.pkl").map(str::to_string);
        let name =
            name.ok_or_else(|| content("the zip archive", "no data.pkl is in it, which torch.save writes".into()))?;
        let pickle = archive.by_name(&name).map_err(damaged)?;
        return use_input(&mut Input::new(&mut BufReader::with_capacity(1 << 18, Counted { inner: pickle, position })));
    }
    if !head.starts_with(LEGACY) {
        return Err(content("byte 0", "neither a zip archive nor a pickle of torch.save begins there".into()));
    }
    let input = &mut Input::new(&mut file as &mut dyn BufRead);
    let limits = Limits { alive: 1 << 20, ..Limits::default() };
    read_next(input, limits)?;
    let version = read_next(input, limits)?;
    if version.as_int() != Some(LEGACY_VERSION) {
        return Err(content(
            "the second pickle",
            format!("{}, version {LEGACY_VERSION} was expected", version.describe()),
        ));
    }
    match read_next(input, limits)? {
        Value::Dict(system) if system.get("little_endian").is_none_or(|v| matches!(v, Value::Bool(true))) => {}
        _ => return Err(content("the third pickle", "it does not describe a little-endian machine".into())),
    }
    use_input(input)
}
