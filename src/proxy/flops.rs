//! Multiply-accumulates of one inference.

use super::{Proxy, View};

/// Multiply-accumulates of the network as specified.
pub static FLOPS: Proxy = Proxy {
    name: "flops",
    title: "Multiply-accumulates (MACs) of one inference",
    paper: "trivial baseline; Ning et al., Evaluating efficient performance estimators of neural architectures, NeurIPS 2021",
    formula: "sum over convolutions of C_out H_out W_out (C_in / groups) k^2, plus in x out of linear layers",
    protocol: "one image; one multiply-accumulate counts as one; batch normalisation, pooling and sums count zero; \
               operations that cannot reach the output included; nothing is run",
    limits: "Orders the spaces at hand almost as params does, so the two are one baseline rather than two. \
             Operations that cannot reach the output are counted too; flops@live leaves them out.",
    view: View::Specified,
    baseline: true,
    score: &|passes| Ok(passes.network.macs() as f64),
    ..Proxy::LIVE
};

/// Multiply-accumulates on a path from input to output.
pub static FLOPS_LIVE: Proxy = Proxy {
    name: "flops@live",
    title: "Multiply-accumulates (MACs) of one inference that take part",
    protocol: "one image; one multiply-accumulate counts as one; batch normalisation, pooling and sums count zero; \
               only what is on a path from input to output; nothing is run",
    limits: "Orders the spaces at hand almost as params@live does, so the two are one baseline rather than two.",
    view: View::Live,
    ..FLOPS
};
