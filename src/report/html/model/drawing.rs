//! Architectures as pictures.

use serde::{Deserialize, Serialize};

use crate::space::Picture;

/// One network to draw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drawing {
    /// Its rank, from 1.
    pub rank: u64,
    /// The architecture.
    pub arch: String,
    /// What is said under it ("predicted 91.2%, trained 90.8%").
    pub caption: String,
    /// What is drawn.
    pub picture: Picture,
}
