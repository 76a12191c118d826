//! Functions of single values: recognised by what they compute, however they are written.

use crate::network::{Activation, Affine, Op, Real};

/// A function of one value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Function {
    /// The value itself.
    Argument,
    /// A constant.
    Constant(f32),
    /// A known function of a function.
    Of(Known, Box<Function>),
    /// Two functions added, multiplied, …
    Two(Sign, Box<(Function, Function)>),
}

/// A function that an operator of the format computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Known {
    /// An operation of networks.
    Activation(Activation),
    /// `max(min(a x + b, 1), 0)`.
    HardSigmoid(f32, f32),
    /// The error function.
    Erf,
    /// `log(1 + exp x)`.
    Softplus,
    /// `exp x`.
    Exp,
    /// `x^p`.
    Power(f32),
}

/// How two functions are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Add,
    Subtract,
    Multiply,
    Divide,
}

/// The largest function that is kept as one, in operators.
const LARGEST: usize = 32;
/// Where functions are compared.
const POINTS: [f64; 17] =
    [-40.0, -9.3, -5.1, -3.2, -2.9, -2.0, -1.1, -0.6, -0.2, 0.0, 0.1, 0.4, 1.0, 1.7, 2.9, 5.6, 9.8];

impl Function {
    /// A known function of this one.
    pub fn then(self, known: Known) -> Function {
        Function::Of(known, Box::new(self))
    }

    /// This one and another.
    pub fn with(self, sign: Sign, other: Function) -> Function {
        Function::Two(sign, Box::new((self, other)))
    }

    /// Number of operators.
    fn operators(&self) -> usize {
        match self {
            Function::Argument | Function::Constant(_) => 0,
            Function::Of(_, inner) => 1 + inner.operators(),
            Function::Two(_, pair) => 1 + pair.0.operators() + pair.1.operators(),
        }
    }

    /// Whether it is written in too many operators to be one function.
    pub fn is_large(&self) -> bool {
        self.operators() > LARGEST
    }

    /// The value at `x`.
    pub fn at(&self, x: f64) -> f64 {
        match self {
            Function::Argument => x,
            Function::Constant(c) => f64::from(*c),
            Function::Of(known, inner) => known.at(inner.at(x)),
            Function::Two(sign, pair) => {
                let (a, b) = (pair.0.at(x), pair.1.at(x));
                match sign {
                    Sign::Add => a + b,
                    Sign::Subtract => a - b,
                    Sign::Multiply => a * b,
                    Sign::Divide => a / b,
                }
            }
        }
    }

    /// Whether it computes the same as `other`, up to the rounding of its constants.
    fn is(&self, other: impl Fn(f64) -> f64) -> bool {
        POINTS.iter().all(|&x| (self.at(x) - other(x)).abs() <= 2e-6 * (1.0 + x.abs()))
    }

    /// The operation that computes it, if it is a known one; None for the identity.
    pub fn operation(&self) -> Option<Option<Op>> {
        if self.is(|x| x) {
            return Some(None);
        }
        use Activation::*;
        let real = |v: f64| Real::new(v as f32);
        let (low, high) = (self.at(-1e30), self.at(1e30));
        let bound = |v: f64| real(v.clamp(f64::from(f32::MIN), f64::from(f32::MAX)));
        let clip = Clip { min: bound(low), max: bound(high) };
        let (leaky, elu) = (LeakyRelu { slope: real(-self.at(-1.0)) }, Elu { alpha: real(-self.at(-40.0)) });
        let known = [Sigmoid, HardSigmoid, Silu, HardSwish, Gelu, GeluTanh, Tanh, Mish, leaky, elu, clip];
        if let Some(found) = known.into_iter().find(|&a| self.is(|x| Known::Activation(a).at(x))) {
            let is_relu = matches!(found, LeakyRelu { slope } if slope.get() == 0.0);
            return Some(Some(if is_relu { Op::Relu } else { Op::Activation(found) }));
        }
        let shift = self.at(0.0);
        let scale = self.at(1.0) - shift;
        let line = Affine { scale: real(scale), shift: real(shift), ..Affine::scale(1.0) };
        self.is(|x| scale * x + shift).then_some(Some(Op::Affine(line)))
    }
}

impl Known {
    fn at(self, x: f64) -> f64 {
        match self {
            Known::Activation(a) => activation(a, x),
            Known::HardSigmoid(a, b) => (f64::from(a) * x + f64::from(b)).clamp(0.0, 1.0),
            Known::Erf => libm::erf(x),
            Known::Softplus => softplus(x),
            Known::Exp => x.exp(),
            Known::Power(p) => x.powf(f64::from(p)),
        }
    }
}

fn activation(a: Activation, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let hard = |x: f64| (x + 3.0).clamp(0.0, 6.0) / 6.0;
    match a {
        Activation::Sigmoid => sigmoid(x),
        Activation::HardSigmoid => hard(x),
        Activation::Silu => x * sigmoid(x),
        Activation::HardSwish => x * hard(x),
        Activation::Gelu => x * 0.5 * (1.0 + libm::erf(x / std::f64::consts::SQRT_2)),
        Activation::GeluTanh => {
            x * 0.5 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
        }
        Activation::Tanh => x.tanh(),
        Activation::Mish => x * softplus(x).tanh(),
        Activation::LeakyRelu { slope } => {
            if x > 0.0 {
                x
            } else {
                slope.wide() * x
            }
        }
        Activation::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                alpha.wide() * x.exp_m1()
            }
        }
        Activation::Clip { min, max } => x.max(min.wide()).min(max.wide()),
    }
}

fn softplus(x: f64) -> f64 {
    if x > 30.0 { x } else { x.exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_known_however_they_are_written() {
        let x = || Function::Argument;
        let c = Function::Constant;
        let act = |f: Function, a| f.then(Known::Activation(a));
        let gate = x().with(Sign::Divide, c(std::f32::consts::SQRT_2)).then(Known::Erf).with(Sign::Add, c(1.0));
        let gelu = x().with(Sign::Multiply, gate).with(Sign::Multiply, c(0.5));
        assert_eq!(gelu.operation(), Some(Some(Op::Activation(Activation::Gelu))));
        let silu = x().with(Sign::Multiply, act(x(), Activation::Sigmoid));
        assert_eq!(silu.operation(), Some(Some(Op::Activation(Activation::Silu))));
        let clipped = act(x().with(Sign::Add, c(3.0)), Activation::RELU6);
        let swish = clipped.clone().with(Sign::Divide, c(6.0)).with(Sign::Multiply, x());
        assert_eq!(swish.operation(), Some(Some(Op::Activation(Activation::HardSwish))));
        let mish = x().with(Sign::Multiply, act(x().then(Known::Softplus), Activation::Tanh));
        assert_eq!(mish.operation(), Some(Some(Op::Activation(Activation::Mish))));
        assert_eq!(act(x(), Activation::RELU6).operation(), Some(Some(Op::Activation(Activation::RELU6))));
        let line = x().with(Sign::Multiply, c(0.5)).with(Sign::Subtract, c(2.0));
        assert_eq!(line.operation(), Some(Some(Op::Affine(Affine { shift: Real::new(-2.0), ..Affine::scale(0.5) }))));
        assert_eq!(line.with(Sign::Add, c(2.0)).with(Sign::Multiply, c(2.0)).operation(), Some(None));
        assert_eq!(x().with(Sign::Multiply, x()).operation(), None);
    }
}
