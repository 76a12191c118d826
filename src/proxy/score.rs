//! A score is a number or the reason why there is none; never a sentinel.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whether a score is a number, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// The value is a finite number.
    Ok,
    /// The input does not reach the output.
    Dead,
    /// A matrix whose determinant is the score is singular.
    Singular,
    /// The computation overflowed or was undefined.
    NonFinite,
    /// The score is at the ceiling of its protocol and no longer tells networks apart.
    Saturated,
    /// The score is not defined for this kind of network, or for a batch this small or uniform.
    Unsupported,
    /// The network could not be run.
    Failed,
    /// A cascade took the network out before this score was due.
    ScreenedOut,
    /// The network is not scored, since it is over a limit on size or latency.
    OverLimit,
}

impl Status {
    /// All statuses.
    pub const ALL: [Status; 9] = [
        Status::Ok,
        Status::Dead,
        Status::Singular,
        Status::NonFinite,
        Status::Saturated,
        Status::Unsupported,
        Status::Failed,
        Status::ScreenedOut,
        Status::OverLimit,
    ];

    /// What any score can be, beside the statuses that its entry names.
    pub const COMMON: [Status; 7] = [
        Status::Ok,
        Status::Dead,
        Status::NonFinite,
        Status::Unsupported,
        Status::Failed,
        Status::ScreenedOut,
        Status::OverLimit,
    ];

    /// What it means, for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Status::Ok => "a finite number",
            Status::Dead => "the input does not reach the output",
            Status::Singular => "a matrix that the score is made of is singular",
            Status::NonFinite => "the computation overflowed or was undefined",
            Status::Saturated => "the score is at the ceiling of its protocol and tells networks no longer apart",
            Status::Unsupported => {
                "the score is not defined for this kind of network, or for a batch this small or uniform"
            }
            Status::Failed => "the network could not be run",
            Status::ScreenedOut => "a cascade took the network out first",
            Status::OverLimit => "over a limit on size or latency, so not scored",
        }
    }

    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Dead => "dead",
            Status::Singular => "singular",
            Status::NonFinite => "non_finite",
            Status::Saturated => "saturated",
            Status::Unsupported => "unsupported",
            Status::Failed => "failed",
            Status::ScreenedOut => "screened_out",
            Status::OverLimit => "over_limit",
        }
    }
}

impl From<tch::TchError> for Status {
    fn from(_: tch::TchError) -> Self {
        Status::Failed
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Status::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| format!("unknown score status `{text}`"))
    }
}

/// A proxy's verdict on one network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    value: Option<f64>,
    status: Status,
}

impl Score {
    /// A number; `non_finite` if it is not finite.
    pub fn new(value: f64) -> Self {
        if value.is_finite() {
            Score { value: Some(value), status: Status::Ok }
        } else {
            Score::status(Status::NonFinite)
        }
    }

    /// No number, for this reason. `Status::Ok` without a number counts as failed.
    pub fn status(status: Status) -> Self {
        Score { value: None, status: if status == Status::Ok { Status::Failed } else { status } }
    }

    /// The number, if the status is ok.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// The status.
    pub fn get_status(&self) -> Status {
        self.status
    }
}
