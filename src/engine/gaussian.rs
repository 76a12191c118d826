//! Passes with an initialisation of their own: all weights standard normal, all biases zero.

use tch::{Device, Kind, Tensor};

use super::forward::batch_norm;
use super::weights::{LayerKey, LayerTensors, Weights, channels_last};
use super::{DeviceBatch, EngineError, Norm, WeightBank, forward};
use crate::network::{Network, NodeId, Op, WeightShape};
use crate::seed::Stream;

/// Images whose activation patterns are compared; a pattern is a number below 2^16.
const PATTERN_IMAGES: usize = 16;
/// How far the second input of [`Expansion`] is from the first, in standard deviations.
const STEP: f64 = 0.01;

/// How much a small change of the input changes the features.
#[derive(Clone, Debug, PartialEq)]
pub struct Expansion {
    /// Mean over images of `sum |f(x) - f(x + 0.01 x')|`, f the input of the global pooling (the logits, if there is no
    /// global pooling), x and x' standard normal.
    pub difference: f64,
    /// The running variance of every batch normalisation after both forwards, averaged over channels: starting from one,
    /// each forward moves it by a tenth towards the unbiased variance of its batch.
    pub running_variances: Vec<f64>,
}

/// How many different things the ReLUs do over the first images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeuronPatterns {
    /// Number of images, at most 16.
    pub images: usize,
    /// Number of ReLU inputs per image.
    pub neurons: u64,
    /// Number of distinct patterns of bits `z > 0` over the images among all ReLU inputs; at most 2^images.
    pub distinct: u64,
}

/// Where standard normal numbers of a seed are drawn to: a device, and the bank that keeps them, if there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normals<'a> {
    pub seed: u64,
    pub device: Device,
    pub bank: Option<&'a WeightBank>,
}

impl Normals<'_> {
    /// Standard normal weights of every layer from the stream `gaussian/NAME`, biases zero.
    pub fn weights(&self, network: &Network) -> Result<Weights, tch::TchError> {
        self.scaled_weights(network, |_| None)
    }

    /// Kaiming's normal initialisation for ReLUs (fan-in): the weights of [`Normals::weights`] times `sqrt(2 / fan_in)`, biases
    /// zero.
    pub fn kaiming_weights(&self, network: &Network) -> Result<Weights, tch::TchError> {
        self.scaled_weights(network, |shape| Some((2.0 / shape.fan_in as f64).sqrt()))
    }

    fn scaled_weights(
        &self,
        network: &Network,
        factor: impl Fn(&WeightShape) -> Option<f64>,
    ) -> Result<Weights, tch::TchError> {
        let mut layers: Vec<Option<LayerTensors>> = network.nodes().iter().map(|_| None).collect();
        for (id, shape) in network.layers() {
            let normal = self.tensor(&format!("gaussian/{}", network.nodes()[id].name), &shape.dims)?;
            let weight = factor(&shape).map_or(Ok(normal.shallow_clone()), |factor| normal.f_mul_scalar(factor))?;
            layers[id] = Some(LayerTensors { weight, bias: None });
        }
        Ok(Weights::of_layers(layers))
    }

    /// As many standard normal images as asked for, of the network's input shape, from the stream `gaussian/images`.
    pub fn images(&self, network: &Network, count: usize) -> Result<Tensor, tch::TchError> {
        let s = network.input_shape();
        self.tensor("gaussian/images", &[count, s.channels, s.height, s.width])
    }

    fn tensor(&self, name: &str, dims: &[usize]) -> Result<Tensor, tch::TchError> {
        let draw = || {
            let mut stream = Stream::named(self.seed, name);
            let values: Vec<f32> = (0..dims.iter().product()).map(|_| stream.normal() as f32).collect();
            let size: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
            let tensor = Tensor::f_from_slice(&values)?.f_reshape(size)?.f_to(self.device)?;
            if dims.len() == 4 { channels_last(&tensor) } else { Ok(tensor) }
        };
        match self.bank {
            Some(bank) => bank.normal(&LayerKey { seed: self.seed, name: name.into(), dims: dims.into() }, draw),
            None => draw(),
        }
    }
}

/// Two forwards on `images` pairs of normal inputs, in train mode.
pub(super) fn expansion(
    network: &Network,
    weights: &Weights,
    normals: Normals<'_>,
    images: usize,
) -> Result<Expansion, EngineError> {
    let _no_grad = tch::no_grad_guard();
    let x = normals.images(network, images)?;
    let s = network.input_shape();
    let step = normals.tensor("gaussian/step", &[images, s.channels, s.height, s.width])?;
    let mut running: Vec<Option<(Tensor, Tensor)>> = network.nodes().iter().map(|_| None).collect();
    let mut features = |x: &Tensor| -> Result<Tensor, tch::TchError> {
        let mut norm = |id: NodeId, z: &Tensor| {
            if running[id].is_none() {
                let like = (z.kind(), z.device());
                running[id] = Some((Tensor::f_zeros([z.size()[1]], like)?, Tensor::f_ones([z.size()[1]], like)?));
            }
            batch_norm(z, running[id].as_ref())
        };
        let mut pooled = None;
        let logits = forward(network, weights, x, &mut Norm::With(&mut norm), &mut |id, input, _| {
            if network.nodes()[id].op == Op::GlobalAvgPool {
                pooled = Some(input.shallow_clone());
            }
            Ok(())
        })?;
        Ok(pooled.unwrap_or(logits))
    };
    let difference = features(&x)?.f_sub(&features(&x.f_add(&step.f_mul_scalar(STEP)?)?)?)?;
    let difference = difference.f_abs()?.f_sum(Kind::Double)?.f_double_value(&[])? / images.max(1) as f64;
    let means = running.iter().flatten().map(|(_, v)| v.f_mean(Kind::Double)?.f_double_value(&[]));
    Ok(Expansion { difference, running_variances: means.collect::<Result<_, tch::TchError>>()? })
}

/// One forward on the first images of the batch, in train mode.
pub(super) fn patterns(
    network: &Network,
    weights: &Weights,
    batch: &DeviceBatch,
) -> Result<NeuronPatterns, EngineError> {
    let _no_grad = tch::no_grad_guard();
    let images = batch.len().min(PATTERN_IMAGES);
    let x = batch.images().f_narrow(0, 0, images as i64)?;
    let powers: Vec<i32> = (0..images).map(|i| 1 << i).collect();
    let powers = Tensor::f_from_slice(&powers)?.f_to(x.device())?;
    let mut seen = vec![false; 1 << images];
    let mut neurons = 0;
    let _logits = forward(network, weights, &x, &mut Norm::Batch, &mut |id, z, _| {
        if network.nodes()[id].op == Op::Relu {
            let mut size = vec![1; z.dim()];
            size[0] = images as i64;
            let bits = z.f_gt(0.0)?.f_to_kind(Kind::Int)?.f_mul(&powers.f_reshape(&size)?)?;
            let patterns = bits.f_sum_dim_intlist(0, false, Kind::Int)?.f_flatten(0, -1)?.f_to(Device::Cpu)?;
            let patterns: Vec<i32> = Vec::try_from(patterns)?;
            neurons += patterns.len() as u64;
            patterns.iter().for_each(|&p| seen[p as usize] = true);
        }
        Ok(())
    })?;
    Ok(NeuronPatterns { images, neurons, distinct: seen.iter().filter(|&&s| s).count() as u64 })
}
