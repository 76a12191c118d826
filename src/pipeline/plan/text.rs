//! A plan as plain text for a terminal.

use super::{Plan, Split, TOP};
use crate::stats::normal_top_overlap;
use crate::text::{aligned, duration, thousands};

impl Plan {
    /// The plan as aligned plain text.
    pub fn to_text(&self) -> String {
        let config = &self.config;
        let (best, learning) = (&self.best, &config.learning);
        let count = |n: usize| thousands(n as u64);
        let scoring = best.score as f64 * config.score_seconds;
        let training = |n: usize| duration(n as f64 * config.training_seconds);
        let mut lines = vec![
            format!("with {} on this machine:", duration(config.budget_seconds)),
            format!("  score    {:>9} networks    {}", count(best.score), duration(scoring)),
            format!("  label    {:>9} at random   {}", count(best.label), training(best.label)),
            format!("  confirm  {:>9} best        {}", count(best.confirm), training(best.confirm)),
        ];
        lines.push(match self.stop_after {
            Some(k) => format!(
                "  stop after {k} confirmations: from there one adds less than {} points on average",
                config.stop_below
            ),
            None if config.spread.is_some() => {
                format!("  stop when all are done: each adds {} points or more on average", config.stop_below)
            }
            None => "  when to stop depends on how much networks differ: give --spread POINTS".into(),
        });
        lines.push(format!(
            "\nexpected: about number {} of {} by true quality (random trainings alone: number {}),",
            self.rank(best),
            count(config.networks),
            self.rank(&self.random)
        ));
        lines.push(format!(
            "if quality and predictions are jointly normal and the predicted top tenth holds {} of the true one without \
             labels,",
            overlap(learning.correlation(0))
        ));
        lines.push(format!(
            "{} with {} labels, {} with ever more (half of the way at {:.0}): {}",
            overlap(best.correlation),
            best.label,
            overlap(learning.limit),
            learning.half,
            learning.origin
        ));

        lines.push("\nother numbers of labels".into());
        let row = |split: &Split| {
            let numbers = [split.score, split.confirm].map(count);
            let [score, confirm] = numbers;
            let label = count(split.label);
            [label, score, confirm, overlap(split.correlation), self.rank(split)]
        };
        let step = self.others.len().div_ceil(12).max(1);
        let rows = self.others.iter().step_by(step).map(row).collect();
        lines.extend(aligned(["labels", "scored", "confirmed", "of the top tenth", "number"], rows));
        if let Some(stop) = &self.stopping {
            lines.push(format!(
                "\nthis run: {}; the best has {:.2}%, and training the most promising network is expected to improve on it \
                 by {:.3} points (at least {} is asked for, {} networks promise that): {}",
                if stop.go_on { "go on" } else { "stop" },
                stop.best_pct,
                stop.expected_improvement,
                stop.threshold,
                stop.worth_training,
                stop.next
            ));
        }
        lines.join("\n")
    }
    /// Where the expected best stands among all networks, from 1.
    fn rank(&self, split: &Split) -> String {
        thousands(1 + (split.better_share * self.config.networks as f64).round() as u64)
    }
}

/// The share of the true top tenth in that of predictions of this correlation.
fn overlap(correlation: f64) -> String {
    format!("{:.0}%", 100.0 * normal_top_overlap(correlation, TOP))
}
