//! A plan as plain text for a terminal.

use super::{Plan, Split};
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
            "if quality and predictions are jointly normal and predictions rank by Spearman {:.2} without labels, {:.2} with \
             {},",
            learning.spearman(0),
            best.spearman,
            best.label
        ));
        lines.push(format!(
            "{:.2} with ever more (half of the way at {:.0}): {}",
            learning.limit, learning.half, learning.origin
        ));

        lines.push("\nother numbers of labels".into());
        let row = |split: &Split| {
            let numbers = [split.score, split.confirm].map(count);
            let [score, confirm] = numbers;
            let label = count(split.label);
            [label, score, confirm, format!("{:.2}", split.spearman), self.rank(split)]
        };
        let step = self.others.len().div_ceil(12).max(1);
        let rows = self.others.iter().step_by(step).map(row).collect();
        lines.extend(aligned(["labels", "scored", "confirmed", "Spearman", "number"], rows));
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
