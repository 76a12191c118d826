//! Initial weights: PyTorch's defaults, drawn from counter-based streams keyed by seed and layer name.

use super::WeightShape;
use crate::seed::Stream;

/// Weights of the layer `name`: uniform on `[-b, b)`, `b = 1 / sqrt(fan_in)`, the distribution of PyTorch's
/// `kaiming_uniform_(a = sqrt(5))` for convolution and linear layers. Row-major in the order of [`WeightShape::dims`].
///
/// Two networks with equal `seed` give equal weights to layers of equal name and shape; so `seed` alone decides whether
/// networks share weights (one seed for a whole space) or not (a seed per architecture).
pub fn layer_weight(seed: u64, name: &str, shape: &WeightShape) -> Vec<f32> {
    uniform(Stream::named(seed, name), bound(shape), shape.len())
}

/// Bias of the layer `name`: uniform on `[-b, b)` with the same `b`, from the stream called `name.bias`. None if the
/// layer has no bias.
pub fn layer_bias(seed: u64, name: &str, shape: &WeightShape) -> Option<Vec<f32>> {
    Some(uniform(Stream::named(seed, &format!("{name}.bias")), bound(shape), shape.bias?))
}

fn bound(shape: &WeightShape) -> f32 {
    (1.0 / (shape.fan_in as f64).sqrt()) as f32
}

fn uniform(mut stream: Stream, bound: f32, len: usize) -> Vec<f32> {
    (0..len).map(|_| (2.0 * stream.uniform_f32() - 1.0) * bound).collect()
}
