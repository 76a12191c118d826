//! Tensors in safetensors files: the weights beside `model.py`, written and read back.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use safetensors::{Dtype, serialize};
use tch::{Device, Tensor};

use super::ExportError;
use super::state::{Part, entries};
use crate::engine::{LayerTensors, NormTensors, Parameters, VectorTensors, Weights, channels_last};
use crate::network::{Network, NodeId, Op};
use crate::text::excerpt;

/// Count of the batches that a normalisation has seen: in PyTorch's state dict, but of no effect.
const BATCHES: &str = "num_batches_tracked";

/// Why weights cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}; name the model.safetensors of an export", path.display())]
    Open { path: PathBuf, source: std::io::Error },
    /// The file is cut short or no safetensors file.
    #[error("{} is not a complete safetensors file ({reason}); copy or write it again", path.display())]
    Damaged { path: PathBuf, reason: String },
    /// A tensor of the network is not in the file.
    #[error("{} has no tensor `{tensor}`: it holds the weights of another network, so check space, architecture and skeleton", path.display())]
    Missing { path: PathBuf, tensor: String },
    /// A tensor has another shape or type than the network's.
    #[error(
        "`{tensor}` in {} is {found}, the network's is {expected}: it holds the weights of another network, so check \
         skeleton, image channels and classes", path.display()
    )]
    Shape { path: PathBuf, tensor: String, found: String, expected: String },
    /// The file has tensors that the network has not.
    #[error("{} has {count} tensors too many, such as `{tensor}`: it holds the weights of another network", path.display())]
    Unexpected { path: PathBuf, tensor: String, count: usize },
    /// libtorch refused, for instance because memory ran out.
    #[error("libtorch: {}", crate::engine::torch_message(.0))]
    Torch(#[from] tch::TchError),
}

/// Parameters of `network` from a file that [`super::write`] or PyTorch wrote for its `model.py`: every float32 tensor of the
/// state dict must be there in its shape, and nothing else but `num_batches_tracked`. Only these tensors are read.
pub fn load_safetensors(path: &Path, network: &Network, device: Device) -> Result<Parameters, WeightsError> {
    let file = || path.to_path_buf();
    let mut source = Source::open(path)?;
    let mut read: HashMap<(NodeId, Part), Tensor> = HashMap::new();
    let entries = entries(network);
    for entry in &entries {
        let tensor = || entry.name.clone();
        let info = source.header.info(&entry.name).cloned();
        let info = info.ok_or_else(|| WeightsError::Missing { path: file(), tensor: tensor() })?;
        if info.dtype != Dtype::F32 || info.shape != entry.dims {
            let found = format!("{} {}", info.dtype, excerpt(&format!("{:?}", info.shape)));
            let expected = format!("{} {:?}", Dtype::F32, entry.dims);
            return Err(WeightsError::Shape { path: file(), tensor: tensor(), found, expected });
        }
        read.insert((entry.node, entry.part), float_tensor(&source.data(&info)?, &entry.dims, device)?);
    }
    let names: HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let batches = format!(".{BATCHES}");
    let mut unexpected = source.header.offset_keys();
    unexpected.retain(|name| !names.contains(name.as_str()) && !name.ends_with(&batches));
    if let Some(first) = unexpected.iter().min() {
        return Err(WeightsError::Unexpected { path: file(), tensor: excerpt(first), count: unexpected.len() });
    }
    let (mut layers, mut vectors, mut norms) = (Vec::new(), Vec::new(), Vec::new());
    for (id, node) in network.nodes().iter().enumerate() {
        let [weight, bias, mean, variance] =
            [Part::Weight, Part::Bias, Part::Mean, Part::Variance].map(|part| read.remove(&(id, part)));
        let is_layer = node.op.weight(network.operand_shape(id)).is_some();
        let (layer, vector, norm) = match (node.op, weight, bias, mean, variance) {
            (Op::BatchNorm, Some(scale), Some(shift), Some(mean), Some(variance)) => {
                (None, None, Some(NormTensors { scale, shift, mean, variance }))
            }
            (_, Some(weight), bias, ..) if is_layer => (Some(LayerTensors { weight, bias }), None, None),
            (_, None, None, ..) => (None, None, None),
            (_, scale, shift, ..) => (None, Some(VectorTensors { scale, shift }), None),
        };
        layers.push(layer);
        vectors.push(vector);
        norms.push(norm);
    }
    Ok(Parameters { layers: Weights::new(layers, vectors), norms })
}

/// Longest header that is read; that of a network of some thousand layers has a tenth.
const LONGEST: u64 = 4 << 20;

/// An open file whose header is read, and fits its size.
struct Source {
    path: PathBuf,
    file: File,
    header: Metadata,
    /// Bytes before the tensors.
    start: u64,
}

impl Source {
    fn open(path: &Path) -> Result<Self, WeightsError> {
        let refuse = |source| WeightsError::Open { path: path.into(), source };
        let damaged = |reason: String| WeightsError::Damaged { path: path.into(), reason };
        let found = path.metadata().map_err(refuse)?;
        if !found.is_file() {
            return Err(refuse(std::io::Error::other("it is not a regular file")));
        }
        let (mut file, mut length, size) = (File::open(path).map_err(refuse)?, [0; 8], found.len());
        if size < 8 {
            return Err(damaged(format!("it has {size} bytes")));
        }
        file.read_exact(&mut length).map_err(refuse)?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST.min(size - 8) {
            return Err(damaged(format!("a header of {length} bytes in a file of {size}")));
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header).map_err(refuse)?;
        let header: Metadata = serde_json::from_slice(&header).map_err(|e| damaged(excerpt(&e.to_string())))?;
        let (start, tensors) = (8 + length, header.data_len() as u64);
        if size - start != tensors {
            return Err(damaged(format!("it announces {tensors} bytes of tensors and has {}", size - start)));
        }
        Ok(Source { path: path.into(), file, header, start })
    }

    /// The bytes of a float32 tensor.
    fn data(&mut self, info: &TensorInfo) -> Result<Vec<u8>, WeightsError> {
        let (from, to) = info.data_offsets;
        let bytes = info.shape.iter().product::<usize>() * size_of::<f32>();
        if to.checked_sub(from) != Some(bytes) {
            let reason = format!("{from} to {to} are not the {bytes} bytes of a tensor");
            return Err(WeightsError::Damaged { path: self.path.clone(), reason });
        }
        let mut data = vec![0; bytes];
        let read =
            self.file.seek(SeekFrom::Start(self.start + from as u64)).and_then(|_| self.file.read_exact(&mut data));
        read.map_err(|source| WeightsError::Open { path: self.path.clone(), source })?;
        Ok(data)
    }
}

/// What an export notes of itself in its weights, by name.
pub type Facts = HashMap<String, String>;

/// The [`Facts`] of a `model.safetensors`; None if no export wrote it. Only its header is read.
pub fn facts(path: &Path) -> Result<Option<Facts>, WeightsError> {
    let header = Source::open(path)?.header;
    let noted = header.metadata().as_ref().and_then(|metadata| metadata.get("naslens"));
    let damaged = |e: serde_json::Error| WeightsError::Damaged { path: path.into(), reason: excerpt(&e.to_string()) };
    noted.map(|noted| serde_json::from_str(noted)).transpose().map_err(damaged)
}

/// Whether the file holds the weights of an export.
pub(super) fn is_export(path: &Path) -> bool {
    matches!(facts(path), Ok(Some(_)))
}

/// A float32 tensor of little-endian values; that of a convolution as the engine stores it.
fn float_tensor(data: &[u8], dims: &[usize], device: Device) -> Result<Tensor, tch::TchError> {
    let values: Vec<f32> = data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let sizes: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
    let tensor = Tensor::f_from_slice(&values)?.f_reshape(&sizes)?.f_to(device)?;
    if sizes.len() == 4 { channels_last(&tensor) } else { Ok(tensor) }
}

/// A float32 tensor to be written.
pub(super) struct NamedData {
    pub name: String,
    pub dims: Vec<usize>,
    /// Little-endian values, row-major.
    pub data: Vec<u8>,
}

/// A file of these tensors. `properties` are one JSON object in its metadata, under `naslens`: a file with several keys there
/// would be another one every time.
pub(super) fn encode(tensors: &[NamedData], properties: &[(&'static str, String)]) -> Result<Vec<u8>, ExportError> {
    let refused = |e: safetensors::SafeTensorError| ExportError::Safetensors(e.to_string());
    let mut views = Vec::with_capacity(tensors.len());
    for NamedData { name, dims, data } in tensors {
        views.push((name.clone(), TensorView::new(Dtype::F32, dims.clone(), data).map_err(refused)?));
        if let Some(layer) = name.strip_suffix(".running_var") {
            let zero = TensorView::new(Dtype::I64, Vec::new(), &[0; 8]).map_err(refused)?;
            views.push((format!("{layer}.{BATCHES}"), zero));
        }
    }
    let object: serde_json::Map<String, serde_json::Value> =
        properties.iter().map(|(k, v)| (k.to_string(), v.as_str().into())).collect();
    let metadata = HashMap::from([("naslens".to_owned(), serde_json::Value::from(object).to_string())]);
    serialize(views, (!properties.is_empty()).then_some(metadata)).map_err(refused)
}

/// The state dict of `model.py`.
pub(super) fn encode_state(
    network: &Network,
    parameters: &Parameters,
    properties: &[(&'static str, String)],
) -> Result<Vec<u8>, ExportError> {
    let named = entries(network).into_iter().map(|entry| {
        let data = entry.data(parameters)?;
        Ok(NamedData { name: entry.name, dims: entry.dims, data })
    });
    encode(&named.collect::<Result<Vec<_>, ExportError>>()?, properties)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::tests::{any_network, parameters, small};
    use crate::network::{Conv2d, NetworkBuilder, Shape};
    use ::safetensors::SafeTensors;
    use proptest::prelude::*;

    fn equal(a: &Parameters, b: &Parameters, network: &Network) -> bool {
        let data = |p: &Parameters| entries(network).iter().map(|e| e.data(p).unwrap()).collect::<Vec<_>>();
        data(a) == data(b)
    }

    fn saved(dir: &Path, bytes: &[u8]) -> PathBuf {
        let path = dir.join("model.safetensors");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn what_is_written_is_read(network in any_network(), seed in any::<u64>()) {
            let dir = tempfile::tempdir().unwrap();
            let written = parameters(&network, seed);
            let path = saved(dir.path(), &encode_state(&network, &written, &[]).unwrap());
            let read = load_safetensors(&path, &network, Device::Cpu).unwrap();
            prop_assert!(equal(&written, &read, &network));
            prop_assert_eq!(read.norms.len(), network.nodes().len());
        }
    }

    #[test]
    fn the_same_file_every_time() {
        let network = small();
        let parameters = parameters(&network, 1);
        let properties = [("space", "s".to_owned()), ("arch", "a".to_owned()), ("params", "1".to_owned())];
        let file = || encode_state(&network, &parameters, &properties).unwrap();
        let first = file();
        assert_eq!(first, file());
        let (_, header) = SafeTensors::read_metadata(&first).unwrap();
        assert_eq!(header.metadata().as_ref().unwrap()["naslens"], r#"{"arch":"a","params":"1","space":"s"}"#);
        assert!(header.info("bn.num_batches_tracked").is_some_and(|i| i.dtype == Dtype::I64 && i.shape.is_empty()));
    }

    #[test]
    fn files_of_other_networks_and_broken_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let network = small();
        let whole = encode_state(&network, &parameters(&network, 1), &[]).unwrap();
        let refused = |bytes: &[u8], network: &Network| {
            let error = load_safetensors(&saved(dir.path(), bytes), network, Device::Cpu).unwrap_err();
            assert!(error.to_string().contains("model.safetensors"), "{error}");
            error
        };
        for length in [0, 7, 8, 100, whole.len() / 2, whole.len() - 1] {
            assert!(matches!(refused(&whole[..length], &network), WeightsError::Damaged { .. }), "{length} bytes");
        }
        assert!(matches!(refused(&[0xff; 64], &network), WeightsError::Damaged { .. }));
        let build = |name: &str, channels: usize| {
            let mut b = NetworkBuilder::new(Shape::new(3, 9, 9));
            let x = b.conv(name, 0, Conv2d::same(3, channels, 3, 1)).unwrap();
            b.finish(x)
        };
        let missing = refused(&whole, &build("elsewhere.conv", 8));
        assert!(
            matches!(&missing, WeightsError::Missing { tensor, .. } if tensor == "elsewhere_conv.weight"),
            "{missing}"
        );
        let shape = refused(&whole, &build("stem.conv", 9)).to_string();
        assert!(shape.contains("`stem_conv.weight`") && shape.contains("F32 [8, 3, 3, 3]"), "{shape}");
        assert!(shape.contains("F32 [9, 3, 3, 3]"), "{shape}");
        let more = refused(&whole, &build("stem.conv", 8));
        assert!(matches!(&more, WeightsError::Unexpected { tensor, .. } if tensor == "bn.bias"), "{more}");
        let zero = load_safetensors(Path::new("/dev/zero"), &network, Device::Cpu).unwrap_err().to_string();
        assert!(zero.contains("not a regular file"), "{zero}");
        let path = saved(dir.path(), &whole);
        File::options().write(true).open(&path).unwrap().set_len(4 << 30).unwrap();
        let sparse = load_safetensors(&path, &network, Device::Cpu).unwrap_err();
        assert!(matches!(sparse, WeightsError::Damaged { .. }), "{sparse}");
        let absent = load_safetensors(&dir.path().join("absent"), &network, Device::Cpu).unwrap_err();
        assert!(matches!(absent, WeightsError::Open { .. }));
    }
}
