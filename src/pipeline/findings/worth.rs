//! Is a proxy worth more than a count?

use serde::Deserialize;

use super::{Column, ProxyRow, REPEATS};
use crate::report::document::{Cell, Estimate, IntervalRow, Intervals, Part, Rows, Section, Tone};
use crate::stats::{Clusters, holm, missing_last, pairs_needed, spearman_difference_test};

/// Below this chance of any false alarm a difference counts.
const LEVEL: f64 = 0.05;

/// The difference of correlations that a verdict must be able to find, and how far the estimates of two proxies agree.
const FOUND: (f64, f64) = (0.25, 0.5);

/// Proxies compared with one that they have to beat.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Worth {
    /// Name of what they are compared with ("params").
    pub reference: String,
    /// One row per other proxy, best first.
    pub rows: Vec<WorthRow>,
    /// How differences were tested, as a sentence.
    pub method: String,
}

/// One proxy less the reference.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct WorthRow {
    /// Name of the proxy.
    pub name: String,
    /// Its Spearman correlation less that of the reference, over the same networks.
    pub difference: Estimate,
    /// Two-sided p-value, corrected for the number of rows.
    pub p_value: Option<f64>,
    /// What follows.
    pub judgement: Tone,
}

impl Worth {
    pub fn section(&self) -> Section {
        let row = |row: &WorthRow| IntervalRow {
            name: row.name.clone(),
            tone: row.judgement,
            estimates: vec![Some(row.difference)],
            note: row.p_value.map(|p| format!("p = {p:.3}, ")).unwrap_or_default() + row.judgement.words(),
        };
        let figure = Intervals {
            across: format!("Spearman correlation less that of {}", self.reference),
            signed: true,
            rows: self.rows.iter().map(row).collect(),
            caption: self.method.clone(),
            ..Intervals::default()
        };
        let grid = Rows::of(&format!("Proxies compared with {}", self.reference), "", &self.rows)
            .column("Proxy", |row| Cell::text(&row.name))
            .column("#Difference", |row| Cell::Difference(Some(row.difference), 2))
            .column("#p", |row| Cell::PValue(row.p_value))
            .column("Verdict", |row| Cell::Tone(row.judgement));
        let parts = vec![Part::Intervals(figure), Part::Table(grid.into())];
        let heading = match self.reference.as_str() {
            "params" => "Better than counting parameters?".to_owned(),
            reference => format!("Better than {reference}?"),
        };
        Section::new("worth", heading, parts).called("Better than a count?")
    }
}

/// Every proxy that is not a baseline compared with `reference` by the Spearman correlation with `truth` of the same
/// rows, which belong to these networks. P-values come from a paired bootstrap over networks and are corrected after Holm. Best first; none without proxies that can
/// be compared.
pub(in crate::pipeline) fn worth(
    columns: &[Column],
    reference: &Column,
    truth: &[f64],
    networks: &Clusters,
    seed: u64,
) -> Option<Worth> {
    let against = missing_last(&reference.values);
    let tested: Vec<_> = columns
        .iter()
        .filter(|c| !c.baseline && c.name != reference.name)
        .filter_map(|c| {
            let scores = missing_last(&c.values);
            let test = spearman_difference_test(&scores, &against, truth, networks, (REPEATS, seed))?;
            Some((c, test))
        })
        .collect();
    let adjusted = holm(&tested.iter().map(|(_, test)| test.p_value).collect::<Vec<_>>());
    let mut rows: Vec<WorthRow> = tested
        .iter()
        .zip(adjusted)
        .map(|((column, test), p)| WorthRow {
            name: column.name.clone(),
            difference: Estimate::of(test.difference, test.interval),
            p_value: Some(p),
            judgement: match (p <= LEVEL && networks.count() >= needed(), test.difference > 0.0) {
                (true, true) => Tone::Better,
                (true, false) => Tone::Worse,
                _ => Tone::Undecided,
            },
        })
        .collect();
    rows.sort_by(|a, b| b.difference.value.total_cmp(&a.difference.value));
    let few = match networks.count() {
        n if n < needed() => format!("Too few networks for a verdict: about {} are needed. ", needed()),
        _ => String::new(),
    };
    (!rows.is_empty()).then(|| Worth {
        reference: reference.name.clone(),
        rows,
        method: format!(
            "{few}Difference in Spearman correlation from {}, over the same {} networks, with its 95% interval: paired bootstrap \
             with {REPEATS} resamples. P-values are corrected after Holm for all proxies in the table; a proxy counts as \
             better or worse at p ≤ {LEVEL}. Intervals are not corrected.",
            reference.name,
            networks.count()
        ),
    })
}

/// Fewer networks are too few for a verdict.
fn needed() -> usize {
    pairs_needed(FOUND.0, FOUND.1)
}

/// The verdict on the proxies, as sentences: one if there are too few networks. `rows` hold their correlations.
pub(in crate::pipeline) fn sentences(worth: &Worth, rows: &[ProxyRow]) -> Vec<String> {
    let find = |name: &str| rows.iter().find(|r| r.name == name);
    let [better, undecided, worse] = [Tone::Better, Tone::Undecided, Tone::Worse].map(|judgement| {
        let rows = worth.rows.iter().filter(|r| r.judgement == judgement);
        rows.map(|r| r.name.clone()).collect::<Vec<String>>()
    });
    let reference = &worth.reference;
    if let Some(row) = find(reference).filter(|row| (row.n as usize) < needed()) {
        return vec![format!(
            "{} networks with an accuracy are too few to judge proxies by: about {} are needed to find a difference of {} in \
             Spearman correlation.",
            row.n,
            needed(),
            FOUND.0
        )];
    }
    let against = find(reference)
        .and_then(|r| r.spearman)
        .map_or(reference.clone(), |e| format!("{:.2} of {reference}", e.value));
    let rho = |name: &str| find(name).and_then(|r| r.spearman).map_or(String::new(), with_interval);
    let mut sentences = Vec::new();
    if let [best, others @ ..] = better.as_slice() {
        sentences.push(format!("{best} is worth using here: Spearman {} against {against}.", rho(best)));
        if !others.is_empty() {
            let list: Vec<_> = others.iter().map(|name| format!("{name} ({})", rho(name))).collect();
            let verb = if others.len() == 1 { "beats" } else { "beat" };
            sentences.push(format!("{} {verb} {reference} too.", in_words(&list)));
        }
    } else {
        let n = find(reference).map_or(String::new(), |r| format!(" on {} networks", r.n));
        let reached = match rho(reference) {
            rho if rho.is_empty() => String::new(),
            rho => format!(": {reference} reaches Spearman {rho}{n}"),
        };
        sentences.push(format!("No proxy is shown to beat {reference} here{reached}."));
    }
    // Another count may be the harder one to beat.
    let rank = |r: &&ProxyRow| r.spearman.map_or(f64::NEG_INFINITY, |e| e.value);
    let best_count = rows.iter().filter(|r| r.baseline).max_by(|a, b| rank(a).total_cmp(&rank(b)));
    if let Some(count) = best_count.filter(|c| Some(rank(c)) > find(reference).as_ref().map(rank)) {
        sentences.push(format!("The count that ranks best is {}: {}.", count.name, rho(&count.name)));
    }
    if !undecided.is_empty() {
        let (names, verb) = (in_words(&undecided), if undecided.len() == 1 { "is" } else { "are" });
        sentences.push(format!("{names} {verb} not significantly different from {reference} on these networks."));
    }
    if !worse.is_empty() {
        let names = in_words(&worse);
        let (verb, pronoun) = if worse.len() == 1 { ("ranks", "it") } else { ("rank", "them") };
        sentences.push(format!(
            "Domain warning: on these images {names} {verb} worse than {reference}. Do not select by {pronoun} here, \
             even if it works elsewhere."
        ));
    }
    sentences
}

/// "0.57 [0.52, 0.62]".
fn with_interval(estimate: Estimate) -> String {
    let range = estimate.interval.map_or(String::new(), |i| format!(" [{:.2}, {:.2}]", i.low, i.high));
    format!("{:.2}{range}", estimate.value)
}

/// "a, b and c".
fn in_words(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Stream;

    #[test]
    fn the_verdict_follows_from_the_tests() {
        let mut stream = Stream::named(1, "worth");
        let mut noisy = |truth: &[f64], size: f64| -> Vec<Option<f64>> {
            truth.iter().map(|t| Some(t + size * (stream.uniform() - 0.5))).collect()
        };
        let truth: Vec<f64> = (0..150).map(f64::from).collect();
        let column = |name: &str, values, baseline| Column { name: name.into(), values, baseline };
        let params = column("params", noisy(&truth, 200.0), true);
        let columns = [
            column("good", noisy(&truth, 40.0), false),
            column("same", params.values.clone(), false),
            column("bad", noisy(&truth, 2000.0), false),
            column("constant", vec![Some(1.0); 150], false),
            params.clone(),
        ];
        let found = worth(&columns, &params, &truth, &Clusters::singletons(150), 1).unwrap();
        let judged: Vec<_> = found.rows.iter().map(|r| (r.name.as_str(), r.judgement)).collect();
        assert_eq!(judged, [("good", Tone::Better), ("same", Tone::Undecided), ("bad", Tone::Worse)]);
        let row = |name: &str, rho: f64| ProxyRow {
            name: name.into(),
            spearman: Some(Estimate::with_interval(rho, rho - 0.05, rho + 0.05)),
            ..ProxyRow::default()
        };
        let rows = [row("good", 0.57), row("params", 0.32), row("same", 0.32), row("bad", 0.1)];
        let few = rows.clone().map(|r| ProxyRow { n: 32, ..r });
        let said = super::sentences(&found, &few);
        assert!(said.len() == 1 && said[0].starts_with("32 networks with an accuracy are too few"), "{said:?}");
        let rows = rows.map(|r| ProxyRow { n: 150, ..r });
        let sentences = sentences(&found, &rows);
        assert_eq!(sentences[0], "good is worth using here: Spearman 0.57 [0.52, 0.62] against 0.32 of params.");
        assert_eq!(sentences[1], "same is not significantly different from params on these networks.");
        assert!(
            sentences[2].starts_with("Domain warning: on these images bad ranks worse than params."),
            "{sentences:?}"
        );
    }

    #[test]
    fn nothing_to_compare_is_no_verdict() {
        let params = Column { name: "params".into(), values: vec![Some(1.0), Some(2.0)], baseline: true };
        let two = Clusters::singletons(2);
        assert_eq!(worth(std::slice::from_ref(&params), &params, &[1.0, 2.0], &two, 1), None);
    }
}
