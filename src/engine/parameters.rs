//! Everything that training changes in a network.

use tch::{Device, Kind, Tensor};

use super::norm::NormTensors;
use super::weights::{LayerTensors, Weights};
use crate::network::{Network, Op};

/// Weights and biases of the layers, scales, shifts and running statistics of the normalisations, by node id.
#[derive(Debug)]
pub struct Parameters {
    /// Convolutions and linear layers.
    pub layers: Weights,
    /// Batch normalisations; None for other nodes.
    pub norms: Vec<Option<NormTensors>>,
}

/// How many values of each sort a network has, in the order in which [`Parameters::view`] expects them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterCounts {
    /// Weights of convolutions and linear layers: what weight decay acts on.
    pub weights: usize,
    /// Biases, scales and shifts.
    pub affine: usize,
    /// Running means and variances.
    pub statistics: usize,
}

impl ParameterCounts {
    /// Of a network.
    pub fn of(network: &Network) -> Self {
        let norms: usize = network.nodes().iter().filter(|n| n.op == Op::BatchNorm).map(|n| n.shape.channels).sum();
        let biases: usize = network.layers().filter_map(|(_, shape)| shape.bias).sum();
        ParameterCounts {
            weights: network.layers().map(|(_, shape)| shape.len()).sum(),
            affine: biases + 2 * norms,
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
        Ok(Parameters { layers: Weights::init(network, seed, device, None)?, norms })
    }

    /// Views of `flat`, a vector of [`ParameterCounts::total`] values: weights, then biases, scales and shifts, then
    /// running means and variances, each in the order of the nodes. Convolution weights lie channels-last.
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
        Ok(Parameters { layers: Weights(layers), norms })
    }

    /// Every tensor that an optimiser changes, in a fixed order.
    pub fn learned(&self) -> impl Iterator<Item = &Tensor> {
        let layers = self.layers.layers().flat_map(|l| [Some(&l.weight), l.bias.as_ref()]).flatten();
        layers.chain(self.norms.iter().flatten().flat_map(|n| [&n.scale, &n.shift]))
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
