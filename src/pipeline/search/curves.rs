//! Searches as curves: the best so far by what was paid for it.

use std::collections::BTreeMap;
use std::path::Path;

use crate::candidates::read_column;
use crate::pipeline::RunError;
use crate::pipeline::results::{SearchCurve, SearchStep, read};
use crate::report::document::{CurvePanels, Estimate, Line, LinePoint, Part, Section};
use crate::seed::{Stream, derive};

/// Costs at which searches are summed up.
const PLACES: usize = 200;

/// What a search pays.
type Paid = fn(&SearchStep) -> Option<f64>;

/// The strategy that others are compared with.
pub(in crate::pipeline) const REFERENCE: &str = "random";

/// Searches by strategy, in the order of their seeds.
fn by_strategy<'a>(traces: impl IntoIterator<Item = &'a SearchCurve>) -> BTreeMap<&'a str, Vec<&'a SearchCurve>> {
    let mut groups: BTreeMap<&str, Vec<&SearchCurve>> = BTreeMap::new();
    for trace in traces {
        groups.entry(&trace.strategy).or_default().push(trace);
    }
    groups.values_mut().for_each(|group| group.sort_by_key(|trace| trace.seed));
    groups
}

/// Median over searches of the best so far, with the quartiles where there are several, from the cost at which the last has its
/// first to the cost at which the first ends. Single trainings are dots where there is one search.
fn line(name: &str, traces: &[&SearchCurve], paid: Paid) -> Line {
    let curves: Vec<Vec<(f64, f64)>> = traces
        .iter()
        .map(|trace| trace.steps.iter().filter_map(|step| Some((paid(step)?, step.best_pct?))).collect::<Vec<_>>())
        .filter(|curve| !curve.is_empty())
        .collect();
    let start = curves.iter().map(|curve| curve[0].0).fold(0.0, f64::max);
    let end = curves.iter().map(|curve| curve[curve.len() - 1].0).fold(f64::INFINITY, f64::min);
    let mut costs: Vec<f64> =
        curves.iter().flatten().map(|(at, _)| *at).filter(|at| (start..=end).contains(at)).collect();
    costs.sort_unstable_by(f64::total_cmp);
    costs.dedup();
    if costs.len() > PLACES {
        costs = (0..PLACES).map(|i| costs[i * (costs.len() - 1) / (PLACES - 1)]).collect();
    }
    let points: Vec<LinePoint> = costs.into_iter().filter_map(|at| point(&curves, at)).collect();
    let dots = match traces {
        [trace] => trace.steps.iter().filter_map(|step| Some([paid(step)?, step.reported_pct?])).collect(),
        _ => Vec::new(),
    };
    let last = points.last().map_or(String::new(), |p| format!("{:.2} %", p.value.value));
    let note = if traces.len() > 1 { format!("{last}, {} searches", traces.len()) } else { last };
    Line { name: name.into(), note, points, dots }
}

/// The best so far of the curves at a cost.
fn point(curves: &[Vec<(f64, f64)>], at: f64) -> Option<LinePoint> {
    let best = |curve: &Vec<(f64, f64)>| {
        let reached = curve.partition_point(|(cost, _)| *cost <= at);
        Some(curve[reached.checked_sub(1)?].1)
    };
    Some(LinePoint { at, value: Estimate::median(curves.iter().filter_map(best).collect())? })
}

/// Curves of searches that are equal in all but strategy and seed: a panel per strategy, random search in every one.
pub(in crate::pipeline) fn curve_sections(traces: &[&SearchCurve]) -> Vec<Section> {
    let mut settings: Vec<&str> = traces.iter().map(|trace| trace.setting.as_str()).collect();
    settings.sort_unstable();
    settings.dedup();
    let several = settings.len() > 1;
    let section = |(n, setting): (usize, &str)| {
        let group: Vec<&SearchCurve> = traces.iter().copied().filter(|trace| trace.setting == setting).collect();
        let mut parts = vec![Part::Curves(panels(&group, |step| Some(step.trainings), "trainings of full length"))];
        if group.iter().all(|trace| trace.steps.iter().all(|step| step.seconds.is_some())) {
            parts.push(Part::Curves(panels(&group, |step| step.seconds.map(|s| s / 3600.0), "hours of training")));
        }
        let of = if several { format!(": {}", group[0].source) } else { String::new() };
        let id = if n == 0 { "search".into() } else { format!("search-{n}") };
        Section::new(&id, format!("Best accuracy so far against training cost{of}"), parts)
    };
    settings.into_iter().enumerate().map(section).collect()
}

fn panels(traces: &[&SearchCurve], paid: Paid, across: &str) -> CurvePanels {
    let groups = by_strategy(traces.iter().copied());
    let mut lines: Vec<Line> = groups.iter().map(|(name, group)| line(name, group, paid)).collect();
    let last = |line: &Line| line.points.last().map_or(f64::NEG_INFINITY, |p| p.value.value);
    lines.sort_by(|a, b| last(b).total_cmp(&last(a)));
    // Random search in the same folders is better than one that is simulated: it had the same budget and pool.
    let own = lines.iter().position(|line| line.name == REFERENCE).filter(|_| lines.len() > 1);
    let simulated = || traces.iter().find_map(|trace| trace.random.clone()).filter(|_| across.starts_with("trainings"));
    let (reference, how) = match own {
        Some(i) => (Some(Line { name: "random search".into(), ..lines.remove(i) }), "the one among these searches"),
        None => (simulated(), "200 searches simulated on all rows of the table"),
    };
    let bands = match lines.iter().chain(&reference).any(|l| l.points.iter().any(|p| p.value.interval.is_some())) {
        true => " Lines: medians over searches; bands: quartiles.",
        false => "",
    };
    let random = match &reference {
        Some(_) => format!(" Grey: random search, {how}."),
        None => {
            " There is no random search to compare with: name --table, or compare with a search by the strategy random."
                .into()
        }
    };
    let dots = if lines.iter().any(|l| !l.dots.is_empty()) { " Points: single trainings." } else { "" };
    let caption = format!("Reported accuracy of the best full training so far.{dots}{bands}{random}");
    best_so_far(across, reference, lines, caption)
}

/// Panels of the best accuracy so far by what was paid for it.
pub(in crate::pipeline) fn best_so_far(
    across: &str,
    reference: Option<Line>,
    lines: Vec<Line>,
    caption: String,
) -> CurvePanels {
    let (across, up) = (across.into(), "Best reported accuracy, %".into());
    CurvePanels { across, up, logarithmic: true, steps: true, decimals: 2, reference, lines, caption }
}

/// Searches that are simulated.
const SEARCHES: usize = 200;

/// Random search on the rows of a table that have both accuracies: medians and quartiles over 200 orders drawn without
/// replacement, of the `reported` accuracy of the training with the highest `target` so far, in percent, after each of so many
/// trainings.
pub(super) fn random_search(
    table: &Path,
    target: &str,
    reported: &str,
    trainings: usize,
    seed: u64,
) -> Result<Line, RunError> {
    let (table, _) = read::table(table)?;
    let (targets, reports) = (read_column(&table, target)?.values, read_column(&table, reported)?.values);
    let mut rows: Vec<(f64, f64)> = targets.into_iter().zip(reports).filter_map(|(t, r)| Some((t?, r?))).collect();
    // Whatever the order of the table.
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    Ok(Line { name: "random search".into(), points: points(&rows, trainings, seed), ..Line::default() })
}

fn points(rows: &[(f64, f64)], trainings: usize, seed: u64) -> Vec<LinePoint> {
    let trainings = trainings.min(rows.len());
    let mut found = vec![Vec::with_capacity(SEARCHES); trainings];
    for search in 0..SEARCHES {
        let mut stream = Stream::named(derive(seed, "random search"), &search.to_string());
        let mut best: Option<(f64, f64)> = None;
        for (at, i) in stream.sample_indices(rows.len() as u64, trainings as u64).into_iter().enumerate() {
            let row = rows[i as usize];
            if best.is_none_or(|b| row.0 > b.0) {
                best = Some(row);
            }
            found[at].extend(best.map(|b| b.1));
        }
    }
    let point =
        |(at, values): (usize, Vec<f64>)| Some(LinePoint { at: at as f64 + 1.0, value: Estimate::median(values)? });
    found.into_iter().enumerate().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(seed: u64, best: &[f64]) -> SearchCurve {
        let step = |(i, best): (usize, &f64)| SearchStep {
            trainings: i as f64 + 1.0,
            best_pct: Some(*best),
            ..SearchStep::default()
        };
        SearchCurve {
            strategy: "random".into(),
            seed,
            steps: best.iter().enumerate().map(step).collect(),
            ..SearchCurve::default()
        }
    }

    #[test]
    fn a_line_is_the_median_with_quartiles_where_all_searches_are() {
        let traces = [trace(0, &[50.0, 60.0, 60.0]), trace(1, &[40.0, 80.0]), trace(2, &[70.0, 70.0, 90.0])];
        let line = line("random", &traces.iter().collect::<Vec<_>>(), |step| Some(step.trainings));
        let shown: Vec<_> = line.points.iter().map(|p| (p.at, p.value.value, p.value.interval.unwrap())).collect();
        assert_eq!(shown.len(), 2, "one search ends after two trainings");
        assert_eq!((shown[0].0, shown[0].1, shown[0].2.low, shown[0].2.high), (1.0, 50.0, 45.0, 60.0));
        assert_eq!((shown[1].0, shown[1].1), (2.0, 70.0));
        assert_eq!(line.note, "70.00 %, 3 searches");
    }

    #[test]
    fn random_search_comes_to_what_is_chosen_by_target() {
        // The best target has a middling report.
        let rows: Vec<(f64, f64)> =
            (0..20).map(|i| (f64::from(i), if i == 19 { 50.0 } else { f64::from(i) })).collect();
        let points = points(&rows, 100, 3);
        assert_eq!(points.len(), 20);
        assert_eq!(points[19].value, Estimate::with_interval(50.0, 50.0, 50.0));
        // The median of one draw from 0..=18 and 50.
        assert!((8.0..=11.0).contains(&points[0].value.value), "{:?}", points[0]);
    }
}
