//! The winner in words.

use super::Winner;
use super::assessment::{Assessment, Baseline, MAJORITY};
use crate::candidates::NetworkName;
use crate::hardware::LimitSettings;
use crate::text::thousands;

/// Level of the test against what needs no search.
const LEVEL: f64 = 0.05;

impl Winner {
    /// What it is called.
    pub(in crate::pipeline) fn name(&self) -> NetworkName {
        NetworkName { winner: true, ..NetworkName::new(&self.arch, &self.arch_id) }
    }

    /// Some sentences on it.
    pub(in crate::pipeline) fn sentences(&self, limits: &LimitSettings) -> Vec<String> {
        let mut sentences = match self.majority.as_ref().filter(|_| self.learned_nothing()) {
            Some(m) => vec![format!(
                "No network is better than always naming class '{}' ({:.2}%): the best by validation gets {} right, so nothing \
                 shows that anything was learnt.",
                m.class,
                m.accuracy_pct,
                self.reached()
            )],
            None => std::iter::once(self.headline()).chain(self.assessment.as_ref().and_then(against)).collect(),
        };
        let (ms, limit) = (self.latency_ms, limits.latency_ms());
        let slower = match self.violators.len() {
            0 => String::new(),
            1 => "; one better network took longer than the limit and was passed over".into(),
            n => format!("; {n} better networks took longer than the limit and were passed over"),
        };
        match (ms, limit) {
            (Some(ms), Some(max)) => {
                sentences.push(format!("It takes {ms:.2} ms when measured, under the limit of {max} ms{slower}."));
            }
            (Some(ms), None) => sentences.push(format!("It takes {ms:.2} ms when measured.")),
            _ => {}
        }
        if self.ties > 0 {
            let rule = if ms.is_some() { "is the fastest" } else { "has the fewest multiply-accumulates" };
            let networks = if self.ties == 1 { "network has" } else { "networks have" };
            sentences.push(format!(
                "{} other trained {networks} the same validation accuracy; of these this one {rule}.",
                self.ties
            ));
        }
        sentences.push(self.place(limits));
        sentences
    }

    /// "34 of 36 test images (94.44%, …)".
    fn reached(&self) -> String {
        let by_mean = || format!("{:.2}% of the test images", self.test_accuracy_pct);
        self.assessment.as_ref().map_or_else(by_mean, Assessment::accuracy)
    }

    fn headline(&self) -> String {
        let reached = self.reached();
        let better = |b: &&Baseline| b.p_value <= LEVEL && b.difference_pct.0 < 0.0;
        match self.assessment.as_ref().and_then(Assessment::best_baseline).filter(better) {
            Some(b) => format!(
                "What needs no search is better here: {} gets {:.2}% right, the best network found {reached}.",
                b.name, b.accuracy_pct.0
            ),
            None => format!("The network to take gets {reached} right."),
        }
    }

    /// "76,720 parameters in 0.31 MB (limit: 100,000 parameters)".
    pub(super) fn size(&self, limits: &LimitSettings) -> String {
        let limit = limits.size().map_or(String::new(), |limit| format!(" (limit: {limit})"));
        format!("{} parameters in {:.2} MB{limit}", thousands(self.params), self.model_mb)
    }

    /// What it is and where.
    fn place(&self, limits: &LimitSettings) -> String {
        let (size, place) = (self.size(limits), self.exported.display());
        let name = self.name();
        format!("It was chosen by validation accuracy, is {name} ({}), has {size}, and is in {place}.", self.arch)
    }

    /// Whether the most frequent class is right as often, on the same images where the winner was assessed.
    pub(in crate::pipeline) fn learned_nothing(&self) -> bool {
        let named = |a: &Assessment| {
            let majority = a.baselines.iter().find(|b| b.name == MAJORITY);
            majority.map(|b| a.test.accuracy_pct.0 <= b.accuracy_pct.0)
        };
        let by_census = || self.majority.as_ref().is_some_and(|m| self.test_accuracy_pct <= m.accuracy_pct);
        self.assessment.as_ref().and_then(named).unwrap_or_else(by_census)
    }
}

/// The winner against what needs no search, in a sentence.
fn against(assessment: &Assessment) -> Option<String> {
    let best = assessment.best_baseline()?;
    let (difference, i) = best.difference_pct;
    let p = if best.p_value < 0.001 { "p < 0.001".into() } else { format!("p = {:.3}", best.p_value) };
    let numbers = format!("{difference:+.2} points, 95% interval {:+.1} to {:+.1}; {p}", i.low, i.high);
    let comparison = match (best.p_value <= LEVEL, difference > 0.0) {
        (true, true) => "It is better than",
        (true, false) => "It is worse than",
        _ => "It is not shown to be better than",
    };
    let others: Vec<String> = assessment
        .baselines
        .iter()
        .filter(|b| b.name != best.name)
        .map(|b| format!("{} {:.2}%", b.name, b.accuracy_pct.0))
        .collect();
    let others = if others.is_empty() { String::new() } else { format!(" For comparison: {}.", others.join(", ")) };
    let without = if best.name == MAJORITY { "" } else { ", the best that needs no search" };
    Some(format!("{comparison} {} ({:.2}%){without}: {numbers}.{others}", best.name, best.accuracy_pct.0))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::pipeline::confirm::Majority;

    #[test]
    fn a_winner_that_learnt_nothing_says_so() {
        let winner = |test_accuracy_pct| Winner {
            arch: "a".into(),
            arch_id: "1".into(),
            test_accuracy_pct,
            valid_accuracy_pct: 90.0,
            params: 1,
            model_mb: 4e-6,
            macs: 1,
            latency_ms: None,
            violators: Vec::new(),
            measured: Vec::new(),
            ties: 0,
            mistakes: Vec::new(),
            room: None,
            assessment: None,
            majority: Some(Majority { class: "healthy".into(), accuracy_pct: 95.0 }),
            exported: PathBuf::new(),
        };
        let said = winner(95.0).sentences(&LimitSettings::default()).join(" ");
        assert!(said.contains("No network is better than always naming class 'healthy' (95.00%)"), "{said}");
        assert!(winner(95.5).sentences(&LimitSettings::default())[0].starts_with("The network to take gets 95.50%"));
    }
}
