//! The passes that proxies read, and the engine that runs the union of them once per network.

use std::time::Instant;

use ndarray::Array2;
use tch::{Device, Tensor};

use super::gaussian::{self, Expansion, NeuronPatterns};
use super::plan::Plan;
use super::weights::{WeightBank, Weights, gradient_or_zeros};
use super::{CodeKernel, DeviceBatch, Dual, EngineError, Norm, dual, hessian, linear, per_image, train_mode};
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
    /// Gradient of each sample's summed logits with respect to the images, train-mode batch normalisation.
    InputGradient,
}

impl Pass {
    /// Whether images of the batch go through the network.
    fn reads_batch(self) -> bool {
        use Pass::*;
        !matches!(self, Weights | Dual | LinearGradient | NormalisedLinearGradient | Expansion)
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
            logits: None,
            loss: None,
            labels: Vec::new(),
            seconds: Vec::new(),
        }
    }
}

/// Runs networks on one device.
#[derive(Clone, Debug)]
pub struct Engine {
    device: Device,
    bank: Option<WeightBank>,
}

/// Images of the tangent kernel: each costs a backward pass through all of them.
const KERNEL_IMAGES: usize = 16;

impl Engine {
    /// An engine on this device that draws the weights of every network anew.
    pub fn new(device: Device) -> Self {
        Engine { device, bank: None }
    }

    /// An engine whose networks share the layers of equal seed, name and shape; see [`WeightBank`].
    pub fn with_bank(device: Device) -> Self {
        Engine { device, bank: Some(WeightBank::default()) }
    }

    /// The device.
    pub fn device(&self) -> Device {
        self.device
    }

    /// How many networks to run together. A GPU needs many, or it waits for launches. A CPU runs one after the other: its
    /// loops are as fast on one network as on many, and the activations of one stay in the caches (measured, populations
    /// of 1 to 64).
    pub fn population(&self) -> usize {
        if self.device.is_cuda() { 32 } else { 1 }
    }

    /// Number of libtorch calls, hence at least of kernel launches, of a forward of these networks as one population on a
    /// GPU.
    pub fn forward_calls(population: &[(&Network, u64)]) -> usize {
        Plan::new(population).calls()
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
        let passes = self.run_population(&[(network, seed)], batch, wanted)?;
        Ok(passes.into_iter().next().unwrap_or(Passes::none(network)))
    }

    /// The same for several networks at once, each with its seed: what they have in common ([`Plan`]) is run once. The
    /// memory in use grows with the number of networks.
    pub fn run_population<'a>(
        &self,
        population: &[(&'a Network, u64)],
        batch: &DeviceBatch,
        wanted: &[Pass],
    ) -> Result<Vec<Passes<'a>>, EngineError> {
        let mut all: Vec<Passes<'a>> = population.iter().map(|&(network, _)| Passes::none(network)).collect();
        if wanted.is_empty() {
            return Ok(all);
        }
        let wants = |pass| wanted.contains(&pass);
        let misfit = population.iter().find(|(network, _)| batch.shape() != network.input_shape());
        if let (Some((network, _)), true) = (misfit, wanted.iter().any(|p| p.reads_batch())) {
            return Err(EngineError::BatchShape { batch: batch.shape(), network: network.input_shape() });
        }
        let plan = Plan::new(population);
        let mut clock = Clock { wanted, share: population.len().max(1) as f64, seconds: Vec::new() };
        let bank = self.bank.as_ref();
        let duals = clock.time(Pass::Dual, || {
            let absolute = |&(net, seed): &(&Network, u64)| Weights::init_absolute(net, seed, self.device, bank);
            let absolute: Vec<_> = population.iter().map(absolute).collect::<Result<_, _>>()?;
            Ok(dual::run(&plan, &absolute, self.device)?)
        })?;
        deal(&mut all, duals, |passes, dual| passes.dual = Some(dual));
        if wanted.iter().all(|&p| p == Pass::Dual) {
            all.iter_mut().for_each(|passes| passes.seconds.clone_from(&clock.seconds));
            return Ok(all);
        }
        let drawn = |&(net, seed): &(&Network, u64)| Weights::init(net, seed, self.device, bank);
        let weights: Vec<Weights> = population.iter().map(drawn).collect::<Result<_, _>>()?;
        let halves = clock.time(Pass::HalfGradients, || train_mode::half_gradients(&plan, &weights, batch))?;
        deal(&mut all, halves, |passes, halves| passes.half_gradients = Some(halves));
        let kernels =
            clock.time(Pass::TangentKernel, || train_mode::tangent_kernels(&plan, &weights, batch, KERNEL_IMAGES))?;
        deal(&mut all, kernels, |passes, kernel| passes.tangent_kernel = Some(kernel));
        all.iter_mut().for_each(|passes| passes.seconds.clone_from(&clock.seconds));
        if train_mode::PASSES.iter().any(|p| wanted.contains(p)) {
            train_mode::run(&mut all, &plan, &weights, batch, wanted)?;
        }
        for ((passes, weights), &(network, seed)) in all.iter_mut().zip(weights).zip(population) {
            self.run_alone(passes, network, seed, &weights, batch, wanted)?;
            if wants(Pass::Weights) {
                passes.weights = Some(weights);
            }
        }
        Ok(all)
    }

    /// The passes that networks do not share.
    fn run_alone(
        &self,
        passes: &mut Passes<'_>,
        network: &Network,
        seed: u64,
        weights: &Weights,
        batch: &DeviceBatch,
        wanted: &[Pass],
    ) -> Result<(), EngineError> {
        let wants = |pass| wanted.contains(&pass);
        let mut clock = Clock { wanted, share: 1.0, seconds: std::mem::take(&mut passes.seconds) };
        passes.linear_gradient =
            clock.time(Pass::LinearGradient, || linear::gradient(network, weights, &mut Norm::Bypass))?;
        passes.normalised_linear_gradient =
            clock.time(Pass::NormalisedLinearGradient, || linear::gradient(network, weights, &mut Norm::Batch))?;
        passes.hessian_gradient =
            clock.time(Pass::HessianGradient, || hessian::gradient_product(network, weights, batch))?;
        passes.gradient_signs =
            clock.time(Pass::GradientSigns, || per_image::gradient_signs(network, weights, batch))?;
        if wants(Pass::Expansion) || wants(Pass::NeuronPatterns) {
            let normal = gaussian::weights(network, seed, self.device)?;
            passes.expansion = clock
                .time(Pass::Expansion, || gaussian::expansion(network, &normal, seed, batch.len(), self.device))?;
            passes.neuron_patterns =
                clock.time(Pass::NeuronPatterns, || gaussian::patterns(network, &normal, batch))?;
        }
        passes.seconds = clock.seconds;
        Ok(())
    }
}

/// Gives every network its part of what was run for all.
fn deal<T>(all: &mut [Passes<'_>], parts: Option<Vec<T>>, mut take: impl FnMut(&mut Passes<'_>, T)) {
    if let Some(parts) = parts {
        all.iter_mut().zip(parts).for_each(|(passes, part)| take(passes, part));
    }
}

/// Runs what is wanted and notes how long it took each of the networks that shared it.
struct Clock<'a> {
    wanted: &'a [Pass],
    share: f64,
    seconds: Vec<(Pass, f64)>,
}

impl Clock<'_> {
    fn time<T>(&mut self, pass: Pass, run: impl FnOnce() -> Result<T, EngineError>) -> Result<Option<T>, EngineError> {
        if !self.wanted.contains(&pass) {
            return Ok(None);
        }
        let start = Instant::now();
        let result = run()?;
        self.seconds.push((pass, start.elapsed().as_secs_f64() / self.share));
        Ok(Some(result))
    }
}
