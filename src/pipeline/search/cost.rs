//! What a training costs: seconds from a table, and a line on multiply-accumulates where the table has none.

use serde::{Deserialize, Serialize};

use super::constraint::is_cost;
use crate::candidates::ColumnRef;
use crate::pipeline::RunError;

/// Where the seconds of full trainings come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecondsSource {
    /// The column.
    pub column: String,
    /// Networks whose seconds the table has.
    pub measured: usize,
    /// Networks whose seconds are those of the line.
    pub fitted: usize,
    /// The line, if any network needed it.
    pub line: Option<Line>,
}

/// `seconds = intercept + slope x`, `x` in 1e9 multiply-accumulates, fitted by least squares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Seconds of a network without multiply-accumulates.
    pub intercept: f64,
    /// Seconds per 1e9 multiply-accumulates.
    pub slope: f64,
    /// Share of the variance of the measured seconds that the line explains.
    pub r_squared: f64,
}

/// The fewest measured networks that a line is fitted to.
const LEAST: usize = 10;

/// Seconds of full trainings of `members` (by their position in it): as measured, else by the line through those measured
/// (over all networks, members or not), never below the least measured.
pub(super) fn seconds(
    column: &ColumnRef,
    measured: &[Option<f64>],
    macs: &[Option<f64>],
    members: &[usize],
) -> Result<(Vec<f64>, SecondsSource), RunError> {
    let known: Vec<(f64, f64)> = macs
        .iter()
        .zip(measured)
        .filter_map(|(x, y)| Some((*x.as_ref()? / 1e9, (*y).filter(|y| is_cost(*y))?)))
        .collect();
    let fitted = members.iter().filter(|&&m| !measured[m].is_some_and(is_cost)).count();
    let line = if fitted == 0 { None } else { fit(&known) };
    let too_few = || {
        RunError::Refused(format!(
            "`{column}` has seconds of {} networks with multiply-accumulates that differ; a line for the others needs \
             {LEAST}. Leave out --cost to count trainings alone",
            known.len()
        ))
    };
    if fitted > 0 && line.is_none() {
        return Err(too_few());
    }
    let least = known.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
    let of = |&m: &usize| match (measured[m].filter(|y| is_cost(*y)), line, macs[m]) {
        (Some(y), ..) => Ok(y),
        (None, Some(line), Some(x)) => Ok((line.intercept + line.slope * x / 1e9).max(least)),
        _ => Err(too_few()),
    };
    let seconds = members.iter().map(of).collect::<Result<_, _>>()?;
    let source = SecondsSource { column: column.to_string(), measured: members.len() - fitted, fitted, line };
    Ok((seconds, source))
}

/// The least-squares line; None for too few points or equal `x`.
fn fit(points: &[(f64, f64)]) -> Option<Line> {
    if points.len() < LEAST {
        return None;
    }
    let n = points.len() as f64;
    let (x_mean, y_mean) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(f64, f64) -> f64| points.iter().map(|&(x, y)| f(x - x_mean, y - y_mean)).sum::<f64>();
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    if xx == 0.0 {
        return None;
    }
    let slope = xy / xx;
    let r_squared = if yy == 0.0 { 1.0 } else { xy * xy / (xx * yy) };
    Some(Line { intercept: y_mean - slope * x_mean, slope, r_squared })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    // from scipy.stats import linregress; x = np.arange(12); y = 100 + 7*x + np.array([3, -3]*6)
    // r = linregress(x, y); r.intercept, r.slope, r.rvalue**2
    #[test]
    fn missing_seconds_lie_on_the_line_of_scipy() {
        let macs: Vec<Option<f64>> = (0..14).map(|i| Some(f64::from(i) * 1e9)).collect();
        let mut measured: Vec<Option<f64>> =
            (0..12).map(|i| Some(100.0 + 7.0 * f64::from(i) + if i % 2 == 0 { 3.0 } else { -3.0 })).collect();
        measured.extend([None, None]);
        let column: ColumnRef = "t.parquet:s".parse().unwrap();
        let (seconds, source) = seconds(&column, &measured, &macs, &[3, 13]).unwrap();
        let line = source.line.unwrap();
        assert_relative_eq!(line.intercept, 100.6923076923077, max_relative = 1e-9);
        assert_relative_eq!(line.slope, 6.874125874125873, max_relative = 1e-9);
        assert_relative_eq!(line.r_squared, 0.9845935792314924, max_relative = 1e-9);
        assert_eq!(seconds[0], 118.0);
        assert_relative_eq!(seconds[1], line.intercept + 13.0 * line.slope, max_relative = 1e-12);
        assert_eq!((source.measured, source.fitted), (1, 1));
    }

    #[test]
    fn too_few_seconds_are_refused() {
        let column: ColumnRef = "s".parse().unwrap();
        let macs = vec![Some(1e9); 12];
        let mut measured = vec![Some(5.0); 12];
        assert!(seconds(&column, &measured, &macs, &[0, 1]).unwrap().1.line.is_none());
        measured[1] = None;
        let error = seconds(&column, &measured, &macs, &[0, 1]).unwrap_err().to_string();
        assert!(error.contains("`s`"), "{error}");
    }
}
