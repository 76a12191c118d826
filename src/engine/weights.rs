//! A network's initial weights as tensors, and the bank that networks share them from.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tch::{Device, Kind, Tensor};

use super::direct_convolution::Packed;
use crate::network::{Network, Node, NodeId, Op, WeightShape, layer_bias, layer_weight};

/// The tensors of one convolution or linear layer.
#[derive(Debug)]
pub struct LayerTensors {
    /// As [`WeightShape::dims`] orders it.
    pub weight: Tensor,
    /// (out), if the layer has one.
    pub bias: Option<Tensor>,
}

impl LayerTensors {
    fn draw(key: &LayerKey, shape: &WeightShape, device: Device) -> Result<Self, tch::TchError> {
        let dims: Vec<i64> = shape.dims.iter().map(|&d| d as i64).collect();
        let values = layer_weight(key.seed, &key.name, shape);
        let weight = Tensor::f_from_slice(&values)?.f_reshape(&dims)?.f_to(device)?;
        let weight = if dims.len() == 4 { channels_last(&weight)? } else { weight };
        let bias = match layer_bias(key.seed, &key.name, shape) {
            Some(values) => Some(Tensor::f_from_slice(&values)?.f_to(device)?),
            None => None,
        };
        Ok(LayerTensors { weight, bias })
    }

    pub(super) fn map(&self, f: impl Fn(&Tensor) -> Result<Tensor, tch::TchError>) -> Result<Self, tch::TchError> {
        Ok(LayerTensors { weight: f(&self.weight)?, bias: self.bias.as_ref().map(f).transpose()? })
    }

    /// The same tensors once more.
    pub(super) fn share(&self) -> Self {
        LayerTensors { weight: self.weight.shallow_clone(), bias: self.bias.as_ref().map(Tensor::shallow_clone) }
    }
}

/// What fixes the weights of a layer: equal keys, equal weights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct LayerKey {
    pub seed: u64,
    pub name: String,
    pub dims: Vec<usize>,
}

/// The key of a node's layer; None if the node has no weights.
pub(super) fn layer_key(network: &Network, id: NodeId, seed: u64) -> Option<LayerKey> {
    let node = &network.nodes()[id];
    let shape = node.op.weight(network.operand_shape(id))?;
    Some(LayerKey { seed, name: node.name.clone(), dims: shape.dims })
}

/// Layers that were drawn once and are used by every network that has them.
///
/// Networks whose weights come from one seed share the weights of layers of equal name and shape. Each network's
/// initialisation has the distribution it would have alone (*common random numbers*); comparisons between networks lose
/// variance, and nothing is drawn twice. Clones share their contents.
#[derive(Clone, Debug, Default)]
pub struct WeightBank(Arc<Stores>);

#[derive(Debug, Default)]
struct Stores {
    layers: Store<Banked>,
    /// Standard normal tensors, of passes that have an initialisation of their own.
    normals: Store<Normal>,
}

/// What was drawn for each key.
#[derive(Debug)]
struct Store<T>(RwLock<HashMap<LayerKey, T>>);

impl<T> Default for Store<T> {
    fn default() -> Self {
        Store(RwLock::default())
    }
}

#[derive(Debug)]
struct Normal(Tensor);

#[derive(Debug)]
struct Banked {
    plain: LayerTensors,
    absolute: AbsoluteLayer,
}

/// The absolute values of a layer, and the same packed for the direct convolution, if that takes it.
#[derive(Debug)]
pub(super) struct AbsoluteLayer {
    pub tensors: LayerTensors,
    pub packed: Option<Arc<Packed>>,
}

impl AbsoluteLayer {
    fn new(op: &Op, layer: &LayerTensors) -> Result<Self, tch::TchError> {
        let tensors = layer.map(Tensor::f_abs)?;
        let packed = match *op {
            Op::Conv2d(conv) if tensors.weight.device() == Device::Cpu => Packed::new(conv, &tensors.weight)?,
            _ => None,
        };
        Ok(AbsoluteLayer { tensors, packed: packed.map(Arc::new) })
    }

    fn share(&self) -> Self {
        AbsoluteLayer { tensors: self.tensors.share(), packed: self.packed.clone() }
    }
}

/// The absolute layers of a network, by node id.
pub(super) type AbsoluteWeights = Vec<Option<AbsoluteLayer>>;

// SAFETY: the tensors are written once, before they enter the map, and only read afterwards; libtorch allows concurrent
// reads, and the reference counts of shallow clones are atomic.
unsafe impl Sync for Banked {}
// SAFETY: as above.
unsafe impl Sync for Normal {}

impl WeightBank {
    /// The normal tensor that `draw` makes for the key, drawn once.
    pub(super) fn normal(
        &self,
        key: &LayerKey,
        draw: impl FnOnce() -> Result<Tensor, tch::TchError>,
    ) -> Result<Tensor, tch::TchError> {
        self.0.normals.get(key, || draw().map(Normal), |normal| normal.0.shallow_clone())
    }
}

impl<B> Store<B> {
    fn get<T>(
        &self,
        key: &LayerKey,
        draw: impl FnOnce() -> Result<B, tch::TchError>,
        pick: impl Fn(&B) -> T,
    ) -> Result<T, tch::TchError> {
        // A panic elsewhere cannot leave a half-written entry.
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Ok(pick(known));
        }
        let drawn = draw()?;
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Ok(pick(map.entry(key.clone()).or_insert(drawn)))
    }
}

/// What an operation other than a layer has learned per channel; see [`Op::vectors`].
#[derive(Debug)]
pub struct VectorTensors {
    /// The scale, or the slopes of a parametric ReLU.
    pub scale: Option<Tensor>,
    /// The shift.
    pub shift: Option<Tensor>,
}

impl VectorTensors {
    pub(super) fn map(&self, f: impl Fn(&Tensor) -> Result<Tensor, tch::TchError>) -> Result<Self, tch::TchError> {
        let of = |t: &Option<Tensor>| t.as_ref().map(&f).transpose();
        Ok(VectorTensors { scale: of(&self.scale)?, shift: of(&self.shift)? })
    }

    /// The same tensors once more.
    pub(super) fn share(&self) -> Self {
        let of = |t: &Option<Tensor>| t.as_ref().map(Tensor::shallow_clone);
        VectorTensors { scale: of(&self.scale), shift: of(&self.shift) }
    }
}

/// What a node has learned, if anything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Learned<'a> {
    pub layer: Option<&'a LayerTensors>,
    pub vectors: Option<&'a VectorTensors>,
}

impl<'a> Learned<'a> {
    /// The scale of the node's vectors.
    pub fn scale(&self) -> Option<&'a Tensor> {
        self.vectors.and_then(|v| v.scale.as_ref())
    }

    /// The shift of the node's vectors.
    pub fn shift(&self) -> Option<&'a Tensor> {
        self.vectors.and_then(|v| v.shift.as_ref())
    }
}

/// The layers of a network and what other operations have learned per channel, by node id.
#[derive(Debug)]
pub struct Weights {
    by_node: Vec<Option<LayerTensors>>,
    /// Empty where everything has its first value.
    vectors: Vec<Option<VectorTensors>>,
}

impl Weights {
    /// These layers, by node id, None for nodes without weights; other operations have their first values.
    pub fn of_layers(by_node: Vec<Option<LayerTensors>>) -> Self {
        Weights { by_node, vectors: Vec::new() }
    }

    /// These layers, and what other operations have learned, by node id.
    pub fn new(by_node: Vec<Option<LayerTensors>>, vectors: Vec<Option<VectorTensors>>) -> Self {
        Weights { by_node, vectors }
    }

    /// PyTorch's default initialisation from `seed` (see [`layer_weight`]), float32; from the bank, if there is one.
    pub fn init(
        network: &Network,
        seed: u64,
        device: Device,
        bank: Option<&WeightBank>,
    ) -> Result<Weights, tch::TchError> {
        Ok(Weights::of_layers(layers_of(network, seed, device, bank, |_, layer| Ok(layer), |b| b.plain.share())?))
    }

    /// The absolute values of [`Weights::init`].
    pub(super) fn init_absolute(
        network: &Network,
        seed: u64,
        device: Device,
        bank: Option<&WeightBank>,
    ) -> Result<AbsoluteWeights, tch::TchError> {
        let absolute = |op: &Op, layer: LayerTensors| AbsoluteLayer::new(op, &layer);
        layers_of(network, seed, device, bank, absolute, |b| b.absolute.share())
    }

    /// The absolute values of the layers.
    pub(super) fn absolute(&self, network: &Network) -> Result<AbsoluteWeights, tch::TchError> {
        let absolute = |(layer, node): (&Option<LayerTensors>, &Node)| {
            layer.as_ref().map(|layer| AbsoluteLayer::new(&node.op, layer)).transpose()
        };
        self.by_node.iter().zip(network.nodes()).map(absolute).collect()
    }

    /// The same tensors once more.
    pub(super) fn share(&self) -> Result<Self, tch::TchError> {
        self.map(|layer| Ok(layer.share()), |tensor| Ok(tensor.shallow_clone()))
    }

    /// What `f` makes of each layer, and `g` of every other tensor.
    pub(super) fn map(
        &self,
        f: impl Fn(&LayerTensors) -> Result<LayerTensors, tch::TchError>,
        g: impl Fn(&Tensor) -> Result<Tensor, tch::TchError>,
    ) -> Result<Weights, tch::TchError> {
        let vectors = self.vectors.iter().map(|v| v.as_ref().map(|v| v.map(&g)).transpose());
        Ok(Weights {
            by_node: self.by_node.iter().map(|l| l.as_ref().map(&f).transpose()).collect::<Result<_, _>>()?,
            vectors: vectors.collect::<Result<_, _>>()?,
        })
    }

    /// Absolute values of all weights and biases, in `kind`.
    pub fn abs(&self, kind: Kind) -> Result<Weights, tch::TchError> {
        let absolute = |t: &Tensor| t.f_abs()?.f_to_kind(kind);
        self.map(|l| l.map(absolute), absolute)
    }

    /// The same weights, cut off from any graph and with gradients switched on or off. Biases have none.
    pub(super) fn require_grad(&self, on: bool) -> Result<Weights, tch::TchError> {
        let cut = |l: &LayerTensors| {
            let cut = l.map(Tensor::f_detach)?;
            Ok(LayerTensors { weight: cut.weight.set_requires_grad(on), ..cut })
        };
        self.map(cut, Tensor::f_detach)
    }

    /// The tensors of a node, if it has weights.
    pub fn get(&self, id: NodeId) -> Option<&LayerTensors> {
        self.by_node.get(id).and_then(Option::as_ref)
    }

    /// What a node other than a layer has learned per channel, if anything.
    pub fn vectors(&self, id: NodeId) -> Option<&VectorTensors> {
        self.vectors.get(id).and_then(Option::as_ref)
    }

    /// All that a node has learned.
    pub(super) fn learned(&self, id: NodeId) -> Learned<'_> {
        Learned { layer: self.get(id), vectors: self.vectors(id) }
    }

    /// The tensors of [`Weights::vectors`], in topological order, scales before shifts.
    pub fn all_vectors(&self) -> impl Iterator<Item = &Tensor> {
        self.vectors.iter().flatten().flat_map(|v| [&v.scale, &v.shift]).flatten()
    }

    /// The layers in topological order.
    pub fn layers(&self) -> impl Iterator<Item = &LayerTensors> {
        self.by_node.iter().flatten()
    }
}

/// What `make` makes of each drawn layer, or `pick` of each layer in the bank.
fn layers_of<T>(
    network: &Network,
    seed: u64,
    device: Device,
    bank: Option<&WeightBank>,
    make: impl Fn(&Op, LayerTensors) -> Result<T, tch::TchError>,
    pick: impl Fn(&Banked) -> T,
) -> Result<Vec<Option<T>>, tch::TchError> {
    let mut layers: Vec<Option<T>> = (0..network.nodes().len()).map(|_| None).collect();
    for (id, shape) in network.layers() {
        let node = &network.nodes()[id];
        let key = LayerKey { seed, name: node.name.clone(), dims: shape.dims.clone() };
        let draw = || LayerTensors::draw(&key, &shape, device);
        layers[id] = Some(match bank {
            None => make(&node.op, draw()?)?,
            Some(bank) => {
                let both = || {
                    let plain = draw()?;
                    Ok(Banked { absolute: AbsoluteLayer::new(&node.op, &plain)?, plain })
                };
                bank.0.layers.get(&key, both, &pick)?
            }
        });
    }
    Ok(layers)
}

/// The same (n, c, h, w) values stored with channels innermost: twice as fast for convolutions on a CPU. tch has no
/// memory-format argument, a permuted copy does the same.
pub fn channels_last(x: &Tensor) -> Result<Tensor, tch::TchError> {
    x.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])
}

/// The gradient with respect to `of`: zeros where the scalar does not depend on it, for which libtorch has no tensor.
pub(super) fn gradient_or_zeros(gradient: &Tensor, of: &Tensor) -> Result<Tensor, tch::TchError> {
    if gradient.defined() { gradient.f_detach() } else { of.f_zeros_like()?.f_detach() }
}
