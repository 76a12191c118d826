//! The passes that proxies read, and their records.

use ndarray::Array2;
use tch::Tensor;

use super::weights::{Weights, gradient_or_zeros};
use super::{BatchCounts, BlockWise, CodeKernel, Dual, Expansion, LinearRegions, NeuronPatterns};
use crate::network::Network;

/// Something that is run once per network and read by any number of proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Pass {
    /// The initial weights.
    Weights,
    /// The pair (value, tangent) of the linearised network; see [`Dual`].
    Dual,
    /// Weights and gradients of the summed logits of the linearised network, float64.
    LinearGradient,
    /// The same with batch normalisation in train mode.
    NormalisedLinearGradient,
    /// ReLU codes of a train-mode forward on the batch.
    Codes,
    /// Gradient of the mean cross-entropy on the batch, train-mode batch normalisation.
    LossGradient,
    /// Outputs of the layers and the gradient of the same loss with respect to them.
    ActivationGradient,
    /// Product of the Hessian of the same loss with its gradient.
    HessianGradient,
    /// Correlation between the channels of every operation's output for the first image of the same forward.
    ChannelCorrelation,
    /// Gradients of the mean cross-entropy on the first and on the second half of the batch.
    HalfGradients,
    /// Signs of the gradients of the cross-entropy of each image in a batch of its own.
    GradientSigns,
    /// Empirical neural tangent kernel of the first 16 images, train-mode batch normalisation.
    TangentKernel,
    /// Effect of a small step between normal inputs, with normal weights; see [`Expansion`].
    Expansion,
    /// ReLU patterns over the first 16 images, with normal weights; see [`NeuronPatterns`].
    NeuronPatterns,
    /// Spread of the blocks' outputs and what comes back through each block, with normal images and weights; see
    /// [`BlockWise`].
    BlockWise,
    /// ReLU codes of a thin version of the network on many tiny normal images; see [`LinearRegions`].
    LinearRegions,
    /// Fisher information of one weight per layer on the first 16 images, normal weights, no batch normalisation.
    FisherInformation,
    /// Gradient of each sample's summed logits with respect to the images, train-mode batch normalisation.
    InputGradient,
}

impl Pass {
    /// What is run, for people.
    pub fn what(self) -> &'static str {
        match self {
            Pass::Weights => "the initial weights; nothing is run",
            Pass::Dual => "one forward-mode derivative of the linearised network; no image, no backward pass",
            Pass::LinearGradient => "a backward pass of the linearised network in float64; no image",
            Pass::NormalisedLinearGradient => "the same with batch normalisation in train mode; no image",
            Pass::Codes => "ReLU codes of a train-mode forward on the batch",
            Pass::LossGradient => "gradient of the mean cross-entropy on the batch",
            Pass::ActivationGradient => {
                "outputs of the layers and the gradient of the mean cross-entropy with respect to them"
            }
            Pass::HessianGradient => "product of the loss's Hessian with its gradient (double backward)",
            Pass::ChannelCorrelation => {
                "correlations between the channels of every output for the first image of the batch"
            }
            Pass::HalfGradients => "gradients of the loss on each half of the batch",
            Pass::GradientSigns => "a gradient of the loss per image of the batch",
            Pass::TangentKernel => "gradients of the logits of each of the first 16 images",
            Pass::Expansion => "two forwards on normal images with normal weights; the batch is not read",
            Pass::NeuronPatterns => "ReLU patterns of the first 16 images with normal weights",
            Pass::BlockWise => {
                "a forward, and a backward through each block, on normal images with normal weights; the batch is not read"
            }
            Pass::LinearRegions => "ReLU codes of a thin version of the network on 3,000 tiny normal images",
            Pass::FisherInformation => {
                "derivatives of the logits of the first 16 images with respect to one weight per layer"
            }
            Pass::InputGradient => "gradient of each image's summed logits with respect to the image",
        }
    }

    /// Whether images of the batch go through the network.
    pub fn reads_batch(self) -> bool {
        use Pass::*;
        !matches!(
            self,
            Weights | Dual | LinearGradient | NormalisedLinearGradient | Expansion | BlockWise | LinearRegions
        )
    }

    /// Images that are normalised together where the pass depends on how a normalisation passes changes on, given the images
    /// of the batch; None for passes that read values or codes only, or that leave normalisation out.
    pub fn normalised_together(self, images: usize) -> Option<usize> {
        match self {
            Pass::LossGradient
            | Pass::ActivationGradient
            | Pass::HessianGradient
            | Pass::InputGradient
            | Pass::Expansion
            | Pass::BlockWise => Some(images),
            Pass::HalfGradients => Some(images / 2),
            Pass::TangentKernel => Some(images.min(KERNEL_IMAGES)),
            Pass::NormalisedLinearGradient | Pass::GradientSigns => Some(1),
            Pass::Weights
            | Pass::Dual
            | Pass::LinearGradient
            | Pass::Codes
            | Pass::ChannelCorrelation
            | Pass::NeuronPatterns
            | Pass::LinearRegions
            | Pass::FisherInformation => None,
        }
    }
}

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
    pub(super) fn pairs(weights: &Weights, gradients: Vec<Tensor>) -> Result<Vec<LayerGradient>, tch::TchError> {
        let pair = |(l, gradient): (&super::LayerTensors, Tensor)| {
            let weight = l.weight.f_detach()?;
            Ok(LayerGradient { gradient: gradient_or_zeros(&gradient, &weight)?, weight })
        };
        weights.layers().zip(gradients).map(pair).collect()
    }
}

/// What was run for one network. A pass that was not asked for is None.
#[derive(Debug)]
pub struct Passes<'a> {
    /// The network that was run.
    pub network: &'a Network,
    /// How much the images of the batch differ.
    pub batch: BatchCounts,
    /// [`Pass::Weights`].
    pub weights: Option<Weights>,
    /// [`Pass::Dual`].
    pub dual: Option<Dual>,
    /// [`Pass::LinearGradient`]: one entry per layer, absolute weights.
    pub linear_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::NormalisedLinearGradient`]: one entry per layer, absolute weights.
    pub normalised_linear_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::Codes`].
    pub codes: Option<CodeKernel>,
    /// [`Pass::LossGradient`]: one entry per layer.
    pub loss_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::ActivationGradient`]: per layer, images x channels, the sum over pixels of output times gradient.
    pub activation_gradient: Option<Vec<Tensor>>,
    /// [`Pass::HessianGradient`]: one entry per layer, the product in place of the gradient.
    pub hessian_gradient: Option<Vec<LayerGradient>>,
    /// [`Pass::InputGradient`]: samples x (channels * height * width).
    pub input_gradient: Option<Array2<f64>>,
    /// [`Pass::ChannelCorrelation`]: one matrix per convolution, normalisation, ReLU, pooling and linear layer.
    pub channel_correlation: Option<Vec<Array2<f64>>>,
    /// [`Pass::HalfGradients`]: per half, one entry per layer; empty if the batch has a single image.
    pub half_gradients: Option<Vec<Vec<LayerGradient>>>,
    /// [`Pass::GradientSigns`]: per layer and weight, the sum over images of the sign of the gradient.
    pub gradient_signs: Option<Vec<Tensor>>,
    /// [`Pass::TangentKernel`]: images x images.
    pub tangent_kernel: Option<Array2<f64>>,
    /// [`Pass::Expansion`].
    pub expansion: Option<Expansion>,
    /// [`Pass::NeuronPatterns`].
    pub neuron_patterns: Option<NeuronPatterns>,
    /// [`Pass::BlockWise`].
    pub block_wise: Option<BlockWise>,
    /// [`Pass::LinearRegions`].
    pub linear_regions: Option<LinearRegions>,
    /// [`Pass::FisherInformation`]: sampled weights x sampled weights.
    pub fisher_information: Option<Array2<f64>>,
    /// The logits of the train-mode forward (samples x classes), if one was run.
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
        Passes {
            network,
            batch: BatchCounts::default(),
            weights: None,
            dual: None,
            linear_gradient: None,
            normalised_linear_gradient: None,
            codes: None,
            loss_gradient: None,
            activation_gradient: None,
            hessian_gradient: None,
            input_gradient: None,
            channel_correlation: None,
            half_gradients: None,
            gradient_signs: None,
            tangent_kernel: None,
            expansion: None,
            neuron_patterns: None,
            block_wise: None,
            linear_regions: None,
            fisher_information: None,
            logits: None,
            loss: None,
            labels: Vec::new(),
            seconds: Vec::new(),
        }
    }
}
