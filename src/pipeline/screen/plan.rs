//! What a screen computes, stage by stage. Without a cascade there is one stage.

use super::ScreenConfig;
use super::cascade::Keep;
use crate::ensemble::{self, Column, Ensemble};
use crate::pipeline::RunError;
use crate::proxy::{Proxy, View};

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
}
