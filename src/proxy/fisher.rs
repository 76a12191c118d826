//! Fisher information of the channels of every layer.

use tch::{Kind, Tensor};

use super::{Proxy, Status, of_gradients, read};
use crate::engine::{Pass, Passes};

/// Fisher information of the channels, each counted once per weight of its filter.
pub static FISHER: Proxy = Proxy {
    name: "fisher",
    title: "Fisher information of the channels of every layer",
    paper: "Turner et al., BlockSwap: Fisher-guided block substitution, ICLR 2020; as in Abdelfattah et al., Zero-cost \
            proxies for lightweight NAS, ICLR 2021",
    formula: "sum_l (|W_l| / C_l) sum_c 1/2 mean_n (sum_hw a dL/da)^2, a the output of convolution or linear layer l \
              before normalisation, C_l its channels, |W_l| its number of weights, L the mean cross-entropy on the batch",
    protocol: "train-mode batch normalisation, live layers, PyTorch's default initialisation, float32 summed in float64; \
               each channel counts once per weight of its filter, as in the published code, where the values of \
               channels are broadcast to weights",
    limits: "The weakest of the unsigned gradient sums, backwards on NAS-Bench-101 and on short trainings. Published \
             figures differ by selection (.36 to .55 on NAS-Bench-201).",
    min_batch: 1,
    passes: &[Pass::ActivationGradient],
    score: &score,
    ..Proxy::LIVE
};

fn score(passes: &Passes<'_>) -> Result<f64, Status> {
    let mut sum = 0.0;
    for ((_, weight), term) in passes.network.layers().zip(read(&passes.activation_gradient)?) {
        sum += weight.fan_in as f64 * channels(term)?;
    }
    of_gradients(sum)
}

/// sum_c 1/2 mean_n term_nc^2
fn channels(term: &Tensor) -> Result<f64, tch::TchError> {
    let images = term.size()[0].max(1) as f64;
    Ok(term.f_to_kind(Kind::Double)?.f_square()?.f_sum(Kind::Double)?.f_double_value(&[])? / (2.0 * images))
}
