//! What a network is built for: what goes in, and what it predicts.

use super::Shape;

/// What a network predicts. The loss follows from it (`engine/loss.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// One of this many classes, from one logit per class.
    Classes(usize),
}

impl Target {
    /// Number of outputs of a network with this target.
    pub const fn outputs(self) -> usize {
        match self {
            Target::Classes(classes) => classes,
        }
    }
}

/// What a network is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Shape of an input image.
    pub input: Shape,
    /// What is predicted.
    pub target: Target,
}

impl Task {
    /// Images of this shape, each of one of `classes` classes.
    pub const fn classify(input: Shape, classes: usize) -> Self {
        Task { input, target: Target::Classes(classes) }
    }
}
