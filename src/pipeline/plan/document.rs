//! A plan as a document.

use super::{Plan, Split, TOP};
use crate::report::document::{Cell, Document, Rows, Section};
use crate::stats::normal_top_overlap;
use crate::text::{duration, thousands};

impl Plan {
    /// How to split the budget, when to stop, what to expect, and other numbers of labels.
    pub fn document(&self) -> Document {
        let (config, best, learning) = (&self.config, &self.best, &self.config.learning);
        let training = |n: usize| n as f64 * config.training_seconds;
        let shares = [
            ("score", best.score, "networks", best.score as f64 * config.score_seconds),
            ("label", best.label, "at random", training(best.label)),
            ("confirm", best.confirm, "best", training(best.confirm)),
        ];
        let split = Rows::of("The split", "", shares)
            .column("", |(what, ..)| Cell::text(*what))
            .column("#Networks", |(_, n, ..)| Cell::Count(*n as u64))
            .column("", |(_, _, which, _)| Cell::text(*which))
            .column("#Time", |(.., seconds)| Cell::text(duration(*seconds)));
        let step = self.others.len().div_ceil(12).max(1);
        let others = Rows::of("Other numbers of labels", "", self.others.iter().step_by(step))
            .column("#Labels", |split| Cell::Count(split.label as u64))
            .column("#Scored", |split| Cell::Count(split.score as u64))
            .column("#Confirmed", |split| Cell::Count(split.confirm as u64))
            .column("#Of the top tenth", |split| Cell::text(overlap(split.correlation)))
            .column("#Number", |split| Cell::text(self.rank(split)));
        let stop = match self.stop_after {
            Some(k) => format!(
                "Stop after {k} confirmations: from there one adds less than {} points on average.",
                config.stop_below
            ),
            None if config.spread.is_some() => {
                format!("Stop when all are done: each adds {} points or more on average.", config.stop_below)
            }
            None => "When to stop depends on how much networks differ: give --spread POINTS.".into(),
        };
        let expected = format!(
            "Expected: about number {} of {} by true quality (random trainings alone: number {}), if quality and predictions are \
             jointly normal and the predicted top tenth holds {} of the true one without labels, {} with {} labels, {} with ever \
             more (half of the way at {:.0}): {}.",
            self.rank(best),
            thousands(config.networks as u64),
            self.rank(&self.random),
            overlap(learning.correlation(0)),
            overlap(best.correlation),
            best.label,
            overlap(learning.limit),
            learning.half,
            learning.origin
        );
        let this_run = self.stopping.as_ref().map(|stop| {
            format!(
                "This run: {}; the best has {:.2}%, and training the most promising network is expected to improve on it by {:.3} \
                 points (at least {} is asked for, {} networks promise that): {}",
                if stop.go_on { "go on" } else { "stop" },
                stop.best_pct,
                stop.expected_improvement,
                stop.threshold,
                stop.worth_training,
                stop.next
            )
        });
        Document {
            title: "A plan".into(),
            sections: vec![
                Section::table("split", format!("With {} on this machine", duration(config.budget_seconds)), split),
                Section { text: [stop, expected].into_iter().chain(this_run).collect(), ..Section::default() },
                Section::table("labels", "Other numbers of labels", others),
            ],
            ..Document::default()
        }
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
