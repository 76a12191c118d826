//! Files: the model, and the values that it keeps beside it.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};

use bytes::Bytes;
use prost::Message;

use super::OnnxError;
use super::proto::{EXTERNAL, ModelProto, TensorProto};

/// The largest file in bytes; a protobuf message has 2 GiB at most, values beside it may have more.
const LARGEST: u64 = 8 << 30;

/// The model of a file, all values within it.
pub(super) fn read(path: &Path) -> Result<ModelProto, OnnxError> {
    let damaged = |reason: String| OnnxError::Damaged { path: path.into(), reason };
    let bytes = whole(path).map_err(|source| OnnxError::Open { path: path.into(), source })?;
    let mut model = ModelProto::decode(bytes).map_err(|error| damaged(format!("it is not protobuf ({error})")))?;
    let Some(graph) = &mut model.graph else {
        return Err(damaged("it has no graph".into()));
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut beside: HashMap<String, Bytes> = HashMap::new();
    let attributes = graph.node.iter_mut().flat_map(|n| &mut n.attribute).filter_map(|a| a.t.as_mut());
    for tensor in graph.initializer.iter_mut().chain(attributes) {
        if tensor.data_location == Some(EXTERNAL) {
            let name = tensor.name.clone().unwrap_or_default();
            let of_tensor = |reason: String| damaged(format!("the values of `{name}` are in another file: {reason}"));
            tensor.raw_data = Some(external(tensor, folder, &mut beside).map_err(of_tensor)?);
        }
    }
    Ok(model)
}

/// A regular file, whole.
fn whole(path: &Path) -> Result<Bytes, std::io::Error> {
    let found = path.metadata()?;
    if !found.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    if found.len() > LARGEST {
        return Err(std::io::Error::other(format!("it has {} bytes, at most {LARGEST} are read", found.len())));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// The bytes that the tensor points to: a part of a file in the folder of the model.
fn external(tensor: &TensorProto, folder: &Path, beside: &mut HashMap<String, Bytes>) -> Result<Bytes, String> {
    let entry = |key: &str| {
        let found = tensor.external_data.iter().find(|e| e.key.as_deref() == Some(key));
        found.and_then(|e| e.value.as_deref())
    };
    let location = entry("location").ok_or("it is not named")?;
    let number = |key: &str| {
        entry(key).map(|text| text.parse::<usize>().map_err(|_| format!("its {key} is no number"))).transpose()
    };
    let is_inside = Path::new(location).components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || !is_inside {
        return Err(format!("`{location}` is not in the folder of the model"));
    }
    if !beside.contains_key(location) {
        let path = folder.join(location);
        // A link could lead out of the folder.
        let real = path.canonicalize().map_err(|e| format!("cannot read `{location}`: {e}"))?;
        let root = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let root = root.canonicalize().map_err(|e| format!("cannot read its folder: {e}"))?;
        if !real.starts_with(root) {
            return Err(format!("`{location}` leads out of the folder of the model"));
        }
        beside.insert(location.into(), whole(&real).map_err(|e| format!("cannot read `{location}`: {e}"))?);
    }
    let bytes = &beside[location];
    let start = number("offset")?.unwrap_or(0);
    let end = match number("length")? {
        Some(length) => start.checked_add(length).ok_or("its length is too large")?,
        None => bytes.len(),
    };
    if start > end || end > bytes.len() {
        return Err(format!("`{location}` has {} bytes, {start}..{end} are asked for", bytes.len()));
    }
    Ok(bytes.slice(start..end))
}
