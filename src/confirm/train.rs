//! Training of one network.

use std::f64::consts::PI;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use tch::nn::{self, OptimizerConfig, VarStore};
use tch::{Device, Kind, TchError, Tensor};

use super::Recipe;
use crate::data::{Splits, split};
use crate::engine::{DeviceBatch, EngineError, LayerTensors, Norm, Weights, forward};
use crate::network::{Network, NodeId, Op};
use crate::seed::{Stream, derive};

/// Group of the parameters that weight decay acts on, and of those that it does not.
const DECAYED: usize = 0;
const NOT_DECAYED: usize = 1;
/// Images evaluated at once.
const EVAL_BATCH: i64 = 256;
/// Momentum of the running statistics and epsilon of batch normalisation, PyTorch's defaults.
const BN_MOMENTUM: f64 = 0.1;
const BN_EPS: f64 = 1e-5;

/// The three parts of a data set on a device.
pub struct TrainingData {
    train: DeviceBatch,
    valid: DeviceBatch,
    test: DeviceBatch,
    classes: usize,
}

impl TrainingData {
    /// Splits the data set as the recipe says and copies it to the device. The split depends on `seed` only.
    pub fn new(
        dataset: &crate::data::Dataset,
        recipe: &Recipe,
        seed: u64,
        device: Device,
    ) -> Result<Self, TrainingDataError> {
        let Splits { train, valid, test } = split(dataset, recipe.image, recipe.split, recipe.limit, seed)?;
        let copy = |b: &crate::data::Batch| DeviceBatch::new(&b.images, &b.labels, device);
        Ok(TrainingData { classes: train.classes, train: copy(&train)?, valid: copy(&valid)?, test: copy(&test)? })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of images for training, validation and test.
    pub fn sizes(&self) -> [usize; 3] {
        [self.train.len(), self.valid.len(), self.test.len()]
    }
}

/// Why training data cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingDataError {
    /// The data set refuses.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// The device refuses.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// How a network stood after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean cross-entropy over the epoch's steps; None if it was not finite.
    pub train_loss: Option<f64>,
    /// Accuracy on the validation images, percent.
    pub valid_accuracy_pct: f64,
    /// Accuracy on the test images, percent.
    pub test_accuracy_pct: f64,
}

/// A finished training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// One record per epoch; training ends early if the loss is not finite.
    pub curve: Vec<EpochRecord>,
    /// Seconds of training and evaluation.
    pub seconds: f64,
}

impl Training {
    /// The last epoch.
    pub fn last(&self) -> Option<&EpochRecord> {
        self.curve.last()
    }

    /// True if the loss stopped being finite.
    pub fn diverged(&self) -> bool {
        self.curve.last().is_none_or(|e| e.train_loss.is_none())
    }
}

/// Scale, shift and running statistics of one batch normalisation.
struct NormTensors {
    scale: Tensor,
    shift: Tensor,
    mean: Tensor,
    var: Tensor,
}

struct Model<'a> {
    network: &'a Network,
    weights: Weights,
    norms: Vec<Option<NormTensors>>,
}

impl<'a> Model<'a> {
    fn new(network: &'a Network, seed: u64, vars: &VarStore) -> Result<Self, TchError> {
        let (decayed, fixed) = (vars.root().set_group(DECAYED), vars.root().set_group(NOT_DECAYED));
        let initial = Weights::init(network, seed, vars.device(), None)?;
        let mut weights = Vec::new();
        for (id, layer) in initial.0.into_iter().enumerate() {
            weights.push(layer.map(|l| LayerTensors {
                weight: decayed.add(&format!("{id}-weight"), l.weight, true),
                bias: l.bias.map(|b| fixed.add(&format!("{id}-bias"), b, true)),
            }));
        }
        let mut norms = Vec::new();
        for (id, node) in network.nodes().iter().enumerate() {
            norms.push(if node.op == Op::BatchNorm {
                let (c, options) = ([node.shape.channels as i64], (Kind::Float, vars.device()));
                let (ones, zeros) = (|| Tensor::f_ones(c, options), || Tensor::f_zeros(c, options));
                Some(NormTensors {
                    scale: fixed.add(&format!("{id}-scale"), ones()?, true),
                    shift: fixed.add(&format!("{id}-shift"), zeros()?, true),
                    mean: fixed.add(&format!("{id}-mean"), zeros()?, false),
                    var: fixed.add(&format!("{id}-var"), ones()?, false),
                })
            } else {
                None
            });
        }
        Ok(Model { network, weights: Weights(weights), norms })
    }

    /// Batch statistics, which update the running ones, in training; running statistics otherwise.
    fn forward(&self, x: &Tensor, training: bool) -> Result<Tensor, TchError> {
        let mut norm = |id: NodeId, x: &Tensor| {
            let n = self.norms[id].as_ref();
            x.f_batch_norm(
                n.map(|n| &n.scale),
                n.map(|n| &n.shift),
                n.map(|n| &n.mean),
                n.map(|n| &n.var),
                training,
                BN_MOMENTUM,
                BN_EPS,
                false,
            )
        };
        forward(self.network, &self.weights, x, &mut Norm::With(&mut norm), &mut |_, _, _| Ok(()))
    }

    fn accuracy_pct(&self, data: &DeviceBatch) -> Result<f64, TchError> {
        let _guard = tch::no_grad_guard();
        let n = data.len() as i64;
        let mut correct = 0;
        let mut start = 0;
        while start < n {
            let length = EVAL_BATCH.min(n - start);
            let predicted = self.forward(&data.images().f_narrow(0, start, length)?, false)?.f_argmax(1, false)?;
            correct +=
                predicted.f_eq_tensor(&data.labels().f_narrow(0, start, length)?)?.f_sum(Kind::Int64)?.int64_value(&[]);
            start += length;
        }
        Ok(if n == 0 { f64::NAN } else { 100.0 * correct as f64 / n as f64 })
    }
}

/// Trains `network` from the initial weights of `seed`; the same seed gives the same curve on a CPU, whatever else runs.
/// None if `stop` was set meanwhile.
pub fn train(
    network: &Network,
    data: &TrainingData,
    recipe: &Recipe,
    seed: u64,
    stop: &AtomicBool,
) -> Result<Option<Training>, EngineError> {
    let start = Instant::now();
    let vars = VarStore::new(data.train.images().device());
    let model = Model::new(network, derive(seed, "weights"), &vars)?;
    let mut optimizer =
        nn::sgd(recipe.momentum, 0.0, recipe.weight_decay, recipe.momentum > 0.0).build(&vars, recipe.learning_rate)?;
    optimizer.set_weight_decay_group(NOT_DECAYED, 0.0);
    let n = data.train.len();
    // A last batch of a single image has no batch statistics.
    let starts: Vec<usize> = (0..n).step_by(recipe.batch_size).filter(|s| n - s > 1).collect();
    let steps = (starts.len() * recipe.epochs) as f64;
    let mut curve = Vec::new();
    for epoch in 0..recipe.epochs {
        let mut order: Vec<i64> = (0..n as i64).collect();
        Stream::named(seed, &format!("epoch.{epoch}")).shuffle(&mut order);
        let mut losses = 0.0;
        for (step, &first) in starts.iter().enumerate() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let progress = (epoch * starts.len() + step) as f64 / steps;
            optimizer.set_lr(recipe.learning_rate * (1.0 + (PI * progress).cos()) / 2.0);
            let picked = Tensor::f_from_slice(&order[first..n.min(first + recipe.batch_size)])?;
            let picked = picked.f_to(vars.device())?;
            let logits = model.forward(&data.train.images().f_index_select(0, &picked)?, true)?;
            let labels = data.train.labels().f_index_select(0, &picked)?;
            let loss = logits.f_cross_entropy_loss(&labels, None::<&Tensor>, tch::Reduction::Mean, -100, 0.0)?;
            losses += loss.double_value(&[]);
            optimizer.backward_step(&loss);
        }
        let mean = losses / starts.len().max(1) as f64;
        curve.push(EpochRecord {
            epoch: epoch + 1,
            train_loss: mean.is_finite().then_some(mean),
            valid_accuracy_pct: model.accuracy_pct(&data.valid)?,
            test_accuracy_pct: model.accuracy_pct(&data.test)?,
        });
        if !mean.is_finite() {
            break;
        }
    }
    Ok(Some(Training { curve, seconds: start.elapsed().as_secs_f64() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{DataSpec, open};
    use crate::network::Shape;
    use crate::space::{self, Skeleton, Task};

    #[test]
    fn learns_the_digits_and_repeats_itself() {
        crate::engine::prepare_process();
        let recipe = Recipe { image: Shape::new(1, 8, 8), epochs: 3, ..Recipe::default() };
        let source = open(&DataSpec::Digits).unwrap();
        let data = TrainingData::new(source.dataset().unwrap(), &recipe, 0, Device::Cpu).unwrap();
        let space = space::open("nas-bench-201", &Skeleton { init_channels: Some(4), cells: Some(1) }).unwrap();
        let arch = space.parse(space.entry().example).unwrap();
        let task = Task { input: Shape::new(1, 8, 8), classes: data.classes() };
        let network = space.build(&arch, &task).unwrap();
        let go = AtomicBool::new(false);
        let first = train(&network, &data, &recipe, 5, &go).unwrap().unwrap();
        let second = train(&network, &data, &recipe, 5, &go).unwrap().unwrap();
        assert_eq!(first.curve, second.curve);
        assert_eq!(first.curve.len(), 3);
        assert!(first.last().unwrap().test_accuracy_pct > 85.0, "{first:?}");
        assert!(train(&network, &data, &recipe, 5, &AtomicBool::new(true)).unwrap().is_none());
        let hopeless = Recipe { learning_rate: 1e30, ..recipe };
        assert!(train(&network, &data, &hopeless, 5, &go).unwrap().unwrap().diverged());
    }
}
