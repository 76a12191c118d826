//! Parting a data set into training, validation and test images.

use super::{Batch, DataError, Dataset};
use crate::network::Shape;
use crate::seed::Stream;

/// The parts of a data set; no image is in two of them.
#[derive(Clone, Debug)]
pub struct Splits {
    /// To learn from. Its statistics standardise all three parts.
    pub train: Batch,
    /// To choose by while learning.
    pub valid: Batch,
    /// To judge by at the end.
    pub test: Batch,
}

/// Parts `dataset` at random into `fractions` (train, valid, test), in this shape; the same for the same seed.
///
/// Each class is parted by itself: of its `m` images in random order, the parts end at the positions
/// `round(m · sum of the fractions so far)`, so that a part has `m · fraction` of them give or take one. Fractions that
/// add up to less than 1 leave images out. Images are adapted and standardised as in [`super::draw_batch`], but with
/// the statistics of the *training* images. Images of different classes are mixed.
///
/// Errors: [`DataError::Fractions`], [`DataError::EmptyPart`] if a fraction above 0 yields no image, and those of
/// [`super::adapt`].
pub fn split(dataset: &Dataset, shape: Shape, fractions: [f64; 3], seed: u64) -> Result<Splits, DataError> {
    let [train, valid, test] = fractions;
    // Three decimal fractions may miss 1 by a rounding error.
    let parts_of_one = fractions.iter().all(|f| (0.0..=1.0).contains(f)) && train + valid + test <= 1.0 + 1e-9;
    if !parts_of_one || train == 0.0 {
        return Err(DataError::Fractions { train, valid, test });
    }
    let mut stream = Stream::named(seed, "split");
    let mut parts: [Vec<usize>; 3] = Default::default();
    for mut class in dataset.members() {
        stream.shuffle(&mut class);
        let (mut start, mut sum) = (0, 0.0);
        for (part, fraction) in parts.iter_mut().zip(fractions) {
            sum += fraction;
            let end = ((sum * class.len() as f64).round() as usize).min(class.len());
            part.extend_from_slice(&class[start..end]);
            start = end;
        }
    }
    for ((part, fraction), name) in parts.iter_mut().zip(fractions).zip(["train", "valid", "test"]) {
        if part.is_empty() && fraction > 0.0 {
            return Err(DataError::EmptyPart { part: name, fraction, name: dataset.name().to_owned() });
        }
        stream.shuffle(part);
    }
    let take = |part: &[usize]| Batch::take(dataset, part, shape, parts[0].iter().copied());
    Ok(Splits { train: take(&parts[0])?, valid: take(&parts[1])?, test: take(&parts[2])? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::{Array4, Axis};

    const SHAPE: Shape = Shape::new(1, 1, 1);

    /// Image `i` is one pixel of value `i`, of class `i % 4`.
    fn numbered() -> Dataset {
        let pixels = Array4::from_shape_fn((200, 1, 1, 1), |(i, ..)| i as u8);
        Dataset::new("numbered", pixels, 255, (0..200).map(|i| i % 4).collect(), 4).unwrap()
    }

    #[test]
    fn parts_are_stratified_disjoint_and_standardised_by_the_training_images() {
        let splits = split(&numbered(), SHAPE, [0.7, 0.1, 0.2], 5).unwrap();
        let parts = [&splits.train, &splits.valid, &splits.test];
        for (part, per_class) in parts.iter().zip([35, 5, 10]) {
            let count = |class| part.labels.iter().filter(|&&label| label == class).count();
            assert_eq!([0, 1, 2, 3].map(count), [per_class; 4]);
        }
        assert_abs_diff_eq!(splits.train.images.mean().unwrap(), 0.0, epsilon = 1e-5);
        assert_abs_diff_eq!(splits.train.images.std(0.0), 1.0, epsilon = 1e-5);
        // All parts are scaled alike, so different images have different values.
        let mut values: Vec<f32> = parts.iter().flat_map(|part| part.images.iter().copied()).collect();
        values.sort_by(f32::total_cmp);
        assert!(values.windows(2).all(|pair| pair[0] < pair[1]) && values.len() == 200);
        assert_ne!(splits.train.labels[..8], [0; 8]);
    }

    #[test]
    fn the_seed_fixes_the_split() {
        // s = Stream.named(1, "split"); p = []
        // for k in range(4): c = list(range(k, 200, 4)); s.shuffle(c); p += c[:25]
        // s.shuffle(p); [x % 4 for x in p[:8]]
        let labels = |seed| split(&numbered(), SHAPE, [0.5, 0.2, 0.3], seed).unwrap().train.labels;
        assert_eq!(labels(1)[..8], [2, 1, 1, 2, 0, 1, 1, 2]);
        assert_ne!(labels(1), labels(2));
    }

    #[test]
    fn parts_may_be_left_out_but_not_vanish() {
        let splits = split(&numbered(), Shape::new(3, 2, 2), [0.5, 0.0, 0.1], 0).unwrap();
        assert_eq!([splits.train.len(), splits.valid.len(), splits.test.len()], [100, 0, 20]);
        assert_eq!(splits.valid.images.len_of(Axis(0)), 0);
        assert_eq!(splits.valid.shape(), Shape::new(3, 2, 2));
        let vanished = split(&numbered(), SHAPE, [0.99, 0.001, 0.0], 0);
        assert!(matches!(vanished, Err(DataError::EmptyPart { part: "valid", .. })));
        for wrong in [[0.0, 0.5, 0.5], [0.9, 0.2, 0.0], [1.1, 0.0, 0.0], [0.5, -0.1, 0.2], [f64::NAN, 0.1, 0.1]] {
            assert!(matches!(split(&numbered(), SHAPE, wrong, 0), Err(DataError::Fractions { .. })), "{wrong:?}");
        }
    }
}
