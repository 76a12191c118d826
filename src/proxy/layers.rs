//! Number of weight layers.

use super::Proxy;

/// Number of convolution and linear layers on a path from input to output.
pub static LAYERS: Proxy = Proxy {
    name: "layers",
    title: "Number of convolution and linear layers that take part",
    paper: "trivial baseline; Mellor et al., arXiv:2006.04647, note how much of a proxy is depth",
    formula: "count of convolution and linear layers",
    protocol: "counted on the graph after removing what is not on a path from input to output; nothing is run",
    limits: "A small whole number, so many networks are tied. On NAS-Bench-101 most proxies that look at weights or \
             images do no better.",
    baseline: true,
    score: &|passes| Ok(passes.network.layers().count() as f64),
    ..Proxy::LIVE
};
