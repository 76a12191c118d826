//! Size of the layers' outputs.

use super::Proxy;

/// Number of values that convolution and linear layers put out.
pub static ACTIVATIONS: Proxy = Proxy {
    name: "activations",
    title: "Number of values that convolution and linear layers put out",
    paper: "trivial baseline; Radosavovic et al., Designing network design spaces, CVPR 2020, arXiv:2003.13678, section 3",
    formula: "sum over convolution and linear layers of C_out H_out W_out",
    protocol: "one image; counted on the graph after removing what is not on a path from input to output; normalisation, \
               activation functions, pooling and sums count zero; nothing is run",
    limits: "Where all cells of a stage are equal, as in NAS-Bench-201, it ranks as layers does. Among networks of many widths and \
             resolutions it says more: .83 with top-1 accuracy over 333 hand-made ImageNet models of the timm library, \
             where MACs and parameters have .76.",
    baseline: true,
    score: &|passes| {
        let network = passes.network;
        Ok(network.layers().map(|(id, _)| network.nodes()[id].shape.len() as f64).sum())
    },
    ..Proxy::LIVE
};
