//! A cascade: cheap scores for all networks, dear ones for those that the cheap ones leave.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::proxy::{Score, Status};
use crate::stats::{count_of, missing_last, top_indices};

/// One stage of a cascade, `SCORE:KEEP`: all networks that are still in are scored with `score`, and the best go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CascadeStage {
    /// A proxy that looks at the live part, or an ensemble.
    pub score: String,
    /// How many go on.
    pub keep: Keep,
}

/// How many networks go on to the next stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Keep {
    /// This part, in `(0, 1]`, of the networks that are not dead, rounded up; written with a point: `0.2`.
    Fraction(f64),
    /// This many; written without: `500`.
    Count(usize),
}

impl Keep {
    /// How many of `n` networks.
    pub fn of(self, n: usize) -> usize {
        match self {
            Keep::Fraction(fraction) => count_of(n, fraction),
            Keep::Count(count) => count.min(n),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::Fraction(fraction) => write!(f, "{fraction:?}"),
            Keep::Count(count) => write!(f, "{count}"),
        }
    }
}

impl FromStr for Keep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let keep = match text.parse::<usize>() {
            Ok(count) => Some(Keep::Count(count)).filter(|_| count > 0),
            Err(_) => text.parse().ok().filter(|f| *f > 0.0 && *f <= 1.0).map(Keep::Fraction),
        };
        keep.ok_or_else(|| {
            format!("`{text}` does not say how many networks go on: give a part such as 0.2 or a number such as 500")
        })
    }
}

impl fmt::Display for CascadeStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.score, self.keep)
    }
}

impl FromStr for CascadeStage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (score, keep) = text.rsplit_once(':').filter(|(score, _)| !score.is_empty()).ok_or_else(|| {
            format!("`{text}` is not a stage of a cascade: give SCORE:KEEP, for example synflow:0.2 or synflow:500")
        })?;
        Ok(CascadeStage { score: score.into(), keep: keep.parse()? })
    }
}

impl TryFrom<String> for CascadeStage {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<CascadeStage> for String {
    fn from(stage: CascadeStage) -> String {
        stage.to_string()
    }
}

/// Positions of the networks that go on, ascending: the best by score, missing scores last, ties by lower id. Dead networks
/// go on beside them, since they cost nothing and are dead in every column.
pub(in crate::pipeline) fn survivors<I: Ord>(scores: &[Score], ids: &[I], keep: Keep) -> Vec<usize> {
    let is_dead = |&i: &usize| scores[i].get_status() == Status::Dead;
    let (mut chosen, mut alive): (Vec<usize>, Vec<usize>) = (0..scores.len()).partition(is_dead);
    alive.sort_unstable_by_key(|&i| &ids[i]);
    let values = missing_last(&alive.iter().map(|&i| scores[i].value()).collect::<Vec<_>>());
    chosen.extend(top_indices(&values, keep.of(alive.len())).into_iter().map(|position| alive[position]));
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_read_as_they_are_written() {
        for text in ["synflow:0.2", "naswot@reference:500", "synflow:1.0", "synflow:1"] {
            assert_eq!(text.parse::<CascadeStage>().unwrap().to_string(), text);
        }
        assert_eq!("a:.25".parse::<CascadeStage>().unwrap().keep, Keep::Fraction(0.25));
        for text in
            ["synflow", ":0.2", "synflow:", "synflow:0", "synflow:1.5", "synflow:-3", "synflow:nan", "synflow:20%"]
        {
            let error = text.parse::<CascadeStage>().unwrap_err();
            assert!(error.contains("such as 500") || error.contains("SCORE:KEEP"), "{text}: {error}");
        }
        assert_eq!([0.2, 0.01, 1.0].map(|f| Keep::Fraction(f).of(10)), [2, 1, 10]);
        assert_eq!([3, 30].map(|c| Keep::Count(c).of(10)), [3, 10]);
    }

    #[test]
    fn the_best_go_on_with_ties_by_id_and_the_dead_beside_them() {
        let dead = Score::status(Status::Dead);
        let singular = Score::status(Status::Singular);
        let scores = [Score::new(1.0), dead, Score::new(2.0), singular, Score::new(1.0)];
        let ids = ["e", "d", "c", "b", "a"];
        assert_eq!(survivors(&scores, &ids, Keep::Count(2)), [1, 2, 4]);
        assert_eq!(survivors(&scores, &ids, Keep::Fraction(0.5)), [1, 2, 4]);
        assert_eq!(survivors(&scores, &ids, Keep::Count(9)), [0, 1, 2, 3, 4]);
    }
}
