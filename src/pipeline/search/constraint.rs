//! What networks and trainings cost, and what a network may cost at most.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::candidates::ColumnRef;
use crate::pipeline::RunError;
use crate::text::{scaled, thousands};

/// An upper limit of a cost: `0 < value <= limit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Constraint {
    /// The cost: `params`, `macs`, another score of the run, or a column of a table.
    pub cost: ColumnRef,
    /// The most that is allowed, in the unit of the column.
    pub limit: f64,
}

/// A constraint in a file: version 0.1.0 wrote it in words, such as `params <= 1,000,000`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Fields { cost: ColumnRef, limit: f64 },
    Words(String),
}

impl TryFrom<Written> for Constraint {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Fields { cost, limit } => Ok(Constraint { cost, limit }),
            Written::Words(text) => text.replace("<=", "=").replace(',', "").parse(),
        }
    }
}

impl FromStr for Constraint {
    type Err = String;

    /// Reads `NAME=VALUE`; the value may end in k (1e3), M (1e6) or G (1e9).
    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |reason| {
            format!(
                "`{text}` is not a constraint: {reason}; write NAME=VALUE, for example params=1.0M or latency_ms=50"
            )
        };
        let (name, value) = text.rsplit_once('=').ok_or_else(|| refuse("there is no `=`"))?;
        let cost: ColumnRef = name.trim().parse().map_err(|_| refuse("there is no name"))?;
        let limit = scaled(value).ok_or_else(|| refuse("the value is not a finite number"))?;
        Ok(Constraint { cost, limit })
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} <= {}", self.cost, number(self.limit))
    }
}

/// A cost for people: whole numbers in groups of thousands, others with up to four significant digits.
pub(super) fn number(value: f64) -> String {
    if value.fract() == 0.0 && (0.0..1e15).contains(&value) {
        thousands(value as u64)
    } else {
        let digits = (3 - value.abs().max(1e-3).log10().floor() as i32).clamp(0, 9) as usize;
        format!("{value:.digits$}")
    }
}

/// Whether a network can cost that: tables write a sentinel such as -1 where nothing could be measured.
pub(super) fn is_cost(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

/// The members among `members` that meet all constraints, in their order. `columns` has the cost of each constraint by
/// member number. A cost that is not known, or that no network can have ([`is_cost`]), meets none.
pub(super) fn feasible(
    members: &[usize],
    constraints: &[Constraint],
    columns: &[Vec<Option<f64>>],
) -> Result<Vec<usize>, RunError> {
    let meets = |c: usize, member: usize| {
        columns[c][member].is_some_and(|value| is_cost(value) && value <= constraints[c].limit)
    };
    let left: Vec<usize> = members.iter().copied().filter(|&m| (0..constraints.len()).all(|c| meets(c, m))).collect();
    let met = |c: &usize| members.iter().filter(|&&m| meets(*c, m)).count();
    match (0..constraints.len()).min_by_key(met) {
        Some(tightest) if left.is_empty() => {
            let costs = members.iter().filter_map(|&m| columns[tightest][m].filter(|value| is_cost(*value)));
            Err(RunError::Refused(format!(
                "none of {} networks meets all constraints; the tightest is {}, which {} meet (the smallest value is {}); \
                 relax it",
                members.len(),
                constraints[tightest],
                met(&tightest),
                costs.min_by(f64::total_cmp).map_or("unknown".into(), number)
            )))
        }
        _ => Ok(left),
    }
}

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
    use proptest::prelude::*;

    fn constraint(text: &str) -> Constraint {
        text.parse().unwrap()
    }

    #[test]
    fn limits_have_suffixes_and_tables() {
        assert_eq!(constraint("params=1.5M").limit, 1.5e6);
        assert_eq!(constraint("macs = 20 k").limit, 20e3);
        let other = constraint("a/b.parquet:latency_ms=50");
        assert_eq!((other.cost.column.as_str(), other.limit), ("latency_ms", 50.0));
        assert_eq!(other.cost.table.as_deref(), Some(std::path::Path::new("a/b.parquet")));
        assert_eq!(constraint("macs=2G").to_string(), "macs <= 2,000,000,000");
        assert_eq!(constraint("ms=0.25").to_string(), "ms <= 0.2500");
        for text in ["params", "params=", "=3", "params=many", "params=nan", "params=infM"] {
            let error = text.parse::<Constraint>().unwrap_err().to_string();
            assert!(error.contains(text) && error.contains("NAME=VALUE"), "{error}");
        }
    }

    #[test]
    fn constraints_are_read_as_they_are_written_and_as_they_were() {
        let limit = constraint("a.parquet:ms=0.12345");
        let json = serde_json::to_string(&limit).unwrap();
        assert_eq!(json, r#"{"cost":"a.parquet:ms","limit":0.12345}"#);
        assert_eq!(serde_json::from_str::<Constraint>(&json).unwrap(), limit);
        let old = |text: &str| serde_json::from_value::<Constraint>(text.into()).unwrap();
        assert_eq!(old("params <= 1,000,000"), constraint("params=1M"));
        assert_eq!(old("latency_high_ms <= 0.1200").limit, 0.12);
    }

    #[test]
    fn an_empty_pool_names_the_tightest() {
        let constraints = [constraint("params=10"), constraint("ms=1")];
        let columns = [vec![Some(5.0), Some(20.0), Some(9.0)], vec![Some(3.0), Some(1.0), None]];
        let error = feasible(&[0, 1, 2], &constraints, &columns).unwrap_err().to_string();
        assert!(error.contains("none of 3 networks") && error.contains("ms <= 1, which 1 meet"), "{error}");
        assert_eq!(feasible(&[0, 1, 2], &constraints[..1], &columns).unwrap(), [0, 2]);
        assert_eq!(feasible(&[1], &[], &[]).unwrap(), [1]);
        assert!(feasible(&[], &[], &[]).unwrap().is_empty());
        // What stands for a latency that could not be measured meets no limit.
        let sentinels = [vec![Some(-1.0), Some(0.0), Some(f64::NAN), Some(f64::INFINITY), Some(3.0)]];
        assert_eq!(feasible(&[0, 1, 2, 3, 4], &constraints[..1], &sentinels).unwrap(), [4]);
        let error = feasible(&[0, 1], &constraints[..1], &sentinels).unwrap_err().to_string();
        assert!(error.contains("the smallest value is unknown"), "{error}");
    }

    proptest! {
        #[test]
        fn nothing_feasible_violates_and_nothing_else_is_left_out(
            values in prop::collection::vec(prop::option::of(0.0f64..10.0), 1..40),
            limit in 0.0f64..10.0,
        ) {
            let members: Vec<usize> = (0..values.len()).collect();
            let within = |m: &usize| values[*m].is_some_and(|v| v > 0.0 && v <= limit);
            let constraints = [Constraint { cost: "x".parse().unwrap(), limit }];
            let expected: Vec<usize> = members.iter().copied().filter(within).collect();
            match feasible(&members, &constraints, std::slice::from_ref(&values)) {
                Ok(left) => prop_assert_eq!(left, expected),
                Err(_) => prop_assert!(expected.is_empty()),
            }
        }
    }

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
