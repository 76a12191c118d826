//! How many linear regions of a thin network many tiny images fall into.

use std::collections::HashSet;

use tch::{Device, Kind, Tensor};

use super::gaussian::Normals;
use super::{EngineError, Norm, forward};
use crate::network::{Network, Op};

/// Images of a batch, as published.
const IMAGES: usize = 1000;
/// Batches, as published.
const BATCHES: usize = 3;

/// Codes of the ReLUs of a thin network; see [`Network::thin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinearRegions {
    /// Number of images.
    pub images: usize,
    /// Number of ReLU inputs z per image; zero if the network cannot be made thin.
    pub neurons: usize,
    /// Number of distinct rows of the matrix of bits `z > 0`, images x ReLU inputs.
    pub distinct: usize,
}

/// Three train-mode forwards of 1,000 standard normal images with Kaiming's normal weights.
pub(super) fn run(network: &Network, normals: Normals<'_>) -> Result<LinearRegions, EngineError> {
    let _no_grad = tch::no_grad_guard();
    let images = IMAGES * BATCHES;
    let Some(thin) = network.thin() else {
        return Ok(LinearRegions { images, neurons: 0, distinct: 0 });
    };
    let weights = normals.kaiming_weights(&thin)?;
    let x = normals.images(&thin, images)?;
    let (mut seen, mut neurons) = (HashSet::new(), 0);
    for batch in x.f_split(IMAGES as i64, 0)? {
        let mut codes = Vec::new();
        let _logits = forward(&thin, &weights, &batch, &mut Norm::Batch, &mut |id, z, _| {
            if thin.nodes()[id].op == Op::Relu {
                codes.push(z.f_gt(0.0)?.f_flatten(1, -1)?);
            }
            Ok(())
        })?;
        if codes.is_empty() {
            break;
        }
        let codes = Tensor::f_cat(&codes, 1)?.f_to_kind(Kind::Uint8)?.f_to(Device::Cpu)?;
        neurons = codes.size()[1] as usize;
        let bits: Vec<u8> = Vec::try_from(codes.f_flatten(0, -1)?)?;
        seen.extend(bits.chunks_exact(neurons.max(1)).map(<[u8]>::to_vec));
    }
    Ok(LinearRegions { images, neurons, distinct: seen.len() })
}
