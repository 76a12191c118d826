//! What the scores of a screen say: of each other, and beside known accuracies.

use std::collections::BTreeSet;

use super::Screen;
use crate::benchmark::Table;
use crate::candidates::{NetworkName, RunNote, score, strings_and_networks};
use crate::pipeline::RunError;
use crate::pipeline::evaluate::ProxyEvaluation;
use crate::pipeline::findings::{
    Column, Features, Findings, NAMED, Preferences, Proxies, ProxyRow, correlations, costs, preferences, sentences,
    worth,
};
use crate::pipeline::results::read::Judged;
use crate::proxy;
use crate::report::document::{Estimate, Fact, ScatterPanel, facts};
use crate::seed::{Stream, derive};
use crate::space::{Architecture, SearchSpace};
use crate::stats::Clusters;
use crate::text::thousands;

/// The most networks that say how alike proxies rank, what they prefer, and whether they beat a count: a random sample of more.
const MOST: usize = 20_000;
/// Proxies drawn against accuracy.
const PANELS: usize = 12;

/// The space of a screen, if it is known.
pub(super) fn space(run: &RunNote) -> Option<Box<dyn SearchSpace>> {
    run.space().ok()??.open().ok()
}

impl Screen<'_> {
    /// What the scores say, first in sentences.
    pub(super) fn found(&self) -> Result<(Vec<String>, Findings), RunError> {
        let Screen { scores, run, names, distinct, judged, truth, options } = self;
        let rows = drawn(distinct, derive(options.seed, "findings"));
        let columns = columns(scores, names, &rows)?;
        let known: Vec<Option<f64>> = rows.iter().map(|row| truth.get(row).copied()).collect();
        let target = options.target.as_deref().unwrap_or_default();
        let preferences = match space(run) {
            Some(space) => preferred(space.as_ref(), scores, &rows, &columns, &known, target)?,
            None => None,
        };
        let findings = Findings { correlations: correlations(&columns), preferences, ..Findings::default() };
        let Some(judged) = judged else { return Ok((vec![unjudged(names, distinct.len())], findings)) };
        let proxy_rows = proxy_rows(judged, run);
        let (places, accuracies): (Vec<usize>, Vec<f64>) =
            known.iter().enumerate().filter_map(|(place, pct)| Some((place, (*pct)?))).unzip();
        let restricted = |c: &Column| Column { values: places.iter().map(|&i| c.values[i]).collect(), ..c.clone() };
        let tested: Vec<Column> = columns.iter().map(restricted).collect();
        let params = scores.f64_column("params")?;
        let params =
            Column { name: "params".into(), values: places.iter().map(|&i| params[rows[i]]).collect(), baseline: true };
        let ids = scores.string_column("arch_id")?;
        let networks = Clusters::by_key(&places.iter().map(|&i| &ids[rows[i]]).collect::<Vec<_>>());
        let worth = worth(&tested, &params, &accuracies, &networks, options.seed);
        let verdict = match &worth {
            Some(worth) => sentences(worth, &proxy_rows),
            None => {
                vec![format!(
                    "No proxy can be compared with the number of parameters on {} networks.",
                    accuracies.len()
                )]
            }
        };
        let findings = Findings {
            worth,
            scatter: scatter(scores, judged)?,
            costs: costs(&proxy_rows, distinct.len() as u64),
            proxies: Proxies {
                rows: proxy_rows,
                interval_method: format!(
                    "95% bootstrap intervals over {}; networks are resampled with all their strings ({} times), and their \
                     accuracies are {} of {}",
                    strings_and_networks(judged.evaluation.n_joined, judged.evaluation.n_networks),
                    thousands(judged.evaluation.options.repeats as u64),
                    judged.evaluation.target,
                    judged.evaluation.table
                ),
            },
            ..findings
        };
        Ok((verdict, findings))
    }
}

/// All rows, or so many of them that the work is bounded, in their order.
fn drawn(distinct: &[usize], seed: u64) -> Vec<usize> {
    if distinct.len() <= MOST {
        return distinct.to_vec();
    }
    let mut places = Stream::new(seed).sample_indices(distinct.len() as u64, MOST as u64);
    places.sort_unstable();
    places.into_iter().map(|i| distinct[i as usize]).collect()
}

fn columns(scores: &Table, names: &[String], rows: &[usize]) -> Result<Vec<Column>, RunError> {
    let one = |name: &String| {
        let values = score(scores, name)?.values;
        let baseline = proxy::find(name).is_ok_and(|p| p.baseline);
        Ok(Column { name: name.clone(), values: rows.iter().map(|&row| values[row]).collect(), baseline })
    };
    names.iter().map(one).collect()
}

fn preferred(
    space: &dyn SearchSpace,
    scores: &Table,
    rows: &[usize],
    columns: &[Column],
    known: &[Option<f64>],
    target: &str,
) -> Result<Option<Preferences>, RunError> {
    let archs = scores.string_column("arch")?;
    let parsed: Option<Vec<Architecture>> = rows.iter().map(|&row| space.parse(archs[row].as_deref()?).ok()).collect();
    let Some(parsed) = parsed else { return Ok(None) };
    let counts = |name: &str| -> Result<Vec<f64>, RunError> {
        let values = scores.f64_column(name)?;
        Ok(rows.iter().map(|&row| values[row].unwrap_or(0.0)).collect())
    };
    let features = Features::of(space, &parsed, &counts("params")?, &counts("macs")?);
    Ok(preferences(&features, columns, known, target))
}

fn scatter(scores: &Table, judged: &Judged) -> Result<Vec<ScatterPanel>, RunError> {
    let archs = if judged.truth.len() <= NAMED { NetworkName::of_rows(scores)? } else { Vec::new() };
    let panel = |row: &ProxyEvaluation| {
        let values = score(scores, &row.name)?.values;
        let usable = || judged.truth.iter().filter_map(|&(row, truth)| Some((row, [values[row]?, truth])));
        Ok(ScatterPanel {
            proxy: row.name.clone(),
            names: usable().filter_map(|(row, _)| archs.get(row).cloned()).collect(),
            cloud: usable().map(|(_, point)| point).collect(),
            ..ScatterPanel::default()
        })
    };
    judged.evaluation.rows.iter().take(PANELS).map(panel).collect()
}

fn unjudged(names: &[String], networks: usize) -> String {
    let what = match names {
        [one] => one.clone(),
        several => format!("{} proxies", several.len()),
    };
    format!(
        "{} distinct networks have scores of {what}; name --table and --target to see how they rank trained networks.",
        thousands(networks as u64)
    )
}

pub(super) fn joined(judged: &Judged) -> Vec<Fact> {
    let e = &judged.evaluation;
    let joined = format!("{}, joined on {}", strings_and_networks(e.n_joined, e.n_networks), e.join_key[1]);
    let undefined: BTreeSet<String> =
        e.rows.iter().filter_map(|row| Some(format!("{}: {}", row.name, row.overall.undefined?))).collect();
    let left_out = match [e.n_unmatched, e.n_without_truth].map(|n| thousands(n as u64)) {
        _ if e.n_unmatched + e.n_without_truth == 0 => String::new(),
        [unmatched, without] => format!("{unmatched} not in the table, {without} without a value"),
    };
    let mut all = facts([("Accuracies", format!("{} of {}", e.target, e.table)), ("With an accuracy", joined)]);
    all.extend(e.notes.iter().map(|note| ("Note".into(), note.clone())));
    let undefined = undefined.into_iter().collect::<Vec<_>>().join("; ");
    all.extend(facts([("Not defined", undefined), ("Left out", left_out)]));
    all
}

fn proxy_rows(judged: &Judged, run: &RunNote) -> Vec<ProxyRow> {
    let row = |row: &ProxyEvaluation| ProxyRow {
        name: row.name.clone(),
        spearman: row.overall.spearman.map(|v| Estimate::of(v, row.overall.spearman_interval)),
        kendall: row.overall.kendall.map(|v| Estimate::of(v, row.overall.kendall_interval)),
        n: (row.n_ok + row.n_not_ok) as u64,
        failed: row.n_not_ok as u64,
        seconds: run.seconds_per_proxy.get(&row.name).copied(),
        baseline: row.baseline,
    };
    judged.evaluation.rows.iter().map(row).collect()
}
