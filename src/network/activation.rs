//! Element-wise functions.

use std::fmt;

use super::Real;

/// An element-wise function other than ReLU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `min(max(x + 3, 0), 6) / 6`, as in MobileNetV3.
    HardSigmoid,
    /// `x / (1 + exp(-x))`, also called Swish.
    Silu,
    /// `x min(max(x + 3, 0), 6) / 6`, as in MobileNetV3.
    HardSwish,
    /// `x (1 + erf(x / sqrt 2)) / 2`.
    Gelu,
    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`, an approximation of GELU.
    GeluTanh,
    /// `tanh x`.
    Tanh,
    /// `x tanh(log(1 + exp x))`.
    Mish,
    /// `x` where it is positive, `slope x` elsewhere.
    LeakyRelu {
        /// Slope for negative values.
        slope: Real,
    },
    /// `x` where it is positive, `alpha (exp x - 1)` elsewhere.
    Elu {
        /// Size of the limit for small values.
        alpha: Real,
    },
    /// `min(max(x, min), max)`; ReLU6 is the one of 0 and 6.
    Clip {
        /// The smallest value.
        min: Real,
        /// The largest value.
        max: Real,
    },
}

impl Activation {
    /// ReLU6: `min(max(x, 0), 6)`.
    pub const RELU6: Activation = Activation::Clip { min: Real::ZERO, max: Real::new(6.0) };

    /// Whether it is the identity on values that are not negative.
    pub fn keeps_positive(self) -> bool {
        use Activation::*;
        match self {
            LeakyRelu { .. } | Elu { .. } => true,
            Sigmoid | HardSigmoid | Silu | HardSwish | Gelu | GeluTanh | Tanh | Mish | Clip { .. } => false,
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Activation::*;
        match self {
            Sigmoid => f.write_str("a sigmoid"),
            HardSigmoid => f.write_str("a hard sigmoid"),
            Silu => f.write_str("a SiLU"),
            HardSwish => f.write_str("a hard swish"),
            Gelu => f.write_str("a GELU"),
            GeluTanh => f.write_str("a GELU by tanh"),
            Tanh => f.write_str("a tanh"),
            Mish => f.write_str("a Mish"),
            LeakyRelu { slope } => write!(f, "a leaky ReLU of slope {slope}"),
            Elu { alpha } => write!(f, "an ELU of alpha {alpha}"),
            Clip { min, max } if (min.get(), max.get()) == (0.0, 6.0) => f.write_str("a ReLU6"),
            Clip { min, max } => write!(f, "a clip to {min}..{max}"),
        }
    }
}
