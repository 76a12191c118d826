//! Drawing the images that a network is scored on.

use super::{DataError, DataSource, Dataset, Noise, Part, adapt};
use crate::network::Shape;
use crate::seed::Stream;
use ndarray::{Array4, Axis};
use rayon::prelude::*;

/// Pixel values that are adapted at once by a thread: with all images at once, large ones would need their full
/// resolution in float32.
const ADAPTED_AT_ONCE: usize = 1 << 22;

/// The size of a batch where nothing else is asked for; a data set with fewer images gives all of them.
pub const DEFAULT_BATCH: usize = 64;

/// Labelled images, ready for a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Standardised images, (n, c, h, w).
    pub images: Array4<f32>,
    /// The class of each image, below `classes`.
    pub labels: Vec<usize>,
    /// The number of classes of the source, of which a small batch may miss some.
    pub classes: usize,
}

impl Batch {
    /// How many images it has.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The shape of its images.
    pub fn shape(&self) -> Shape {
        let (_, channels, height, width) = self.images.dim();
        Shape { channels, height, width }
    }

    /// A hash of images and labels, 32 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut hash = md5::Context::new();
        self.images.iter().for_each(|value| hash.consume(value.to_le_bytes()));
        self.labels.iter().for_each(|&label| hash.consume((label as u64).to_le_bytes()));
        format!("{:x}", hash.finalize())
    }

    /// The images at `indices`, of this shape, standardised with the statistics of those at `reference` before
    /// resizing: `(x − mean) / std` per channel.
    pub(super) fn take(
        dataset: &Dataset,
        indices: &[usize],
        shape: Shape,
        reference: &[usize],
    ) -> Result<Batch, DataError> {
        shape.check(indices.len())?;
        let stats = dataset.stats(reference, shape.channels)?;
        let mut images = Array4::zeros((indices.len(), shape.channels, shape.height, shape.width));
        let chunk = (ADAPTED_AT_ONCE / dataset.shape().len()).max(1);
        images.axis_chunks_iter_mut(Axis(0), chunk).into_par_iter().zip(indices.par_chunks(chunk)).try_for_each(
            |(mut out, chunk)| {
                out.assign(&adapt(dataset.images(chunk).view(), shape)?);
                Ok::<_, DataError>(())
            },
        )?;
        stats.standardise(&mut images);
        let labels = indices.iter().map(|&i| dataset.labels()[i]).collect();
        Ok(Batch { images, labels, classes: dataset.classes() })
    }
}

/// `batch_size` images of `source` in this shape, the same for the same seed.
///
/// * From a data set: distinct images at random, of the official training part if it has one. They are scaled to `[0, 1]`, their channels matched and resized as in
///   [`adapt`], then standardised per channel, `(x − mean) / std`, with the mean and standard deviation of all images
///   that could have been drawn, at their own resolution and in the batch's channels.
/// * From noise: images 0 to `batch_size`, which are standard already.
///
/// A batch of [`DEFAULT_BATCH`] is smaller where a data set has fewer images; any other size is then refused.
///
/// With `class_balanced`, each class has as many images as any other or one less, unless the data set runs out of a
/// class: then the others fill its places. Images come in random order. Choices and labels are the same on every
/// machine, and so are the pixels of a data set; noise agrees to the last bits of the system's `ln` and `sin`.
///
/// Errors: [`DataError::EmptyBatch`], [`DataError::BatchTooLarge`], [`DataError::BadShape`], [`DataError::TooLarge`],
/// [`DataError::Channels`] and [`DataError::OnePixel`].
pub fn draw_batch(
    source: &DataSource,
    shape: Shape,
    batch_size: usize,
    seed: u64,
    class_balanced: bool,
) -> Result<Batch, DataError> {
    if batch_size == 0 {
        return Err(DataError::EmptyBatch);
    }
    shape.check(batch_size)?;
    let mut stream = Stream::named(seed, "batch");
    match source {
        DataSource::Images(dataset) => {
            let pool = dataset.part(Part::Train);
            let images = pool.len();
            let batch_size = if batch_size == DEFAULT_BATCH { images.min(DEFAULT_BATCH) } else { batch_size };
            if batch_size > images {
                return Err(DataError::BatchTooLarge { batch: batch_size, name: dataset.name().to_owned(), images });
            }
            let indices = if class_balanced {
                balanced_indices(dataset.by_class(&pool), batch_size, &mut stream)
            } else {
                stream.sample_indices(images as u64, batch_size as u64).into_iter().map(|i| pool[i as usize]).collect()
            };
            Batch::take(dataset, &indices, shape, &pool)
        }
        DataSource::Noise(noise) => {
            let labels = if class_balanced {
                balanced_labels(noise, batch_size, &mut stream)
            } else {
                (0..batch_size).map(|i| noise.label(seed, i)).collect()
            };
            Ok(Batch { images: noise.images(batch_size, shape, seed)?, labels, classes: noise.classes() })
        }
    }
}

/// The numbers `0..n` in random order.
fn permutation(n: usize, stream: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    stream.shuffle(&mut order);
    order
}

/// Takes one image of each class in turn until there are enough; `count` is at most the number of images.
fn balanced_indices(mut members: Vec<Vec<usize>>, count: usize, stream: &mut Stream) -> Vec<usize> {
    members.iter_mut().for_each(|class| stream.shuffle(class));
    let order = permutation(members.len(), stream);
    let rounds = members.iter().map(Vec::len).max().unwrap_or(0);
    let turns = (0..rounds).flat_map(|round| order.iter().map(move |&class| (class, round)));
    let mut indices: Vec<usize> =
        turns.filter_map(|(class, round)| members[class].get(round).copied()).take(count).collect();
    stream.shuffle(&mut indices);
    indices
}

fn balanced_labels(noise: &Noise, count: usize, stream: &mut Stream) -> Vec<usize> {
    let mut labels: Vec<usize> = permutation(noise.classes(), stream).into_iter().cycle().take(count).collect();
    stream.shuffle(&mut labels);
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, open};
    use approx::assert_abs_diff_eq;
    use ndarray::s;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    const SHAPE: Shape = Shape::new(1, 2, 2);
    static DIGITS: LazyLock<DataSource> = LazyLock::new(|| source("digits"));

    fn source(text: &str) -> DataSource {
        open(&text.parse().unwrap()).unwrap()
    }

    fn counts(batch: &Batch) -> Vec<usize> {
        let mut counts = vec![0; batch.classes];
        batch.labels.iter().for_each(|&label| counts[label] += 1);
        counts
    }

    #[test]
    fn a_seed_fixes_the_batch() {
        // i = Stream.named(0, "batch").sample(1797, 8); d.target[i]
        // x = torch.tensor(d.images[i[0]] / 16)[None, None]
        // u = torch.nn.functional.interpolate(x, size=(12, 10), mode="bilinear", align_corners=False)
        // ((u - (d.images / 16).mean()) / (d.images / 16).std())[0, 0, 5]
        let batch = draw_batch(&DIGITS, Shape::new(3, 12, 10), 8, 0, false).unwrap();
        assert_eq!(batch.labels, [0, 6, 0, 8, 6, 8, 5, 3]);
        assert_eq!((batch.len(), batch.shape(), batch.classes), (8, Shape::new(3, 12, 10), 10));
        let want = [
            -0.8117562, 0.1189731, 1.154963, 1.027542, -0.7618957, -0.8062162, 0.3128754, 0.4486062, -0.17188,
            -0.8117562,
        ];
        for channel in 0..3 {
            let row = batch.images.slice(s![0, channel, 5, ..]).to_vec();
            assert_abs_diff_eq!(row[..], want, epsilon = 1e-5);
        }
        assert_eq!(draw_batch(&DIGITS, Shape::new(3, 12, 10), 8, 0, false).unwrap(), batch);
        assert_ne!(draw_batch(&DIGITS, Shape::new(3, 12, 10), 8, 1, false).unwrap().labels, batch.labels);
    }

    #[test]
    fn a_seed_fixes_the_balanced_batch() {
        // s = Stream.named(0, "batch"); m = [[i for i in range(1797) if t[i] == c] for c in range(10)]
        // for c in m: s.shuffle(c)
        // o = list(range(10)); s.shuffle(o)
        // i = [m[c][r] for r in range(200) for c in o if r < len(m[c])][:12]; s.shuffle(i); t[i]
        let batch = draw_batch(&DIGITS, SHAPE, 12, 0, true).unwrap();
        assert_eq!(batch.labels, [8, 6, 3, 8, 4, 1, 0, 6, 7, 9, 5, 2]);
    }

    #[test]
    fn the_whole_set_is_standard_at_its_own_resolution() {
        let all = draw_batch(&DIGITS, Shape::new(1, 8, 8), 1797, 3, true).unwrap();
        assert_eq!(counts(&all), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        let images = all.images.mapv(f64::from);
        assert_abs_diff_eq!(images.mean().unwrap(), 0.0, epsilon = 1e-6);
        assert_abs_diff_eq!(images.std(0.0), 1.0, epsilon = 1e-6);
    }

    #[test]
    fn a_class_that_runs_out_is_filled_up_from_others() {
        let labels = vec![0, 0, 0, 0, 0, 1, 3];
        let data = Dataset::new("few", Array4::zeros((7, 1, 2, 2)), 1, labels, 4).unwrap();
        let batch = draw_batch(&DataSource::Images(data), SHAPE, 6, 0, true).unwrap();
        assert_eq!(counts(&batch), [4, 1, 0, 1]);
    }

    #[test]
    fn only_official_training_images_are_drawn_and_set_the_scale() {
        // Training images are 10 and 30 (mean 20, deviation 10), the others 200.
        let pixels = Array4::from_shape_fn((8, 1, 1, 1), |(i, ..)| [10, 200, 30, 200][i % 4]);
        let parts = [Part::Train, Part::Test, Part::Train, Part::Valid].repeat(2);
        let data =
            Dataset::new("few", pixels, 255, vec![0, 0, 1, 1, 1, 1, 0, 0], 2).unwrap().with_parts(parts).unwrap();
        let source = DataSource::Images(data);
        for balanced in [false, true] {
            let mut values =
                draw_batch(&source, Shape::new(1, 1, 1), 4, 0, balanced).unwrap().images.into_raw_vec_and_offset().0;
            values.sort_by(f32::total_cmp);
            assert_abs_diff_eq!(values[..], [-1.0, -1.0, 1.0, 1.0], epsilon = 1e-6);
            let refused = draw_batch(&source, SHAPE, 5, 0, balanced);
            assert!(matches!(refused, Err(DataError::BatchTooLarge { images: 4, .. })));
        }
    }

    #[test]
    fn large_images_are_adapted_piece_by_piece() {
        let pixels = Array4::from_shape_fn((3, 3, 2000, 1000), |(i, c, y, x)| (i * 50 + c + (x + y) % 7) as u8);
        let data = Dataset::new("large", pixels, 255, vec![0, 1, 0], 2).unwrap();
        let all = Batch::take(&data, &[0, 1, 2], Shape::new(3, 5, 4), &[0, 1, 2]).unwrap();
        let one = Batch::take(&data, &[2], Shape::new(3, 5, 4), &[0, 1, 2]).unwrap();
        assert_eq!(all.images.slice(s![2.., .., .., ..]), one.images);
    }

    #[test]
    fn impossible_batches_are_refused() {
        let draw = |shape, size| draw_batch(&DIGITS, shape, size, 0, false).unwrap_err();
        let message = draw(SHAPE, 1798).to_string();
        assert!(message.contains("1798 images") && message.contains("digits, which has 1797"), "{message}");
        assert!(matches!(draw(SHAPE, 0), DataError::EmptyBatch));
        assert!(matches!(draw(Shape::new(0, 8, 8), 4), DataError::BadShape { .. }));
        let noise = |text, shape, size| draw_batch(&source(text), shape, size, 0, true).unwrap_err();
        assert!(matches!(noise("gaussian", SHAPE, usize::MAX), DataError::TooLarge { .. }));
        assert!(matches!(noise("pink", Shape::new(3, 1, 1), 4), DataError::OnePixel { .. }));
    }

    #[test]
    fn the_default_batch_is_what_a_small_data_set_has() {
        let data =
            Dataset::new("few", Array4::from_shape_fn((5, 1, 2, 2), |(i, ..)| i as u8), 9, vec![0; 5], 1).unwrap();
        let source = DataSource::Images(data);
        assert_eq!(draw_batch(&source, SHAPE, DEFAULT_BATCH, 0, false).unwrap().len(), 5);
        assert!(matches!(draw_batch(&source, SHAPE, 6, 0, false), Err(DataError::BatchTooLarge { images: 5, .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn balanced_batches_are_balanced_within_one(size in 1usize..400, seed in any::<u64>(), noise in any::<bool>()) {
            let gaussian = source("gaussian:classes=7");
            let batch = draw_batch(if noise { &gaussian } else { &DIGITS }, SHAPE, size, seed, true).unwrap();
            let counts = counts(&batch);
            prop_assert_eq!(counts.iter().sum::<usize>(), size);
            prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{:?}", counts);
        }
    }
}
