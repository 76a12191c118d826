//! How good a classifier is on labelled examples: accuracy with its interval, classes one by one, calibration.

use ndarray::{Array2, ArrayView2};
use statrs::function::beta::beta_reg;

use super::{Interval, normal_quantile};

/// Bins of the reliability curve.
const BINS: usize = 10;

/// Wilson's interval of a share, in percent: `k` of `n` trials succeeded.
///
/// With `p = k / n` and `z` the normal quantile of `(1 + level) / 2` its ends are `(p + z²/2n ± z √(p(1 - p)/n + z²/4n²)) / (1 +
/// z²/n)`. None for no trials. E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 1927.
pub fn wilson_interval(k: usize, n: usize, level: f64) -> Option<Interval> {
    if n == 0 || k > n {
        return None;
    }
    let (p, n) = (k as f64 / n as f64, n as f64);
    let z2 = normal_quantile(0.5 + level / 2.0).powi(2);
    let (middle, half) = (p + z2 / (2.0 * n), (z2 * (p * (1.0 - p) / n + z2 / (4.0 * n * n))).sqrt());
    let end = |x: f64| (100.0 * x / (1.0 + z2 / n)).clamp(0.0, 100.0);
    Some(Interval { low: end(middle - half), high: end(middle + half) })
}

/// One classifier less another on the same examples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// Difference of the accuracies, percentage points.
    pub difference: f64,
    /// 95% interval of the difference (Newcombe's, with paired examples).
    pub interval: Interval,
    /// Two-sided p-value of McNemar's exact test.
    pub p_value: f64,
}

/// Compares two classifiers by which of the same examples each gets right.
///
/// McNemar's exact test looks at the examples on which they disagree: of `b + c` of them, `b` that only the first gets right
/// are as many heads of a fair coin. The interval is Newcombe's method 10 (Improved confidence intervals for the difference
/// between binomial proportions based on paired data, Statistics in Medicine 1998), from Wilson's intervals of both accuracies
/// and their correlation. None for no examples or lists of different lengths.
pub fn paired_accuracy(first: &[bool], second: &[bool]) -> Option<Paired> {
    let n = first.len();
    if n == 0 || second.len() != n {
        return None;
    }
    let count = |want: (bool, bool)| first.iter().zip(second).filter(|(a, b)| (**a, **b) == want).count();
    let (both, only_first) = (count((true, true)), count((true, false)));
    let (only_second, neither) = (count((false, true)), count((false, false)));
    let (one, two) = (both + only_first, both + only_second);
    let (a, b) = (wilson_interval(one, n, 0.95)?, wilson_interval(two, n, 0.95)?);
    let percent = |k: usize| 100.0 * k as f64 / n as f64;
    let (p, q) = (percent(one), percent(two));
    let product = (one * (n - one)) as f64 * (two * (n - two)) as f64;
    let cross = (both * neither) as f64 - (only_first * only_second) as f64;
    // With the continuity correction that Newcombe gives for a positive correlation.
    let cross = if cross > 0.0 { (cross - n as f64 / 2.0).max(0.0) } else { cross };
    let phi = if product > 0.0 { cross / product.sqrt() } else { 0.0 };
    let reach = |x: f64, y: f64| (x * x - 2.0 * phi * x * y + y * y).max(0.0).sqrt();
    let difference = p - q;
    Some(Paired {
        difference,
        interval: Interval {
            low: difference - reach(p - a.low, b.high - q),
            high: difference + reach(a.high - p, q - b.low),
        },
        p_value: sign_test(only_first, only_second),
    })
}

/// Two-sided p-value of `a` heads and `b` tails of a fair coin: twice the smaller tail, at most 1.
fn sign_test(a: usize, b: usize) -> f64 {
    let (few, n) = (a.min(b), a + b);
    if n == 0 || 2 * few == n {
        return 1.0;
    }
    // P(X <= few) of the binomial distribution is the regularised beta function.
    (2.0 * beta_reg((n - few) as f64, few as f64 + 1.0, 0.5)).min(1.0)
}

/// What a classifier does with each class.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassScore {
    /// Examples of the class.
    pub examples: usize,
    /// Examples that were given this class.
    pub named: usize,
    /// Examples of the class that were given it.
    pub right: usize,
}

impl ClassScore {
    /// Share of its examples that were recognised, percent; none without examples.
    pub fn recall_pct(&self) -> Option<f64> {
        (self.examples > 0).then(|| 100.0 * self.right as f64 / self.examples as f64)
    }

    /// Share of those given the class that are of it, percent; none if nothing was given it.
    pub fn precision_pct(&self) -> Option<f64> {
        (self.named > 0).then(|| 100.0 * self.right as f64 / self.named as f64)
    }
}

/// One bin of a reliability curve.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bin {
    /// Examples in it.
    pub examples: usize,
    /// Mean probability of the class that was named, percent.
    pub confidence_pct: f64,
    /// Share that was right, percent.
    pub accuracy_pct: f64,
}

/// How good a classifier is on labelled examples.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Classification {
    /// Examples.
    pub examples: usize,
    /// Examples that were right.
    pub right: usize,
    /// Share of these, percent, with Wilson's 95% interval.
    pub accuracy_pct: (f64, Interval),
    /// Mean of the recalls, percent; 100 / classes for any constant answer (Brodersen et al., ICPR 2010).
    pub balanced_accuracy_pct: f64,
    /// By class.
    pub classes: Vec<ClassScore>,
    /// Examples by true class and class that was named.
    pub confusion: Vec<Vec<usize>>,
    /// Expected calibration error, percentage points: mean distance of confidence and accuracy over the bins, weighted by their
    /// examples (Guo et al., On calibration of modern neural networks, ICML 2017).
    pub ece_pct: f64,
    /// Ten bins of equal width by the probability of the class that was named; those without examples are left out.
    pub reliability: Vec<Bin>,
    /// Area under the ROC curve for two classes: the chance that an example of the second gets a higher probability of it than
    /// one of the first, ties counting half. None for other numbers of classes, or where a class has no examples.
    pub auroc: Option<f64>,
}

/// The class of the highest probability in each row; of equals, the first.
pub fn named_classes(probabilities: ArrayView2<'_, f32>) -> Vec<usize> {
    let best = |row: ndarray::ArrayView1<'_, f32>| {
        row.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &p)| if p > best.1 { (i, p) } else { best }).0
    };
    probabilities.outer_iter().map(best).collect()
}

/// Judges probabilities (examples x classes) by the classes that the examples are of. None without examples, or if the numbers
/// do not fit.
pub fn classification(labels: &[usize], probabilities: ArrayView2<'_, f32>) -> Option<Classification> {
    let (n, k) = probabilities.dim();
    if n == 0 || labels.len() != n || labels.iter().any(|&label| label >= k) {
        return None;
    }
    let named = named_classes(probabilities);
    let mut confusion = Array2::<usize>::zeros((k, k));
    labels.iter().zip(&named).for_each(|(&label, &name)| confusion[[label, name]] += 1);
    let score = |c: usize| ClassScore {
        examples: confusion.row(c).sum(),
        named: confusion.column(c).sum(),
        right: confusion[[c, c]],
    };
    let classes: Vec<ClassScore> = (0..k).map(score).collect();
    let right = confusion.diag().sum();
    let recalls: Vec<f64> = classes.iter().filter_map(ClassScore::recall_pct).collect();
    let mut bins = [(0usize, 0.0, 0usize); BINS];
    for ((row, &label), &name) in probabilities.outer_iter().zip(labels).zip(&named) {
        let confidence = f64::from(row[name]);
        let bin = &mut bins[((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1];
        *bin = (bin.0 + 1, bin.1 + confidence, bin.2 + usize::from(name == label));
    }
    let reliability: Vec<Bin> = bins
        .iter()
        .filter(|bin| bin.0 > 0)
        .map(|&(examples, sum, right)| Bin {
            examples,
            confidence_pct: 100.0 * sum / examples as f64,
            accuracy_pct: 100.0 * right as f64 / examples as f64,
        })
        .collect();
    let gap = |bin: &Bin| (bin.confidence_pct - bin.accuracy_pct).abs() * bin.examples as f64 / n as f64;
    Some(Classification {
        examples: n,
        right,
        accuracy_pct: (100.0 * right as f64 / n as f64, wilson_interval(right, n, 0.95)?),
        balanced_accuracy_pct: super::mean(&recalls)?,
        classes,
        confusion: confusion.outer_iter().map(|row| row.to_vec()).collect(),
        ece_pct: reliability.iter().map(gap).sum(),
        reliability,
        auroc: if k == 2 { auroc(labels, probabilities.column(1).iter().copied()) } else { None },
    })
}

/// Mann and Whitney's U of the second class over the product of the numbers of examples.
fn auroc(labels: &[usize], of_second: impl Iterator<Item = f32>) -> Option<f64> {
    let ranks = super::ranks(&of_second.map(f64::from).collect::<Vec<_>>());
    let positive = labels.iter().filter(|&&label| label == 1).count();
    let negative = labels.len() - positive;
    let sum: f64 = ranks.iter().zip(labels).filter(|(_, label)| **label == 1).map(|(rank, _)| rank).sum();
    let u = sum - (positive * (positive + 1)) as f64 / 2.0;
    (positive > 0 && negative > 0).then(|| u / (positive * negative) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::array;

    #[test]
    fn intervals_equal_statsmodels() {
        // statsmodels.stats.proportion.proportion_confint(23, 36, method="wilson"), and of 0 and 10 of 10
        for (k, n, low, high) in [(23, 36, 47.575075, 77.524407), (0, 10, 0.0, 27.753280), (10, 10, 72.246720, 100.0)] {
            let found = wilson_interval(k, n, 0.95).unwrap();
            assert_abs_diff_eq!(found.low, low, epsilon = 1e-5);
            assert_abs_diff_eq!(found.high, high, epsilon = 1e-5);
        }
        assert_eq!(wilson_interval(0, 0, 0.95), None);
    }

    fn answers(cells: [usize; 4]) -> (Vec<bool>, Vec<bool>) {
        let kinds = [(true, true), (true, false), (false, true), (false, false)];
        kinds.iter().zip(cells).flat_map(|(&kind, n)| vec![kind; n]).unzip()
    }

    #[test]
    fn the_paired_test_equals_scipy_and_newcombe() {
        // scipy.stats.binomtest(2, 14).pvalue = 0.012939453125
        let (first, second) = answers([36, 12, 2, 0]);
        let found = paired_accuracy(&first, &second).unwrap();
        assert_abs_diff_eq!(found.p_value, 0.012939453125, epsilon = 1e-12);
        assert_abs_diff_eq!(found.difference, 20.0, epsilon = 1e-12);
        // The first example of Newcombe's table, method 10: 0.0569 to 0.3404
        assert_abs_diff_eq!(found.interval.low, 5.69, epsilon = 0.01);
        assert_abs_diff_eq!(found.interval.high, 34.04, epsilon = 0.01);
        let (same, _) = answers([5, 3, 0, 0]);
        assert_eq!(paired_accuracy(&same, &same).unwrap().p_value, 1.0);
        assert_eq!(paired_accuracy(&[], &[]), None);
    }

    #[test]
    fn measures_equal_scikit_learn() {
        let labels = [0, 0, 1, 1, 1, 0];
        let second = [0.1f32, 0.6, 0.75, 0.4, 0.95, 0.4];
        let p = Array2::from_shape_fn((6, 2), |(i, c)| if c == 1 { second[i] } else { 1.0 - second[i] });
        let found = classification(&labels, p.view()).unwrap();
        // sklearn.metrics: roc_auc_score 0.8333..., balanced_accuracy_score and recalls 2/3, precision_score 2/3
        assert_abs_diff_eq!(found.auroc.unwrap(), 7.5 / 9.0, epsilon = 1e-12);
        assert_abs_diff_eq!(found.balanced_accuracy_pct, 200.0 / 3.0, epsilon = 1e-9);
        assert_eq!(found.confusion, [[2, 1], [1, 2]]);
        assert_abs_diff_eq!(found.classes[1].precision_pct().unwrap(), 200.0 / 3.0, epsilon = 1e-9);
        // Confidences .6 .6 .6 (one of three right), .75, .9 and .95 (all right): as many bins.
        assert_abs_diff_eq!(found.ece_pct, (80.0 + 25.0 + 10.0 + 5.0) / 6.0, epsilon = 1e-3);
        assert_eq!(found.reliability.iter().map(|bin| bin.examples).sum::<usize>(), 6);
        let three = classification(&[0, 2], array![[0.5f32, 0.5, 0.0], [0.2, 0.3, 0.5]].view()).unwrap();
        assert_eq!((three.right, three.auroc, three.classes[1].recall_pct()), (2, None, None));
        assert_eq!(classification(&[3], array![[1.0f32]].view()), None);
    }
}
