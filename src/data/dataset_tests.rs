use super::*;
use approx::assert_abs_diff_eq;
use ndarray::array;

fn colour() -> Dataset {
    let pixels = array![[[[0u8, 10]], [[20, 30]], [[100, 50]]], [[[255, 0]], [[1, 2]], [[3, 4]]]];
    Dataset::new("colour", pixels, 255, vec![0, 1], 2).unwrap()
}

#[test]
fn statistics_equal_numpy() {
    // x = np.array([[[[0, 10]], [[20, 30]], [[100, 50]]], [[[255, 0]], [[1, 2]], [[3, 4]]]]) / 255
    // x.mean((0, 2, 3)), x.std((0, 2, 3)); x.mean(1).mean(), x.mean(1).std()
    let stats = colour().stats(&[0, 1], 3).unwrap();
    assert_abs_diff_eq!(stats.mean[..], [0.2598039215686274, 0.051960784313725486, 0.153921568627451], epsilon = 1e-15);
    assert_abs_diff_eq!(
        stats.std[..],
        [0.42765218326352283, 0.04813915175368987, 0.15640558382387748],
        epsilon = 1e-15
    );
    let grey = colour().stats(&[0, 1], 1).unwrap();
    assert_abs_diff_eq!(grey.mean[..], [0.15522875816993464], epsilon = 1e-15);
    assert_abs_diff_eq!(grey.std[..], [0.11910991394785914], epsilon = 1e-15);
    assert!(matches!(colour().stats(&[0, 1], 4), Err(DataError::Channels { from: 3, to: 4 })));
}

#[test]
fn standardised_images_have_mean_0_and_variance_1_unless_constant() {
    let data = colour();
    let mut images = data.images(&[0, 1]);
    let stats = data.stats(&[0, 1], 3).unwrap();
    stats.standardise(&mut images);
    for channel in images.axis_iter(Axis(1)) {
        assert_abs_diff_eq!(channel.mean().unwrap(), 0.0, epsilon = 1e-6);
        assert_abs_diff_eq!(channel.std(0.0), 1.0, epsilon = 1e-6);
    }
    let flat = Dataset::new("flat", Array4::from_elem((1, 1, 2, 2), 8), 16, vec![0], 1).unwrap();
    let mut images = flat.images(&[0]);
    flat.stats(&[0], 1).unwrap().standardise(&mut images);
    assert_eq!(images, Array4::<f32>::zeros((1, 1, 2, 2)));
}

#[test]
fn inconsistent_data_sets_are_refused() {
    let pixels = Array4::<u8>::zeros((2, 1, 2, 2));
    let make = |labels, white, classes| Dataset::new("d", pixels.clone(), white, labels, classes);
    assert!(matches!(make(vec![0], 1, 1), Err(DataError::BadDataset { labels: 1, .. })));
    assert!(matches!(make(vec![0, 0], 0, 1), Err(DataError::BadDataset { white: 0, .. })));
    assert!(matches!(make(vec![0, 3], 1, 2), Err(DataError::BadLabel { image: 1, label: 3, .. })));
    let no_size = Dataset::new("d", Array4::zeros((1, 1, 0, 2)), 1, vec![0], 1);
    assert!(matches!(no_size, Err(DataError::BadShape { .. })));
}

#[test]
fn parts_and_names_must_fit_the_images() {
    let make = |labels: Vec<usize>| Dataset::new("d", Array4::zeros((labels.len(), 1, 1, 1)), 1, labels, 3).unwrap();
    use Part::{Test, Train, Valid};
    let data = make(vec![0, 1, 0, 1]).with_parts(vec![Test, Train, Train, Valid]).unwrap();
    assert_eq!((data.part(Train), data.part(Valid), data.part(Test)), (vec![1, 2], vec![3], vec![0]));
    assert_eq!((make(vec![0, 1]).part(Train), make(vec![0, 1]).part(Test)), (vec![0, 1], vec![]));
    assert_eq!(data.class_names(), ["0", "1", "2"]);
    let wrong = make(vec![0, 1, 2]).with_parts(vec![Train, Train]);
    assert!(matches!(wrong, Err(DataError::Parts { images: 3, parts: 2, .. })));
    assert!(matches!(make(vec![0]).with_parts(vec![Test]), Err(DataError::Parts { .. })));
    let unlearnt = make(vec![0, 1, 2]).with_class_names(vec!["cat".into(), "dog".into(), "owl".into()]).unwrap();
    let message = unlearnt.with_parts(vec![Train, Train, Valid]).unwrap_err().to_string();
    assert!(message.contains("'owl'") && message.contains("validation"), "{message}");
    assert!(matches!(make(vec![0]).with_class_names(vec![]), Err(DataError::ClassNames { names: 0, .. })));
}

#[test]
fn folds_keep_groups_whole_and_classes_learnable() {
    // Class 2 is one group only.
    let labels: Vec<usize> = (0..60).map(|i| if i < 6 { 2 } else { i % 2 }).collect();
    let groups: Vec<usize> = (0..60).map(|i| i / 6).collect();
    let data = Dataset::new("d", Array4::zeros((60, 1, 1, 1)), 1, labels, 3).unwrap();
    let data = data.with_groups(Some(groups.clone()));
    assert_eq!(data.units(), 10);
    let folds: Vec<Vec<usize>> = (0..3).map(|fold| data.fold(3, fold, 7).unwrap().part(Part::Test)).collect();
    let mut tested = folds.concat();
    tested.sort_unstable();
    assert_eq!(tested, (6..60).collect::<Vec<_>>());
    for fold in &folds {
        let whole: HashSet<usize> = fold.iter().map(|&image| groups[image]).collect();
        assert_eq!((whole.len(), fold.len()), (3, 18));
    }
}
