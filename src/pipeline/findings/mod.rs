//! What scores of networks say, as sections of the report: what proxies are worth next to a count, how alike they rank,
//! what they cost, what they prefer.

mod alike;
mod cost;
mod preference;
mod worth;

pub(in crate::pipeline) use alike::correlations;
pub(in crate::pipeline) use cost::costs;
pub(in crate::pipeline) use preference::{Features, preferences};
pub(in crate::pipeline) use worth::{sentences, worth};

/// Resamples behind every interval and p-value.
pub(in crate::pipeline) const REPEATS: usize = 2000;

/// The scores of one proxy.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct Column {
    pub name: String,
    /// One per network; none where the proxy gave no usable value.
    pub values: Vec<Option<f64>>,
    /// Whether it only measures size.
    pub baseline: bool,
}
