//! How good the winner is on the test images, and what needs no search at all.

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::engine::Parameters;
use crate::hardware::LatencyLimit;
use crate::network::Network;
use crate::pipeline::screen::thread_pool;
use crate::pipeline::{RunError, RunOptions};
use crate::seed::derive;
use crate::space::{Task, resnet8_near};
use crate::stats::{Classification, Interval, classification, named_classes, paired_accuracy};
use crate::text::thousands;
use crate::train::{TrainingData, ridge_on_pixels, test_probabilities};
use crate::trial::TrainStage;
use std::sync::atomic::AtomicBool;

/// The winner on images that it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Names of the classes.
    pub class_names: Vec<String>,
    /// Parts of the cross-validation that judged it: then all images count, each answered by a network that was not trained on
    /// it. 0 if the network that is exported was judged on its test images.
    pub folds: usize,
    /// What it gets right, class by class, and how its probabilities can be trusted.
    pub test: Classification,
    /// What it is compared with.
    pub baselines: Vec<Baseline>,
}

/// Something that needs no search, on the same test images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What it is.
    pub name: String,
    /// Trainable parameters, of a network.
    pub params: Option<u64>,
    /// Multiply-accumulates for one image, of a network.
    pub macs: Option<u64>,
    /// Measured latency, of a network where there is a limit.
    pub latency_ms: Option<f64>,
    /// Accuracy on the test images, percent, with Wilson's 95% interval.
    pub accuracy_pct: (f64, Interval),
    /// Mean of the recalls, percent.
    pub balanced_accuracy_pct: f64,
    /// Accuracy of the winner less this one, percentage points, with the 95% interval for paired images (Newcombe).
    pub difference_pct: (f64, Interval),
    /// Two-sided p-value of that difference, by McNemar's exact test.
    pub p_value: f64,
}

/// Always naming the most frequent class.
pub(in crate::pipeline) const MAJORITY: &str = "naming the most frequent class";
/// Ridge regression on the pixels.
pub(in crate::pipeline) const RIDGE: &str = "ridge regression on the pixels";

impl Assessment {
    /// The baseline of the highest accuracy.
    pub fn best_baseline(&self) -> Option<&Baseline> {
        self.baselines.iter().max_by(|a, b| a.accuracy_pct.0.total_cmp(&b.accuracy_pct.0))
    }

    /// "36 test images", "180 images in 5-fold cross-validation".
    pub fn images(&self) -> String {
        let n = thousands(self.test.examples as u64);
        match self.folds {
            0 | 1 => format!("{n} test images"),
            folds => format!("{n} images in {folds}-fold cross-validation"),
        }
    }

    /// What was found out, as rows of what and value.
    pub(super) fn rows(&self) -> Vec<(String, String)> {
        let row = |what: &str, value: String| (what.to_owned(), value);
        let percent = |value: Option<f64>| value.map_or("–".into(), |pct| format!("{pct:.1}%"));
        let mut rows = vec![
            row("Accuracy with its interval", self.accuracy()),
            row("Balanced accuracy", format!("{:.2}%", self.test.balanced_accuracy_pct)),
            row("Expected calibration error", format!("{:.1} points", self.test.ece_pct)),
        ];
        rows.extend(self.test.auroc.map(|area| row("Area under the ROC curve", format!("{area:.3}"))));
        for (name, class) in self.class_names.iter().zip(&self.test.classes) {
            let value = format!("recall {}, precision {}", percent(class.recall_pct()), percent(class.precision_pct()));
            rows.push((format!("Class {name}"), value));
        }
        rows.extend(self.baselines.iter().map(|b| row(&b.name, format!("{:.2}%", b.accuracy_pct.0))));
        rows
    }

    /// "34 of 36 test images (94.44%, 95% interval 82 to 98%)".
    pub fn accuracy(&self) -> String {
        let (pct, i) = self.test.accuracy_pct;
        let (right, images) = (thousands(self.test.right as u64), self.images());
        format!("{right} of {images} ({pct:.2}%, 95% interval {:.0} to {:.0}%)", i.low, i.high)
    }
}

/// What was answered to the same test images.
struct Answers {
    /// Positions of the images in the data set.
    images: Vec<usize>,
    labels: Vec<usize>,
    winner: Array2<f32>,
    /// None if its training diverged, or could not be read.
    resnet: Option<Array2<f32>>,
    ridge: Option<Array2<f32>>,
    majority: Option<Array2<f32>>,
}

/// What the winner said of each image that it was judged on.
pub(super) struct Answered {
    /// Positions of the images in the data set.
    pub images: Vec<usize>,
    /// Their classes.
    pub labels: Vec<usize>,
    /// Images x classes.
    pub probabilities: Array2<f32>,
}

/// The winner and the network that it is compared with.
pub(super) struct Contest<'a> {
    /// As it was trained.
    pub network: &'a Network,
    /// Its identity.
    pub name: String,
    /// Its weights, of the split of the run.
    pub parameters: &'a Parameters,
    pub limit: Option<&'a LatencyLimit>,
    /// Parts of a cross-validation, if there is one.
    pub folds: usize,
    pub options: &'a RunOptions<'a>,
}

impl Contest<'_> {
    /// What the winner gets right, next to the most frequent class, ridge regression, and a ResNet of its cost that is trained
    /// as the networks were. With folds the same networks are trained for each, and all images are judged by networks that were
    /// not trained on them. None if nothing can be judged.
    pub fn assess(
        &self,
        stage: &TrainStage<'_>,
        dataset: &Dataset,
    ) -> Result<Option<(Assessment, Answered)>, RunError> {
        let stop = self.options.stop;
        let task = Task::classify(stage.recipe.image, stage.data.classes());
        let (resnet, width) =
            resnet8_near(&task, self.network.macs()).map_err(|error| RunError::Refused(error.to_string()))?;
        let networks = [(self.name.clone(), self.network), (format!("resnet8-{width}"), &resnet)];
        let answers = match self.folds {
            0 | 1 => vec![answers(stage, &networks, Some(self.parameters), "", stop)?],
            folds => {
                let dir = &stage.dir;
                let (space, recipe, seed) = (stage.space, stage.recipe, stage.seed);
                let data = |fold| {
                    let seed = derive(stage.seed, "split");
                    TrainingData::new(&dataset.fold(folds, fold, seed)?, stage.recipe, seed, stage.data.device())
                };
                let data: Vec<TrainingData> = (0..folds).map(data).collect::<Result<_, _>>()?;
                let of = |(fold, data): (usize, &TrainingData)| {
                    let stage = TrainStage { space, recipe, data, seed, dir: dir.clone(), short: Vec::new() };
                    answers(&stage, &networks, None, &format!("fold{}of{folds}-", fold + 1), stop)
                };
                let pool = thread_pool(self.options.threads)?;
                pool.install(|| data.par_iter().enumerate().map(of).collect::<Result<Vec<_>, _>>())?
            }
        };
        let labels: Vec<usize> = answers.iter().flat_map(|a| a.labels.iter().copied()).collect();
        let joined = |of: &dyn Fn(&Answers) -> Option<&Array2<f32>>| {
            let parts: Vec<_> = answers.iter().map(|a| Some(of(a)?.view())).collect::<Option<_>>()?;
            ndarray::concatenate(Axis(0), &parts).ok()
        };
        let Some(winner) = joined(&|a| Some(&a.winner)) else { return Ok(None) };
        let Some(test) = classification(&labels, winner.view()) else { return Ok(None) };
        let won = right(&labels, &winner);
        let mut baselines = Vec::new();
        if let Some(values) = joined(&|a| a.resnet.as_ref()) {
            let measured = self.limit.map(|limit| limit.measure(&resnet, stop)).transpose()?;
            let name = format!("a ResNet-8 with {width} channels");
            baselines.extend(baseline(name, &labels, &values, &won).map(|b| Baseline {
                params: Some(resnet.params()),
                macs: Some(resnet.macs()),
                latency_ms: measured.map(|m| m.quiet_ms),
                ..b
            }));
        }
        for (name, values) in [(RIDGE, joined(&|a| a.ridge.as_ref())), (MAJORITY, joined(&|a| a.majority.as_ref()))] {
            baselines.extend(values.and_then(|values| baseline(name.into(), &labels, &values, &won)));
        }
        let class_names = stage.data.class_names().to_vec();
        let images = answers.iter().flat_map(|a| a.images.iter().copied()).collect();
        let assessment = Assessment { class_names, folds: self.folds, test, baselines };
        Ok(Some((assessment, Answered { images, labels, probabilities: winner })))
    }
}

/// What is answered to the test images of a split, by the winner and the network it is compared with, each with its name;
/// without `parameters` the winner is trained on it too.
fn answers(
    stage: &TrainStage<'_>,
    [winner, resnet]: &[(String, &Network); 2],
    parameters: Option<&Parameters>,
    prefix: &str,
    stop: &AtomicBool,
) -> Result<Answers, RunError> {
    let data = stage.data;
    let train = |(name, network): &(String, &Network)| {
        let (training, trained) = stage.train_other(&format!("{prefix}{name}"), network, stop)?;
        let trained = trained.filter(|_| !training.diverged());
        trained.map(|parameters| Ok::<_, RunError>(test_probabilities(network, &parameters, data)?)).transpose()
    };
    let labels = data.test_labels()?;
    let shape = (labels.len(), data.classes());
    let named = |class| Array2::from_shape_fn(shape, |(_, c)| f32::from(u8::from(c == class)));
    Ok(Answers {
        winner: match parameters {
            Some(parameters) => test_probabilities(winner.1, parameters, data)?,
            // Where it diverges it names nothing.
            None => train(winner)?.unwrap_or_else(|| Array2::zeros(shape)),
        },
        resnet: train(resnet)?,
        ridge: ridge_on_pixels(data)?.map(|ridge| ridge.test_values),
        majority: data.census().majority().map(|(class, _)| named(class)),
        images: data.tested().to_vec(),
        labels,
    })
}

/// Something that needs no search next to the winner, which got these right.
fn baseline(name: String, labels: &[usize], values: &Array2<f32>, won: &[bool]) -> Option<Baseline> {
    let judged = classification(labels, values.view())?;
    let paired = paired_accuracy(won, &right(labels, values))?;
    Some(Baseline {
        name,
        params: None,
        macs: None,
        latency_ms: None,
        accuracy_pct: judged.accuracy_pct,
        balanced_accuracy_pct: judged.balanced_accuracy_pct,
        difference_pct: (paired.difference, paired.interval),
        p_value: paired.p_value,
    })
}

fn right(labels: &[usize], values: &Array2<f32>) -> Vec<bool> {
    named_classes(values.view()).iter().zip(labels).map(|(named, label)| named == label).collect()
}
