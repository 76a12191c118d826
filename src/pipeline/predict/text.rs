//! Learning curves as plain text for a terminal.

use super::measure::{COVERAGE, KENDALL, PRECISION, REGRET, RMSE, SPEARMAN, WIDTH};
use super::report::CLEAR;
use super::{Curve, Curves, Kind, METRICS, Summary};
use crate::candidates::is_accuracy;
use crate::text::{aligned, thousands, wrapped};

/// Characters of a line.
pub(super) const WIDEST: usize = 110;
/// With fewer repeats, a warning.
const ENOUGH_REPEATS: usize = 10;

impl Curves {
    /// What was compared, one table per number of labels, and the verdict. At most 110 characters wide for usual names.
    pub fn to_text(&self) -> String {
        let mut lines = self.header();
        for &labels in &self.labels {
            let unseen = thousands((self.taking_part - labels) as u64);
            lines.push(format!("\n{labels} labels, {unseen} unseen networks"));
            let rows = self.curves.iter().filter(|c| c.labels == labels).map(|c| self.cells(c)).collect();
            let tau = format!("tau-b [{}]", percent(self.level));
            lines.extend(aligned(
                ["", &tau, "rho", "top 10% [%]", "regret [u]", "RMSE [u]", "inside [%]", "width [u]"],
                rows,
            ));
        }
        lines.push("\nVerdict".into());
        lines.extend(self.verdict.iter().map(|sentence| wrapped(sentence, WIDEST)));
        lines.join("\n")
    }

    fn header(&self) -> Vec<String> {
        let count = |n: usize| thousands(n as u64);
        let features: Vec<String> = self.features.iter().map(|(name, n)| format!("{n} of {name}")).collect();
        let level = percent(self.level);
        let mut lines = vec![
            format!("target     {} of {}, in {} [u]; larger is better", self.target, self.table, unit(&self.target)),
            format!(
                "networks   {} distinct live ones of {} with a target, by {}",
                count(self.networks),
                self.space,
                self.key
            ),
            format!("left out   {} dead, {} without a target", count(self.n_dead), count(self.n_without_truth)),
        ];
        lines.splice(1..1, self.notes.iter().map(|note| wrapped(&format!("note: {note}"), WIDEST)));
        if self.taking_part < self.networks {
            let part = count(self.taking_part);
            lines.push(format!("subset     {part} of them, drawn uniformly, take part; the others stay aside"));
        }
        lines.extend([
            format!("features   {}", features.join(", ")),
            format!(
                "labels     drawn uniformly, {} times each, seed {}; all else is predicted",
                self.repeats, self.seed
            ),
            format!("           tau-b [{level}]: mean and central {level} of the repeats; other columns are means"),
            "top 10%    share of the top 10% by prediction that are in the top 10% by target".into(),
            "regret     best unseen target minus target of the best predicted network".into(),
            format!("inside     targets inside the {level} intervals, whose mean width is the last column"),
            "*          a count that anything must beat to be of use".into(),
            "hindsight  the single score with the highest tau over all networks, which nobody knows beforehand".into(),
            format!(
                "verdict    clear if the same in at least {} of the repeats; on the same unseen networks",
                percent(CLEAR)
            ),
        ]);
        if self.repeats < ENOUGH_REPEATS {
            lines.push(format!("           with fewer than {ENOUGH_REPEATS} repeats that says little"));
        }
        lines
    }

    fn cells(&self, curve: &Curve) -> [String; 8] {
        let get = |metric: usize| curve.measures.get(METRICS[metric].name);
        let show = |metric: usize, decimals: usize, factor: f64| {
            get(metric).map_or("-".into(), |s| format!("{:.decimals$}", factor * s.mean))
        };
        let decimals = decimals(self.truth_std);
        let tau = |s: &Summary| format!("{:.3} [{:.3}, {:.3}]", s.mean, s.low, s.high);
        [
            match curve.kind {
                Kind::Predictor => curve.name.clone(),
                Kind::Prior => format!("{} (no labels)", curve.name),
                Kind::BestProxy => format!("{} (hindsight)", curve.name),
                Kind::Baseline => format!("{} *", curve.name),
            },
            get(KENDALL).map_or("-".into(), tau),
            show(SPEARMAN, 3, 1.0),
            show(PRECISION, 1, 100.0),
            show(REGRET, decimals, 1.0),
            show(RMSE, decimals, 1.0),
            show(COVERAGE, 1, 100.0),
            show(WIDTH, decimals, 1.0),
        ]
    }
}

/// A share as in `90%`.
pub(super) fn percent(share: f64) -> String {
    format!("{}%", (1e4 * share).round() / 100.0)
}

/// Decimals that show three digits of values that differ by about `std`.
pub(super) fn decimals(std: f64) -> usize {
    (2.0 - std.log10().floor()).clamp(0.0, 12.0) as usize
}

/// The unit that a column is read in, by its name.
pub(super) fn unit(column: &str) -> &'static str {
    if is_accuracy(column) {
        return "percentage points";
    }
    const UNITS: [(&str, &str); 4] =
        [("_ms", "milliseconds"), ("_s", "seconds"), ("_mJ", "millijoules"), ("_M", "millions")];
    UNITS.iter().find(|(end, _)| column.ends_with(end)).map_or("its own unit", |(_, unit)| unit)
}
