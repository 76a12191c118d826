//! What random search does on a table, whatever a run did.

use std::path::Path;

use crate::candidates::read_column;
use crate::pipeline::RunError;
use crate::pipeline::results::read;
use crate::report::document::{Estimate, Line, LinePoint};
use crate::seed::{Stream, derive};
use crate::stats::quantile;

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
    let point = |(at, mut values): (usize, Vec<f64>)| {
        values.sort_unstable_by(f64::total_cmp);
        let [low, middle, high] = [0.25, 0.5, 0.75].map(|q| quantile(&values, q));
        Some(LinePoint { at: at as f64 + 1.0, value: Estimate::with_interval(middle?, low?, high?) })
    };
    found.into_iter().enumerate().filter_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
