//! The best networks of a search, which are measured before one of them wins.

use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::RunError;
use super::Step;
use crate::candidates::NetworkName;
use crate::hardware::{LatencyLimit, ModelSettings};
use crate::strategy::Pool;

/// Networks listed at most.
const BEST: usize = 10;

/// A trained network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// As the space writes it.
    pub arch: String,
    /// Its id.
    pub arch_id: String,
    /// The trial that trained it, from 1.
    pub trial: usize,
    /// Epochs of its longest training.
    pub epochs: u32,
    /// Accuracy that choices are made by, percent.
    pub accuracy_pct: Option<f64>,
    /// Accuracy that is reported, percent.
    pub reported_pct: Option<f64>,
    /// Its costs by name.
    pub costs: Vec<(String, f64)>,
    /// Its latency in milliseconds, where it was measured.
    pub measured_ms: Option<f64>,
}

impl Found {
    /// What it is called.
    pub fn name(&self) -> NetworkName {
        NetworkName::new(&self.arch, &self.arch_id)
    }
}

/// How the best of a search are checked.
#[derive(Clone, Copy)]
pub(super) struct Check<'a> {
    pub limit: &'a LatencyLimit,
    /// Set from outside to end early.
    pub stop: &'a AtomicBool,
}

/// What came of measuring the best networks of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyCheck {
    /// The limit in milliseconds.
    pub max_ms: f64,
    /// What the model that kept networks out is of.
    pub model: ModelSettings,
    /// Why nothing was measured, if nothing was: the chosen network meets the limit by prediction only.
    pub not_measured: Option<String>,
    /// Networks that would have been listed, but take longer than the limit when measured, best first.
    pub too_slow: Vec<TooSlow>,
}

/// A network that meets the limit by prediction, but not when measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TooSlow {
    /// As the space writes it.
    pub arch: String,
    /// Its id.
    #[serde(default)]
    pub arch_id: String,
    /// Its latency ([`quiet_ms`](crate::hardware::Measurement::quiet_ms)).
    pub measured_ms: f64,
    /// Upper end of what was predicted.
    pub predicted_high_ms: f64,
}

/// The first of the trained networks, in their order. With a limit on latency each is measured as its turn comes, and one that
/// takes longer is left out: the next takes its place. A model of another machine cannot be checked, and that is said.
pub(super) fn chosen(
    pool: &Pool,
    steps: &[Step],
    check: Option<Check<'_>>,
) -> Result<(Vec<Found>, Option<LatencyCheck>), RunError> {
    let ranked = ranked(pool, steps);
    let Some(Check { limit, stop }) = check else {
        return Ok((ranked.map(|(_, found)| found).take(BEST).collect(), None));
    };
    let not_measured = limit.measurable().err().map(|error| error.to_string());
    let (_, task) = limit.model.settings().open()?;
    let (mut best, mut too_slow) = (Vec::new(), Vec::new());
    for (member, mut found) in ranked {
        if best.len() == BEST {
            break;
        }
        if not_measured.is_none() {
            let network = pool.space().build(pool.arch(member), &task)?;
            let measurement = limit.measure(&network, stop)?;
            found.measured_ms = Some(measurement.quiet_ms);
            if !limit.meets(&measurement) {
                too_slow.push(TooSlow {
                    arch: found.arch,
                    arch_id: found.arch_id,
                    measured_ms: measurement.quiet_ms,
                    predicted_high_ms: limit.predict(&network).high_ms,
                });
                continue;
            }
        }
        best.push(found);
    }
    let model = limit.model.settings().clone();
    Ok((best, Some(LatencyCheck { max_ms: limit.max_ms, model, not_measured, too_slow })))
}

/// The trained networks, each by its longest training, with its member number: longer trainings first, then by accuracy,
/// earlier ones first.
fn ranked<'a>(pool: &'a Pool, steps: &'a [Step]) -> impl Iterator<Item = (usize, Found)> + 'a {
    let mut order: Vec<usize> = (0..steps.len()).filter(|&i| steps[i].accuracy_pct.is_some()).collect();
    let accuracy = |i: usize| steps[i].accuracy_pct.unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|&a, &b| {
        steps[b].epochs.cmp(&steps[a].epochs).then(accuracy(b).total_cmp(&accuracy(a))).then(a.cmp(&b))
    });
    let mut seen = std::collections::HashSet::new();
    order.retain(|&i| seen.insert(steps[i].member));
    order.into_iter().map(move |i| {
        let (step, arch) = (&steps[i], pool.arch(steps[i].member));
        let found = Found {
            arch: pool.texts[steps[i].member].clone(),
            arch_id: pool.space().arch_id(arch).to_string(),
            trial: i + 1,
            epochs: step.epochs,
            accuracy_pct: step.accuracy_pct,
            reported_pct: step.reported_pct,
            costs: pool.costs.iter().map(|(name, values)| (name.clone(), values[step.member])).collect(),
            measured_ms: None,
        };
        (step.member, found)
    })
}
