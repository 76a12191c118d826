//! Runs the union of the passes that proxies read, once per network.

use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::device::apply_arithmetic;
use super::gaussian::Normals;
use super::passes::KERNEL_IMAGES;
use super::plan::Plan;
use super::weights::{WeightBank, Weights};
use super::{DeviceBatch, EngineError, Norm, Pass, Passes};
use super::{
    block_wise, fisher_information, forward_derivative, gaussian, hessian, linear, linear_regions, per_image,
    train_mode,
};
use crate::network::Network;

/// Runs networks on one device.
#[derive(Clone, Debug)]
pub struct Engine {
    device: Device,
    bank: Option<WeightBank>,
}

impl Engine {
    /// An engine on this device that draws the weights of every network anew.
    pub fn new(device: Device) -> Self {
        apply_arithmetic();
        Engine { device, bank: None }
    }

    /// An engine whose networks share the layers of equal seed, name and shape; see [`WeightBank`].
    pub fn with_bank(device: Device) -> Self {
        Engine { bank: Some(WeightBank::default()), ..Engine::new(device) }
    }

    /// Whether the device still computes. An error of a CUDA device shows where a value is read, which may be long after.
    pub fn check(&self) -> Result<(), EngineError> {
        let one = Tensor::f_ones([1], (Kind::Float, self.device))?;
        Ok(one.f_add_scalar(1.0)?.f_double_value(&[0]).map(drop)?)
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
        let passes = self.run_population(&[(network, seed)], batch, wanted)?;
        Ok(passes.into_iter().next().unwrap_or(Passes::none(network)))
    }

    /// The same for several networks at once, each with its seed: what they have in common is run once. The
    /// memory in use grows with the number of networks. A pass that is not defined for a network ([`Pass::lacks`]) is not run
    /// for it.
    pub fn run_population<'a>(
        &self,
        population: &[(&'a Network, u64)],
        batch: &DeviceBatch,
        wanted: &[Pass],
    ) -> Result<Vec<Passes<'a>>, EngineError> {
        let possible = |&(network, _): &(&Network, u64)| -> Vec<Pass> {
            wanted.iter().copied().filter(|pass| pass.lacks(network).is_none()).collect()
        };
        let possible: Vec<Vec<Pass>> = population.iter().map(possible).collect();
        if possible.iter().all(|passes| passes.len() == wanted.len()) {
            return self.run_alike(population, batch, wanted, None);
        }
        let alone = population
            .iter()
            .zip(&possible)
            .map(|(member, passes)| self.run_alike(std::slice::from_ref(member), batch, passes, None));
        Ok(alone.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// [`Engine::run`] with these weights in place of those that would be drawn from the seed. Passes that have an initialisation
    /// of their own keep it.
    pub fn run_weights<'a>(
        &self,
        network: &'a Network,
        weights: &Weights,
        seed: u64,
        batch: &DeviceBatch,
        wanted: &[Pass],
    ) -> Result<Passes<'a>, EngineError> {
        let possible: Vec<Pass> = wanted.iter().copied().filter(|pass| pass.lacks(network).is_none()).collect();
        let passes = self.run_alike(&[(network, seed)], batch, &possible, Some(weights))?;
        Ok(passes.into_iter().next().unwrap_or(Passes::none(network)))
    }

    /// [`Engine::run_population`] of networks that all passes are defined for; with the `given` weights of the only one.
    fn run_alike<'a>(
        &self,
        population: &[(&'a Network, u64)],
        batch: &DeviceBatch,
        wanted: &[Pass],
        given: Option<&Weights>,
    ) -> Result<Vec<Passes<'a>>, EngineError> {
        let mut all: Vec<Passes<'a>> =
            population.iter().map(|&(network, _)| Passes { batch: batch.counts(), ..Passes::none(network) }).collect();
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
            let absolute = |&(net, seed): &(&Network, u64)| match given {
                Some(weights) => weights.absolute(net),
                None => Weights::init_absolute(net, seed, self.device, bank),
            };
            let absolute: Vec<_> = population.iter().map(absolute).collect::<Result<_, _>>()?;
            Ok(forward_derivative::run(&plan, &absolute, self.device)?)
        })?;
        deal(&mut all, duals, |passes, dual| passes.dual = Some(dual));
        if wanted.iter().all(|&p| p == Pass::Dual) {
            all.iter_mut().for_each(|passes| passes.seconds.clone_from(&clock.seconds));
            return Ok(all);
        }
        let drawn = |&(net, seed): &(&Network, u64)| match given {
            Some(weights) => weights.share(),
            None => Weights::init(net, seed, self.device, bank),
        };
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
        let normals = Normals { seed, device: self.device, bank: self.bank.as_ref() };
        if wants(Pass::Expansion) || wants(Pass::NeuronPatterns) {
            let normal = normals.weights(network)?;
            passes.expansion =
                clock.time(Pass::Expansion, || gaussian::expansion(network, &normal, normals, batch.len()))?;
            passes.neuron_patterns =
                clock.time(Pass::NeuronPatterns, || gaussian::patterns(network, &normal, batch))?;
        }
        passes.block_wise = clock.time(Pass::BlockWise, || block_wise::run(network, normals, batch.len()))?;
        passes.linear_regions = clock.time(Pass::LinearRegions, || linear_regions::run(network, normals))?;
        passes.fisher_information =
            clock.time(Pass::FisherInformation, || fisher_information::run(network, normals, batch))?;
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
