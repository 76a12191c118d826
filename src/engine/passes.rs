//! The passes that proxies read, and the engine that runs the union of them once per network.

use std::time::Instant;

use ndarray::{Array2, Array4};
use tch::{Device, Kind, Tensor};

use super::weights::{LayerTensors, Weights, channels_last};
use super::{CodeKernel, Dual, EngineError, Norm, dual, forward};
use crate::network::{Network, Shape};

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
    /// ReLU codes of a train-mode forward on the batch.
    Codes,
    /// Gradient of the mean cross-entropy on the batch, train-mode batch normalisation.
    LossGradient,
    /// Gradient of each sample's summed logits with respect to the images, train-mode batch normalisation.
    InputGradient,
}

/// A layer's weight and the gradient of a scalar with respect to it.
#[derive(Debug)]
pub struct LayerGradient {
    /// The weight.
    pub weight: Tensor,
    /// The gradient, of the same shape.
    pub gradient: Tensor,
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
    /// [`Pass::Codes`].
    pub codes: Option<CodeKernel>,
    /// [`Pass::LossGradient`]: one entry per layer.
    pub loss_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::InputGradient`]: samples x (channels * height * width).
    pub input_gradient: Option<Array2<f64>>,
    /// The logits of the train-mode forward (samples x classes), if one was run.
    pub logits: Option<Tensor>,
    /// Mean cross-entropy on the batch, with [`Pass::LossGradient`].
    pub loss: Option<f64>,
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
            codes: None,
            loss_gradient: None,
            input_gradient: None,
            logits: None,
            loss: None,
            seconds: Vec::new(),
        }
    }
}

/// A batch of images and labels on a device.
#[derive(Debug)]
pub struct DeviceBatch {
    images: Tensor,
    labels: Tensor,
    shape: Shape,
}

impl DeviceBatch {
    /// Copies images (n, channels, height, width) and labels to the device.
    pub fn new(images: &Array4<f32>, labels: &[usize], device: Device) -> Result<Self, EngineError> {
        let (n, c, h, w) = images.dim();
        let standard = images.as_standard_layout();
        let values = standard.as_slice().unwrap_or_default();
        let images = Tensor::f_from_slice(values)?.f_reshape([n as i64, c as i64, h as i64, w as i64])?;
        let labels: Vec<i64> = labels.iter().map(|&l| l as i64).collect();
        Ok(DeviceBatch {
            images: channels_last(&images.f_to(device)?)?,
            labels: Tensor::f_from_slice(&labels)?.f_to(device)?,
            shape: Shape::new(c, h, w),
        })
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.images.size()[0] as usize
    }

    /// True if there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The images (n, channels, height, width), stored channels-last.
    pub fn images(&self) -> &Tensor {
        &self.images
    }

    /// The labels (n), int64.
    pub fn labels(&self) -> &Tensor {
        &self.labels
    }
}

// SAFETY: the tensors are written once in `new` and only read afterwards; libtorch allows concurrent reads, and the
// reference counts of shallow clones are atomic.
unsafe impl Sync for DeviceBatch {}

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
        let weights = Weights::init(network, seed, self.device)?;
        if wanted.contains(&Pass::Dual) {
            let start = Instant::now();
            let _no_grad = tch::no_grad_guard();
            passes.dual = Some(dual::run(network, &weights.abs(Kind::Float)?)?);
            passes.seconds.push((Pass::Dual, start.elapsed().as_secs_f64()));
        }
        if wanted.contains(&Pass::LinearGradient) {
            let start = Instant::now();
            passes.linear_gradient = Some(linear_gradient(network, &weights)?);
            passes.seconds.push((Pass::LinearGradient, start.elapsed().as_secs_f64()));
        }
        if [Pass::Codes, Pass::LossGradient, Pass::InputGradient].iter().any(|p| wanted.contains(p)) {
            if batch.shape != network.input_shape() {
                return Err(EngineError::BatchShape { batch: batch.shape, network: network.input_shape() });
            }
            train_mode(&mut passes, &weights, batch, wanted)?;
        }
        if wanted.contains(&Pass::Weights) {
            passes.weights = Some(weights);
        }
        Ok(passes)
    }
}

/// One train-mode forward, and the backward passes that are wanted.
fn train_mode(
    passes: &mut Passes<'_>,
    weights: &Weights,
    batch: &DeviceBatch,
    wanted: &[Pass],
) -> Result<(), EngineError> {
    let (codes, loss_gradient, input_gradient) =
        (wanted.contains(&Pass::Codes), wanted.contains(&Pass::LossGradient), wanted.contains(&Pass::InputGradient));
    let start = Instant::now();
    let images = batch.images.f_detach()?.set_requires_grad(input_gradient);
    let trained = require_grad(weights, loss_gradient)?;
    let mut kernel = CodeKernel::new(batch.len());
    let mut packing = 0.0;
    let logits = {
        let _guard = (!loss_gradient && !input_gradient).then(tch::no_grad_guard);
        forward(passes.network, &trained, &images, &mut Norm::Batch, &mut |z| {
            if codes {
                let start = Instant::now();
                kernel.add(z)?;
                packing += start.elapsed().as_secs_f64();
            }
            Ok(())
        })?
    };
    let forward_seconds = start.elapsed().as_secs_f64() - packing;
    if codes {
        passes.codes = Some(kernel);
        passes.seconds.push((Pass::Codes, forward_seconds + packing));
    }
    if loss_gradient {
        let start = Instant::now();
        let loss = logits.f_cross_entropy_loss(&batch.labels, None::<&Tensor>, tch::Reduction::Mean, -100, 0.0)?;
        let parameters: Vec<&Tensor> = trained.layers().map(|l| &l.weight).collect();
        let gradients = Tensor::f_run_backward(&[&loss], &parameters, input_gradient, false)?;
        passes.loss = Some(loss.detach().double_value(&[]));
        passes.loss_gradient = Some(pair(&trained, gradients)?);
        passes.seconds.push((Pass::LossGradient, forward_seconds + start.elapsed().as_secs_f64()));
    }
    if input_gradient {
        let start = Instant::now();
        let total = logits.f_sum(Kind::Float)?;
        let gradients = Tensor::f_run_backward(&[&total], &[&images], false, false)?;
        let flat = gradients[0].f_contiguous()?.f_flatten(1, -1)?.f_to_kind(Kind::Double)?.f_to(Device::Cpu)?;
        let (n, d) = (flat.size()[0] as usize, flat.size()[1] as usize);
        let values: Vec<f64> = Vec::try_from(flat.f_flatten(0, -1)?)?;
        passes.input_gradient =
            Some(Array2::from_shape_vec((n, d), values).map_err(|e| tch::TchError::Torch(e.to_string()))?);
        passes.seconds.push((Pass::InputGradient, forward_seconds + start.elapsed().as_secs_f64()));
    }
    passes.logits = Some(logits.f_detach()?);
    Ok(())
}

/// Gradients of the summed logits of the linearised network: absolute weights and biases, batch normalisation bypassed,
/// one input of ones, in float64 as in the published SynFlow code.
fn linear_gradient(network: &Network, weights: &Weights) -> Result<Vec<LayerGradient>, EngineError> {
    let absolute = require_grad(&weights.abs(Kind::Double)?, true)?;
    let s = network.input_shape();
    let device = absolute.layers().next().map_or(Device::Cpu, |l| l.weight.device());
    let ones = Tensor::f_ones([1, s.channels as i64, s.height as i64, s.width as i64], (Kind::Double, device))?;
    let logits = forward(network, &absolute, &ones, &mut Norm::Bypass, &mut |_| Ok(()))?;
    let parameters: Vec<&Tensor> = absolute.layers().map(|l| &l.weight).collect();
    let gradients = Tensor::f_run_backward(&[logits.f_sum(Kind::Double)?], &parameters, false, false)?;
    Ok(pair(&absolute, gradients)?)
}

fn require_grad(weights: &Weights, on: bool) -> Result<Weights, tch::TchError> {
    let copy = |l: &LayerTensors| {
        Ok::<_, tch::TchError>(LayerTensors {
            weight: l.weight.f_detach()?.set_requires_grad(on),
            bias: l.bias.as_ref().map(Tensor::f_detach).transpose()?,
        })
    };
    Ok(Weights(weights.0.iter().map(|l| l.as_ref().map(copy).transpose()).collect::<Result<_, _>>()?))
}

fn pair(weights: &Weights, gradients: Vec<Tensor>) -> Result<Vec<LayerGradient>, tch::TchError> {
    weights
        .layers()
        .zip(gradients)
        .map(|(l, gradient)| Ok(LayerGradient { weight: l.weight.f_detach()?, gradient: gradient.f_detach()? }))
        .collect()
}
