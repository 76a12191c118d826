//! A network that is being trained: its parameters and their gradient as two flat vectors.

use tch::{Device, Kind, TchError, Tensor};

use super::loss::Loss;
use super::norm::NormTensors;
use super::parameters::{ParameterCounts, Parameters};
use super::plan::Plan;
use super::tape::{Tape, Wanted};
use super::tensors;
use crate::network::Network;

/// The kind of number that activations are computed in. Parameters, their gradients and the optimiser are always float32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32 bits.
    #[default]
    Float32,
    /// 16 bits with the exponent of float32, so that no loss needs scaling: mixed precision.
    Bfloat16,
}

/// A network, its parameters, and the gradient of the last batch.
///
/// One vector holds all parameters and one their gradient ([`Parameters::view`]): an optimiser is a few operations on
/// whole vectors, and a checkpoint is a copy of them. On a CPU in float32 the gradient comes from the tape, whose loops are
/// faster than autograd on small networks; elsewhere from autograd.
pub struct Trainable<'n> {
    network: &'n Network,
    plan: Plan<'n>,
    counts: ParameterCounts,
    values: Tensor,
    gradient: Tensor,
    parameters: Parameters,
    gradients: Parameters,
    precision: Precision,
}

impl<'n> Trainable<'n> {
    /// An untrained network, with the weights of `seed` ([`Parameters::init`]).
    pub fn new(network: &'n Network, seed: u64, device: Device, precision: Precision) -> Result<Self, TchError> {
        let counts = ParameterCounts::of(network);
        let zeros = || Tensor::f_zeros([counts.total() as i64], (Kind::Float, device));
        let (values, gradient) = (zeros()?, zeros()?);
        let parameters = Parameters::view(network, &values)?;
        parameters.copy_from(&Parameters::init(network, seed, device)?)?;
        let gradients = Parameters::view(network, &gradient)?;
        let plan = Plan::trained(network);
        Ok(Trainable { network, plan, counts, values, gradient, parameters, gradients, precision })
    }

    /// How many values there are of each sort.
    pub fn counts(&self) -> ParameterCounts {
        self.counts
    }

    /// All parameters ([`Parameters::view`]); writing to it changes the network.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// The gradient of the last batch, in the same order; zero for statistics.
    pub fn gradient(&self) -> &Tensor {
        &self.gradient
    }

    /// The parameters by node.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The mean loss of the images (n, channels, height, width) against labels softened by `smoothing`, whose gradient it
    /// computes: for classes cross-entropy, with an expected probability of `1 - smoothing` for the label plus
    /// `smoothing / classes` for every class, and a mean weighted by the `weights` of the labels' classes, if there are any.
    /// Moves the running statistics.
    pub fn loss(
        &mut self,
        images: &Tensor,
        labels: &Tensor,
        smoothing: f64,
        weights: Option<&Tensor>,
    ) -> Result<f64, TchError> {
        let loss = Loss::new(self.network.target(), labels, smoothing).weighted(weights);
        if !(tensors::is_host(images) && self.precision == Precision::Float32) {
            return self.loss_by_autograd(images, loss);
        }
        let _no_grad = tch::no_grad_guard();
        let tape = Tape::trained(&self.plan, &self.parameters, images, true)?;
        let logits = tape.logits(0)?;
        let (value, top) = (loss.mean(&logits)?.f_double_value(&[])?, loss.gradient(&logits)?);
        let wanted = Wanted { images: false, weights: true, affine: true };
        let gradients = tape.backward(0, &top, wanted, &mut |_, _| Ok(()))?;
        drop(tape);
        let _ = self.gradient.f_zero_()?;
        for (layer, (weight, bias)) in
            self.gradients.layers.layers().zip(gradients.weights.iter().zip(&gradients.biases))
        {
            if let Some(g) = weight {
                layer.weight.shallow_clone().f_copy_(g)?;
            }
            if let (Some(to), Some(g)) = (&layer.bias, bias) {
                to.shallow_clone().f_copy_(g)?;
            }
        }
        for (node, scale, shift) in &gradients.norms {
            if let Some(norm) = &self.gradients.norms[*node] {
                norm.scale.shallow_clone().f_copy_(&Tensor::f_from_slice(scale)?)?;
                norm.shift.shallow_clone().f_copy_(&Tensor::f_from_slice(shift)?)?;
            }
        }
        for (node, found) in &gradients.vectors {
            if let Some(to) = self.gradients.layers.vectors(*node) {
                for (to, g) in [(&to.scale, &found.scale), (&to.shift, &found.shift)] {
                    if let (Some(to), Some(g)) = (to, g) {
                        to.shallow_clone().f_copy_(g)?;
                    }
                }
            }
        }
        Ok(value)
    }

    fn loss_by_autograd(&mut self, images: &Tensor, loss: Loss<'_>) -> Result<f64, TchError> {
        let leaves = detached(&self.parameters)?;
        let (loss, gradients) = tch::with_grad(|| {
            let logits = match self.precision {
                Precision::Float32 => leaves.forward(self.network, images, true)?,
                Precision::Bfloat16 => {
                    let norms = leaves.norms.iter().map(|n| n.as_ref().map(NormTensors::share)).collect();
                    let narrow = |t: &Tensor| t.f_to_kind(Kind::BFloat16);
                    let layers = leaves.layers.map(|l| l.map(narrow), narrow)?;
                    let narrow = Parameters { layers, norms };
                    let images = images.f_to_kind(Kind::BFloat16)?;
                    narrow.forward(self.network, &images, true)?.f_to_kind(Kind::Float)?
                }
            };
            let loss = loss.mean(&logits)?;
            let inputs: Vec<&Tensor> = leaves.learned().collect();
            let gradients = Tensor::f_run_backward(&[&loss], &inputs, false, false)?;
            Ok::<_, TchError>((loss, gradients))
        })?;
        for (to, g) in self.gradients.learned().zip(&gradients) {
            if g.defined() {
                to.shallow_clone().f_copy_(g)?;
            } else {
                let _ = to.shallow_clone().f_zero_()?;
            }
        }
        loss.f_double_value(&[])
    }

    /// How many of the images get the label's logit highest. In float32, by the running statistics.
    pub fn correct(&self, images: &Tensor, labels: &Tensor) -> Result<i64, TchError> {
        let predicted = self.parameters.logits(self.network, images)?.f_argmax(1, false)?;
        predicted.f_eq_tensor(labels)?.f_sum(Kind::Int64)?.f_int64_value(&[])
    }
}

/// The same parameters as leaves of a new graph; the running statistics are shared.
fn detached(parameters: &Parameters) -> Result<Parameters, TchError> {
    let leaf = |t: &Tensor| Ok::<_, TchError>(t.f_detach()?.set_requires_grad(true));
    let norm = |n: &NormTensors| Ok(NormTensors { scale: leaf(&n.scale)?, shift: leaf(&n.shift)?, ..n.share() });
    let norms = parameters.norms.iter().map(|n| n.as_ref().map(norm).transpose());
    Ok(Parameters {
        layers: parameters.layers.map(|l| l.map(leaf), leaf)?,
        norms: norms.collect::<Result<_, TchError>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Shape;
    use crate::seed::Stream;
    use crate::space::{self, Task};

    fn images(n: i64, shape: Shape, stream: &mut Stream) -> Tensor {
        let values: Vec<f32> = (0..n as usize * shape.len()).map(|_| stream.normal() as f32).collect();
        let size = [n, shape.channels as i64, shape.height as i64, shape.width as i64];
        super::super::channels_last(&Tensor::from_slice(&values).reshape(size)).unwrap()
    }

    /// The tape against libtorch's autograd, on every space: loss, gradient, running statistics and logits.
    #[test]
    fn the_tape_gives_the_gradients_of_autograd() {
        let mut stream = Stream::named(2, "trainable");
        for entry in &space::SPACES {
            // Shallow where the space allows: rounding grows with depth.
            let shallow = space::open(&format!("{}:channels=8,cells=1", entry.name));
            let space = shallow.or_else(|_| space::open(entry.name)).unwrap();
            let task = Task::classify(Shape::new(3, 16, 16), 10);
            let drawn = std::iter::from_fn(|| Some(space.build(&space.sample(&mut stream), &task).unwrap().live()));
            let network = drawn.flatten().next().unwrap();
            let x = images(5, task.input, &mut stream);
            let labels = Tensor::from_slice(&[1i64, 0, 9, 3, 3]);
            let make = || {
                let trainable = Trainable::new(&network, 4, Device::Cpu, Precision::Float32).unwrap();
                // Away from scale 1 and shift 0.
                let mut noise = Stream::named(1, "norms");
                for norm in trainable.parameters.norms.iter().flatten() {
                    for t in [&norm.scale, &norm.shift] {
                        let values: Vec<f32> = (0..t.numel()).map(|_| 0.5 + noise.uniform_f32()).collect();
                        t.shallow_clone().copy_(&Tensor::from_slice(&values));
                    }
                }
                trainable
            };
            let (mut tape, mut graph) = (make(), make());
            let by_tape = tape.loss(&x, &labels, 0.1, None).unwrap();
            let by_graph = graph.loss_by_autograd(&x, Loss::new(network.target(), &labels, 0.1)).unwrap();
            let close = |a: &Tensor, b: &Tensor, tolerance: f64, what: &str| {
                let difference = ((a - b).norm() / b.norm()).double_value(&[]);
                assert!(difference < tolerance, "{what} of {}: {difference}", entry.name);
            };
            assert!((by_tape - by_graph).abs() < 1e-4, "{}: {by_tape} {by_graph}", entry.name);
            close(&tape.gradient, &graph.gradient, 2e-3, "gradient");
            close(&tape.values, &graph.values, 1e-4, "statistics");
            let tested = images(3, task.input, &mut stream);
            let slow = tape.parameters.forward(&network, &tested, false).unwrap();
            close(&tape.parameters.logits(&network, &tested).unwrap(), &slow, 1e-3, "logits");
        }
    }

    #[test]
    fn bfloat16_is_close_to_float32() {
        let space = space::open("nas-bench-201:channels=8,cells=1").unwrap();
        let task = Task::classify(Shape::new(1, 8, 8), 3);
        let network = space.build(&space.parse(space.entry().example).unwrap(), &task).unwrap().live().unwrap();
        let (x, labels) =
            (images(8, task.input, &mut Stream::new(3)), Tensor::from_slice(&[0i64, 1, 2, 0, 1, 2, 0, 1]));
        let loss = |precision| {
            let mut trainable = Trainable::new(&network, 4, Device::Cpu, precision).unwrap();
            (trainable.loss(&x, &labels, 0.0, None).unwrap(), trainable.gradient)
        };
        let ((wide, a), (narrow, b)) = (loss(Precision::Float32), loss(Precision::Bfloat16));
        assert!(wide != narrow && (wide - narrow).abs() < 0.02, "{wide} {narrow}");
        let cosine = (a.dot(&b) / (a.norm() * b.norm())).double_value(&[]);
        assert!(cosine > 0.95, "{cosine}");
    }
}
