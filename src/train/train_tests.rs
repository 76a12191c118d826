use super::*;
use crate::data::{DataSpec, open};
use crate::engine::Precision;
use crate::network::Shape;
use crate::space::{self, Task};
use crate::train::{Augmentation, Optimiser};
use tch::Device;

fn digits(recipe: &Recipe) -> (Network, TrainingData) {
    crate::engine::prepare_process();
    let source = open(&DataSpec::default()).unwrap();
    let data = TrainingData::new(source.dataset().unwrap(), recipe, 0, Device::Cpu).unwrap();
    let space = space::open("nas-bench-201:channels=4,cells=1").unwrap();
    let arch = space.parse(space.entry().example).unwrap();
    let task = Task::classify(recipe.image, data.classes());
    (space.build(&arch, &task).unwrap().live().unwrap(), data)
}

fn recipe() -> Recipe {
    Recipe { image: Shape::new(1, 8, 8), epochs: 3, ..Recipe::default() }
}

fn go() -> AtomicBool {
    AtomicBool::new(false)
}

#[test]
fn learns_the_digits_and_repeats_itself() {
    let recipe = recipe();
    let (network, data) = digits(&recipe);
    let first = train(&network, &data, &recipe, 5, None, &go()).unwrap().unwrap();
    let second = train(&network, &data, &recipe, 5, None, &go()).unwrap().unwrap();
    assert_eq!(first.curve, second.curve);
    assert_eq!(first.curve.len(), 3);
    assert!(first.test_accuracy_pct > 85.0, "{first:?}");
    assert!(train(&network, &data, &recipe, 5, None, &AtomicBool::new(true)).unwrap().is_none());
}

#[test]
fn every_part_of_the_recipe_learns() {
    let adamw = Recipe { optimiser: Optimiser::AdamW, learning_rate: 0.005, warmup_epochs: 0.5, ..recipe() };
    let augmentation = Augmentation { crop: 1, flip: false, cutout: 2 };
    let augmented = Recipe { augmentation, label_smoothing: 0.1, ..recipe() };
    let narrow = Recipe { precision: Precision::Bfloat16, ..recipe() };
    for recipe in [adamw, augmented, narrow] {
        let (network, data) = digits(&recipe);
        let training = train(&network, &data, &recipe, 5, None, &go()).unwrap().unwrap();
        assert!(training.test_accuracy_pct > 75.0, "{recipe:?}: {training:?}");
    }
}

#[test]
fn divergence_is_recorded_and_ends_the_training() {
    let hopeless = Recipe { learning_rate: 1e30, ..recipe() };
    let (network, data) = digits(&hopeless);
    let training = train(&network, &data, &hopeless, 5, None, &go()).unwrap().unwrap();
    assert!(training.diverged() && training.curve.len() == 1, "{training:?}");
}

#[test]
fn patience_ends_a_training_that_gets_no_better() {
    let idle = Recipe { learning_rate: 1e-30, patience: Some(2), epochs: 9, ..recipe() };
    let (network, data) = digits(&idle);
    let training = train(&network, &data, &idle, 5, None, &go()).unwrap().unwrap();
    // Running statistics still move at first, so the best epoch may be any early one.
    assert!(training.curve.len() < 9 && !training.diverged(), "{training:?}");
}

/// Stops at several moments, each time in a new state as a new process would have it.
#[test]
fn a_broken_training_goes_on_to_the_same_numbers() {
    let augmentation = Augmentation { crop: 1, flip: true, cutout: 0 };
    for optimiser in [Optimiser::Sgd, Optimiser::AdamW] {
        let recipe = Recipe { augmentation, optimiser, learning_rate: 0.01, ..recipe() };
        let (network, data) = digits(&recipe);
        let unbroken = train(&network, &data, &recipe, 7, None, &go()).unwrap().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("training.safetensors");
        let mut breaks = 0;
        let resumed = loop {
            let stop = go();
            let result = std::thread::scope(|scope| {
                let training = scope
                    .spawn(|| train(&network, &data, &recipe, 7, Some(Checkpoint { path: &path, keep: true }), &stop));
                std::thread::sleep(Duration::from_millis(20 + 13 * breaks));
                stop.store(true, Ordering::Relaxed);
                training.join().unwrap().unwrap()
            });
            match result {
                Some(training) => break training,
                None => breaks += 1,
            }
        };
        assert!(breaks > 0, "the training was over before it could be stopped");
        assert_eq!(resumed.curve, unbroken.curve, "after {breaks} stops");
        assert!(resumed.seconds > 0.0 && resumed.cpu_seconds > 0.0);
        // Finished, so nothing is trained again; and the weights are there.
        let again =
            train(&network, &data, &recipe, 7, Some(Checkpoint { path: &path, keep: true }), &AtomicBool::new(true))
                .unwrap()
                .unwrap();
        assert_eq!(again.curve, unbroken.curve);
        let parameters = crate::train::trained_parameters(&path, &network).unwrap().unwrap();
        let logits = parameters.logits(&network, data.test.images()).unwrap();
        let right = logits.argmax(1, false).eq_tensor(data.test.labels()).sum(Kind::Int64).int64_value(&[]);
        let accuracy = 100.0 * right as f64 / data.test.len() as f64;
        assert_eq!(accuracy, unbroken.test_accuracy_pct);
        // Another seed, another network: the checkpoint is of no use to it.
        let other =
            train(&network, &data, &recipe, 8, Some(Checkpoint { path: &path, keep: true }), &go()).unwrap().unwrap();
        assert_ne!(other.curve, unbroken.curve);
    }
}
