//! The passes that proxies read, and the engine that runs the union of them once per network.

use std::time::Instant;

use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use super::gaussian::{self, Expansion, NeuronPatterns};
use super::weights::{Weights, gradient_or_zeros};
use super::{BlockWise, CodeKernel, DeviceBatch, Dual, EngineError, LinearRegions, Norm};
use super::{block_wise, dual, fisher_information, linear, linear_regions, per_image, train_mode};
use crate::network::Network;

/// Something that is run once per network and read by any number of proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Pass {
    /// The initial weights.
    Weights,
    /// The pair (value, tangent) of the linearised network; see [`Dual`].
    Dual,
    /// Weights and gradients of the summed logits of the linearised network, float64.
    LinearGradient,
    /// The same with batch normalisation in train mode.
    NormalisedLinearGradient,
    /// ReLU codes of a train-mode forward on the batch.
    Codes,
    /// Gradient of the mean cross-entropy on the batch, train-mode batch normalisation.
    LossGradient,
    /// Outputs of the layers and the gradient of the same loss with respect to them.
    ActivationGradient,
    /// Product of the Hessian of the same loss with its gradient.
    HessianGradient,
    /// Correlation between the channels of every operation's output for the first image of the same forward.
    ChannelCorrelation,
    /// Gradients of the mean cross-entropy on the first and on the second half of the batch.
    HalfGradients,
    /// Signs of the gradients of the cross-entropy of each image in a batch of its own.
    GradientSigns,
    /// Empirical neural tangent kernel of the first 16 images, train-mode batch normalisation.
    TangentKernel,
    /// Effect of a small step between normal inputs, with normal weights; see [`Expansion`].
    Expansion,
    /// ReLU patterns over the first 16 images, with normal weights; see [`NeuronPatterns`].
    NeuronPatterns,
    /// Spread of the blocks' outputs and what comes back through each block, with normal images and weights; see
    /// [`BlockWise`].
    BlockWise,
    /// ReLU codes of a thin version of the network on many tiny normal images; see [`LinearRegions`].
    LinearRegions,
    /// Fisher information of one weight per layer on the first 16 images, normal weights, no batch normalisation.
    FisherInformation,
    /// Gradient of each sample's summed logits with respect to the images, train-mode batch normalisation.
    InputGradient,
}

impl Pass {
    /// Whether images of the batch go through the network.
    fn reads_batch(self) -> bool {
        use Pass::*;
        !matches!(
            self,
            Weights | Dual | LinearGradient | NormalisedLinearGradient | Expansion | BlockWise | LinearRegions
        )
    }
}

/// A layer's weight and the gradient of a scalar with respect to it.
#[derive(Debug)]
pub struct LayerGradient {
    /// The weight.
    pub weight: Tensor,
    /// The gradient, of the same shape.
    pub gradient: Tensor,
}

impl LayerGradient {
    /// The layers with their gradients; zeros for a weight that the scalar does not depend on.
    pub(super) fn pairs(weights: &Weights, gradients: Vec<Tensor>) -> Result<Vec<LayerGradient>, tch::TchError> {
        let pair = |(l, gradient): (&super::LayerTensors, Tensor)| {
            let weight = l.weight.f_detach()?;
            Ok(LayerGradient { gradient: gradient_or_zeros(&gradient, &weight)?, weight })
        };
        weights.layers().zip(gradients).map(pair).collect()
    }
}

/// What was run for one network. A pass that was not asked for is None.
#[derive(Debug)]
pub struct Passes<'a> {
    /// The network that was run.
    pub network: &'a Network,
    /// [`Pass::Weights`].
    pub weights: Option<Weights>,
    /// [`Pass::Dual`].
    pub dual: Option<Dual>,
    /// [`Pass::LinearGradient`]: one entry per layer, absolute weights.
    pub linear_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::NormalisedLinearGradient`]: one entry per layer, absolute weights.
    pub normalised_linear_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::Codes`].
    pub codes: Option<CodeKernel>,
    /// [`Pass::LossGradient`]: one entry per layer.
    pub loss_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::ActivationGradient`]: per layer, images x channels, the sum over pixels of output times gradient.
    pub activation_gradient: Option<Vec<Tensor>>,
    /// [`Pass::HessianGradient`]: one entry per layer, the product in place of the gradient.
    pub hessian_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::InputGradient`]: samples x (channels * height * width).
    pub input_gradient: Option<Array2<f64>>,
    /// [`Pass::ChannelCorrelation`]: one matrix per convolution, normalisation, ReLU, pooling and linear layer.
    pub channel_correlation: Option<Vec<Array2<f64>>>,
    /// [`Pass::HalfGradients`]: per half, one entry per layer; empty if the batch has a single image.
    pub half_gradients: Option<Vec<Vec<LayerGradient>>>,
    /// [`Pass::GradientSigns`]: per layer and weight, the sum over images of the sign of the gradient.
    pub gradient_signs: Option<Vec<Tensor>>,
    /// [`Pass::TangentKernel`]: images x images.
    pub tangent_kernel: Option<Array2<f64>>,
    /// [`Pass::Expansion`].
    pub expansion: Option<Expansion>,
    /// [`Pass::NeuronPatterns`].
    pub neuron_patterns: Option<NeuronPatterns>,
    /// [`Pass::BlockWise`].
    pub block_wise: Option<BlockWise>,
    /// [`Pass::LinearRegions`].
    pub linear_regions: Option<LinearRegions>,
    /// [`Pass::FisherInformation`]: sampled weights x sampled weights.
    pub fisher_information: Option<Array2<f64>>,
    /// The logits of the train-mode forward (samples x classes), if one was run.
    pub logits: Option<Tensor>,
    /// Mean cross-entropy on the batch, if a gradient of it was asked for.
    pub loss: Option<f64>,
    /// The label of every image, if a train-mode forward was run.
    pub labels: Vec<usize>,
    /// Seconds that each pass took; a pass that shares the forward counts it in full.
    pub seconds: Vec<(Pass, f64)>,
}

impl<'a> Passes<'a> {
    /// Nothing was run yet.
    pub fn none(network: &'a Network) -> Self {
        Passes {
            network,
            weights: None,
            dual: None,
            linear_gradient: None,
            normalised_linear_gradient: None,
            codes: None,
            loss_gradient: None,
            activation_gradient: None,
            hessian_gradient: None,
            input_gradient: None,
            channel_correlation: None,
            half_gradients: None,
            gradient_signs: None,
            tangent_kernel: None,
            expansion: None,
            neuron_patterns: None,
            block_wise: None,
            linear_regions: None,
            fisher_information: None,
            logits: None,
            loss: None,
            labels: Vec::new(),
            seconds: Vec::new(),
        }
    }
}

/// Runs networks on one device.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    device: Device,
}

impl Engine {
    /// An engine on this device.
    pub fn new(device: Device) -> Self {
        Engine { device }
    }

    /// The device.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Runs the passes in `wanted` for `network` with the weights of `seed`. The network is run as given: prune it first
    /// if only its live part should count.
    pub fn run<'a>(
        &self,
        network: &'a Network,
        seed: u64,
        batch: &DeviceBatch,
        wanted: &[Pass],
    ) -> Result<Passes<'a>, EngineError> {
        let mut passes = Passes::none(network);
        if wanted.is_empty() {
            return Ok(passes);
        }
        let wants = |pass| wanted.contains(&pass);
        if wanted.iter().any(|p| p.reads_batch()) && batch.shape() != network.input_shape() {
            return Err(EngineError::BatchShape { batch: batch.shape(), network: network.input_shape() });
        }
        let weights = Weights::init(network, seed, self.device)?;
        let mut seconds = Vec::new();
        let mut clock = Clock { wanted, seconds: &mut seconds };
        passes.dual = clock.time(Pass::Dual, || {
            let _no_grad = tch::no_grad_guard();
            Ok(dual::run(network, &weights.abs(Kind::Float)?)?)
        })?;
        passes.linear_gradient =
            clock.time(Pass::LinearGradient, || linear::gradient(network, &weights, &mut Norm::Bypass))?;
        passes.normalised_linear_gradient =
            clock.time(Pass::NormalisedLinearGradient, || linear::gradient(network, &weights, &mut Norm::Batch))?;
        passes.half_gradients =
            clock.time(Pass::HalfGradients, || train_mode::half_gradients(network, &weights, batch))?;
        passes.gradient_signs =
            clock.time(Pass::GradientSigns, || per_image::gradient_signs(network, &weights, batch))?;
        passes.tangent_kernel =
            clock.time(Pass::TangentKernel, || per_image::tangent_kernel(network, &weights, batch))?;
        if wants(Pass::Expansion) || wants(Pass::NeuronPatterns) {
            let normal = gaussian::weights(network, seed, self.device)?;
            passes.expansion = clock
                .time(Pass::Expansion, || gaussian::expansion(network, &normal, seed, batch.len(), self.device))?;
            passes.neuron_patterns =
                clock.time(Pass::NeuronPatterns, || gaussian::patterns(network, &normal, batch))?;
        }
        passes.block_wise = clock.time(Pass::BlockWise, || block_wise::run(network, seed, batch.len(), self.device))?;
        passes.linear_regions = clock.time(Pass::LinearRegions, || linear_regions::run(network, seed, self.device))?;
        passes.fisher_information =
            clock.time(Pass::FisherInformation, || fisher_information::run(network, seed, batch))?;
        passes.seconds = seconds;
        if train_mode::PASSES.iter().any(|p| wanted.contains(p)) {
            train_mode::run(&mut passes, &weights, batch, wanted)?;
        }
        if wanted.contains(&Pass::Weights) {
            passes.weights = Some(weights);
        }
        Ok(passes)
    }
}

/// Runs what is wanted and notes how long it took.
struct Clock<'a> {
    wanted: &'a [Pass],
    seconds: &'a mut Vec<(Pass, f64)>,
}

impl Clock<'_> {
    fn time<T>(&mut self, pass: Pass, run: impl FnOnce() -> Result<T, EngineError>) -> Result<Option<T>, EngineError> {
        if !self.wanted.contains(&pass) {
            return Ok(None);
        }
        let start = Instant::now();
        let result = run()?;
        self.seconds.push((pass, start.elapsed().as_secs_f64()));
        Ok(Some(result))
    }
}
