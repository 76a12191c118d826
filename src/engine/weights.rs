//! A network's initial weights as tensors, and the bank that networks share them from.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tch::{Device, Kind, Tensor};

use super::direct_convolution::Packed;
use crate::network::{Network, NodeId, Op, WeightShape, layer_bias, layer_weight};

/// The tensors of one convolution or linear layer.
#[derive(Debug)]
pub struct LayerTensors {
    /// (out, in / groups, kernel, kernel) or (out, in).
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

/// The layers of a network, by node id; None for nodes without weights.
#[derive(Debug)]
pub struct Weights(pub Vec<Option<LayerTensors>>);

impl Weights {
    /// PyTorch's default initialisation from `seed` (see [`layer_weight`]), float32; from the bank, if there is one.
    pub fn init(
        network: &Network,
        seed: u64,
        device: Device,
        bank: Option<&WeightBank>,
    ) -> Result<Weights, tch::TchError> {
        Ok(Weights(layers_of(network, seed, device, bank, |_, layer| Ok(layer), |b| b.plain.share())?))
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

    /// What `f` makes of each layer.
    pub(super) fn map(
        &self,
        f: impl Fn(&LayerTensors) -> Result<LayerTensors, tch::TchError>,
    ) -> Result<Weights, tch::TchError> {
        Ok(Weights(self.0.iter().map(|l| l.as_ref().map(&f).transpose()).collect::<Result<_, _>>()?))
    }

    /// Absolute values of all weights and biases, in `kind`.
    pub fn abs(&self, kind: Kind) -> Result<Weights, tch::TchError> {
        self.map(|l| l.map(|t| t.f_abs()?.f_to_kind(kind)))
    }

    /// The same weights, cut off from any graph and with gradients switched on or off. Biases have none.
    pub(super) fn require_grad(&self, on: bool) -> Result<Weights, tch::TchError> {
        self.map(|l| {
            let cut = l.map(Tensor::f_detach)?;
            Ok(LayerTensors { weight: cut.weight.set_requires_grad(on), ..cut })
        })
    }

    /// The tensors of a node, if it has weights.
    pub fn get(&self, id: NodeId) -> Option<&LayerTensors> {
        self.0.get(id).and_then(Option::as_ref)
    }

    /// The layers in topological order.
    pub fn layers(&self) -> impl Iterator<Item = &LayerTensors> {
        self.0.iter().flatten()
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
