//! Sum of the logarithms of the ranks.

use super::Ensemble;

/// Log-rank sum of MACs and three proxies of different kinds.
pub static LOG_RANK: Ensemble = Ensemble {
    name: "log_rank",
    title: "Log-rank sum of MACs, naswot, jacov and synflow",
    paper: "aggregation: Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232",
    formula: "sum over members m of ln(r_m / N), with r_m the rank of the network by m, from 1 for the worst to N for the \
              best, and N the number of networks",
    protocol: "ranks over the distinct live networks of the run, ties averaged, missing scores last: more networks, other \
               values; MACs of the live part",
    limits: "Three of its four members count capacity in one way or another, and it falls behind where capacity does \
             not decide.",
    members: &["flops@live", "naswot", "jacov", "synflow"],
    combine: &log_rank_sum,
};

/// `sum_m ln(r_m / N)` per network. The logarithm makes a low rank cost more than a high rank gains: a network is good if it
/// is bad at nothing.
pub(super) fn log_rank_sum(ranks: &[Vec<f64>]) -> Vec<f64> {
    let n = ranks.first().map_or(0, Vec::len);
    (0..n).map(|i| ranks.iter().map(|r| (r[i] / n as f64).ln()).sum()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn sums_logarithms() {
        let sums = log_rank_sum(&[vec![1.0, 2.5, 2.5, 4.0], vec![4.0, 1.0, 2.0, 3.0]]);
        // [math.log(a / 4 * b / 4) for a, b in zip([1, 2.5, 2.5, 4], [4, 1, 2, 3])]
        let expected = [-1.3862943611198906, -1.8562979903656263, -1.1631508098056809, -0.2876820724517809];
        sums.iter().zip(expected).for_each(|(a, b)| assert_relative_eq!(*a, b, max_relative = 1e-12));
        assert!(log_rank_sum(&[]).is_empty());
    }
}
