//! Parting a data set into training, validation and test images.

use super::{Batch, ChannelStats, DataError, Dataset, Part};
use crate::network::Shape;
use crate::seed::Stream;
use std::collections::BTreeMap;

/// The parts of a data set; no image is in two of them.
#[derive(Clone, Debug)]
pub struct Splits {
    /// To learn from. Its statistics standardise all three parts.
    pub train: Batch,
    /// To choose by while learning.
    pub valid: Batch,
    /// To judge by at the end.
    pub test: Batch,
    /// The positions of the test images in the data set.
    pub tested: Vec<usize>,
    /// What standardised them: the statistics of the training images.
    pub statistics: ChannelStats,
}

/// Parts `dataset` at random into `fractions` (train, valid, test), in this shape; the same for the same seed.
///
/// * Each class is parted by itself: of its `m` images in random order, the parts end at the positions
///   `round(m · sum of the fractions so far)`, so that a part has `m · fraction` of them give or take one. Fractions that
///   add up to less than 1 leave images out.
/// * Official parts ([`Dataset::has_parts`]) are kept: test images are those of the official test part, validation images
///   those of the official validation part. Only a part that the data set lacks is drawn from the official training part,
///   in the proportion of its fraction to that of training: with official training and test images, the share
///   `valid / (train + valid)` of the former is for validation. No official training image is left out.
/// * Images of one group ([`Dataset::groups`]) are in one part, of those that are drawn. Groups go, the largest first and equal ones
///   in random order, to the part that lacks most of their classes, so that parts and classes have their shares as far as groups
///   allow.
/// * A fraction of 0 leaves its part empty.
/// * `limit` is the most images of each part. From a larger part the same share of each class is kept, give or take one
///   image, at random; a limit of 0 leaves validation or test empty.
///
/// Images are adapted and standardised as in [`super::draw_batch`], but with the statistics of the *training* images
/// that are returned. Images of different classes are mixed.
///
/// Errors: [`DataError::Fractions`], [`DataError::EmptyPart`] if a fraction above 0 yields no image,
/// [`DataError::NoTraining`] for a limit of no training image, and those of [`super::adapt`].
pub fn split(
    dataset: &Dataset,
    shape: Shape,
    fractions: [f64; 3],
    limit: Option<[usize; 3]>,
    seed: u64,
) -> Result<Splits, DataError> {
    let [train, valid, test] = fractions;
    // Three decimal fractions may miss 1 by a rounding error.
    let parts_of_one = fractions.iter().all(|f| (0.0..=1.0).contains(f)) && train + valid + test <= 1.0 + 1e-9;
    if !parts_of_one || train == 0.0 {
        return Err(DataError::Fractions { train, valid, test });
    }
    let limit = limit.unwrap_or([usize::MAX; 3]);
    if limit[0] == 0 {
        return Err(DataError::NoTraining);
    }
    let mut stream = Stream::named(seed, "split");
    let mut parts = by_class(dataset, fractions, &mut stream).map(|classes| (classes, Vec::new()));
    for (i, (classes, part)) in parts.iter_mut().enumerate() {
        if limit[i] > 0 && fractions[i] > 0.0 && classes.iter().all(Vec::is_empty) {
            let part = [Part::Train, Part::Valid, Part::Test][i];
            return Err(DataError::EmptyPart { part, fraction: fractions[i], name: dataset.name().to_owned() });
        }
        for (class, keep) in classes.iter().zip(shares(classes, limit[i])) {
            part.extend_from_slice(&class[..keep]);
        }
        stream.shuffle(part);
    }
    let [train, valid, test] = parts.map(|(_, part)| part);
    let take = |part: &[usize]| Batch::take(dataset, part, shape, &train);
    let statistics = dataset.stats(&train, shape.channels)?;
    Ok(Splits { train: take(&train)?, valid: take(&valid)?, test: take(&test)?, tested: test, statistics })
}

/// The images of each part by class, those of a class in random order.
fn by_class(dataset: &Dataset, fractions: [f64; 3], stream: &mut Stream) -> [Vec<Vec<usize>>; 3] {
    let official = [Vec::new(), dataset.part(Part::Valid), dataset.part(Part::Test)];
    // What comes out of the training part: all that is not official.
    let drawn: Vec<f64> =
        fractions.iter().zip(&official).map(|(&f, part)| if part.is_empty() { f } else { 0.0 }).collect();
    let whole = if dataset.has_parts() { drawn.iter().sum() } else { 1.0 };
    let drawn: Vec<f64> = drawn.iter().map(|fraction| fraction / whole).collect();
    let mut parts: [Vec<Vec<usize>>; 3] = Default::default();
    let classes = dataset.by_class(&dataset.part(Part::Train));
    if let Some(groups) = dataset.groups() {
        let found = by_group(classes, groups, &drawn, stream);
        parts.iter_mut().zip(found).for_each(|(part, found)| *part = found);
    } else {
        for mut class in classes {
            stream.shuffle(&mut class);
            let (mut start, mut sum) = (0, 0.0);
            for (part, fraction) in parts.iter_mut().zip(&drawn) {
                sum += fraction;
                let end = ((sum * class.len() as f64).round() as usize).min(class.len());
                part.push(class[start..end].to_vec());
                start = end;
            }
        }
    }
    for ((part, fraction), official) in parts.iter_mut().zip(fractions).zip(official) {
        if !official.is_empty() && fraction > 0.0 {
            *part = dataset.by_class(&official);
            part.iter_mut().for_each(|class| stream.shuffle(class));
        }
    }
    parts
}

/// The images of `classes`, parted by whole groups: of each part, by class.
pub(super) fn by_group(
    classes: Vec<Vec<usize>>,
    groups: &[usize],
    fractions: &[f64],
    stream: &mut Stream,
) -> Vec<Vec<Vec<usize>>> {
    let mut members: BTreeMap<usize, Vec<Vec<usize>>> = BTreeMap::new();
    for (class, images) in classes.iter().enumerate() {
        for &image in images {
            members.entry(groups[image]).or_insert_with(|| vec![Vec::new(); classes.len()])[class].push(image);
        }
    }
    let mut members: Vec<Vec<Vec<usize>>> = members.into_values().collect();
    stream.shuffle(&mut members);
    members.sort_by_key(|group| std::cmp::Reverse(group.iter().map(Vec::len).sum::<usize>()));
    // What fractions leave over is a part as well.
    let rest = (1.0 - fractions.iter().sum::<f64>()).max(0.0);
    let mut lacking: Vec<Vec<f64>> = fractions.iter().chain([&rest]).map(|&f| vec![f; classes.len()]).collect();
    let mut parts = vec![vec![Vec::new(); classes.len()]; fractions.len()];
    for group in members {
        let share: Vec<f64> =
            group.iter().zip(&classes).map(|(g, all)| g.len() as f64 / all.len().max(1) as f64).collect();
        let lack = |part: &Vec<f64>| part.iter().zip(&share).map(|(lacking, share)| lacking * share).sum::<f64>();
        let wanted = (0..lacking.len()).filter(|&part| *fractions.get(part).unwrap_or(&rest) > 1e-9);
        let most = wanted.max_by(|&a, &b| lack(&lacking[a]).total_cmp(&lack(&lacking[b])).then(b.cmp(&a))).unwrap_or(0);
        lacking[most].iter_mut().zip(&share).for_each(|(lacking, share)| *lacking -= share);
        if let Some(part) = parts.get_mut(most) {
            part.iter_mut().zip(group).for_each(|(class, images)| class.extend(images));
        }
    }
    parts.iter_mut().flatten().for_each(|class| stream.shuffle(class));
    parts
}

/// How many images of each class to keep so that `limit` are kept: the limit in proportion to the classes, rounded down,
/// and one more for those that lost most by rounding (the largest-remainder method); of equals, the first.
fn shares(classes: &[Vec<usize>], limit: usize) -> Vec<usize> {
    let total: usize = classes.iter().map(Vec::len).sum();
    if total <= limit {
        return classes.iter().map(Vec::len).collect();
    }
    let exact = |class: &Vec<usize>| class.len() as u128 * limit as u128;
    let mut kept: Vec<usize> = classes.iter().map(|class| (exact(class) / total as u128) as usize).collect();
    let mut by_remainder: Vec<usize> = (0..classes.len()).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(exact(&classes[class]) % total as u128));
    let missing = limit - kept.iter().sum::<usize>();
    by_remainder[..missing].iter().for_each(|&class| kept[class] += 1);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::{Array4, Axis};
    use proptest::prelude::*;
    use std::collections::HashSet;

    const SHAPE: Shape = Shape::new(1, 1, 1);

    /// Image `i` is one pixel of value `i`, of class `i % 4`.
    fn numbered() -> Dataset {
        let pixels = Array4::from_shape_fn((200, 1, 1, 1), |(i, ..)| i as u8);
        Dataset::new("numbered", pixels, 255, (0..200).map(|i| i % 4).collect(), 4).unwrap()
    }

    #[test]
    fn parts_are_stratified_disjoint_and_standardised_by_the_training_images() {
        let splits = split(&numbered(), SHAPE, [0.7, 0.1, 0.2], None, 5).unwrap();
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
        let labels = |seed| split(&numbered(), SHAPE, [0.5, 0.2, 0.3], None, seed).unwrap().train.labels;
        assert_eq!(labels(1)[..8], [2, 1, 1, 2, 0, 1, 1, 2]);
        assert_ne!(labels(1), labels(2));
    }

    #[test]
    fn parts_may_be_left_out_but_not_vanish() {
        let splits = split(&numbered(), Shape::new(3, 2, 2), [0.5, 0.0, 0.1], None, 0).unwrap();
        assert_eq!([splits.train.len(), splits.valid.len(), splits.test.len()], [100, 0, 20]);
        assert_eq!(splits.valid.images.len_of(Axis(0)), 0);
        assert_eq!(splits.valid.shape(), Shape::new(3, 2, 2));
        let vanished = split(&numbered(), SHAPE, [0.99, 0.001, 0.0], None, 0);
        assert!(matches!(vanished, Err(DataError::EmptyPart { part: Part::Valid, .. })));
        for wrong in [[0.0, 0.5, 0.5], [0.9, 0.2, 0.0], [1.1, 0.0, 0.0], [0.5, -0.1, 0.2], [f64::NAN, 0.1, 0.1]] {
            assert!(matches!(split(&numbered(), SHAPE, wrong, None, 0), Err(DataError::Fractions { .. })), "{wrong:?}");
        }
    }

    /// Image `i` is of class `i % 4`; the last 40 are for testing and, if asked for, 20 before them for validation.
    fn parted(valid: bool) -> Dataset {
        let part = |i| match i {
            160.. => Part::Test,
            140.. if valid => Part::Valid,
            _ => Part::Train,
        };
        numbered().with_parts((0..200).map(part).collect()).unwrap()
    }

    /// The images of a part, recognised by their pixel, which is a growing function of their number.
    fn numbers(splits: &Splits) -> [HashSet<usize>; 3] {
        let raw = |batch: &Batch| batch.images.iter().copied().collect::<Vec<f32>>();
        let parts = [raw(&splits.train), raw(&splits.valid), raw(&splits.test)];
        let mut all = parts.concat();
        all.sort_by(f32::total_cmp);
        parts.map(|part| part.iter().map(|v| all.partition_point(|a| a < v)).collect())
    }

    #[test]
    fn official_parts_are_kept() {
        let splits = split(&parted(true), SHAPE, [0.6, 0.2, 0.2], None, 3).unwrap();
        let want = [(0..140).collect(), (140..160).collect(), (160..200).collect()];
        assert_eq!(numbers(&splits), want);
        // Without official validation images, 0.2 / (0.6 + 0.2) of the 160 training images: 10 of each class.
        let splits = split(&parted(false), SHAPE, [0.6, 0.2, 0.2], None, 3).unwrap();
        let [train, valid, test] = numbers(&splits);
        assert_eq!((train.len(), valid.len(), test), (120, 40, (160..200).collect::<HashSet<_>>()));
        let count = |class| splits.valid.labels.iter().filter(|&&label| label == class).count();
        assert_eq!([0, 1, 2, 3].map(count), [10; 4]);
        assert!(train.is_disjoint(&valid) && train.iter().chain(&valid).all(|&i| i < 160));
        // The statistics are those of the training images.
        assert_abs_diff_eq!(splits.train.images.mean().unwrap(), 0.0, epsilon = 1e-5);
        assert!(splits.test.images.mean().unwrap() > 1.0);
        // A fraction of 0 leaves a part out, be it official or not.
        let splits = split(&parted(false), SHAPE, [0.5, 0.0, 0.0], None, 3).unwrap();
        assert_eq!([splits.train.len(), splits.valid.len(), splits.test.len()], [160, 0, 0]);
        // Official training and validation images alone: test images come out of the training part.
        let parts = (0..200).map(|i| if i < 160 { Part::Train } else { Part::Valid }).collect();
        let splits = split(&numbered().with_parts(parts).unwrap(), SHAPE, [0.6, 0.2, 0.2], None, 3).unwrap();
        assert_eq!([splits.train.len(), splits.valid.len(), splits.test.len()], [120, 40, 40]);
    }

    #[test]
    fn limits_keep_the_same_share_of_each_class() {
        let splits = split(&parted(true), SHAPE, [0.6, 0.2, 0.2], Some([30, 100, 8]), 3).unwrap();
        assert_eq!([splits.train.len(), splits.valid.len(), splits.test.len()], [30, 20, 8]);
        let count = |class| splits.train.labels.iter().filter(|&&label| label == class).count();
        assert_eq!([0, 1, 2, 3].map(count), [8, 8, 7, 7]);
        assert_abs_diff_eq!(splits.train.images.mean().unwrap(), 0.0, epsilon = 1e-5);
        assert_abs_diff_eq!(splits.train.images.std(0.0), 1.0, epsilon = 1e-5);
        let images = |seed| split(&numbered(), SHAPE, [0.6, 0.2, 0.2], Some([20, 20, 20]), seed).unwrap().train.images;
        assert_eq!(images(1), images(1));
        assert_ne!(images(1), images(2));
        // Limits that nothing exceeds change nothing.
        let (free, limited) = (None, Some([120, 40, 1000]));
        let train = |limit| split(&numbered(), SHAPE, [0.6, 0.2, 0.2], limit, 9).unwrap().train;
        assert_eq!(train(free), train(limited));
        let none = split(&numbered(), SHAPE, [0.6, 0.2, 0.2], Some([0, 1, 1]), 0);
        assert!(matches!(none, Err(DataError::NoTraining)));
        assert!(split(&numbered(), SHAPE, [0.6, 0.2, 0.2], Some([4, 0, 4]), 0).unwrap().valid.is_empty());
    }

    proptest! {
        #[test]
        fn shares_are_proportional_within_one(sizes in prop::collection::vec(0usize..50, 1..20), limit in 0usize..500) {
            let classes: Vec<Vec<usize>> = sizes.iter().map(|&size| vec![0; size]).collect();
            let (total, kept) = (sizes.iter().sum::<usize>(), shares(&classes, limit));
            prop_assert_eq!(kept.iter().sum::<usize>(), total.min(limit));
            for (&size, &kept) in sizes.iter().zip(&kept) {
                let exact = size as f64 * limit.min(total) as f64 / total.max(1) as f64;
                prop_assert!(kept <= size && (kept as f64 - exact).abs() < 1.0);
            }
        }
    }

    proptest! {
        #[test]
        fn groups_stay_together(
            groups in prop::collection::vec(0usize..40, 60..300), shares in prop::collection::vec(1u32..10, 3), seed: u64,
        ) {
            let images = groups.len();
            let labels = (0..images).map(|i| (i + groups[i]) % 3).collect();
            let pixels = Array4::from_shape_fn((images, 1, 1, 2), |(i, _, _, x)| (i >> (8 * x)) as u8);
            let data = Dataset::new("grouped", pixels, 1, labels, 3).unwrap().with_groups(Some(groups.clone()));
            let sum = f64::from(shares.iter().sum::<u32>());
            let fractions = [0, 1, 2].map(|part| f64::from(shares[part]) / sum);
            let mut stream = Stream::named(seed, "split");
            let parts = by_class(&data, fractions, &mut stream).map(|classes| classes.concat());
            let mut all = parts.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..images).collect::<Vec<_>>());
            let of = |part: &Vec<usize>| part.iter().map(|&i| groups[i]).collect::<HashSet<_>>();
            let [train, valid, test] = [0, 1, 2].map(|part| of(&parts[part]));
            prop_assert!(train.is_disjoint(&valid) && train.is_disjoint(&test) && valid.is_disjoint(&test));
            // With groups of about the same size no part misses its share by more than some of them.
            for (part, fraction) in parts.iter().zip(fractions) {
                prop_assert!((part.len() as f64 / images as f64 - fraction).abs() < 0.15, "{} {fraction}", part.len());
            }
        }
    }
}
