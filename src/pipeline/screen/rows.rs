//! From architectures to jobs, and from the scores of jobs back to one row per architecture.

use std::collections::{HashMap, HashSet};

use super::scorer::Job;
use super::shards::{ScoreKey, Scored};
use crate::engine::Passes;
use crate::proxy::{Proxy, Score, Status, View};
use crate::report::ScoreTable;
use crate::space::{ArchId, Architecture, SearchSpace, SpaceError, Task};

/// An architecture that was asked for, with what is known before anything runs.
pub(super) struct Row {
    pub arch: Architecture,
    pub text: String,
    pub id: ArchId,
    pub params: u64,
    pub macs: u64,
    /// Scores of the proxies that only count, on the network as specified.
    pub counts: HashMap<&'static str, Score>,
}

pub(super) fn row(
    space: &dyn SearchSpace,
    arch: Architecture,
    task: &Task,
    proxies: &[&'static Proxy],
) -> Result<Row, SpaceError> {
    let network = space.build(&arch, task)?;
    let passes = Passes::none(&network);
    let counts = proxies.iter().filter(|p| counts_only(p)).map(|p| (p.name, (p.score)(&passes))).collect();
    Ok(Row {
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
pub(super) fn jobs(space: &dyn SearchSpace, rows: &[Row], proxies: &[&'static Proxy]) -> Vec<Job> {
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

/// The table of scores.
pub(super) fn assemble(
    rows: &[Row],
    space: &dyn SearchSpace,
    proxies: &[&'static Proxy],
    scores: &HashMap<ScoreKey, Scored>,
    metadata: String,
) -> ScoreTable {
    let column = |proxy: &&'static Proxy| -> (String, Vec<Score>) {
        let of = |row: &Row| match row.counts.get(proxy.name) {
            Some(&score) => score,
            None => scores.get(&(key(row, proxy.view), proxy.name)).map_or(Score::status(Status::Failed), |s| s.score),
        };
        (proxy.name.to_string(), rows.iter().map(of).collect())
    };
    ScoreTable {
        arch: rows.iter().map(|r| r.text.clone()).collect(),
        arch_id: rows.iter().map(|r| r.id.to_string()).collect(),
        arch_index: rows.iter().map(|r| space.index_of(&r.arch).and_then(|i| i64::try_from(i).ok())).collect(),
        params: rows.iter().map(|r| r.params as i64).collect(),
        macs: rows.iter().map(|r| r.macs as i64).collect(),
        proxies: proxies.iter().map(column).collect(),
        metadata,
    }
}
