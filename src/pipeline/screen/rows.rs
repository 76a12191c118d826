//! From architectures to jobs, and from the scores of jobs back to one row per architecture.

use std::collections::{HashMap, HashSet};

use super::plan::Plan;
use super::plan::{Keep, survivors};
use super::scorer::Job;
use super::shards::{ScoreKey, Scored};
use crate::candidates::{RunNote, ScoreTable};
use crate::engine::Passes;
use crate::ensemble::{Column, Ensemble};
use crate::hardware::{Costs, Limits};
use crate::pipeline::RunError;
use crate::proxy::{Proxy, Score, Status, View};
use crate::registry::Unknown;
use crate::space::{ArchId, Architecture, SearchSpace, SpaceError, Task};

/// An architecture that was asked for, with what is known before anything runs.
pub(super) struct Row {
    pub arch: Architecture,
    pub text: String,
    pub id: ArchId,
    pub params: u64,
    pub macs: u64,
    /// What the representative costs of what is limited; nothing if it is dead.
    pub costs: Option<Costs>,
    /// Scores of the proxies that only count, on the network as specified.
    pub counts: HashMap<&'static str, Score>,
}

pub(super) fn row(
    space: &dyn SearchSpace,
    arch: Architecture,
    task: &Task,
    proxies: &[&'static Proxy],
    limits: &Limits,
) -> Result<Row, SpaceError> {
    let network = space.build(&arch, task)?;
    let passes = Passes::none(&network);
    let counts = proxies.iter().filter(|p| counts_only(p)).map(|p| (p.name, p.evaluate(&passes))).collect();
    let costs = if limits.is_empty() {
        None
    } else {
        let run = space.build(&space.representative(&arch), task)?;
        run.live().map(|_| limits.costs(&run))
    };
    Ok(Row {
        costs,
        text: space.format(&arch),
        id: space.arch_id(&arch),
        params: network.params(),
        macs: network.macs(),
        counts,
        arch,
    })
}

/// Proxies that depend on dead operations and need no run are computed per architecture, not per network.
pub(super) fn counts_only(proxy: &Proxy) -> bool {
    proxy.view == View::Specified && proxy.passes.is_empty()
}

fn key(row: &Row, view: View) -> String {
    match view {
        View::Live => row.id.to_string(),
        View::Specified => row.text.clone(),
    }
}

/// One job per distinct network and view.
pub(super) fn jobs(space: &dyn SearchSpace, rows: &[&Row], proxies: &[&'static Proxy]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for view in [View::Live, View::Specified] {
        let wanted: Vec<&'static Proxy> =
            proxies.iter().copied().filter(|p| p.view == view && !counts_only(p)).collect();
        if wanted.is_empty() {
            continue;
        }
        let mut seen = HashSet::new();
        for row in rows {
            let key = key(row, view);
            if seen.insert(key.clone()) {
                let arch = if view == View::Live { space.representative(&row.arch) } else { row.arch.clone() };
                jobs.push(Job { key, arch, arch_id: row.id, view, proxies: wanted.clone() });
            }
        }
    }
    jobs
}

/// The job with the proxies that are not scored yet; None if all are.
pub(super) fn missing(mut job: Job, scores: &HashMap<ScoreKey, Scored>) -> Option<Job> {
    let key = job.key.clone();
    job.proxies.retain(|p| !scores.contains_key(&(key.clone(), p.name)));
    (!job.proxies.is_empty()).then_some(job)
}

/// The distinct networks, in the order of their first rows, and how far each comes in the cascade.
pub(super) struct Population {
    ids: Vec<ArchId>,
    positions: HashMap<ArchId, usize>,
    /// The last stage that each network reaches; None for one that is over a limit.
    reached: Vec<Option<usize>>,
}

impl Population {
    /// Refused if there are live networks and none meets the limits.
    pub fn new(rows: &[Row], limits: &Limits) -> Result<Self, RunError> {
        let mut positions = HashMap::new();
        let (mut ids, mut reached) = (Vec::new(), Vec::new());
        let admitted = |row: &Row| row.costs.as_ref().is_none_or(|costs| limits.admit(costs));
        let live = || rows.iter().filter_map(|row| row.costs.as_ref());
        if live().next().is_some() && !live().any(|costs| limits.admit(costs)) {
            return Err(RunError::Refused(format!(
                "none of {} architectures meets the limits: {}; raise the limit, or take a space with smaller networks \
                 (`naslens list spaces --long`)",
                live().count(),
                limits.least(live())
            )));
        }
        for row in rows {
            positions.entry(row.id).or_insert_with(|| {
                ids.push(row.id);
                reached.push(admitted(row).then_some(0));
                ids.len() - 1
            });
        }
        Ok(Population { reached, ids, positions })
    }

    /// How many networks there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// How many are over a limit.
    pub fn over_limit(&self) -> usize {
        self.reached.iter().filter(|r| r.is_none()).count()
    }

    pub fn reaches(&self, id: ArchId, stage: usize) -> bool {
        self.positions.get(&id).is_some_and(|&i| self.reached[i] >= Some(stage))
    }

    /// Why a network that does not reach a stage has no score of it.
    fn refusal(&self, id: ArchId) -> Score {
        let over = self.positions.get(&id).is_some_and(|&i| self.reached[i].is_none());
        Score::status(if over { Status::OverLimit } else { Status::ScreenedOut })
    }

    /// The scores of all networks in a column of this stage.
    pub fn scores(
        &self,
        column: Column,
        stage: usize,
        known: &HashMap<ScoreKey, Scored>,
    ) -> Result<Vec<Score>, Unknown> {
        let score = |proxy: &'static Proxy, id: &ArchId| match self.reaches(*id, stage) {
            true => known.get(&(id.to_string(), proxy.name)).map_or(Score::status(Status::Failed), |s| s.score),
            false => self.refusal(*id),
        };
        let members = column.proxies()?.into_iter().map(|p| self.ids.iter().map(|id| score(p, id)).collect());
        Ok(column.scores(members.collect()))
    }

    /// Lets the best of a stage go on; how many entered it and how many are left, dead networks not counted.
    pub fn advance(&mut self, stage: usize, scores: &[Score], keep: Keep) -> (usize, usize) {
        let entered: Vec<usize> = (0..self.len()).filter(|&i| self.reached[i] >= Some(stage)).collect();
        let (ids, scores): (Vec<ArchId>, Vec<Score>) = entered.iter().map(|&i| (self.ids[i], scores[i])).unzip();
        let kept = survivors(&scores, &ids, keep);
        kept.iter().for_each(|&k| self.reached[entered[k]] = Some(stage + 1));
        let alive =
            |among: &mut dyn Iterator<Item = usize>| among.filter(|&i| scores[i].get_status() != Status::Dead).count();
        (alive(&mut (0..entered.len())), alive(&mut kept.into_iter()))
    }
}

/// The table of scores.
pub(super) fn assemble(
    rows: &[Row],
    space: &dyn SearchSpace,
    plan: &Plan,
    population: &Population,
    scores: &HashMap<ScoreKey, Scored>,
    limits: &Limits,
    run: RunNote,
) -> Result<ScoreTable, Unknown> {
    let proxy_column = |(stage, proxy): (usize, &'static Proxy)| -> (String, Vec<Score>) {
        let of = |row: &Row| match row.counts.get(proxy.name) {
            Some(&score) => score,
            None if !population.reaches(row.id, stage) => population.refusal(row.id),
            None => scores.get(&(key(row, proxy.view), proxy.name)).map_or(Score::status(Status::Failed), |s| s.score),
        };
        (proxy.name.to_string(), rows.iter().map(of).collect())
    };
    let ensemble_column = |(stage, ensemble): (usize, &'static Ensemble)| {
        let scores = population.scores(Column::Ensemble(ensemble), stage, scores)?;
        Ok((ensemble.name.to_string(), rows.iter().map(|row| scores[population.positions[&row.id]]).collect()))
    };
    let latency_ms = |row: &Row| Some(row.costs.as_ref()?.latency?.ms);
    let ensembles = plan.ensembles().map(ensemble_column).collect::<Result<Vec<_>, Unknown>>()?;
    Ok(ScoreTable {
        arch: rows.iter().map(|r| r.text.clone()).collect(),
        arch_id: rows.iter().map(|r| r.id.to_string()).collect(),
        arch_index: rows.iter().map(|r| space.index_of(&r.arch).and_then(|i| i64::try_from(i).ok())).collect(),
        params: rows.iter().map(|r| r.params as i64).collect(),
        macs: rows.iter().map(|r| r.macs as i64).collect(),
        latency_ms: limits.latency.as_ref().map(|_| rows.iter().map(latency_ms).collect()),
        proxies: plan.proxies().map(proxy_column).chain(ensembles).collect(),
        run,
    })
}
