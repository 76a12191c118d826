//! Constraints on cost: what a network may have at most.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::candidates::ColumnRef;
use crate::pipeline::RunError;
use crate::text::thousands;

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
        let value = value.trim();
        let scales = [('k', 1e3), ('M', 1e6), ('G', 1e9)];
        let (digits, scale) = scales
            .into_iter()
            .find_map(|(suffix, scale)| Some((value.strip_suffix(suffix)?, scale)))
            .unwrap_or((value, 1.0));
        let number: f64 = digits.trim().parse().map_err(|_| refuse("the value is not a number"))?;
        if !number.is_finite() {
            return Err(refuse("the value is not finite"));
        }
        Ok(Constraint { cost, limit: number * scale })
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

#[cfg(test)]
mod tests {
    use super::*;
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
}
