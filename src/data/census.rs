//! How many images of which classes a split has, and what that means for accuracies.

use super::{Part, Splits};

/// Images of each class in each part, with the accuracy that no network has to be trained for.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Census {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Training images of each class.
    pub train: Vec<usize>,
    /// Validation images of each class.
    pub valid: Vec<usize>,
    /// Test images of each class.
    pub test: Vec<usize>,
    /// Whether all training images are equal, so that there is nothing to learn.
    pub all_equal: bool,
}

impl Census {
    /// Counts the parts of a split.
    pub fn new(splits: &Splits, classes: &[String]) -> Self {
        let count = |labels: &[usize]| {
            let mut counts = vec![0; classes.len()];
            labels.iter().for_each(|&label| counts[label] += 1);
            counts
        };
        let mut images = splits.train.images.outer_iter();
        let first = images.next();
        Census {
            classes: classes.to_vec(),
            train: count(&splits.train.labels),
            valid: count(&splits.valid.labels),
            test: count(&splits.test.labels),
            all_equal: images.all(|image| Some(image) == first),
        }
    }

    /// The class with most training images (of equals, the first), and its share of the test images in percent: the accuracy
    /// of always naming it. None without test images.
    pub fn majority(&self) -> Option<(usize, f64)> {
        let most = self.train.iter().max()?;
        let class = self.train.iter().position(|count| count == most)?;
        let total: usize = self.test.iter().sum();
        (total > 0).then(|| (class, 100.0 * self.test[class] as f64 / total as f64))
    }

    /// What is wrong with this split, a sentence each: classes that are missing from a part, a class so frequent that naming it
    /// is right for 60% of the test images and half as often again as in balanced classes, equal images.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (part, counts, consequence) in [
            (Part::Train, &self.train, "can't be learnt"),
            (Part::Valid, &self.valid, "don't count when networks are chosen"),
            (Part::Test, &self.test, "are never judged"),
        ] {
            let missing: Vec<&str> =
                self.classes.iter().zip(counts).filter(|(_, n)| **n == 0).map(|(c, _)| c.as_str()).collect();
            if !missing.is_empty() {
                let more = if missing.len() > 5 { format!(" and {} more", missing.len() - 5) } else { String::new() };
                let names: Vec<String> = missing.iter().take(5).map(|name| format!("'{name}'")).collect();
                warnings.push(format!(
                    "no {part} images of {}{more}, which {consequence}; add images, or raise this part's share in `split`",
                    names.join(", ")
                ));
            }
        }
        if let Some((class, share)) = self.majority().filter(|&(_, share)| self.is_lopsided(share)) {
            warnings.push(format!(
                "always naming class '{}' is right for {share:.2}% of the test images; only an accuracy above that says that \
                 anything was learnt",
                self.classes[class]
            ));
        }
        if self.all_equal {
            warnings.push("all training images are equal, so there is nothing to learn from them".into());
        }
        warnings
    }

    fn is_lopsided(&self, share: f64) -> bool {
        share >= 60f64.max(150.0 / self.classes.len() as f64)
    }
}

/// The mean over the classes of the share of their images that were recognised, in percent: 100 divided by the number of
/// classes for any constant answer, however frequent the classes are. Classes without images don't count; none without images.
///
/// Brodersen et al., The balanced accuracy and its posterior distribution, ICPR 2010; as
/// `sklearn.metrics.balanced_accuracy_score`.
pub fn balanced_accuracy(labels: &[usize], predictions: &[usize]) -> Option<f64> {
    let mut classes = std::collections::BTreeMap::new();
    for (&label, &prediction) in labels.iter().zip(predictions) {
        let [right, all] = classes.entry(label).or_insert([0usize; 2]);
        *right += usize::from(label == prediction);
        *all += 1;
    }
    let recalls: f64 = classes.values().map(|&[right, all]| right as f64 / all as f64).sum();
    (!classes.is_empty()).then(|| 100.0 * recalls / classes.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, split};
    use crate::network::Shape;
    use approx::assert_abs_diff_eq;
    use ndarray::Array4;

    fn census(sizes: &[usize], pixel: fn(usize) -> u8) -> Census {
        let labels: Vec<usize> = sizes.iter().enumerate().flat_map(|(class, &n)| vec![class; n]).collect();
        let pixels = Array4::from_shape_fn((labels.len(), 1, 1, 1), |(i, ..)| pixel(i));
        let names: Vec<String> = ["a", "b", "c"][..sizes.len()].iter().map(|&name| name.into()).collect();
        let data = Dataset::new("few", pixels, 255, labels, sizes.len()).unwrap();
        Census::new(&split(&data, Shape::new(1, 1, 1), [0.6, 0.2, 0.2], None, 0).unwrap(), &names)
    }

    #[test]
    fn a_frequent_class_is_named_with_its_share() {
        let census = census(&[190, 10], |i| i as u8);
        assert_eq!(
            (&census.train[..], &census.valid[..], &census.test[..]),
            (&[114, 6][..], &[38, 2][..], &[38, 2][..])
        );
        assert_eq!(census.majority(), Some((0, 95.0)));
        let warnings = census.warnings();
        assert!(warnings.len() == 1 && warnings[0].contains("class 'a' is right for 95.00%"), "{warnings:?}");
    }

    #[test]
    fn missing_classes_and_equal_images_are_named() {
        let one = census(&[40, 40, 1], |i| i as u8).warnings();
        assert!(one.len() == 2 && one[0].contains("no validation images of 'c'"), "{one:?}");
        assert!(one[1].contains("no test images of 'c', which are never judged"), "{one:?}");
        let equal = census(&[20, 20], |_| 7).warnings();
        assert!(equal.len() == 1 && equal[0].contains("all training images are equal"), "{equal:?}");
        assert_eq!(census(&[20, 20, 20], |i| i as u8).warnings(), Vec::<String>::new());
    }

    #[test]
    fn balanced_accuracy_equals_scikit_learn() {
        // sklearn.metrics.balanced_accuracy_score([0, 0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 0, 2]) = 0.75
        let balanced = balanced_accuracy(&[0, 0, 0, 0, 1, 1, 2], &[0, 0, 0, 1, 1, 0, 2]).unwrap();
        assert_abs_diff_eq!(balanced, 75.0, epsilon = 1e-12);
        assert_eq!((balanced_accuracy(&[0, 0, 0, 1], &[0; 4]), balanced_accuracy(&[], &[])), (Some(50.0), None));
    }
}
