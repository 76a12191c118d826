//! One train-mode forward on the batch, and everything that is read from it.

use std::time::Instant;

use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use super::passes::{LayerGradient, Pass, Passes};
use super::weights::{Weights, gradient_or_zeros};
use super::{CodeKernel, DeviceBatch, EngineError, Norm, forward};
use crate::network::{Network, Op};

/// The passes that share the forward.
pub(super) const PASSES: [Pass; 6] = [
    Pass::Codes,
    Pass::ChannelCorrelation,
    Pass::LossGradient,
    Pass::ActivationGradient,
    Pass::HessianGradient,
    Pass::InputGradient,
];

/// One train-mode forward, and the backward passes that are wanted.
pub(super) fn run(
    passes: &mut Passes<'_>,
    weights: &Weights,
    batch: &DeviceBatch,
    wanted: &[Pass],
) -> Result<(), EngineError> {
    let wants = |pass| wanted.contains(&pass);
    let (by_input, by_output) = (wants(Pass::InputGradient), wants(Pass::ActivationGradient));
    let by_weight = wants(Pass::LossGradient) || wants(Pass::HessianGradient);
    let start = Instant::now();
    let images = batch.images().f_detach()?.set_requires_grad(by_input);
    let trained = weights.require_grad(by_weight || by_output)?;
    let nodes = passes.network.nodes();
    let mut kernel = CodeKernel::new(batch.len());
    let mut outputs = Vec::new();
    let mut correlations = Vec::new();
    let (mut packing, mut correlating) = (0.0, 0.0);
    let logits = {
        let _guard = (!by_weight && !by_output && !by_input).then(tch::no_grad_guard);
        forward(passes.network, &trained, &images, &mut Norm::Batch, &mut |id, input, output| {
            if nodes[id].op == Op::Relu && wants(Pass::Codes) {
                let start = Instant::now();
                kernel.add(input)?;
                packing += start.elapsed().as_secs_f64();
            }
            if wants(Pass::ChannelCorrelation) && !nodes[id].op.only_moves() {
                let start = Instant::now();
                correlations.push(channel_correlation(output)?);
                correlating += start.elapsed().as_secs_f64();
            }
            if by_output && trained.get(id).is_some() {
                outputs.push(output.shallow_clone());
            }
            Ok(())
        })?
    };
    let forward_seconds = start.elapsed().as_secs_f64() - packing - correlating;
    if wants(Pass::Codes) {
        passes.codes = Some(kernel);
        passes.seconds.push((Pass::Codes, forward_seconds + packing));
    }
    if wants(Pass::ChannelCorrelation) {
        passes.channel_correlation = Some(correlations);
        passes.seconds.push((Pass::ChannelCorrelation, forward_seconds + correlating));
    }
    if by_weight || by_output {
        loss_gradients(passes, &logits, &trained, &outputs, batch, wanted, forward_seconds)?;
    }
    if by_input {
        let start = Instant::now();
        let total = logits.f_sum(Kind::Float)?;
        let gradients = Tensor::f_run_backward(&[&total], &[&images], false, false)?;
        passes.input_gradient = Some(rows_f64(&gradients[0])?);
        passes.seconds.push((Pass::InputGradient, forward_seconds + start.elapsed().as_secs_f64()));
    }
    passes.labels = batch.classes().to_vec();
    passes.logits = Some(logits.f_detach()?);
    Ok(())
}

/// The gradients of the loss with respect to weights and layer outputs in one backward pass, and the product of the
/// Hessian with the former in a second one.
fn loss_gradients(
    passes: &mut Passes<'_>,
    logits: &Tensor,
    trained: &Weights,
    outputs: &[Tensor],
    batch: &DeviceBatch,
    wanted: &[Pass],
    forward_seconds: f64,
) -> Result<(), EngineError> {
    let wants = |pass| wanted.contains(&pass);
    let (hessian, by_input) = (wants(Pass::HessianGradient), wants(Pass::InputGradient));
    let start = Instant::now();
    let loss = logits.f_cross_entropy_loss(batch.labels(), None::<&Tensor>, tch::Reduction::Mean, -100, 0.0)?;
    let parameters: Vec<&Tensor> = match hessian || wants(Pass::LossGradient) {
        true => trained.layers().map(|l| &l.weight).collect(),
        false => Vec::new(),
    };
    let sources: Vec<&Tensor> = parameters.iter().copied().chain(outputs).collect();
    let mut gradients = Tensor::f_run_backward(&[&loss], &sources, by_input || hessian, hessian)?;
    let by_output = gradients.split_off(parameters.len());
    let backward_seconds = forward_seconds + start.elapsed().as_secs_f64();
    passes.loss = Some(loss.detach().double_value(&[]));
    if wants(Pass::ActivationGradient) {
        let start = Instant::now();
        let terms = outputs.iter().zip(&by_output).map(|(a, d)| per_channel(&a.f_detach()?, &gradient_or_zeros(d, a)?));
        passes.activation_gradient = Some(terms.collect::<Result<_, tch::TchError>>()?);
        passes.seconds.push((Pass::ActivationGradient, backward_seconds + start.elapsed().as_secs_f64()));
    }
    if hessian {
        let start = Instant::now();
        // The derivative of <g, constant> is the Hessian times that constant, here g itself.
        let products = gradients.iter().filter(|g| g.defined()).map(|g| g.f_mul(&g.f_detach()?)?.f_sum(Kind::Float));
        let mut total = Tensor::f_zeros([], (Kind::Float, loss.device()))?;
        for product in products {
            total = total.f_add(&product?)?;
        }
        let products = Tensor::f_run_backward(&[&total], &parameters, by_input, false)?;
        passes.hessian_gradient = Some(LayerGradient::pairs(trained, products)?);
        passes.seconds.push((Pass::HessianGradient, backward_seconds + start.elapsed().as_secs_f64()));
    }
    if wants(Pass::LossGradient) {
        passes.loss_gradient = Some(LayerGradient::pairs(trained, gradients)?);
        passes.seconds.push((Pass::LossGradient, backward_seconds));
    }
    Ok(())
}

/// The gradient of the mean cross-entropy on each half of the batch, normalised by its own statistics. Empty for a batch
/// that has no halves.
pub(super) fn half_gradients(
    network: &Network,
    weights: &Weights,
    batch: &DeviceBatch,
) -> Result<Vec<Vec<LayerGradient>>, EngineError> {
    let (n, half) = (batch.len() as i64, batch.len() as i64 / 2);
    if half == 0 {
        return Ok(Vec::new());
    }
    let trained = weights.require_grad(true)?;
    let parameters: Vec<&Tensor> = trained.layers().map(|l| &l.weight).collect();
    let gradient = |(start, length)| {
        let (x, y) = (batch.images().f_narrow(0, start, length)?, batch.labels().f_narrow(0, start, length)?);
        let logits = forward(network, &trained, &x, &mut Norm::Batch, &mut |_, _, _| Ok(()))?;
        let loss = logits.f_cross_entropy_loss(&y, None::<&Tensor>, tch::Reduction::Mean, -100, 0.0)?;
        Ok(LayerGradient::pairs(&trained, Tensor::f_run_backward(&[&loss], &parameters, false, false)?)?)
    };
    [(0, half), (half, n - half)].into_iter().map(gradient).collect()
}

/// Correlation between the channels of the first image over its pixels, in float64. A channel that is the same everywhere
/// has no correlation, not even with itself.
fn channel_correlation(output: &Tensor) -> Result<Array2<f64>, tch::TchError> {
    let first = output.f_detach()?.f_get(0)?.f_to_kind(Kind::Double)?;
    let rows = first.f_reshape([first.size()[0], -1])?;
    let rows = rows.f_sub(&rows.f_mean_dim([1i64].as_slice(), true, Kind::Double)?)?;
    let norms = rows.f_square()?.f_sum_dim_intlist(1, true, Kind::Double)?.f_sqrt()?;
    let rows = rows.f_div(&norms.f_add(&norms.f_eq(0.0)?.f_to_kind(Kind::Double)?)?)?;
    rows_f64(&rows.f_matmul(&rows.f_tr()?)?)
}

/// Sum over the pixels of `a * d`: images x channels.
fn per_channel(a: &Tensor, d: &Tensor) -> Result<Tensor, tch::TchError> {
    let product = a.f_mul(d)?;
    if product.dim() > 2 { product.f_flatten(2, -1)?.f_sum_dim_intlist(2, false, Kind::Float) } else { Ok(product) }
}

/// One row per image, float64 on the host.
fn rows_f64(x: &Tensor) -> Result<Array2<f64>, tch::TchError> {
    let flat = x.f_contiguous()?.f_flatten(1, -1)?.f_to_kind(Kind::Double)?.f_to(Device::Cpu)?;
    let (n, d) = (flat.size()[0] as usize, flat.size()[1] as usize);
    let values: Vec<f64> = Vec::try_from(flat.f_flatten(0, -1)?)?;
    Array2::from_shape_vec((n, d), values).map_err(|e| tch::TchError::Torch(e.to_string()))
}
