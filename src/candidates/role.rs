//! What a trained network was trained for.

use serde::{Deserialize, Serialize};

/// The part that a network plays among those that are trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Trained to fit the surrogate.
    #[default]
    Labelled,
    /// Drawn at random, to be compared with the finalists.
    Control,
    /// Chosen by a score or the surrogate.
    Finalist,
}

impl Role {
    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Labelled => "labelled",
            Role::Control => "control",
            Role::Finalist => "finalist",
        }
    }
}
