//! One train-mode forward on the batch, and everything that is read from it.

use std::time::Instant;

use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use super::loss::Loss;
use super::passes::{LayerGradient, Pass, Passes};
use super::plan::Plan;
use super::tape::{Keep, Tape, Wanted};
use super::weights::Weights;
use super::{DeviceBatch, EngineError, host, kernels, tensors};

/// The passes that share the forward.
pub(super) const PASSES: [Pass; 5] =
    [Pass::Codes, Pass::ChannelCorrelation, Pass::LossGradient, Pass::ActivationGradient, Pass::InputGradient];

/// One train-mode forward of the population, and the backward passes that are wanted. `passes` and `weights` have one entry
/// per network of the plan.
pub(super) fn run(
    passes: &mut [Passes<'_>],
    plan: &Plan<'_>,
    weights: &[Weights],
    batch: &DeviceBatch,
    wanted: &[Pass],
) -> Result<(), EngineError> {
    let wants = |pass| wanted.contains(&pass);
    let (by_input, by_output) = (wants(Pass::InputGradient), wants(Pass::ActivationGradient));
    let by_weight = wants(Pass::LossGradient);
    let start = Instant::now();
    let mut correlations: Vec<Option<Array2<f64>>> = plan.nodes.iter().map(|_| None).collect();
    let mut correlating = 0.0;
    let only_correlations = PASSES.iter().all(|&p| p == Pass::ChannelCorrelation || !wants(p));
    let until_last_correlation = only_correlations.then(|| plan.until_last(Plan::is_correlated));
    let plan = until_last_correlation.as_ref().unwrap_or(plan);
    let mut correlate = |id: usize, output: &Tensor| {
        if !Plan::is_correlated(&plan.nodes[id]) {
            return Ok(());
        }
        let start = Instant::now();
        correlations[id] = Some(channel_correlation(output)?);
        correlating += start.elapsed().as_secs_f64();
        Ok(())
    };
    let keep = Keep { tape: by_weight || by_output || by_input, layer_outputs: by_output, codes: wants(Pass::Codes) };
    let first_image = wants(Pass::ChannelCorrelation).then_some(&mut correlate as &mut super::tape::FirstImage<'_>);
    let tape = Tape::forward(plan, weights, batch.images(), keep, first_image)?;
    let share = passes.len().max(1) as f64;
    let forward_seconds = (start.elapsed().as_secs_f64() - tape.code_seconds - correlating) / share;
    for (k, passes) in passes.iter_mut().enumerate() {
        if wants(Pass::Codes) {
            passes.codes = Some(tape.code_kernel(k, batch.len()));
            passes.seconds.push((Pass::Codes, forward_seconds + tape.code_seconds / share));
        }
        if wants(Pass::ChannelCorrelation) {
            passes.channel_correlation = Some(plan.of[k].iter().filter_map(|&id| correlations[id].clone()).collect());
            passes.seconds.push((Pass::ChannelCorrelation, forward_seconds + correlating / share));
        }
        passes.labels = batch.classes().to_vec();
        if only_correlations {
            continue;
        }
        let logits = tape.logits(k)?;
        if by_weight || by_output {
            loss_gradients(passes, (&tape, k), plan, &logits, &weights[k], batch, wanted, forward_seconds)?;
        }
        if by_input {
            let start = Instant::now();
            let wanted = Wanted { images: true, ..Wanted::default() };
            let gradients = tape.backward(k, &logits.f_ones_like()?, wanted, &mut |_, _| Ok(()))?;
            let images = match gradients.images {
                Some(gradient) => gradient,
                None => batch.images().f_zeros_like()?,
            };
            passes.input_gradient = Some(host::matrix(&images.f_flatten(1, -1)?)?);
            passes.seconds.push((Pass::InputGradient, forward_seconds + start.elapsed().as_secs_f64()));
        }
        passes.logits = Some(logits);
    }
    Ok(())
}

/// The gradients of the loss with respect to weights and layer outputs in one backward pass.
#[allow(clippy::too_many_arguments, reason = "one step of the function above")]
fn loss_gradients(
    passes: &mut Passes<'_>,
    (tape, network): (&Tape<'_>, usize),
    plan: &Plan<'_>,
    logits: &Tensor,
    weights: &Weights,
    batch: &DeviceBatch,
    wanted: &[Pass],
    forward_seconds: f64,
) -> Result<(), EngineError> {
    let wants = |pass| wanted.contains(&pass);
    let start = Instant::now();
    let loss = Loss::new(passes.network.target(), batch.labels(), 0.0);
    passes.loss = Some(loss.mean(logits)?.f_double_value(&[])?);
    let mut terms: Vec<Option<Tensor>> = plan.nodes.iter().map(|_| None).collect();
    let mut multiplying = 0.0;
    let gradient = loss.gradient(logits)?;
    let by_weight = Wanted { weights: wants(Pass::LossGradient), ..Wanted::default() };
    let gradients = tape.backward(network, &gradient, by_weight, &mut |id, d| {
        if wants(Pass::ActivationGradient) {
            let start = Instant::now();
            terms[id] = Some(per_channel(tape.plain(id)?, d)?);
            multiplying += start.elapsed().as_secs_f64();
        }
        Ok(())
    })?;
    let seconds = forward_seconds + start.elapsed().as_secs_f64() - multiplying;
    if wants(Pass::ActivationGradient) {
        let terms = passes.network.layers().map(|(id, shape)| match terms[plan.of[network][id]].take() {
            Some(term) => Ok(term),
            None => Tensor::f_zeros([batch.len() as i64, shape.dims[0] as i64], (Kind::Double, logits.device())),
        });
        passes.activation_gradient = Some(terms.collect::<Result<_, tch::TchError>>()?);
        passes.seconds.push((Pass::ActivationGradient, seconds + multiplying));
    }
    if wants(Pass::LossGradient) {
        passes.loss_gradient = Some(LayerGradient::pairs(weights, gradients.weights)?);
        passes.seconds.push((Pass::LossGradient, seconds));
    }
    Ok(())
}

/// The gradient of the mean cross-entropy on each half of the batch, normalised by its own statistics, for each network.
/// Empty for a batch that has no halves.
pub(super) fn half_gradients(
    plan: &Plan<'_>,
    weights: &[Weights],
    batch: &DeviceBatch,
) -> Result<Vec<Vec<Vec<LayerGradient>>>, EngineError> {
    let (n, half) = (batch.len() as i64, batch.len() as i64 / 2);
    let mut all: Vec<Vec<Vec<LayerGradient>>> = weights.iter().map(|_| Vec::new()).collect();
    if half == 0 {
        return Ok(all);
    }
    for (start, length) in [(0, half), (half, n - half)] {
        let (x, y) = (batch.images().f_narrow(0, start, length)?, batch.labels().f_narrow(0, start, length)?);
        let tape = Tape::forward(plan, weights, &x, Keep { tape: true, ..Keep::default() }, None)?;
        for (k, (weights, halves)) in weights.iter().zip(&mut all).enumerate() {
            let gradient = Loss::new(plan.networks[k].target(), &y, 0.0).gradient(&tape.logits(k)?)?;
            let wanted = Wanted { weights: true, ..Wanted::default() };
            let gradients = tape.backward(k, &gradient, wanted, &mut |_, _| Ok(()))?;
            halves.push(LayerGradient::pairs(weights, gradients.weights)?);
        }
    }
    Ok(all)
}

/// The empirical neural tangent kernel of the first `images` images: inner products of the gradients of their summed
/// logits, for each network.
pub(super) fn tangent_kernels(
    plan: &Plan<'_>,
    weights: &[Weights],
    batch: &DeviceBatch,
    images: usize,
) -> Result<Vec<Array2<f64>>, EngineError> {
    let n = batch.len().min(images);
    let x = batch.images().f_narrow(0, 0, n as i64)?;
    let tape = Tape::forward(plan, weights, &x, Keep { tape: true, ..Keep::default() }, None)?;
    let kernel = |network: usize| {
        let classes = plan.networks[network].classes() as i64;
        let mut rows: Vec<Vec<Tensor>> = Vec::new();
        for i in 0..n as i64 {
            let gradient = Tensor::f_zeros([n as i64, classes], (Kind::Float, x.device()))?;
            let _ = gradient.f_select(0, i)?.f_fill_(1.0)?;
            let wanted = Wanted { weights: true, ..Wanted::default() };
            let gradients = tape.backward(network, &gradient, wanted, &mut |_, _| Ok(()))?;
            rows.resize_with(gradients.weights.len(), Vec::new);
            for (row, gradient) in rows.iter_mut().zip(gradients.weights) {
                // A layer without gradient has it for no image, and adds nothing.
                row.extend(gradient.map(|g| g.f_flatten(0, -1)).transpose()?);
            }
        }
        let mut kernel = Array2::zeros((n, n));
        for layer in rows.iter().filter(|layer| !layer.is_empty()) {
            let g = Tensor::f_stack(layer, 0)?.f_to_kind(Kind::Double)?;
            let products: Vec<f64> = Vec::try_from(g.f_matmul(&g.f_tr()?)?.f_to(Device::Cpu)?.f_flatten(0, -1)?)?;
            kernel.iter_mut().zip(products).for_each(|(k, v)| *k += v);
        }
        Ok(kernel)
    };
    (0..weights.len()).map(kernel).collect()
}

/// Correlation between the channels of the first image over its pixels, in float64. A channel that is the same everywhere
/// has no correlation, not even with itself.
fn channel_correlation(output: &Tensor) -> Result<Array2<f64>, tch::TchError> {
    let first = output.f_get(0)?.f_to_kind(Kind::Double)?;
    let rows = first.f_reshape([first.size()[0], -1])?;
    let rows = rows.f_sub(&rows.f_mean_dim([1i64].as_slice(), true, Kind::Double)?)?;
    let norms = rows.f_square()?.f_sum_dim_intlist(1, true, Kind::Double)?.f_sqrt()?;
    let rows = rows.f_div(&norms.f_add(&norms.f_eq(0.0)?.f_to_kind(Kind::Double)?)?)?;
    host::matrix(&rows.f_matmul(&rows.f_tr()?)?)
}

/// Sum over the pixels of `a * d`: images x channels, float64.
fn per_channel(a: &Tensor, d: &Tensor) -> Result<Tensor, tch::TchError> {
    if !tensors::is_host(d) {
        let product = a.f_reshape(d.size())?.f_mul(d)?.f_to_kind(Kind::Double)?;
        return if d.dim() > 2 {
            product.f_flatten(2, -1)?.f_sum_dim_intlist(2, false, Kind::Double)
        } else {
            Ok(product)
        };
    }
    let (n, c) = (d.size()[0] as usize, d.size()[1] as usize);
    let size = (d.numel() / n.max(1)).max(1);
    let (mut sums, mut dots) = (vec![0.0; c], vec![0.0; n * c]);
    let samples = tensors::values(a).chunks_exact(size).zip(tensors::values(d).chunks_exact(size));
    for ((a, d), dots) in samples.zip(dots.chunks_exact_mut(c.max(1))) {
        kernels::products(d, a, c, &mut sums, dots);
    }
    Tensor::f_from_slice(&dots)?.f_reshape([n as i64, c as i64])
}
