//! Gradients of the linearised network by automatic differentiation.

use tch::{Device, Kind, Tensor};

use super::passes::LayerGradient;
use super::weights::Weights;
use super::{EngineError, Norm, forward};
use crate::network::Network;

/// Gradients of the summed logits with absolute weights and biases on one image of ones, in float64 as in the published
/// SynFlow code. The network is linear in each layer only if `norm` bypasses batch normalisation.
pub(super) fn gradient(
    network: &Network,
    weights: &Weights,
    norm: &mut Norm<'_>,
) -> Result<Vec<LayerGradient>, EngineError> {
    let absolute = weights.abs(Kind::Double)?.require_grad(true)?;
    let s = network.input_shape();
    let device = absolute.layers().next().map_or(Device::Cpu, |l| l.weight.device());
    let ones = Tensor::f_ones([1, s.channels as i64, s.height as i64, s.width as i64], (Kind::Double, device))?;
    let logits = forward(network, &absolute, &ones, norm, &mut |_, _, _| Ok(()))?;
    let parameters: Vec<&Tensor> = absolute.layers().map(|l| &l.weight).collect();
    let gradients = Tensor::f_run_backward(&[logits.f_sum(Kind::Double)?], &parameters, false, false)?;
    Ok(LayerGradient::pairs(&absolute, gradients.into_iter().map(Some))?)
}
