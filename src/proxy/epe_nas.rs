//! Correlation of input gradients within classes.

use std::collections::BTreeMap;

use ndarray::{Array2, Axis};

use super::jacov::correlation_of_rows;
use super::{Proxy, Status, read};
use crate::engine::Pass;

/// Added to every correlation, as published.
const K: f64 = 1e-5;
/// With more classes than this, classes are compared with each other.
const FEW_CLASSES: usize = 100;

/// How uncorrelated the input gradients of images of the same class are.
pub static EPE_NAS: Proxy = Proxy {
    name: "epe_nas",
    title: "Correlation of input gradients within classes",
    paper: "Lopes, Alirezazadeh & Alexandre, EPE-NAS: efficient performance estimation without training for neural \
            architecture search, ICANN 2021, arXiv:2102.08099",
    formula: "sum_c |s_c|, s_c = sum_ij log(|C^c_ij| + k), C^c the correlation matrix of the rows J_i = d(sum of the \
              logits of image i)/d(image i) of the images of class c, k = 1e-5; with more than 100 classes s_c is \
              divided by the images of class c and the score is sum_cd |s_c - s_d| / number of classes in the batch",
    protocol: "train-mode batch normalisation, one batch, PyTorch's default initialisation, correlations in float64; a \
               class with a single image adds log(1 + k); values of different batches cannot be compared; an image \
               without gradient has no correlation: status singular; no two different images of one class: status \
               unsupported",
    limits: "Needs several images per class. As sensitive to what goes in as jacov. For classification only.",
    statuses: &[Status::Singular],
    min_batch: 2,
    passes: &[Pass::InputGradient],
    score: &|passes| match passes.batch.differ_in_a_class {
        true => score(read(&passes.input_gradient)?, &passes.labels, passes.network.classes()),
        false => Err(Status::Unsupported),
    },
    ..Proxy::LIVE
};

fn score(jacobian: &Array2<f64>, labels: &[usize], classes: usize) -> Result<f64, Status> {
    let mut images: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    labels.iter().enumerate().for_each(|(i, &label)| images.entry(label).or_default().push(i));
    let mut sums = Vec::with_capacity(images.len());
    for members in images.values() {
        let correlation = correlation_of_rows(jacobian.select(Axis(0), members))?;
        let sum: f64 = correlation.iter().map(|c| (c.abs() + K).ln()).sum();
        sums.push(if classes > FEW_CLASSES { sum / members.len() as f64 } else { sum });
    }
    Ok(if classes > FEW_CLASSES {
        sums.iter().flat_map(|a| sums.iter().map(move |b| (a - b).abs())).sum::<f64>() / sums.len() as f64
    } else {
        sums.iter().map(|s| s.abs()).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn classes_are_summed_or_compared() {
        // Correlation -1 within class 0; class 7 has one image.
        let rows = array![[1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [1.0, 0.0, 5.0]];
        let one = (1.0 + K).ln();
        let few = score(&rows, &[0, 0, 7], 10).unwrap();
        assert!((few - (4.0 * one + one)).abs() < 1e-12, "{few}");
        let many = score(&rows, &[0, 0, 7], 200).unwrap();
        assert!((many - 2.0 * (2.0 * one - one) / 2.0).abs() < 1e-12, "{many}");
        let flat = array![[1.0, 1.0], [1.0, 2.0]];
        assert_eq!(score(&flat, &[0, 0], 10), Err(Status::Singular));
    }
}
