//! Gradients of a recorded forward.

use std::collections::HashSet;

use tch::Tensor;

use super::Tape;
use crate::engine::apply::as_map;
use crate::engine::channels_last;
use crate::engine::norm::BN_EPS;
use crate::engine::plan::PlanId;
use crate::engine::tensors;
use crate::engine::weights::VectorTensors;
use crate::network::{NodeId, Op};

/// Gradients of one scalar through one network.
pub(in crate::engine) struct Gradients {
    /// With respect to the images.
    pub images: Option<Tensor>,
    /// With respect to the weights, in the order of the network's layers; None for a layer that does not matter.
    pub weights: Vec<Option<Tensor>>,
    /// With respect to biases, likewise, if [`Wanted::affine`].
    pub biases: Vec<Option<Tensor>>,
    /// With respect to the scales and shifts of batch normalisations on the way, with the network's node, if
    /// [`Wanted::affine`].
    pub norms: Vec<(NodeId, Vec<f32>, Vec<f32>)>,
    /// With respect to what other operations have learned per channel, likewise.
    pub vectors: Vec<(NodeId, VectorTensors)>,
}

/// Gradients by node of the plan.
struct Gathered {
    images: Option<Tensor>,
    weights: Vec<Option<Tensor>>,
    biases: Vec<Option<Tensor>>,
    norms: Vec<(NodeId, Vec<f32>, Vec<f32>)>,
    vectors: Vec<(NodeId, VectorTensors)>,
}

/// The gradient of a normalisation's input, and of its scale and shift per channel.
type NormGradient = (Tensor, Option<(Vec<f32>, Vec<f32>)>);

/// Which gradients are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Wanted {
    pub images: bool,
    pub weights: bool,
    /// Biases, scales and shifts of normalisations, and whatever else is learned per channel.
    pub affine: bool,
}

impl Tape<'_> {
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
        let (net, of) = (self.plan.networks[network], &self.plan.of[network]);
        let layers: Vec<PlanId> = net.layers().map(|(id, _)| of[id]).collect();
        let output = of[net.output()];
        let ids = self.in_order(network);
        let mut slots = self.slots();
        slots.gradients[output] = Some(Slot::Shared(as_map(gradient)?));
        let mut back = self.propagate(&ids, &mut slots, wanted, on_layer)?;
        let of_layers = |all: &mut Vec<Option<Tensor>>| layers.iter().map(|&id| all[id].take()).collect();
        Ok(Gradients {
            images: back.images,
            weights: of_layers(&mut back.weights),
            biases: of_layers(&mut back.biases),
            norms: back.norms,
            vectors: back.vectors,
        })
    }

    /// What comes back at node `to` when `gradient` is pushed back from the later node `from` of a network; None if `from` does
    /// not depend on `to`. What reaches `from` past `to` does not count.
    pub fn pull_back(
        &self,
        network: usize,
        (from, to): (PlanId, PlanId),
        gradient: &Tensor,
    ) -> Result<Option<Tensor>, tch::TchError> {
        let _no_grad = tch::no_grad_guard();
        let ids = self.in_order(network);
        let position = |of: PlanId| ids.iter().position(|&id| id == of).unwrap_or(0);
        let between = position(to) + 1..=position(from);
        let mut slots = self.slots();
        slots.gradients[from] = Some(Slot::Shared(gradient.shallow_clone()));
        let wanted = Wanted { images: true, ..Wanted::default() };
        self.propagate(ids.get(between).unwrap_or_default(), &mut slots, wanted, &mut |_, _| Ok(()))?;
        slots.gradients[to].take().map(|slot| slots.dense(slot)).transpose()
    }

    /// The nodes of a network, each once, in the network's own order whatever else the plan holds: sums of gradients then round
    /// the same in any company.
    fn in_order(&self, network: usize) -> Vec<PlanId> {
        let mut ids = self.plan.of[network].clone();
        let mut seen = HashSet::with_capacity(ids.len());
        ids.retain(|id| seen.insert(*id));
        ids
    }

    fn slots(&self) -> Slots<'_, '_> {
        Slots { tape: self, gradients: (0..self.plan.nodes.len()).map(|_| None).collect() }
    }

    /// Pushes the gradients in the slots back through these nodes, last first, and gathers what is wanted.
    fn propagate(
        &self,
        ids: &[PlanId],
        slots: &mut Slots<'_, '_>,
        wanted: Wanted,
        on_layer: &mut dyn FnMut(PlanId, &Tensor) -> Result<(), tch::TchError>,
    ) -> Result<Gathered, tch::TchError> {
        let mut weights: Vec<Option<Tensor>> = (0..self.plan.nodes.len()).map(|_| None).collect();
        let mut biases: Vec<Option<Tensor>> = (0..self.plan.nodes.len()).map(|_| None).collect();
        let (mut norms, mut vectors) = (Vec::new(), Vec::new());
        let mut images = None;
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
                    let (dy, affine) = self.normalisation_backward(id, input, slot)?;
                    slots.add(input, dy)?;
                    if let (true, Some((scale, shift))) = (wanted.affine, affine) {
                        norms.push((node.owner.1, scale, shift));
                    }
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
                Op::Conv2d(conv) if conv.square().is_some() => {
                    let g = slots.dense(slot)?;
                    on_layer(id, &g)?;
                    let to_input = wanted.images || self.plan.nodes[input].op != Op::Input;
                    let layer =
                        self.learned(id).layer.ok_or_else(|| tch::TchError::Torch("a layer has no weights".into()))?;
                    let x = self.plain(input)?;
                    let wants = (to_input, wanted.weights);
                    let (dx, dw) = tensors::convolution_backward(&conv, &g, x, &layer.weight, wants)?;
                    weights[id] = dw;
                    if wanted.affine && layer.bias.is_some() {
                        biases[id] = Some(g.f_sum_dim_intlist(BATCH_DIMS, false, g.kind())?);
                    }
                    if let Some(dx) = dx {
                        slots.add(input, tensors::dense(dx)?)?;
                    }
                }
                Op::Linear { .. } => {
                    let g = slots.dense(slot)?.f_flatten(1, -1)?;
                    on_layer(id, &g)?;
                    let layer =
                        self.learned(id).layer.ok_or_else(|| tch::TchError::Torch("a layer has no weights".into()))?;
                    let x = self.plain(input)?;
                    if wanted.weights {
                        weights[id] = Some(g.f_tr()?.f_matmul(&x.f_flatten(1, -1)?)?);
                    }
                    if wanted.affine && layer.bias.is_some() {
                        biases[id] = Some(g.f_sum_dim_intlist(0, false, g.kind())?);
                    }
                    slots.add(input, g.f_matmul(&layer.weight)?.f_reshape(x.size())?)?;
                }
                Op::GlobalAvgPool => {
                    let (s, g) = (self.plan.nodes[input].shape, slots.dense(slot)?);
                    let size = [g.size()[0], s.channels as i64, s.height as i64, s.width as i64];
                    let share = g.f_mul_scalar(1.0 / (s.height * s.width) as f64)?;
                    slots.add(input, channels_last(&share.f_expand(size, false)?)?)?;
                }
                Op::AvgPool(pool) if !self.stacked && pool.square().is_some() => {
                    let g = slots.dense(slot)?;
                    let dx = tensors::avg_pool_backward(&g, &self.size(input, &g), pool)?;
                    slots.add(input, dx)?;
                }
                Op::Zero { .. } | Op::Input => {}
                Op::Conv2d(_)
                | Op::ConvTranspose2d(_)
                | Op::LayerNorm(_)
                | Op::GroupNorm { .. }
                | Op::LocalResponseNorm(_)
                | Op::Activation(_)
                | Op::PRelu { .. }
                | Op::Affine(_)
                | Op::AvgPool(_)
                | Op::MaxPool(_)
                | Op::AdaptiveAvgPool { .. }
                | Op::Mul
                | Op::Slice(_)
                | Op::Pad(_)
                | Op::Resize(_)
                | Op::Flatten => {
                    let g = slots.dense(slot)?;
                    if node.op.weight(self.plan.nodes[input].shape).is_some() {
                        on_layer(id, &g)?;
                    }
                    let gradients = self.by_autograd(id, &g)?;
                    for (&i, dx) in node.inputs.iter().zip(gradients.inputs) {
                        slots.add(i, tensors::dense(dx)?)?;
                    }
                    if wanted.weights {
                        weights[id] = gradients.weight;
                    }
                    if wanted.affine {
                        biases[id] = gradients.bias;
                        vectors.extend(gradients.vectors.map(|v| (node.owner.1, v)));
                    }
                }
            }
        }
        Ok(Gathered { images, weights, biases, norms, vectors })
    }

    pub(super) fn size(&self, id: PlanId, like: &Tensor) -> [i64; 4] {
        let s = self.plan.nodes[id].shape;
        [like.size()[0], s.channels as i64, s.height as i64, s.width as i64]
    }

    /// The gradients of a normalisation: of its input, and of scale and shift if it ran in loops.
    fn normalisation_backward(&self, id: PlanId, input: PlanId, slot: Slot) -> Result<NormGradient, tch::TchError> {
        let y = self.plain(input)?;
        match &self.moments[id] {
            Some(moments) => {
                let gradients = match slot {
                    Slot::Masked(g, relu) => moments.backward(&g, y, Some(self.plain(relu)?))?,
                    Slot::Shared(g) | Slot::Owned(g) => moments.backward(&g, y, None)?,
                };
                Ok((gradients.input, Some((gradients.scale, gradients.shift))))
            }
            None => {
                let g = match slot {
                    Slot::Masked(g, relu) => g.f_mul(&self.plain(relu)?.f_gt(0.0)?.f_to_kind(g.kind())?)?,
                    Slot::Shared(g) | Slot::Owned(g) => g,
                };
                let (x, inverse_std) = standardise(y)?;
                let along = g.f_mul(&x)?.f_mean_dim(BATCH_DIMS, true, g.kind())?;
                let centred = g.f_sub(&g.f_mean_dim(BATCH_DIMS, true, g.kind())?)?.f_sub(&x.f_mul(&along)?)?;
                Ok((centred.f_mul(&inverse_std)?, None))
            }
        }
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

const BATCH_DIMS: &[i64] = &[0, 2, 3];

/// The normalised batch and the reciprocal standard deviations.
fn standardise(y: &Tensor) -> Result<(Tensor, Tensor), tch::TchError> {
    let centred = y.f_sub(&y.f_mean_dim(BATCH_DIMS, true, y.kind())?)?;
    let variance = centred.f_square()?.f_mean_dim(BATCH_DIMS, true, y.kind())?;
    let inverse_std = variance.f_add_scalar(BN_EPS)?.f_rsqrt()?;
    Ok((centred.f_mul(&inverse_std)?, inverse_std))
}
