//! Sample-wise activation patterns.

use super::{Proxy, Status, read};
use crate::engine::Pass;

/// Number of different things that ReLUs do over a few images.
///
/// The paper's regularised score multiplies by `exp(-((P - mu)^2) / sigma)`, P the number of parameters. Its mu and sigma
/// say what size of model is wanted and are set for each search, so they are no part of a network's score. A mean over 32
/// initialisations, as published, would cost 32 times as much.
pub static SWAP: Proxy = Proxy {
    name: "swap",
    title: "Number of distinct activation patterns of ReLUs over a few images (SWAP-Score)",
    paper: "Peng et al., SWAP-NAS: sample-wise activation patterns for ultra-fast NAS, ICLR 2024, arXiv:2403.04161",
    formula: "number of distinct columns of the matrix of bits [z > 0], images x ReLU inputs z",
    protocol: "the first 16 images of the batch (all, if there are fewer), standard normal weights, zero biases, one \
               initialisation (the paper averages 32), train-mode batch normalisation, live ReLUs; all 2^images \
               patterns: status saturated; no ReLU: status unsupported",
    limits: "At most 2^images patterns, which wide networks reach; the paper's factor exp(-((P - mu)^2) / sigma) is \
             left out, since mu and sigma say which size is wanted and are set by hand: a wanted size is a \
             constraint (`naslens search --max params=…`).",
    statuses: &[Status::Saturated],
    min_batch: 2,
    passes: &[Pass::NeuronPatterns],
    score: &|passes| match read(&passes.neuron_patterns)? {
        p if p.neurons == 0 => Err(Status::Unsupported),
        p if p.distinct >= 1 << p.images => Err(Status::Saturated),
        p => Ok(p.distinct as f64),
    },
    ..Proxy::LIVE
};
