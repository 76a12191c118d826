//! Agreement of the signs of per-image gradients.

use tch::Kind;

use super::{Proxy, of_gradients, read};
use crate::engine::Pass;

/// How often the images agree on the direction in which a weight should move.
pub static GRADSIGN: Proxy = Proxy {
    name: "gradsign",
    title: "Agreement of the signs of the gradients of single images",
    paper: "Zhang & Jia, GradSign: model performance inference with theoretical insights, ICLR 2022, arXiv:2110.08616",
    formula: "sum_w |sum_i sign(dL_i/dw)|, L_i the cross-entropy of image i, w the weights of convolutions and linear \
              layers",
    protocol: "every image is a batch of its own in train mode, as in the published code: batch normalisation uses the \
               statistics of that image over its pixels; live layers, PyTorch's default initialisation, float32; grows \
               with the number of images, so values of different batch sizes cannot be compared",
    limits: "One backward pass per image. At most weights x images, so it contains the number of weights; values of \
             different batch sizes cannot be compared.",
    min_batch: 2,
    passes: &[Pass::GradientSigns],
    score: &|passes| {
        let sum = |signs: &tch::Tensor| -> Result<f64, tch::TchError> {
            signs.f_abs()?.f_sum(Kind::Double)?.f_double_value(&[])
        };
        of_gradients(read(&passes.gradient_signs)?.iter().map(sum).sum::<Result<f64, _>>()?)
    },
    ..Proxy::LIVE
};
