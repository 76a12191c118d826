//! Gradients of operations that have no rule of their own.

use tch::Tensor;

use super::{Tape, Value};
use crate::engine::apply::apply;
use crate::engine::plan::PlanId;
use crate::engine::weights::{LayerTensors, Learned, VectorTensors, gradient_or_zeros};
use crate::network::Op;

/// Gradients of one operation.
pub(super) struct OperationGradients {
    /// With respect to its inputs.
    pub inputs: Vec<Tensor>,
    /// With respect to its weight, if it is a layer.
    pub weight: Option<Tensor>,
    /// With respect to its bias, if it has one.
    pub bias: Option<Tensor>,
    /// With respect to what else it has learned.
    pub vectors: Option<VectorTensors>,
}

impl Tape<'_> {
    /// The gradients of the node's operation, `g` being that of its output, by autograd over that operation alone.
    pub(super) fn by_autograd(&self, id: PlanId, g: &Tensor) -> Result<OperationGradients, tch::TchError> {
        let node = &self.plan.nodes[id];
        let leaf = |x: &Tensor| Ok::<_, tch::TchError>(x.f_detach()?.set_requires_grad(true));
        let learned = self.learned(id);
        tch::with_grad(|| {
            let input = |&i: &PlanId| match &self.values[i] {
                Some(Value::Plain(x)) => leaf(x),
                // It has the same gradient everywhere, and its input was not kept.
                _ if is_linear(&node.op) => leaf(&Tensor::f_zeros(self.size(i, g), (g.kind(), g.device()))?),
                _ => Err(tch::TchError::Torch(format!("the input of node {id} was not kept"))),
            };
            let inputs: Vec<Tensor> = node.inputs.iter().map(input).collect::<Result<_, tch::TchError>>()?;
            let layer = learned.layer.map(|l| l.map(leaf)).transpose()?;
            let vectors = learned.vectors.map(|v| v.map(leaf)).transpose()?;
            let leaves = Learned { layer: layer.as_ref(), vectors: vectors.as_ref() };
            let output = apply(&node.op, &inputs.iter().collect::<Vec<_>>(), leaves)?;
            let scalar = output.f_mul(&g.f_reshape(output.size())?)?.f_sum(g.kind())?;
            let mut all: Vec<&Tensor> = inputs.iter().collect();
            let weights = layer.iter().flat_map(|l: &LayerTensors| [Some(&l.weight), l.bias.as_ref()]);
            all.extend(weights.chain(vectors.iter().flat_map(|v| [v.scale.as_ref(), v.shift.as_ref()])).flatten());
            let gradients = Tensor::f_run_backward(&[&scalar], &all, false, false)?;
            let gradients = gradients.iter().zip(&all).map(|(d, x)| gradient_or_zeros(d, x));
            let mut gradients = gradients.collect::<Result<Vec<_>, _>>()?.into_iter();
            let inputs = gradients.by_ref().take(inputs.len()).collect();
            let mut next = |there: bool| there.then(|| gradients.next()).flatten();
            let (weight, bias) = (next(layer.is_some()), next(layer.as_ref().is_some_and(|l| l.bias.is_some())));
            let vectors =
                vectors.map(|v| VectorTensors { scale: next(v.scale.is_some()), shift: next(v.shift.is_some()) });
            Ok(OperationGradients { inputs, weight, bias, vectors })
        })
    }
}

/// Whether the gradient is the same for all values of the inputs.
fn is_linear(op: &Op) -> bool {
    op.is_wiring() || matches!(op, Op::AvgPool(_) | Op::AdaptiveAvgPool { .. } | Op::Resize(_))
}
