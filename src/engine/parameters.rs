//! Everything that training changes in a network.

use tch::{Device, Kind, Tensor};

use super::norm::NormTensors;
use super::weights::{LayerTensors, VectorTensors, Weights};
use crate::network::{Network, NodeId, Op, Vectors};

/// Weights and biases of the layers, scales, shifts and running statistics of the normalisations, by node id.
#[derive(Debug)]
pub struct Parameters {
    /// Convolutions and linear layers, and what other operations have learned per channel.
    pub layers: Weights,
    /// Batch normalisations; None for other nodes.
    pub norms: Vec<Option<NormTensors>>,
}

/// The nodes that learn anything per channel beside batch normalisation.
fn vectors(network: &Network) -> impl Iterator<Item = (NodeId, Vectors)> + '_ {
    let of = |id: NodeId| (id, network.nodes()[id].op.vectors(network.operand_shape(id)));
    (0..network.nodes().len()).map(of).filter(|(_, v)| !v.is_empty())
}

/// No tensors for any node.
fn none<T>(network: &Network) -> Vec<Option<T>> {
    network.nodes().iter().map(|_| None).collect()
}

/// How many values of each sort a network has, in the order in which [`Parameters::view`] expects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterCounts {
    /// Weights of convolutions and linear layers: what weight decay acts on.
    pub weights: usize,
    /// Biases, scales, shifts and slopes.
    pub affine: usize,
    /// Running means and variances.
    pub statistics: usize,
}

impl ParameterCounts {
    /// Of a network.
    pub fn of(network: &Network) -> Self {
        let norms: usize = network.nodes().iter().filter(|n| n.op == Op::BatchNorm).map(|n| n.shape.channels).sum();
        let biases: usize = network.layers().filter_map(|(_, shape)| shape.bias).sum();
        let vectors: usize = vectors(network).map(|(_, v)| v.len()).sum();
        ParameterCounts {
            weights: network.layers().map(|(_, shape)| shape.len()).sum(),
            affine: biases + 2 * norms + vectors,
            statistics: 2 * norms,
        }
    }

    /// What an optimiser changes.
    pub fn learned(&self) -> usize {
        self.weights + self.affine
    }

    /// All values.
    pub fn total(&self) -> usize {
        self.learned() + self.statistics
    }
}

impl Parameters {
    /// An untrained network: the layers as [`Weights::init`] draws them, scale 1, shift 0, mean 0, variance 1.
    pub fn init(network: &Network, seed: u64, device: Device) -> Result<Self, tch::TchError> {
        let norm = |channels: usize| {
            let (c, options) = ([channels as i64], (Kind::Float, device));
            Ok(NormTensors {
                scale: Tensor::f_ones(c, options)?,
                shift: Tensor::f_zeros(c, options)?,
                mean: Tensor::f_zeros(c, options)?,
                variance: Tensor::f_ones(c, options)?,
            })
        };
        let norms = network.nodes().iter().map(|n| (n.op == Op::BatchNorm).then(|| norm(n.shape.channels)).transpose());
        let norms = norms.collect::<Result<_, tch::TchError>>()?;
        let drawn = Weights::init(network, seed, device, None)?;
        let layers = (0..network.nodes().len()).map(|id| drawn.get(id).map(LayerTensors::share)).collect();
        let first = |v: Option<(usize, f32)>| {
            v.map(|(n, first)| Tensor::f_full([n as i64], f64::from(first), (Kind::Float, device))).transpose()
        };
        let mut starts = none(network);
        for (id, v) in vectors(network) {
            starts[id] = Some(VectorTensors { scale: first(v.scale)?, shift: first(v.shift)? });
        }
        Ok(Parameters { layers: Weights::new(layers, starts), norms })
    }

    /// Views of `flat`, a vector of [`ParameterCounts::total`] values: weights, then biases, then scales and shifts of batch normalisations, then
    /// what other operations have learned per channel, then running means and variances, each in the order of the nodes. Convolution weights lie channels-last.
    pub fn view(network: &Network, flat: &Tensor) -> Result<Self, tch::TchError> {
        let counts = ParameterCounts::of(network);
        let (mut weights, mut affine, mut statistics) = (0, counts.weights as i64, counts.learned() as i64);
        let take = |at: &mut i64, n: i64| {
            let view = flat.f_narrow(0, *at, n);
            *at += n;
            view
        };
        let mut layers: Vec<Option<LayerTensors>> = network.nodes().iter().map(|_| None).collect();
        for (id, shape) in network.layers() {
            let view = take(&mut weights, shape.len() as i64)?;
            let weight = match shape.dims[..] {
                [o, i, h, w] => view.f_view([o, h, w, i].map(|d| d as i64))?.f_permute([0, 3, 1, 2])?,
                _ => view.f_view(&shape.dims.iter().map(|&d| d as i64).collect::<Vec<_>>()[..])?,
            };
            let bias = shape.bias.map(|n| take(&mut affine, n as i64)).transpose()?;
            layers[id] = Some(LayerTensors { weight, bias });
        }
        let mut norm = |channels: usize| {
            let c = channels as i64;
            Ok(NormTensors {
                scale: take(&mut affine, c)?,
                shift: take(&mut affine, c)?,
                mean: take(&mut statistics, c)?,
                variance: take(&mut statistics, c)?,
            })
        };
        let norms = network.nodes().iter().map(|n| (n.op == Op::BatchNorm).then(|| norm(n.shape.channels)).transpose());
        let norms = norms.collect::<Result<_, tch::TchError>>()?;
        let mut views = none(network);
        for (id, v) in vectors(network) {
            let mut part = |v: Option<(usize, f32)>| v.map(|(n, _)| take(&mut affine, n as i64)).transpose();
            views[id] = Some(VectorTensors { scale: part(v.scale)?, shift: part(v.shift)? });
        }
        Ok(Parameters { layers: Weights::new(layers, views), norms })
    }

    /// Every tensor that an optimiser changes, in a fixed order.
    pub fn learned(&self) -> impl Iterator<Item = &Tensor> {
        let layers = self.layers.layers().flat_map(|l| [Some(&l.weight), l.bias.as_ref()]).flatten();
        let norms = self.norms.iter().flatten().flat_map(|n| [&n.scale, &n.shift]);
        layers.chain(norms).chain(self.layers.all_vectors())
    }

    /// Copies all values of `other`, which belongs to the same network.
    pub fn copy_from(&self, other: &Parameters) -> Result<(), tch::TchError> {
        let statistics = |p: &Parameters| -> Vec<Tensor> {
            let all = p.norms.iter().flatten().flat_map(|n| [&n.mean, &n.variance]);
            all.map(Tensor::shallow_clone).collect()
        };
        let pairs = self.learned().map(Tensor::shallow_clone).zip(other.learned().map(Tensor::shallow_clone));
        for (mut to, from) in pairs.chain(statistics(self).into_iter().zip(statistics(other))) {
            to.f_copy_(&from)?;
        }
        Ok(())
    }
}
