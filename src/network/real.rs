//! Real numbers that operations carry.

use std::fmt;

/// A float32 constant of an operation. It is compared by its bits, so that operations can be compared and hashed; zero has
/// one sign.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Real(u32);

impl Real {
    /// Zero.
    pub const ZERO: Real = Real::new(0.0);
    /// One.
    pub const ONE: Real = Real::new(1.0);

    /// The constant of this value.
    pub const fn new(value: f32) -> Self {
        Real(if value == 0.0 { 0 } else { value.to_bits() })
    }

    /// The value.
    pub const fn get(self) -> f32 {
        f32::from_bits(self.0)
    }

    /// The value as float64, which libtorch takes.
    pub const fn wide(self) -> f64 {
        self.get() as f64
    }
}

impl fmt::Debug for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.get())
    }
}

impl fmt::Display for Real {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.get())
    }
}
