//! Number of linear regions that images fall into.

use super::{Proxy, Status, read};
use crate::engine::Pass;

/// Number of images that no earlier image shares all its ReLU bits with.
///
/// Networks of ordinary width tell all images apart, hence a thin one and tiny images; three in four of
/// NAS-Bench-201 at its published depth still do.
pub static LINEAR_REGIONS: Proxy = Proxy {
    name: "linear_regions",
    title: "Number of linear regions of a thin network that tiny images fall into",
    paper: "Chen, Gong & Wang, Neural architecture search on ImageNet in four GPU hours (TE-NAS), ICLR 2021, \
            arXiv:2102.11535",
    formula: "number of distinct rows of the matrix of bits [z > 0], images x ReLU inputs z",
    protocol: "the network with its channels divided by those of the narrowest convolution (rounded up), on three batches \
               of 1,000 standard normal images of one channel and the fewest pixels (3x3 or more) that its operations fit, \
               4x4 for NAS-Bench-201 (the paper: CIFAR images cut to 3x3, and one cell per stage; here all cells stay); \
               the batch is not read; Kaiming's normal weights (fan-in, ReLU), zero biases; train-mode batch normalisation \
               in each batch; live ReLUs; all 3,000 images told apart: status saturated; no ReLU, or no thin network: \
               status unsupported",
    limits: "Three in four of NAS-Bench-201 tell all images apart and have no score: it finds bad networks, not \
             good ones.",
    statuses: &[Status::Saturated],
    passes: &[Pass::LinearRegions],
    score: &|passes| match read(&passes.linear_regions)? {
        r if r.neurons == 0 => Err(Status::Unsupported),
        r if r.distinct >= r.images => Err(Status::Saturated),
        r => Ok(r.distinct as f64),
    },
    ..Proxy::LIVE
};
