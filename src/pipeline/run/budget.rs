//! Splitting a wall-clock budget between scoring, labels and confirmation, by what they are measured to cost.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::RunError;
use crate::files::{FileError, write_atomically};
use crate::stats::mean;

/// A time to keep to, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Budget(u64);

impl Budget {
    /// So many minutes.
    pub const fn minutes(n: u64) -> Self {
        Budget(60 * n)
    }
}

impl FromStr for Budget {
    type Err = String;

    /// "90s", "20m", "2h", "1h30m".
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a time; write it as 90s, 20m or 1h30m");
        let (mut total, mut digits) = (0u64, String::new());
        for letter in text.trim().chars() {
            let unit = match letter {
                '0'..='9' => {
                    digits.push(letter);
                    continue;
                }
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => return Err(wrong()),
            };
            let number: u64 = std::mem::take(&mut digits).parse().map_err(|_| wrong())?;
            total = number.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        }
        if !digits.is_empty() || total == 0 { Err(wrong()) } else { Ok(Budget(total)) }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.0 / 3600, 'h'), (self.0 / 60 % 60, 'm'), (self.0 % 60, 's')];
        parts.iter().filter(|(n, _)| *n > 0).try_for_each(|(n, unit)| write!(f, "{n}{unit}"))
    }
}

impl TryFrom<String> for Budget {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Budget> for String {
    fn from(budget: Budget) -> String {
        budget.to_string()
    }
}

/// What was decided by measured costs: an interrupted run goes on with it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Decided {
    /// The version that decided.
    pub naslens: String,
    pub sample: Option<u64>,
    pub steps: Option<usize>,
    pub labels: Option<usize>,
    pub top: Option<usize>,
}

/// Amounts that are cut down to what fits, never raised.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    pub sample: u64,
    pub steps: usize,
    pub labels: usize,
    pub top: usize,
}

/// The clock of a run with a budget, and what it decides.
pub(super) struct Pace {
    total: f64,
    /// What it may decide at most; without it all of the time is used.
    usual: Option<Usual>,
    started: Instant,
    file: PathBuf,
    /// Trainings that judge the winner.
    pub judging: usize,
    pub decided: Decided,
}

/// The file of decisions in the folder of a run.
const FILE: &str = "budget.json";
/// Networks that are scored to learn what that costs.
pub(super) const PILOT: u64 = 24;
/// Share of the time for scoring, and the fewest and most networks scored in it.
const SCORING: (f64, u64, u64) = (0.25, 60, 2000);
/// Share of the time that is kept for the end: a network to compare with, latencies, files.
const END: f64 = 0.05;
/// Steps of a training: the usual ones, the fewest and the most.
const STEPS: (usize, usize, usize) = (800, 400, 1600);
/// Trainings that the usual steps are for, since many that have hardly learned say less than some that have, and the fewest
/// that make sense: labels, finalists and controls.
const TRAININGS: (f64, f64) = (20.0, 10.0);
/// Share of the trainings that the surrogate learns from, and the fewest and most of them.
const LABELS: (f64, usize, usize) = (0.5, 5, 100);
/// The most finalists.
const TOP: usize = 32;

impl Pace {
    /// The clock of a run that was started then; what was decided before is kept, unless it is to be discarded.
    pub fn open(budget: Budget, usual: Option<Usual>, started: Instant, out: &Path, discard: bool) -> Self {
        let file = out.join(FILE);
        let text = std::fs::read(&file).ok().filter(|_| !discard);
        let decided = text.and_then(|text| serde_json::from_slice(&text).ok());
        let new = || Decided { naslens: env!("CARGO_PKG_VERSION").into(), ..Decided::default() };
        Pace { total: budget.0 as f64, usual, started, file, judging: 1, decided: decided.unwrap_or_else(new) }
    }

    /// Seconds until the end is due.
    fn left(&self) -> f64 {
        ((1.0 - END) * self.total - self.started.elapsed().as_secs_f64()).max(0.0)
    }

    /// Writes down what was decided, into a folder that belongs to the run.
    pub fn save(&self) -> Result<(), FileError> {
        write_atomically(&self.file, |file| serde_json::to_writer(file, &self.decided))
    }

    /// Networks to score, if one takes `seconds`.
    pub fn decide_sample(&mut self, seconds: f64) -> u64 {
        let (share, least, most) = SCORING;
        let affordable = (share * self.left() / seconds.max(1e-6)) as u64;
        let sample = affordable.clamp(least, most).min(self.usual.map_or(u64::MAX, |usual| usual.sample));
        *self.decided.sample.get_or_insert(sample)
    }

    /// Steps of a training and networks to label, if a step takes `seconds` of one of `threads` threads. A budget that was asked
    /// for is refused if it is too small; usual amounts are cut to the fewest that make sense.
    pub fn decide_trainings(
        &mut self,
        seconds: f64,
        threads: usize,
        networks: usize,
    ) -> Result<(usize, usize), RunError> {
        // Trainings of the usual length that fit.
        let fit = self.left() * threads as f64 / (seconds * STEPS.0 as f64).max(1e-9);
        let judging = self.judging as f64;
        let most = self.usual.map_or(STEPS.2, |usual| usual.steps);
        let steps = ((STEPS.0 as f64 * fit / (TRAININGS.0 + judging)) as usize).clamp(STEPS.1.min(most), most);
        let mut trainings = fit * STEPS.0 as f64 / steps as f64 - judging;
        if self.usual.is_some() {
            trainings = trainings.max(TRAININGS.1);
        }
        if trainings < TRAININGS.1 && self.decided.steps.is_none() {
            let needed =
                self.total + (TRAININGS.1 - trainings.min(TRAININGS.1)) * steps as f64 * seconds / threads as f64;
            return Err(RunError::Value(format!(
                "the budget is enough for {:.0} trainings of {steps} steps besides those that judge the winner, {:.0} are the \
                 fewest that make sense: \
                 about {}; smaller images are faster too",
                trainings.max(0.0),
                TRAININGS.1,
                Budget((needed / 60.0 * 1.1).ceil() as u64 * 60)
            )));
        }
        let labels = ((LABELS.0 * trainings) as usize).clamp(LABELS.1, LABELS.2).min(networks / 2);
        let labels = labels.min(self.usual.map_or(usize::MAX, |usual| usual.labels));
        let decided = &mut self.decided;
        Ok((*decided.steps.get_or_insert(steps), *decided.labels.get_or_insert(labels)))
    }

    /// Finalists, and as many controls: as many as fit into the time that is left. A training costs in proportion to its
    /// multiply-accumulates as those of the labels did, (multiply-accumulates, seconds of a thread) each; `best` are the
    /// multiply-accumulates of the networks from the best predicted on.
    pub fn decide_top(
        &mut self,
        labels: &[(f64, f64)],
        best: &[f64],
        repeats: u64,
        threads: usize,
    ) -> Result<usize, RunError> {
        let costs = Costs::of(labels);
        let control = mean(best).map_or(0.0, |macs| costs.seconds(macs));
        // What judges the winner is about as dear as the best predicted one.
        let judging = self.judging.max(threads) as f64 * costs.seconds(best.first().copied().unwrap_or(0.0));
        let mut left = self.left() * threads as f64 - judging;
        let fits = |macs: &&f64| {
            left -= repeats as f64 * (costs.seconds(**macs) + control);
            left > 0.0
        };
        let most = self.usual.map_or(TOP, |usual| usual.top).min(best.len() / 2);
        let affordable = best.iter().take(most).take_while(fits).count().max(2);
        let top = *self.decided.top.get_or_insert(affordable);
        self.save()?;
        Ok(top)
    }
}

/// Seconds of a training as a line in its multiply-accumulates, through measured ones.
struct Costs {
    base: f64,
    slope: f64,
}

impl Costs {
    fn of(measured: &[(f64, f64)]) -> Self {
        let (macs, seconds): (Vec<f64>, Vec<f64>) = measured.iter().copied().unzip();
        let (x, y) = (mean(&macs).unwrap_or(0.0), mean(&seconds).unwrap_or(0.0));
        let (over, under) = measured
            .iter()
            .fold((0.0, 0.0), |(over, under), (m, s)| (over + (m - x) * (s - y), under + (m - x) * (m - x)));
        let slope = if under > 0.0 { (over / under).max(0.0) } else { 0.0 };
        Costs { base: y - slope * x, slope }
    }

    fn seconds(&self, macs: f64) -> f64 {
        (self.base + self.slope * macs).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, seconds) in [("90s", 90), ("20m", 1200), ("2h", 7200), ("1h30m", 5400)] {
            assert_eq!(text.parse::<Budget>(), Ok(Budget(seconds)));
        }
        assert_eq!(Budget(5400).to_string(), "1h30m");
        assert_eq!(Budget(90).to_string(), "1m30s");
        for wrong in ["", "20", "m", "0s", "2d", "-1h", "99999999999999999999h"] {
            assert!(wrong.parse::<Budget>().unwrap_err().contains("20m"), "{wrong}");
        }
    }

    #[test]
    fn decisions_follow_costs_and_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let open = |seconds| Pace::open(Budget(seconds), None, Instant::now(), dir.path(), false);
        let mut pace = open(1000);
        // 0.25 x 950 s / 0.5 s
        assert_eq!(pace.decide_sample(0.5), 474);
        // 950 s of two threads are 118 trainings of 800 steps of 0.02 s, or 59 of 1,600
        let (steps, labels) = pace.decide_trainings(0.02, 2, 474).unwrap();
        assert_eq!((steps, labels), (1600, 29));
        pace.save().unwrap();
        assert_eq!(open(60).decide_sample(50.0), 474, "decided before");
        assert_eq!(open(60).decide_trainings(1.0, 2, 474).unwrap(), (steps, labels), "decided before");
        let labels = [(1e6, 10.0), (2e6, 20.0), (3e6, 30.0)];
        // About 950 x 2 seconds: a finalist of 20 s and a control of 20 s each
        let top = pace.decide_top(&labels, &[2e6; 400], 1, 2).unwrap();
        assert_eq!(top, TOP);
        let other = tempfile::tempdir().unwrap();
        let mut short = Pace::open(Budget(200), None, Instant::now(), other.path(), false);
        assert_eq!(short.decide_top(&labels, &[2e6; 400], 1, 2).unwrap(), 8);
        let small = short.decide_trainings(1.0, 2, 474).unwrap_err().to_string();
        assert!(small.contains("the fewest that make sense"), "{small}");
    }

    #[test]
    fn usual_amounts_are_cut_but_neither_raised_nor_refused() {
        let dir = tempfile::tempdir().unwrap();
        let usual = Usual { sample: 500, steps: 800, labels: 24, top: 8 };
        let open = || Pace::open(Budget(1000), Some(usual), Instant::now(), dir.path(), false);
        let costs = |cost: f64| [(1e6, cost), (2e6, 2.0 * cost)];
        let decide = |seconds: f64| {
            let mut pace = open();
            let sample = pace.decide_sample(10.0 * seconds);
            let (steps, labels) = pace.decide_trainings(seconds, 2, 474).unwrap();
            (sample, steps, labels, pace.decide_top(&costs(400.0 * seconds), &[1e6; 400], 1, 2).unwrap())
        };
        assert_eq!(decide(0.001), (500, 800, 24, 8));
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        let (sample, steps, labels, top) = decide(0.1);
        assert_eq!((sample, steps, labels, top), (237, 800, 11, 8));
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        assert_eq!(decide(5.0), (60, 400, 5, 2));
    }
}
