//! Statistics for judging scores against a truth: rank correlations, top-of-the-list measures, resampling.
//!
//! One convention runs through the module: larger is better, for scores and for truth alike, and a missing score ranks
//! below every number ([`missing_last`]). A measure that is not defined for its input is `None`, never NaN.

mod bootstrap;
mod kendall;
mod paired;
mod quantile;
mod normal;
mod pareto;
mod rank;
mod selection;

pub use bootstrap::{
    Interval, MeanDifference, bootstrap_interval, mean_difference_test, percentile_interval, resampled,
};
pub use kendall::kendall_tau;
pub use paired::{PairedDifference, holm, paired_difference_test};
pub use quantile::quantile;
pub use normal::normal_quantile;
pub use pareto::{crowding_distances, hypervolume_2d, pareto_front, pareto_ranks};
pub use rank::{RankedPairs, missing_last, multiplicities, pearson, ranks, spearman};
pub(crate) use selection::count_of;
pub use selection::{precision_at, regret_at, top_fraction_indices, top_indices};
