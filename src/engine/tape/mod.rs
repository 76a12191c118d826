//! The train-mode forward of a population of networks, recorded so that gradients can be pushed back through each.
//!
//! Reverse mode is written out here instead of left to autograd: the operations of [`Op`] are few, their gradients are
//! short, and so normalisation, sums and ReLU run fused ([`tensors`](super::tensors)), nothing is stored that no gradient
//! reads, and several gradients share one forward. An operation without a rule of its own is run by libtorch and differentiated
//! by autograd, alone ([`rest`]): so any network runs, and one of these operations as it would without the others.

mod backward;
mod rest;

use tch::Tensor;

use super::CodeKernel;
use super::apply::{apply, as_map};
use super::moments::Moments;
use super::norm::{BN_EPS, NormTensors};
use super::parameters::Parameters;
use super::plan::{Plan, PlanId};
use super::tensors::{self, Parts};
use super::weights::{Learned, Weights};
use crate::network::Op;

pub(super) use backward::Wanted;

/// What a forward keeps.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keep {
    /// What gradients need.
    pub tape: bool,
    /// The outputs of the layers.
    pub layer_outputs: bool,
    /// The ReLU codes.
    pub codes: bool,
}

/// How batch normalisations normalise.
#[derive(Clone, Copy, Debug)]
pub(super) enum Norms<'p> {
    /// By the statistics of the batch, scale 1 and shift 0: an untrained network.
    Untrained,
    /// By the statistics of the batch with learned scales and shifts, by node of the plan's only network. In loops only.
    Batch(&'p [Option<NormTensors>]),
    /// By the running statistics, likewise.
    Running(&'p [Option<NormTensors>]),
}

/// What sees the id and the first image of every output but those of wiring ([`Op::is_wiring`]).
pub(super) type FirstImage<'a> = dyn FnMut(PlanId, &Tensor) -> Result<(), tch::TchError> + 'a;

/// A node's value.
enum Value {
    Plain(Tensor),
    /// The normalisation of this tensor by the node's moments, to be computed where it is summed.
    Normalised(Tensor),
}

/// A forward, and what was kept of it.
pub(super) struct Tape<'p> {
    plan: &'p Plan<'p>,
    weights: &'p [Weights],
    keep: Keep,
    norms: Norms<'p>,
    /// Whether every step runs as one libtorch call over all its nodes; otherwise, on a CPU, in the loops of naslens.
    stacked: bool,
    values: Vec<Option<Value>>,
    moments: Vec<Option<Moments>>,
    codes: Vec<Option<CodeKernel>>,
    /// Seconds of comparing codes.
    pub code_seconds: f64,
}

impl<'p> Tape<'p> {
    /// Runs the plan on the images. `weights` has one entry per network of the plan.
    pub fn forward(
        plan: &'p Plan<'p>,
        weights: &'p [Weights],
        images: &Tensor,
        keep: Keep,
        first_image: Option<&mut FirstImage<'_>>,
    ) -> Result<Self, tch::TchError> {
        Self::forward_as(plan, weights, Norms::Untrained, images, keep, first_image, !tensors::is_host(images))
    }

    /// Runs the plan of one network with trained parameters on images on a CPU. With `training`, by the statistics of the
    /// batch, which move the running ones; by the running statistics otherwise.
    pub fn trained(
        plan: &'p Plan<'p>,
        parameters: &'p Parameters,
        images: &Tensor,
        training: bool,
    ) -> Result<Self, tch::TchError> {
        let norms = if training { Norms::Batch(&parameters.norms) } else { Norms::Running(&parameters.norms) };
        let keep = Keep { tape: training, ..Keep::default() };
        Self::forward_as(plan, std::slice::from_ref(&parameters.layers), norms, images, keep, None, false)
    }

    /// The same, with the choice of how steps run.
    pub fn forward_as(
        plan: &'p Plan<'p>,
        weights: &'p [Weights],
        norms: Norms<'p>,
        images: &Tensor,
        keep: Keep,
        mut first_image: Option<&mut FirstImage<'_>>,
        stacked: bool,
    ) -> Result<Self, tch::TchError> {
        let _no_grad = tch::no_grad_guard();
        let nodes = plan.nodes.len();
        let mut tape = Tape {
            plan,
            weights,
            keep,
            norms,
            stacked,
            values: (0..nodes).map(|_| None).collect(),
            moments: (0..nodes).map(|_| None).collect(),
            codes: (0..nodes).map(|_| None).collect(),
            code_seconds: 0.0,
        };
        let mut remaining: Vec<usize> = plan.nodes.iter().map(|n| n.consumers.len() + n.outputs).collect();
        for step in &plan.steps {
            if stacked {
                tape.run_stacked(step, images)?;
            } else {
                step.iter().try_for_each(|&id| tape.run(id, images))?;
            }
            for &id in step {
                if let Some(seen) = &mut first_image
                    && !plan.nodes[id].op.is_wiring()
                {
                    seen(id, &tape.first_image(id)?)?;
                }
                for &i in &plan.nodes[id].inputs {
                    remaining[i] -= 1;
                    if remaining[i] == 0 && !tape.is_kept(i) {
                        tape.values[i] = None;
                    }
                }
            }
        }
        Ok(tape)
    }

    /// The logits of a network (samples x classes).
    pub fn logits(&self, network: usize) -> Result<Tensor, tch::TchError> {
        self.plain(self.plan.of[network][self.plan.networks[network].output()])?.f_flatten(1, -1)
    }

    /// The agreement of the codes of a network's ReLUs, if codes were kept.
    pub fn code_kernel(&self, network: usize, samples: usize) -> CodeKernel {
        let mut kernel = CodeKernel::new(samples);
        self.plan.relus(network).filter_map(|id| self.codes[id].as_ref()).for_each(|k| kernel.merge(k));
        kernel
    }

    /// The output of a node that was kept.
    pub fn plain(&self, id: PlanId) -> Result<&Tensor, tch::TchError> {
        match &self.values[id] {
            Some(Value::Plain(value)) => Ok(value),
            _ => Err(tch::TchError::Torch(format!("the value of node {id} was not kept"))),
        }
    }

    fn learned(&self, id: PlanId) -> Learned<'p> {
        let (network, node) = self.plan.nodes[id].owner;
        self.weights[network].learned(node)
    }

    /// Whether a gradient will read the value.
    fn is_kept(&self, id: PlanId) -> bool {
        let is_layer = matches!(self.plan.nodes[id].op, Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::Linear { .. });
        self.keep.tape && self.plan.is_read_back(id) || self.keep.layer_outputs && is_layer
    }

    /// Computes one node in the loops of naslens.
    fn run(&mut self, id: PlanId, images: &Tensor) -> Result<(), tch::TchError> {
        let node = &self.plan.nodes[id];
        let input = node.inputs.first().copied();
        match (node.op, input) {
            (_, None) => self.values[id] = Some(Value::Plain(tensors::dense(images.shallow_clone())?)),
            (Op::BatchNorm, Some(i)) => {
                let y = self.plain(i)?.shallow_clone();
                self.moments[id] = Some(self.moments_of(id, &y)?);
                let summed = |&c: &PlanId| self.plan.nodes[c].op == Op::Add;
                if node.outputs == 0 && node.consumers.iter().all(summed) {
                    self.values[id] = Some(Value::Normalised(y));
                } else {
                    self.emit(id, &[(y, Some(id))])?;
                }
            }
            (Op::Add, _) => {
                let term = |&i: &PlanId| match &self.values[i] {
                    Some(Value::Normalised(y)) => Ok((y.shallow_clone(), Some(i))),
                    _ => Ok((self.plain(i)?.shallow_clone(), None)),
                };
                let terms: Vec<_> = node.inputs.iter().map(term).collect::<Result<_, tch::TchError>>()?;
                self.emit(id, &terms)?;
            }
            (Op::Relu, Some(i)) => {
                // Computed with its input already, if the input is a sum or a normalisation.
                if self.values[id].is_none() {
                    let x = self.plain(i)?.shallow_clone();
                    self.emit_parts(None, Some(id), &[(x, None)])?;
                }
            }
            (Op::AvgPool(pool), Some(i)) if pool.square().is_some() => {
                self.values[id] = Some(Value::Plain(tensors::avg_pool(self.plain(i)?, pool)?));
            }
            _ => {
                let inputs: Vec<&Tensor> = node.inputs.iter().map(|&i| self.plain(i)).collect::<Result<_, _>>()?;
                self.values[id] =
                    Some(Value::Plain(tensors::dense(as_map(&apply(&node.op, &inputs, self.learned(id))?)?)?));
            }
        }
        Ok(())
    }

    /// What the normalisation of `y` multiplies with and adds.
    fn moments_of(&self, id: PlanId, y: &Tensor) -> Result<Moments, tch::TchError> {
        let node = self.plan.nodes[id].owner.1;
        let own = |norms: &'p [Option<NormTensors>]| {
            norms[node]
                .as_ref()
                .ok_or_else(|| tch::TchError::Torch(format!("node {node} is not a batch normalisation")))
        };
        match self.norms {
            Norms::Untrained => Ok(Moments::of(y)),
            Norms::Running(norms) => Ok(Moments::running(own(norms)?)),
            Norms::Batch(norms) => {
                let norm = own(norms)?;
                let moments = Moments::trained(y, norm);
                moments.update_running(norm, y.numel() / (y.size()[1] as usize).max(1))?;
                Ok(moments)
            }
        }
    }

    /// Computes a sum or a normalisation, and the ReLU that reads it.
    fn emit(&mut self, id: PlanId, terms: &[(Tensor, Option<PlanId>)]) -> Result<(), tch::TchError> {
        let node = &self.plan.nodes[id];
        let is_relu = |c: PlanId| self.plan.nodes[c].op == Op::Relu;
        // Equal operations on one input are one node, so there is one ReLU at most.
        let relu = node.consumers.iter().copied().find(|&c| is_relu(c));
        let read = node.outputs > 0 || node.consumers.iter().any(|&c| !is_relu(c));
        self.emit_parts(read.then_some(id), relu, terms)
    }

    fn emit_parts(
        &mut self,
        sum: Option<PlanId>,
        relu: Option<PlanId>,
        terms: &[(Tensor, Option<PlanId>)],
    ) -> Result<(), tch::TchError> {
        let parts = Parts { sum: sum.is_some(), relu: relu.is_some(), bits: relu.is_some() && self.keep.codes };
        let terms: Vec<_> =
            terms.iter().map(|(x, m)| (x, m.and_then(|id| self.moments[id].as_ref()).map(|m| &m.affine))).collect();
        let combined = tensors::combine(&terms, parts)?;
        if let (Some(id), Some(value)) = (sum, combined.sum) {
            self.values[id] = Some(Value::Plain(value));
        }
        if let (Some(id), Some(value)) = (relu, combined.relu) {
            if let Some(bits) = combined.bits {
                let start = std::time::Instant::now();
                let n = value.size()[0] as usize;
                self.codes[id] = Some(CodeKernel::of_bits(&bits, n, value.numel() / n.max(1)));
                self.code_seconds += start.elapsed().as_secs_f64();
            }
            self.values[id] = Some(Value::Plain(value));
        }
        Ok(())
    }

    fn relu(&mut self, id: PlanId, x: &Tensor) -> Result<(), tch::TchError> {
        if self.keep.codes {
            let start = std::time::Instant::now();
            let mut kernel = CodeKernel::new(x.size()[0] as usize);
            kernel.add(x)?;
            self.codes[id] = Some(kernel);
            self.code_seconds += start.elapsed().as_secs_f64();
        }
        self.values[id] = Some(Value::Plain(x.f_relu()?));
        Ok(())
    }

    /// Computes all nodes of a step at once: their inputs side by side in the batch dimension.
    fn run_stacked(&mut self, step: &[PlanId], images: &Tensor) -> Result<(), tch::TchError> {
        let Some(&head) = step.first() else {
            return Ok(());
        };
        let node = &self.plan.nodes[head];
        if node.inputs.is_empty() {
            step.iter().for_each(|&id| self.values[id] = Some(Value::Plain(images.shallow_clone())));
            return Ok(());
        }
        let samples = images.size()[0];
        let arity = node.inputs.len();
        let stack = |tape: &Self, which: usize| -> Result<Tensor, tch::TchError> {
            let parts: Vec<&Tensor> =
                step.iter().map(|&id| tape.plain(tape.plan.nodes[id].inputs[which])).collect::<Result<_, _>>()?;
            if let [only] = parts[..] { Ok(only.shallow_clone()) } else { Tensor::f_cat(&parts, 0) }
        };
        let inputs: Vec<Tensor> = (0..arity).map(|k| stack(self, k)).collect::<Result<_, _>>()?;
        let output = match node.op {
            Op::BatchNorm => normalise_each(&inputs[0], samples)?,
            op => as_map(&apply(&op, &inputs.iter().collect::<Vec<_>>(), self.learned(head))?)?,
        };
        for (k, &id) in step.iter().enumerate() {
            if node.op == Op::Relu && self.keep.codes {
                let z = inputs[0].f_narrow(0, k as i64 * samples, samples)?;
                self.relu(id, &z)?;
            }
            self.values[id] = Some(Value::Plain(output.f_narrow(0, k as i64 * samples, samples)?));
        }
        Ok(())
    }

    /// The output of a node for the first image.
    fn first_image(&self, id: PlanId) -> Result<Tensor, tch::TchError> {
        let normalised = |y: &Tensor, moments: &Moments| -> Result<Tensor, tch::TchError> {
            let first = tensors::dense(y.f_narrow(0, 0, 1)?)?;
            let parts = Parts { sum: true, relu: false, bits: false };
            let sum = tensors::combine(&[(&first, Some(&moments.affine))], parts)?.sum;
            sum.ok_or_else(|| tch::TchError::Torch("a sum was not computed".into()))
        };
        match (&self.values[id], &self.moments[id]) {
            (Some(Value::Plain(value)), _) => value.f_narrow(0, 0, 1),
            (Some(Value::Normalised(y)), Some(moments)) => normalised(y, moments),
            // Only its ReLU was computed.
            (None, Some(moments)) => normalised(self.plain(self.plan.nodes[id].inputs[0])?, moments),
            _ => Err(tch::TchError::Torch(format!("node {id} has no value"))),
        }
    }
}

/// Batch normalisation of each network's own `samples` images in a stack of them.
fn normalise_each(x: &Tensor, samples: i64) -> Result<Tensor, tch::TchError> {
    let s = x.size();
    let each = x.f_reshape([s[0] / samples.max(1), samples, s[1], s[2], s[3]])?;
    let dims = [1i64, 3, 4];
    let centred = each.f_sub(&each.f_mean_dim(dims.as_slice(), true, x.kind())?)?;
    let variance = centred.f_square()?.f_mean_dim(dims.as_slice(), true, x.kind())?;
    centred.f_mul(&variance.f_add_scalar(BN_EPS)?.f_rsqrt()?)?.f_reshape(s)
}

#[cfg(test)]
mod tests;
