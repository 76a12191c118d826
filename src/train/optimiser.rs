//! Optimisers, as operations on the vector of all parameters.

use serde::{Deserialize, Serialize};
use tch::{TchError, Tensor};

use super::Recipe;
use crate::engine::Trainable;

/// What turns gradients into steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimiser {
    /// Stochastic gradient descent with Nesterov's momentum as PyTorch computes it: `g += decay w`, `v = momentum v + g`,
    /// `w -= rate (g + momentum v)` (Sutskever et al., ICML 2013).
    #[default]
    Sgd,
    /// Adam with decoupled weight decay: `w -= rate decay w`, `m = .9 m + .1 g`, `v = .999 v + .001 g^2`, `w -= rate (m / (1 -
    /// .9^t)) / (sqrt(v / (1 - .999^t)) + 1e-8)` (Loshchilov & Hutter, ICLR 2019).
    AdamW,
}

const BETAS: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

impl Optimiser {
    /// How many vectors it remembers between steps.
    pub fn memories(self) -> usize {
        match self {
            Optimiser::Sgd => 1,
            Optimiser::AdamW => 2,
        }
    }

    /// Takes step `step`, counted from 0, at this learning rate. `memory` has one vector of all learned parameters for
    /// each of [`Optimiser::memories`], zero at first.
    pub fn step(
        self,
        recipe: &Recipe,
        network: &Trainable<'_>,
        memory: &mut [Tensor],
        rate: f64,
        step: usize,
    ) -> Result<(), TchError> {
        let _no_grad = tch::no_grad_guard();
        let counts = network.counts();
        let learned = |t: &Tensor| t.f_narrow(0, 0, counts.learned() as i64);
        let decayed = |t: &Tensor| t.f_narrow(0, 0, counts.weights as i64);
        let (mut w, mut g) = (learned(network.values())?, learned(network.gradient())?);
        match (self, memory) {
            (Optimiser::Sgd, [v]) => {
                let _ = decayed(&g)?.f_add_(&decayed(&w)?.f_mul_scalar(recipe.weight_decay)?)?;
                let _ = v.f_mul_scalar_(recipe.momentum)?.f_add_(&g)?;
                let mut along = g.f_add_(&v.f_mul_scalar(recipe.momentum)?)?;
                let _ = w.f_sub_(&along.f_mul_scalar_(rate)?)?;
            }
            (Optimiser::AdamW, [m, v]) => {
                let t = (step + 1) as i32;
                let _ = decayed(&w)?.f_mul_scalar_(1.0 - rate * recipe.weight_decay)?;
                let _ = m.f_mul_scalar_(BETAS.0)?.f_add_(&g.f_mul_scalar(1.0 - BETAS.0)?)?;
                let _ = v.f_mul_scalar_(BETAS.1)?.f_add_(&g.f_square()?.f_mul_scalar_(1.0 - BETAS.1)?)?;
                let root = v.f_mul_scalar(1.0 / (1.0 - BETAS.1.powi(t)))?.f_sqrt()?.f_add_scalar(EPSILON)?;
                let _ = w.f_sub_(&m.f_mul_scalar(rate / (1.0 - BETAS.0.powi(t)))?.f_div_(&root)?)?;
            }
            (_, memory) => {
                return Err(TchError::Torch(format!(
                    "{self:?} has {} memories, not {}",
                    self.memories(),
                    memory.len()
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Precision;
    use crate::network::{NetworkBuilder, Op, Shape};
    use tch::{Device, Kind};

    const GOLDEN_SGD: [f64; 8] =
        [-0.6278779528, 1.2557559057, -2.6107083015, 0.3967859605, -0.859519672, 0.7769475514, -0.7559, 2.1118];
    const GOLDEN_ADAMW: [f64; 8] = [
        -0.1923216028,
        0.0926213049,
        0.0070789939,
        0.3988011996,
        -0.7905233981,
        0.8902236898,
        0.4076816771,
        -0.507681676,
    ];

    /// A linear layer of 2 x 3 weights and 2 biases.
    #[test]
    fn steps_equal_pytorch() {
        let mut builder = NetworkBuilder::new(Shape::new(3, 2, 2));
        let pooled = builder.apply(Op::GlobalAvgPool, 0).unwrap();
        let logits = builder.linear("head", pooled, 2).unwrap();
        let network = builder.finish(logits);
        // w = torch.tensor([.1, -.2, .3, .4, -.5, .6, .7, -.8], requires_grad=True); the first six in a group with
        // weight_decay=.01; three steps with w.grad = torch.tensor([.5, -1, 2, 0, .25, -.125, 1, -2]) * (step + 1) of
        // torch.optim.SGD(lr=.1, momentum=.9, nesterov=True) and torch.optim.AdamW(lr=.1), float64
        let golden = [(Optimiser::Sgd, GOLDEN_SGD), (Optimiser::AdamW, GOLDEN_ADAMW)];
        for (optimiser, expected) in golden {
            let recipe = Recipe { optimiser, weight_decay: 0.01, ..Recipe::default() };
            let trainable = Trainable::new(&network, 0, Device::Cpu, Precision::Float32).unwrap();
            let start = Tensor::from_slice(&[0.1f32, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8]);
            trainable.values().shallow_clone().copy_(&start);
            let memory = || Tensor::zeros([8], (Kind::Float, Device::Cpu));
            let mut memory: Vec<Tensor> = (0..optimiser.memories()).map(|_| memory()).collect();
            let gradient = Tensor::from_slice(&[0.5f32, -1.0, 2.0, 0.0, 0.25, -0.125, 1.0, -2.0]);
            for step in 0..3 {
                trainable.gradient().shallow_clone().copy_(&(&gradient * (step + 1) as f64));
                optimiser.step(&recipe, &trainable, &mut memory, 0.1, step).unwrap();
            }
            let values: Vec<f32> = Vec::try_from(trainable.values().shallow_clone()).unwrap();
            for (value, expected) in values.iter().zip(expected) {
                assert!((f64::from(*value) - expected).abs() < 1e-6, "{optimiser:?}: {values:?}");
            }
        }
    }
}
