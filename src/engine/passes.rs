//! The passes that proxies read, and their records.

use ndarray::Array2;
use tch::Tensor;

use super::weights::Weights;
use super::{BatchCounts, BlockWise, CodeKernel, Dual, Expansion, LinearRegions, NeuronPatterns};
use crate::network::{Network, Op};

/// Declares the passes in one table. Of each: its record in [`Passes`]; whether images of the batch go through the network;
/// how many of `n` images are normalised together; whether values are kept for gradients, and of how many images; what is run.
macro_rules! passes {
    ($($(#[$doc:meta])+ $pass:ident => $record:ident: $type:ty, $reads:literal, $together:expr, $held:expr, $what:literal;)+) => {
        /// Something that is run once per network and read by any number of proxies.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Pass {
            $($(#[$doc])+ $pass,)+
        }

        impl Pass {
            /// Why the pass says nothing about this network; None where it does.
            pub fn lacks(self, network: &Network) -> Option<String> {
                let has = |op: fn(&Op) -> bool| network.nodes().iter().find(|node| op(&node.op));
                match self {
                    Pass::Dual | Pass::LinearGradient | Pass::NormalisedLinearGradient => {
                        let bent = has(|op| !op.is_linear_on_positive())?;
                        Some(format!("{} is not linear where values are positive", bent.op))
                    }
                    Pass::Codes | Pass::NeuronPatterns | Pass::LinearRegions => match has(|op| *op == Op::Relu) {
                        Some(_) => None,
                        None => Some("it has no ReLU".into()),
                    },
                    Pass::GradientSigns | Pass::FisherInformation => {
                        let transposed = has(|op| matches!(op, Op::ConvTranspose2d(_)))?;
                        Some(format!("{} is not sampled", transposed.op))
                    }
                    _ => None,
                }
            }

            /// What is run, for people.
            pub fn what(self) -> &'static str {
                match self {
                    $(Pass::$pass => $what,)+
                }
            }

            /// Whether images of the batch go through the network.
            pub fn reads_batch(self) -> bool {
                match self {
                    $(Pass::$pass => $reads,)+
                }
            }

            /// Images that are normalised together where the pass depends on how a normalisation passes changes on, given the
            /// images of the batch; None for passes that read values or codes only, or that leave normalisation out.
            pub fn normalised_together(self, images: usize) -> Option<usize> {
                let together: fn(usize) -> Option<usize> = match self {
                    $(Pass::$pass => $together,)+
                };
                together(images)
            }

            /// Whether values are kept for gradients, and of how many images of a batch of `images` at once.
            pub(super) fn held(self, images: usize) -> (bool, usize) {
                let held: fn(usize) -> (bool, usize) = match self {
                    $(Pass::$pass => $held,)+
                };
                held(images)
            }
        }

        /// What was run for one network. A pass that was not asked for is None.
        #[derive(Debug)]
        pub struct Passes<'a> {
            /// The network that was run.
            pub network: &'a Network,
            /// How much the images of the batch differ.
            pub batch: BatchCounts,
            $(
                #[doc = concat!("The record of [`Pass::", stringify!($pass), "`].")]
                pub $record: Option<$type>,
            )+
            /// The logits of the train-mode forward (samples x classes), if one was run to its end.
            pub logits: Option<Tensor>,
            /// Mean cross-entropy on the batch, if a gradient of it was asked for.
            pub loss: Option<f64>,
            /// The label of every image, if a train-mode forward was run.
            pub labels: Vec<usize>,
            /// Seconds that each pass took; a pass that shares the forward counts it in full.
            pub seconds: Vec<(Pass, f64)>,
        }

        impl<'a> Passes<'a> {
            /// Nothing was run yet.
            pub fn none(network: &'a Network) -> Self {
                let (batch, labels, seconds) = (BatchCounts::default(), Vec::new(), Vec::new());
                Passes { network, batch, $($record: None,)+ logits: None, loss: None, labels, seconds }
            }
        }
    };
}

passes! {
    /// The initial weights.
    Weights => weights: Weights,
        false, |_| None, |_| (false, 0), "the initial weights; nothing is run";
    /// The pair (value, tangent) of the linearised network; see [`Dual`].
    Dual => dual: Dual,
        false, |_| None, |_| (false, 1), "one forward-mode derivative of the linearised network; no image, no backward pass";
    /// Weights and gradients of the summed logits of the linearised network, float64: one entry per layer, absolute
    /// weights.
    LinearGradient => linear_gradient: Vec<LayerGradient>,
        false, |_| None, |_| (false, 1), "a backward pass of the linearised network in float64; no image";
    /// The same with batch normalisation in train mode: one entry per layer, absolute weights.
    NormalisedLinearGradient => normalised_linear_gradient: Vec<LayerGradient>,
        false, |_| Some(1), |_| (false, 1), "the same with batch normalisation in train mode; no image";
    /// ReLU codes of a train-mode forward on the batch.
    Codes => codes: CodeKernel,
        true, |_| None, |n| (false, n), "ReLU codes of a train-mode forward on the batch";
    /// Gradient of the mean cross-entropy on the batch, train-mode batch normalisation: one entry per layer.
    LossGradient => loss_gradient: Vec<LayerGradient>,
        true, |n| Some(n), |n| (true, n), "gradient of the mean cross-entropy on the batch";
    /// Outputs of the layers and the gradient of the same loss with respect to them. Per layer, images x channels, the sum
    /// over pixels of output times gradient.
    ActivationGradient => activation_gradient: Vec<Tensor>,
        true, |n| Some(n), |n| (true, n), "outputs of the layers and the gradient of the mean cross-entropy with respect to them";
    /// Product of the Hessian of the same loss with its gradient: one entry per layer, the product in place of the
    /// gradient.
    HessianGradient => hessian_gradient: Vec<LayerGradient>,
        true, |n| Some(n), |n| (true, n), "product of the loss's Hessian with its gradient (double backward)";
    /// Correlation between the channels of every operation's output for the first image of the same forward. One matrix
    /// per convolution, normalisation, ReLU and pooling whose output has fewer channels than pixels.
    ChannelCorrelation => channel_correlation: Vec<Array2<f64>>,
        true, |_| None, |n| (false, n), "correlations between the channels of every output for the first image of the batch";
    /// Gradients of the mean cross-entropy on the first and on the second half of the batch. Per half, one entry per
    /// layer; empty if the batch has a single image.
    HalfGradients => half_gradients: Vec<Vec<LayerGradient>>,
        true, |n| Some(n / 2), |n| (true, n / 2), "gradients of the loss on each half of the batch";
    /// Signs of the gradients of the cross-entropy of each image in a batch of its own. Per layer and weight, the sum over
    /// images of the sign of the gradient.
    GradientSigns => gradient_signs: Vec<Tensor>,
        true, |_| Some(1), |n| (true, n.min(CHUNK)), "a gradient of the loss per image of the batch";
    /// Empirical neural tangent kernel of the first 16 images, train-mode batch normalisation: images x images.
    TangentKernel => tangent_kernel: Array2<f64>,
        true, |n| Some(n.min(KERNEL_IMAGES)), |n| (true, n.min(CHUNK)), "gradients of the logits of each of the first 16 images";
    /// Effect of a small step between normal inputs, with normal weights; see [`Expansion`].
    Expansion => expansion: Expansion,
        false, |n| Some(n), |n| (false, n), "two forwards on normal images with normal weights; the batch is not read";
    /// ReLU patterns over the first 16 images, with normal weights; see [`NeuronPatterns`].
    NeuronPatterns => neuron_patterns: NeuronPatterns,
        true, |_| None, |n| (false, n.min(CHUNK)), "ReLU patterns of the first 16 images with normal weights";
    /// Spread of the blocks' outputs and what comes back through each block, with normal images and weights; see
    /// [`BlockWise`].
    BlockWise => block_wise: BlockWise,
        false, |n| Some(n), |n| (true, n),
        "a forward, and a backward through each block, on normal images with normal weights; the batch is not read";
    /// ReLU codes of a thin version of the network on many tiny normal images; see [`LinearRegions`].
    LinearRegions => linear_regions: LinearRegions,
        false, |_| None, |_| (false, 0), "ReLU codes of a thin version of the network on 3,000 tiny normal images";
    /// Fisher information of one weight per layer on the first 16 images, normal weights, no batch normalisation: sampled
    /// weights x sampled weights.
    FisherInformation => fisher_information: Array2<f64>,
        true, |_| None, |n| (false, n.min(CHUNK)), "derivatives of the logits of the first 16 images with respect to one weight per layer";
    /// Gradient of each sample's summed logits with respect to the images, train-mode batch normalisation: images x
    /// (channels * height * width).
    InputGradient => input_gradient: Array2<f64>,
        true, |n| Some(n), |n| (true, n), "gradient of each image's summed logits with respect to the image";
}

/// Images that are evaluated or differentiated together, in the passes that go over a batch in parts.
const CHUNK: usize = 16;

/// Images of the tangent kernel: each costs a backward pass through all of them.
pub(super) const KERNEL_IMAGES: usize = 16;

/// A layer's weight and the gradient of a scalar with respect to it.
#[derive(Debug)]
pub struct LayerGradient {
    /// The weight.
    pub weight: Tensor,
    /// The gradient, of the same shape.
    pub gradient: Tensor,
}

impl LayerGradient {
    /// The layers with their gradients; zeros for a weight that the scalar does not depend on.
    pub(super) fn pairs(
        weights: &Weights,
        gradients: impl IntoIterator<Item = Option<Tensor>>,
    ) -> Result<Vec<LayerGradient>, tch::TchError> {
        let pair = |(l, gradient): (&super::LayerTensors, Option<Tensor>)| {
            let weight = l.weight.f_detach()?;
            let gradient = gradient.filter(Tensor::defined).map_or_else(|| weight.f_zeros_like(), |g| g.f_detach())?;
            Ok(LayerGradient { weight, gradient })
        };
        weights.layers().zip(gradients).map(pair).collect()
    }
}
