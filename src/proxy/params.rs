//! Number of trainable parameters.

use super::{Proxy, View};

const TITLE: &str = "Number of trainable parameters";
const PAPER: &str = "trivial baseline; reported as such by White et al., NAS-Bench-Suite-Zero, NeurIPS 2022";

/// Parameters of the network as specified, as the published tables count them.
pub static PARAMS: Proxy = Proxy {
    name: "params",
    title: TITLE,
    paper: PAPER,
    formula: "sum over all layers of the sizes of weights and biases, plus scale and shift of batch normalisation",
    protocol: "counted on the graph, operations that cannot reach the output included; nothing is run",
    limits: "A larger network is not a better one: on NAS-Bench-101 and on networks that train for a few epochs the \
             count says little. Operations that cannot reach the output are counted too, as in the published tables; \
             params@live leaves them out and ranks NAS-Bench-201 better.",
    view: View::Specified,
    baseline: true,
    score: &|passes| Ok(passes.network.params() as f64),
    ..Proxy::LIVE
};

/// Parameters on a path from input to output.
pub static PARAMS_LIVE: Proxy = Proxy {
    name: "params@live",
    title: "Number of trainable parameters that take part",
    protocol: "counted on the graph after removing what is not on a path from input to output; nothing is run",
    limits: "A larger network is not a better one: on NAS-Bench-101 and on networks that train for a few epochs the \
             count says little.",
    view: View::Live,
    ..PARAMS
};
