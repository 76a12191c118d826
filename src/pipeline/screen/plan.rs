//! What a screen computes, stage by stage: cheap scores for all networks, dear ones for those that the cheap ones leave.
//! Without a cascade there is one stage.

use std::fmt;
use std::str::FromStr;

use super::ScreenConfig;
use crate::ensemble::{self, Column, Ensemble};
use crate::pipeline::RunError;
use crate::proxy::{Proxy, Score, Status, View};
use crate::stats::{count_of, missing_last, top_indices};

/// The stages, the last one with the scores that were asked for.
pub(super) struct Plan {
    pub stages: Vec<Stage>,
}

/// What is computed for the networks that are still in, if no earlier stage has computed it.
#[derive(Default)]
pub(super) struct Stage {
    pub proxies: Vec<&'static Proxy>,
    pub ensembles: Vec<&'static Ensemble>,
    /// What decides who goes on, and how many do; None in the last stage.
    pub gate: Option<(Column, Keep)>,
}

impl Plan {
    pub fn new(config: &ScreenConfig) -> Result<Self, RunError> {
        let asked: Vec<&str> = config.proxies.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
        if asked.is_empty() {
            let text = "no proxy to score with; name some, for example --proxies synflow,naswot";
            return Err(RunError::Refused(text.into()));
        }
        let mut plan = Plan { stages: Vec::new() };
        for stage in &config.cascade {
            let column = ensemble::find(&stage.score)?;
            if column.proxies()?.iter().any(|p| p.view != View::Live) {
                return Err(RunError::Refused(format!(
                    "a cascade cannot choose networks by `{}`, which depends on dead operations; use a score of the live \
                     part, for example params@live or naswot",
                    stage.score
                )));
            }
            plan.add_stage(&[column], Some((column, stage.keep)))?;
        }
        let columns = asked.iter().map(|name| ensemble::find(name)).collect::<Result<Vec<_>, _>>()?;
        plan.add_stage(&columns, None)?;
        // Free, and what every evaluation compares with beside params and macs, which have columns anyway; its status also
        // says which networks are dead.
        plan.add_proxies(0, ensemble::find("layers")?.proxies()?);
        Ok(plan)
    }

    fn add_stage(&mut self, columns: &[Column], gate: Option<(Column, Keep)>) -> Result<(), RunError> {
        self.stages.push(Stage { gate, ..Stage::default() });
        let last = self.stages.len() - 1;
        for column in columns {
            let (counts, run) = column.proxies()?.into_iter().partition(|p| p.passes.is_empty());
            // Counting is free and happens for all networks.
            self.add_proxies(0, counts);
            self.add_proxies(last, run);
            if let Column::Ensemble(ensemble) = column
                && !self.ensembles().any(|(_, e)| e.name == ensemble.name)
            {
                self.stages[last].ensembles.push(ensemble);
            }
        }
        Ok(())
    }

    fn add_proxies(&mut self, stage: usize, proxies: Vec<&'static Proxy>) {
        for proxy in proxies {
            if !self.proxies().any(|(_, p)| p.name == proxy.name) {
                self.stages[stage].proxies.push(proxy);
            }
        }
    }

    /// All proxies, each with the stage that computes it.
    pub fn proxies(&self) -> impl Iterator<Item = (usize, &'static Proxy)> {
        self.stages.iter().enumerate().flat_map(|(number, stage)| stage.proxies.iter().map(move |&p| (number, p)))
    }

    /// All ensembles, each with the stage that computes it.
    pub fn ensembles(&self) -> impl Iterator<Item = (usize, &'static Ensemble)> {
        self.stages.iter().enumerate().flat_map(|(number, stage)| stage.ensembles.iter().map(move |&e| (number, e)))
    }
}

/// One stage of a cascade, `SCORE:KEEP`: all networks that are still in are scored with `score`, and the best go on.
#[derive(Clone, Debug, PartialEq)]
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

crate::text::serde_as_text!(CascadeStage);

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

    fn plan(cascade: &[&str], proxies: &[&str]) -> Result<Vec<String>, RunError> {
        let config = ScreenConfig {
            cascade: cascade.iter().map(|stage| stage.parse().unwrap()).collect(),
            proxies: proxies.iter().map(|name| name.to_string()).collect(),
            ..ScreenConfig::default()
        };
        let names = |stage: &Stage| {
            let names = stage.proxies.iter().map(|p| p.name).chain(stage.ensembles.iter().map(|e| e.name));
            names.collect::<Vec<_>>().join(" ")
        };
        Ok(Plan::new(&config)?.stages.iter().map(names).collect())
    }

    #[test]
    fn everything_is_computed_once_and_as_early_as_it_is_needed() {
        assert_eq!(
            plan(&[], &["naswot", "params", "naswot", "vote"]).unwrap(),
            ["naswot params synflow jacov snip layers vote"]
        );
        assert_eq!(
            plan(&["synflow:0.5", "vote:20"], &["naswot", "synflow", "log_rank", "params"]).unwrap(),
            ["synflow flops@live params layers", "jacov snip vote", "naswot log_rank"]
        );
        assert!(matches!(plan(&[], &[""]), Err(RunError::Refused(_))));
        assert!(matches!(plan(&[], &["votes"]), Err(RunError::Unknown(_))));
        let error = plan(&["params:0.5"], &["naswot"]).unwrap_err().to_string();
        assert!(error.contains("params@live"), "{error}");
    }

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
