//! How far repeated measurements of the same items agree, and how many repeats a wanted agreement takes.

/// Sums of squares of `n` items in `k` runs, divided by their degrees of freedom.
struct MeanSquares {
    items: f64,
    runs: f64,
    /// Within items: runs and error together.
    within: f64,
    error: f64,
}

/// ICC(1), the intraclass correlation of single measurements in a one-way random-effects model, where the `k` runs of an
/// item are any runs: `(MSB - MSW) / (MSB + (k - 1) MSW)` with the mean squares between and within items (Shrout &
/// Fleiss, Psychol. Bull. 86, 1979, their ICC(1,1)). The share of the variance that lies between items; at most 1, and
/// negative if runs of one item differ more than items do. `runs[j][i]` is the value of item `i` in run `j`.
///
/// `None` with fewer than two runs or two items, if the runs differ in length, if a value is not finite, or if all are
/// equal.
pub fn icc_one_way(runs: &[Vec<f64>]) -> Option<f64> {
    let MeanSquares { items, within, .. } = mean_squares(runs)?;
    ratio(items - within, items + (runs.len() - 1) as f64 * within)
}

/// ICC(A,1), absolute agreement of single measurements in a two-way model, where run `j` is the same run for all items
/// and may lie higher as a whole: `(MSR - MSE) / (MSR + (k - 1) MSE + k / n (MSC - MSE))` with the mean squares of
/// items, error and runs (McGraw & Wong, Psychol. Methods 1, 1996; ICC(2,1) of Shrout & Fleiss, 1979). Argument, range
/// and `None` as in [`icc_one_way`].
pub fn icc_agreement(runs: &[Vec<f64>]) -> Option<f64> {
    let MeanSquares { items, runs: between_runs, error, .. } = mean_squares(runs)?;
    let (k, n) = (runs.len() as f64, runs[0].len() as f64);
    ratio(items - error, items + (k - 1.0) * error + k / n * (between_runs - error))
}

/// The reliability of the mean of `repeats` measurements, each of reliability `single`: `r ρ / (1 + (r - 1) ρ)` (Spearman;
/// Brown, both Br. J. Psychol. 3, 1910). A reliability is the correlation of two measurements that differ in their
/// noise only; an intraclass correlation is one. `repeats` need not be whole: below one it leads back from a mean.
pub fn spearman_brown(single: f64, repeats: f64) -> f64 {
    repeats * single / (1.0 + (repeats - 1.0) * single)
}

/// The smallest number of repeats whose mean has at least the reliability `wanted` if one measurement has `single`:
/// `ρ* (1 - ρ) / (ρ (1 - ρ*))` from [`spearman_brown`], rounded up, at least 1.
///
/// `None` if no number is enough: `single` is not above zero, or `wanted` is 1 or more and `single` is below 1.
pub fn repeats_needed(single: f64, wanted: f64) -> Option<u64> {
    if single >= 1.0 || wanted <= single && single > 0.0 {
        return Some(1);
    }
    let repeats = wanted * (1.0 - single) / (single * (1.0 - wanted));
    // The small allowance keeps rounding from adding a repeat.
    (single > 0.0 && wanted < 1.0).then(|| (repeats - 1e-9).ceil().max(1.0) as u64)
}

fn mean_squares(runs: &[Vec<f64>]) -> Option<MeanSquares> {
    let (k, n) = (runs.len(), runs.first()?.len());
    if k < 2 || n < 2 || runs.iter().any(|run| run.len() != n || run.iter().any(|v| !v.is_finite())) {
        return None;
    }
    let (runs_count, items_count) = (k as f64, n as f64);
    let run_means: Vec<f64> = runs.iter().map(|run| run.iter().sum::<f64>() / items_count).collect();
    let mean = run_means.iter().sum::<f64>() / runs_count;
    let (mut items, mut within, mut error) = (0.0, 0.0, 0.0);
    for i in 0..n {
        let item_mean = runs.iter().map(|run| run[i]).sum::<f64>() / runs_count;
        items += runs_count * (item_mean - mean).powi(2);
        for (run, run_mean) in runs.iter().zip(&run_means) {
            within += (run[i] - item_mean).powi(2);
            error += (run[i] - item_mean - run_mean + mean).powi(2);
        }
    }
    let between_runs = run_means.iter().map(|m| items_count * (m - mean).powi(2)).sum::<f64>();
    Some(MeanSquares {
        items: items / (items_count - 1.0),
        runs: between_runs / (runs_count - 1.0),
        within: within / (items_count * (runs_count - 1.0)),
        error: error / ((items_count - 1.0) * (runs_count - 1.0)),
    })
}

fn ratio(signal: f64, total: f64) -> Option<f64> {
    (total > 0.0).then_some(signal / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    // Table 2 of Shrout & Fleiss: four judges of six targets. They print ICC(1,1) = .17 and ICC(2,1) = .29.
    // d = np.array([[9,2,5,8],[6,1,3,2],[8,4,6,8],[7,1,2,6],[10,5,6,9],[6,2,4,7]]); n, k = d.shape; m = d.mean()
    // ssr, ssc, sst = k*((d.mean(1)-m)**2).sum(), n*((d.mean(0)-m)**2).sum(), ((d-m)**2).sum()
    // msr, msw, msc, mse = ssr/(n-1), (sst-ssr)/(n*(k-1)), ssc/(k-1), (sst-ssr-ssc)/((n-1)*(k-1))
    // (msr-msw)/(msr+(k-1)*msw), (msr-mse)/(msr+(k-1)*mse+k/n*(msc-mse))
    #[test]
    fn intraclass_correlations_are_the_published_ones() {
        let judges = [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]];
        let judges = judges.map(|judge| judge.map(f64::from).to_vec());
        assert_relative_eq!(icc_one_way(&judges).unwrap(), 0.16574176840547553, max_relative = 1e-12);
        assert_relative_eq!(icc_agreement(&judges).unwrap(), 0.2897637795275592, max_relative = 1e-12);
    }

    #[test]
    fn undefined_agreement_is_none() {
        for icc in [icc_one_way, icc_agreement] {
            assert_eq!(icc(&[]), None);
            assert_eq!(icc(&[vec![1.0, 2.0]]), None);
            assert_eq!(icc(&[vec![1.0], vec![2.0]]), None);
            assert_eq!(icc(&[vec![1.0, 2.0], vec![2.0]]), None);
            assert_eq!(icc(&[vec![1.0, f64::INFINITY], vec![2.0, 3.0]]), None);
            assert_eq!(icc(&[vec![1.0, 1.0], vec![1.0, 1.0]]), None);
            assert_eq!(icc(&[vec![1.0, 2.0], vec![1.0, 2.0]]), Some(1.0));
        }
    }

    #[test]
    fn repeats_by_hand() {
        assert_eq!(spearman_brown(0.5, 9.0), 0.9);
        assert_eq!(repeats_needed(0.5, 0.9), Some(9));
        assert_eq!(repeats_needed(0.8, 0.9), Some(3));
        assert_eq!([repeats_needed(0.95, 0.9), repeats_needed(1.0, 1.0), repeats_needed(0.5, 0.0)], [Some(1); 3]);
        assert_eq!([repeats_needed(0.0, 0.9), repeats_needed(-0.1, 0.9), repeats_needed(0.5, 1.0)], [None; 3]);
        assert_eq!(repeats_needed(f64::NAN, 0.9), None);
    }

    proptest! {
        #[test]
        fn needed_repeats_are_enough_and_one_less_is_not(single in 0.01..0.99f64, wanted in 0.01..0.999f64) {
            let repeats = repeats_needed(single, wanted).unwrap() as f64;
            prop_assert!(spearman_brown(single, repeats) >= wanted - 1e-9);
            prop_assert!(repeats == 1.0 || spearman_brown(single, repeats - 1.0) < wanted);
            prop_assert!((spearman_brown(spearman_brown(single, repeats), 1.0 / repeats) - single).abs() < 1e-9);
        }
    }
}
