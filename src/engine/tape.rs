//! The train-mode forward of a population of networks, recorded so that gradients can be pushed back through each.
//!
//! Reverse mode is written out here instead of left to autograd: the operations of [`Op`] are few, their gradients are
//! short, and so normalisation, sums and ReLU run fused ([`tensors`](super::tensors)), nothing is stored that no gradient
//! reads, and several gradients share one forward. An operation without a rule of its own falls back on autograd.

use tch::{Kind, Tensor};

use super::CodeKernel;
use super::forward::apply;
use super::plan::{Plan, PlanId};
use super::tensors::{self, BN_EPS, Moments, Parts};
use super::weights::{LayerTensors, Weights};
use crate::network::{Op, Pool};

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
    /// Whether every step runs as one libtorch call over all its nodes; otherwise, on a CPU, in the loops of naslens.
    stacked: bool,
    values: Vec<Option<Value>>,
    moments: Vec<Option<Moments>>,
    codes: Vec<Option<CodeKernel>>,
    /// Seconds of comparing codes.
    pub code_seconds: f64,
}

/// Gradients of one scalar through one network.
pub(super) struct Gradients {
    /// With respect to the images.
    pub images: Option<Tensor>,
    /// With respect to the weights, in the order of the network's layers; None for a layer that does not matter.
    pub weights: Vec<Option<Tensor>>,
}

/// Which gradients are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub images: bool,
    pub weights: bool,
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
        Self::forward_as(plan, weights, images, keep, first_image, !tensors::is_host(images))
    }

    /// The same, with the choice of how steps run.
    pub fn forward_as(
        plan: &'p Plan<'p>,
        weights: &'p [Weights],
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

    fn layer(&self, id: PlanId) -> Option<&'p LayerTensors> {
        let (network, node) = self.plan.nodes[id].owner;
        self.weights[network].get(node)
    }

    /// Whether a gradient will read the value.
    fn is_kept(&self, id: PlanId) -> bool {
        let node = &self.plan.nodes[id];
        let read = |op: &Op| !op.is_wiring() && !matches!(op, Op::Relu | Op::AvgPool(_) | Op::GlobalAvgPool);
        let is_layer = matches!(node.op, Op::Conv2d(_) | Op::Linear { .. });
        self.keep.tape && (node.op == Op::Relu || node.consumers.iter().any(|&c| read(&self.plan.nodes[c].op)))
            || self.keep.layer_outputs && is_layer
    }

    /// Computes one node in the loops of naslens.
    fn run(&mut self, id: PlanId, images: &Tensor) -> Result<(), tch::TchError> {
        let node = &self.plan.nodes[id];
        let input = node.inputs.first().copied();
        match (node.op, input) {
            (_, None) => self.values[id] = Some(Value::Plain(tensors::dense(images.shallow_clone())?)),
            (Op::BatchNorm, Some(i)) => {
                let y = self.plain(i)?.shallow_clone();
                self.moments[id] = Some(Moments::of(&y));
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
            (Op::AvgPool(pool), Some(i)) => {
                self.values[id] = Some(Value::Plain(tensors::avg_pool(self.plain(i)?, pool)?));
            }
            _ => {
                let inputs: Vec<&Tensor> = node.inputs.iter().map(|&i| self.plain(i)).collect::<Result<_, _>>()?;
                self.values[id] = Some(Value::Plain(tensors::dense(maps(apply(&node.op, &inputs, self.layer(id))?)?)?));
            }
        }
        Ok(())
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
        let terms: Vec<_> = terms.iter().map(|(x, m)| (x, m.and_then(|id| self.moments[id].as_ref()))).collect();
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
            op => maps(apply(&op, &inputs.iter().collect::<Vec<_>>(), self.layer(head))?)?,
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
            let sum = tensors::combine(&[(&first, Some(moments))], parts)?.sum;
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

    /// Pushes `gradient` (samples x classes), the gradient of a scalar with respect to the logits of a network, back
    /// through it. `on_layer` sees the node and the gradient of every layer's output.
    pub fn backward(
        &self,
        network: usize,
        gradient: &Tensor,
        wanted: Wanted,
        on_layer: &mut dyn FnMut(PlanId, &Tensor) -> Result<(), tch::TchError>,
    ) -> Result<Gradients, tch::TchError> {
        let _no_grad = tch::no_grad_guard();
        let net = self.plan.networks[network];
        let mut ids = self.plan.of[network].clone();
        let layers: Vec<PlanId> = net.layers().map(|(id, _)| ids[id]).collect();
        let output = ids[net.output()];
        ids.sort_unstable();
        ids.dedup();
        let mut slots = Slots { tape: self, gradients: (0..self.plan.nodes.len()).map(|_| None).collect() };
        let mut weights: Vec<Option<Tensor>> = (0..self.plan.nodes.len()).map(|_| None).collect();
        let mut images = None;
        slots.gradients[output] = Some(Slot::Shared(maps(gradient.shallow_clone())?));
        for &id in ids.iter().rev() {
            let Some(slot) = slots.gradients[id].take() else {
                continue;
            };
            let node = &self.plan.nodes[id];
            let Some(&input) = node.inputs.first() else {
                images = Some(slots.dense(slot)?);
                continue;
            };
            match node.op {
                Op::BatchNorm => {
                    let dy = self.normalisation_backward(id, input, slot)?;
                    slots.add(input, dy)?;
                }
                Op::Relu => {
                    let g = slots.dense(slot)?;
                    slots.add_masked(input, g, id)?;
                }
                Op::Add => {
                    let g = slots.dense(slot)?;
                    node.inputs.iter().try_for_each(|&i| slots.share(i, &g))?;
                }
                Op::Concat => {
                    let g = slots.dense(slot)?;
                    let mut start = 0;
                    for &i in &node.inputs {
                        let channels = self.plan.nodes[i].shape.channels as i64;
                        slots.share(i, &tensors::dense(g.f_narrow(1, start, channels)?)?)?;
                        start += channels;
                    }
                }
                Op::Narrow { channels } => {
                    let rest = self.plan.nodes[input].shape.channels - channels;
                    let g = slots.dense(slot)?.f_constant_pad_nd([0, 0, 0, 0, 0, rest as i64])?;
                    slots.share(input, &tensors::dense(g)?)?;
                }
                Op::ChannelShuffle { groups } => {
                    // The transpose of the transpose.
                    let back = self.plan.nodes[input].shape.channels / groups;
                    let g = slots.dense(slot)?.f_channel_shuffle(back as i64)?;
                    slots.share(input, &tensors::dense(g)?)?;
                }
                Op::Conv2d(conv) => {
                    let g = slots.dense(slot)?;
                    on_layer(id, &g)?;
                    let to_input = wanted.images || self.plan.nodes[input].op != Op::Input;
                    let layer = self.layer(id).ok_or_else(|| tch::TchError::Torch("a layer has no weights".into()))?;
                    let x = self.plain(input)?;
                    let wants = (to_input, wanted.weights);
                    let (dx, dw) = tensors::convolution_backward(&conv, &g, x, &layer.weight, wants)?;
                    weights[id] = dw;
                    if let Some(dx) = dx {
                        slots.add(input, tensors::dense(dx)?)?;
                    }
                }
                Op::Linear { .. } => {
                    let g = slots.dense(slot)?.f_flatten(1, -1)?;
                    on_layer(id, &g)?;
                    let layer = self.layer(id).ok_or_else(|| tch::TchError::Torch("a layer has no weights".into()))?;
                    let x = self.plain(input)?;
                    if wanted.weights {
                        weights[id] = Some(g.f_tr()?.f_matmul(&x.f_flatten(1, -1)?)?);
                    }
                    slots.add(input, g.f_matmul(&layer.weight)?.f_reshape(x.size())?)?;
                }
                Op::GlobalAvgPool => {
                    let (s, g) = (self.plan.nodes[input].shape, slots.dense(slot)?);
                    let size = [g.size()[0], s.channels as i64, s.height as i64, s.width as i64];
                    let share = g.f_mul_scalar(1.0 / (s.height * s.width) as f64)?;
                    slots.add(input, super::channels_last(&share.f_expand(size, false)?)?)?;
                }
                Op::AvgPool(pool) if !self.stacked => {
                    let g = slots.dense(slot)?;
                    let dx = tensors::avg_pool_backward(&g, &self.size(input, &g), pool)?;
                    slots.add(input, dx)?;
                }
                Op::Zero { .. } | Op::Input => {}
                op => {
                    let g = slots.dense(slot)?;
                    let gradients = self.autograd(op, id, &node.inputs, &g)?;
                    for (&i, dx) in node.inputs.iter().zip(gradients) {
                        slots.add(i, tensors::dense(dx)?)?;
                    }
                }
            }
        }
        Ok(Gradients { images, weights: layers.into_iter().map(|id| weights[id].take()).collect() })
    }

    fn size(&self, id: PlanId, like: &Tensor) -> [i64; 4] {
        let s = self.plan.nodes[id].shape;
        [like.size()[0], s.channels as i64, s.height as i64, s.width as i64]
    }

    fn normalisation_backward(&self, id: PlanId, input: PlanId, slot: Slot) -> Result<Tensor, tch::TchError> {
        let y = self.plain(input)?;
        match (&self.moments[id], slot) {
            (Some(moments), Slot::Masked(g, relu)) => moments.backward(&g, y, Some(self.plain(relu)?)),
            (Some(moments), Slot::Shared(g) | Slot::Owned(g)) => moments.backward(&g, y, None),
            (None, slot) => {
                let g = match slot {
                    Slot::Masked(g, relu) => g.f_mul(&self.plain(relu)?.f_gt(0.0)?.f_to_kind(g.kind())?)?,
                    Slot::Shared(g) | Slot::Owned(g) => g,
                };
                let (x, inverse_std) = standardise(y)?;
                let along = g.f_mul(&x)?.f_mean_dim(BATCH_DIMS, true, g.kind())?;
                let centred = g.f_sub(&g.f_mean_dim(BATCH_DIMS, true, g.kind())?)?.f_sub(&x.f_mul(&along)?)?;
                centred.f_mul(&inverse_std)
            }
        }
    }

    /// The gradients of an operation without a rule, by autograd over that operation alone.
    fn autograd(&self, op: Op, id: PlanId, inputs: &[PlanId], g: &Tensor) -> Result<Vec<Tensor>, tch::TchError> {
        tch::with_grad(|| {
            let leaf = |&i: &PlanId| match (&self.values[i], op) {
                (Some(Value::Plain(x)), _) => Ok(x.f_detach()?.set_requires_grad(true)),
                // A linear operation has the same gradient everywhere, and its input was not kept.
                (_, Op::AvgPool(Pool { .. })) => {
                    Ok(Tensor::f_zeros(self.size(i, g), (g.kind(), g.device()))?.set_requires_grad(true))
                }
                _ => Err(tch::TchError::Torch(format!("the input of node {id} was not kept"))),
            };
            let leaves: Vec<Tensor> = inputs.iter().map(leaf).collect::<Result<_, tch::TchError>>()?;
            let output = apply(&op, &leaves.iter().collect::<Vec<_>>(), None)?;
            let scalar = output.f_mul(&g.f_reshape(output.size())?)?.f_sum(g.kind())?;
            Tensor::f_run_backward(&[&scalar], &leaves.iter().collect::<Vec<_>>(), false, false)
        })
    }
}

/// A gradient on its way back.
enum Slot {
    /// Others may hold the tensor.
    Shared(Tensor),
    /// Nobody else does.
    Owned(Tensor),
    /// To be counted where this ReLU's output is positive; only for normalisations that nothing but the ReLU reads.
    Masked(Tensor, PlanId),
}

struct Slots<'t, 'p> {
    tape: &'t Tape<'p>,
    gradients: Vec<Option<Slot>>,
}

impl Slots<'_, '_> {
    fn dense(&self, slot: Slot) -> Result<Tensor, tch::TchError> {
        match slot {
            Slot::Shared(g) | Slot::Owned(g) => tensors::dense(g),
            Slot::Masked(g, relu) => tensors::masked_add(None, &g, self.tape.plain(relu)?),
        }
    }

    /// Adds a gradient that nobody else holds.
    fn add(&mut self, id: PlanId, g: Tensor) -> Result<(), tch::TchError> {
        self.gradients[id] = Some(Slot::Owned(match self.gradients[id].take() {
            None => g,
            Some(Slot::Owned(mut old)) => old.f_add_(&g)?,
            Some(old) => self.dense(old)?.f_add(&g)?,
        }));
        Ok(())
    }

    /// Adds a gradient that others hold.
    fn share(&mut self, id: PlanId, g: &Tensor) -> Result<(), tch::TchError> {
        self.gradients[id] = Some(match self.gradients[id].take() {
            None => Slot::Shared(g.shallow_clone()),
            Some(Slot::Owned(mut old)) => Slot::Owned(old.f_add_(g)?),
            Some(old) => Slot::Owned(self.dense(old)?.f_add(g)?),
        });
        Ok(())
    }

    /// Adds the gradient of a ReLU's output to its input.
    fn add_masked(&mut self, id: PlanId, g: Tensor, relu: PlanId) -> Result<(), tch::TchError> {
        let tape = self.tape;
        let node = &tape.plan.nodes[id];
        let mask = tape.plain(relu)?;
        let host = tensors::is_host(&g) && tensors::is_host(mask);
        self.gradients[id] = Some(match self.gradients[id].take() {
            None if host && node.op == Op::BatchNorm && node.consumers.len() == 1 && node.outputs == 0 => {
                Slot::Masked(g, relu)
            }
            None if host => Slot::Owned(tensors::masked_add(None, &g, mask)?),
            Some(Slot::Owned(mut old)) if host => {
                tensors::masked_add_assign(&mut old, &g, mask);
                Slot::Owned(old)
            }
            Some(old) if host => Slot::Owned(tensors::masked_add(Some(&self.dense(old)?), &g, mask)?),
            old => {
                let masked = g.f_mul(&mask.f_gt(0.0)?.f_to_kind(g.kind())?)?;
                Slot::Owned(match old {
                    None => masked,
                    Some(old) => self.dense(old)?.f_add(&masked)?,
                })
            }
        });
        Ok(())
    }
}

/// A batch of feature vectors as maps of one pixel, so that every value has four dimensions.
fn maps(x: Tensor) -> Result<Tensor, tch::TchError> {
    if x.dim() == 2 { x.f_unsqueeze(-1)?.f_unsqueeze(-1) } else { Ok(x) }
}

const BATCH_DIMS: &[i64] = &[0, 2, 3];

/// Batch normalisation of each network's own `samples` images in a stack of them.
fn normalise_each(x: &Tensor, samples: i64) -> Result<Tensor, tch::TchError> {
    let s = x.size();
    let each = x.f_reshape([s[0] / samples.max(1), samples, s[1], s[2], s[3]])?;
    let dims = [1i64, 3, 4];
    let centred = each.f_sub(&each.f_mean_dim(dims.as_slice(), true, x.kind())?)?;
    let variance = centred.f_square()?.f_mean_dim(dims.as_slice(), true, x.kind())?;
    centred.f_mul(&variance.f_add_scalar(BN_EPS)?.f_rsqrt()?)?.f_reshape(s)
}

/// The normalised batch and the reciprocal standard deviations.
fn standardise(y: &Tensor) -> Result<(Tensor, Tensor), tch::TchError> {
    let centred = y.f_sub(&y.f_mean_dim(BATCH_DIMS, true, y.kind())?)?;
    let variance = centred.f_square()?.f_mean_dim(BATCH_DIMS, true, y.kind())?;
    let inverse_std = variance.f_add_scalar(BN_EPS)?.f_rsqrt()?;
    Ok((centred.f_mul(&inverse_std)?, inverse_std))
}

/// The gradient of the mean cross-entropy with respect to the logits: `(softmax - one hot) / n`.
pub(super) fn cross_entropy_gradient(logits: &Tensor, labels: &Tensor) -> Result<Tensor, tch::TchError> {
    let n = logits.size()[0].max(1);
    let p = logits.f_softmax(1, Kind::Float)?;
    let ones = Tensor::f_ones([labels.size()[0], 1], (Kind::Float, p.device()))?;
    p.f_scatter_add(1, &labels.f_unsqueeze(1)?, &ones.f_neg()?)?.f_mul_scalar(1.0 / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::DeviceBatch;
    use crate::network::{Network, Shape};
    use crate::seed::Stream;
    use crate::space::{self, Skeleton, Task};
    use ndarray::Array4;
    use tch::Device;

    fn networks(n: usize, cells: usize) -> Vec<Network> {
        let space = space::open("nas-bench-201", &Skeleton { init_channels: Some(4), cells: Some(cells) }).unwrap();
        let task = Task { input: Shape::new(3, 8, 8), classes: 10 };
        let mut stream = Stream::named(3, "tape");
        let live = std::iter::from_fn(|| Some(space.build(&space.sample(&mut stream), &task).unwrap().live()));
        live.flatten().take(n).collect()
    }

    fn batch(n: usize) -> DeviceBatch {
        let mut stream = Stream::named(3, "images");
        let images = Array4::from_shape_simple_fn((n, 3, 8, 8), || stream.normal() as f32);
        DeviceBatch::new(&images, &(0..n).map(|i| i % 10).collect::<Vec<_>>(), Device::Cpu).unwrap()
    }

    fn largest_difference(a: &Tensor, b: &Tensor) -> f64 {
        ((a - b).abs().max() / a.abs().max().clamp_min(1e-6)).double_value(&[])
    }

    #[test]
    fn loops_and_stacked_calls_agree_and_a_population_equals_its_members() {
        let (networks, batch) = (networks(6, 1), batch(6));
        let population: Vec<(&Network, u64)> = networks.iter().map(|n| (n, 5)).collect();
        let keep = Keep { tape: true, layer_outputs: true, codes: true };
        let weights = |population: &[(&Network, u64)]| -> Vec<Weights> {
            population.iter().map(|&(n, s)| Weights::init(n, s, Device::Cpu, None).unwrap()).collect()
        };
        let (plan, together) = (Plan::new(&population), weights(&population));
        assert!(plan.nodes.len() < networks.iter().map(|n| n.nodes().len()).sum(), "the stem at least is shared");
        let loops = Tape::forward_as(&plan, &together, batch.images(), keep, None, false).unwrap();
        let stacked = Tape::forward_as(&plan, &together, batch.images(), keep, None, true).unwrap();
        let wanted = Wanted { images: true, weights: true };
        for (k, &member) in population.iter().enumerate() {
            let (plan, weights) = (Plan::new(&[member]), weights(&[member]));
            let alone = Tape::forward(&plan, &weights, batch.images(), keep, None).unwrap();
            let gradient = |tape: &Tape<'_>, k: usize| {
                let top = cross_entropy_gradient(&tape.logits(k).unwrap(), batch.labels()).unwrap();
                tape.backward(k, &top, wanted, &mut |_, _| Ok(())).unwrap()
            };
            let (a, b, c) = (gradient(&alone, 0), gradient(&loops, k), gradient(&stacked, k));
            assert_eq!(alone.logits(0).unwrap(), loops.logits(k).unwrap());
            assert_eq!(a.images, b.images);
            assert_eq!(a.weights, b.weights);
            assert_eq!(alone.code_kernel(0, 6), loops.code_kernel(k, 6));
            assert!(largest_difference(&a.images.unwrap(), &c.images.unwrap()) < 1e-4);
            for (a, c) in a.weights.iter().flatten().zip(c.weights.iter().flatten()) {
                assert!(largest_difference(a, c) < 1e-3, "{a} {c}");
            }
        }
    }

    #[test]
    fn a_population_needs_few_calls_per_network() {
        // 59 calls per network together, 372 one by one.
        let networks = networks(64, 5);
        let alone: usize = networks.iter().map(|n| Plan::new(&[(n, 0)]).calls()).sum();
        let population: Vec<(&Network, u64)> = networks.iter().map(|n| (n, 0)).collect();
        let together = Plan::new(&population).calls();
        assert!(together * 6 < alone, "{together} calls for 64 networks, {alone} one by one");
    }
}
