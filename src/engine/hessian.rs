//! The product of the Hessian of the loss with its gradient, by double backward.

use tch::{Kind, Tensor};

use super::loss::Loss;
use super::passes::LayerGradient;
use super::weights::Weights;
use super::{DeviceBatch, EngineError, Norm, forward};
use crate::network::Network;

/// `H g` for the mean cross-entropy on the batch, train-mode batch normalisation.
pub(super) fn gradient_product(
    network: &Network,
    weights: &Weights,
    batch: &DeviceBatch,
) -> Result<Vec<LayerGradient>, EngineError> {
    let trained = weights.require_grad(true)?;
    let parameters: Vec<&Tensor> = trained.layers().map(|l| &l.weight).collect();
    let logits = forward(network, &trained, batch.images(), &mut Norm::Batch, &mut |_, _, _| Ok(()))?;
    let loss = Loss::new(network.target(), batch.labels(), 0.0).mean(&logits)?;
    let gradients = Tensor::f_run_backward(&[&loss], &parameters, true, true)?;
    // The derivative of <g, constant> is the Hessian times that constant, here g itself.
    let products = gradients.iter().filter(|g| g.defined()).map(|g| g.f_mul(&g.f_detach()?)?.f_sum(Kind::Float));
    let mut total = Tensor::f_zeros([], (Kind::Float, loss.device()))?;
    for product in products {
        total = total.f_add(&product?)?;
    }
    let products = Tensor::f_run_backward(&[&total], &parameters, false, false)?;
    Ok(LayerGradient::pairs(&trained, products.into_iter().map(Some))?)
}
