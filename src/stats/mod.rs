//! Statistics for judging scores against a truth: rank correlations, top-of-the-list measures, agreement of repeats,
//! resampling.
//!
//! One convention runs through the module: larger is better, for scores and for truth alike, and a missing score ranks
//! below every number ([`missing_last`]). A measure that is not defined for its input is `None`, never NaN. Where equal values
//! have no order, a measure is its exact mean over all orders, and the order of rows changes no bit of any measure.
//!
//! ```
//! use naslens::stats::{kendall_tau, spearman};
//!
//! let (scores, accuracies) = ([1.0, 2.0, 3.0], [91.0, 93.0, 92.0]);
//! assert!(spearman(&scores, &accuracies).is_some_and(|r| (r - 0.5).abs() < 1e-12));
//! assert!(kendall_tau(&scores, &accuracies).is_some_and(|tau| (tau - 1.0 / 3.0).abs() < 1e-12));
//! assert_eq!(spearman(&scores, &[92.0; 3]), None, "equal accuracies have no order");
//! ```

mod bootstrap;
mod classification;
mod clusters;
mod correlation_difference;
mod kendall;
mod ndcg;
mod normal;
mod paired;
mod pareto;
mod partial;
mod permutation;
mod power;
mod quantile;
mod rank;
mod reliability;
mod selection;
mod seriation;
mod top_overlap;

pub use bootstrap::{Interval, bootstrap_interval, percentile_interval, resampled};
pub use classification::{
    Bin, ClassScore, Classification, Paired, classification, named_classes, paired_accuracy, wilson_interval,
};
pub use clusters::Clusters;
pub use correlation_difference::{CorrelationDifference, spearman_difference_test};
pub use kendall::kendall_tau;
pub use ndcg::ndcg_at;
pub use normal::{expected_improvement, normal_cdf, normal_quantile};
pub use paired::{PairedDifference, holm, paired_difference_test};
pub use pareto::{crowding_distances, hypervolume_2d, pareto_front, pareto_ranks};
pub use partial::{partial_kendall, partial_spearman};
pub use permutation::{MeanDifference, mean_difference_test};
pub use power::{least_correlation, pairs_needed};
pub use quantile::{mean, median, quantile, range};
pub use rank::{RankedPairs, missing_last, multiplicities, pearson, ranks, spearman};
pub use reliability::{icc_agreement, icc_one_way, repeats_needed, spearman_brown};
pub(crate) use selection::{Top, count_of};
pub use selection::{expected_overlap, precision_at, regret_at, top_fraction_indices, top_indices};
pub use seriation::similarity_order;
pub use top_overlap::{
    correlation_of_top_overlap, normal_top_overlap, repeats_for_top_overlap, top_overlap_by_repeats,
};
