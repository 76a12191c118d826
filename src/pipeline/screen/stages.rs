//! The stages of a screen, one after the other: a process scores its share of each, and the next one begins when the gate
//! between them has everybody's scores.

use super::prepared::Prepared;
use super::recorder::Recorder;
use super::rows::{Population, Row, jobs};
use super::scorer::{Job, Scorer};
use super::shard::{Shard, shards_of};
use super::{Progress, RunOptions};
use crate::candidates::Gate;
use crate::pipeline::RunError;
use crate::text::thousands;

/// What of the missing scores this process computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    All,
    Shard(Shard),
    Nothing,
}

impl Share {
    fn holds(&self, job: &Job) -> bool {
        match self {
            Share::All => true,
            Share::Shard(shard) => shard.holds(&job.key),
            Share::Nothing => false,
        }
    }
}

/// Networks that a stage waits for.
pub(super) struct Lacking {
    /// The number of the stage whose scores are not all there, from 0 on.
    pub stage: usize,
    pub keys: Vec<String>,
    /// How many the stage has.
    pub networks: usize,
}

/// How the stages ended.
pub(super) enum Ended {
    /// All of this process' share is scored, in all stages; the gates on the way.
    Done(Vec<Gate>),
    /// Others have to score first.
    Waits(Lacking),
}

/// Runs this process' share of the stages, as far as that goes. Without a scorer nothing is run.
pub(super) fn run_stages(
    prepared: &Prepared,
    population: &mut Population,
    recorder: &mut Recorder,
    (share, scorer): (Share, Option<&Scorer<'_>>),
    options: &RunOptions<'_>,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Ended, RunError> {
    let mut gates = Vec::new();
    for (number, stage) in prepared.plan.stages.iter().enumerate() {
        let reaching: Vec<&Row> = prepared.rows.iter().filter(|row| population.reaches(row.id, number)).collect();
        let all = jobs(prepared.space.as_ref(), &reaching, &stage.proxies);
        let networks = all.len();
        let (mine, others): (Vec<Job>, Vec<Job>) = all.into_iter().partition(|job| share.holds(job));
        if let Some(scorer) = scorer {
            recorder.run(mine, scorer, &prepared.pool, options.stop, on_progress)?;
        }
        if share == Share::Nothing {
            recorder.keys.extend(others.iter().map(|job| job.key.clone()));
        }
        if stage.gate.is_some() || share == Share::Nothing {
            let keys = recorder.lacking(&others)?;
            if !keys.is_empty() {
                return Ok(Ended::Waits(Lacking { stage: number, keys, networks }));
            }
        }
        recorder.stages = number + 1;
        if let Some((column, keep)) = stage.gate {
            let scores = population.scores(column, number, &recorder.known.scores)?;
            let (entered, kept) = population.advance(number, &scores, keep);
            gates.push(Gate { score: column.name().into(), keep: keep.to_string(), entered, kept });
        }
    }
    Ok(Ended::Done(gates))
}

impl Lacking {
    /// How many networks there are, in words.
    pub fn count(&self) -> String {
        let noun = if self.keys.len() == 1 { "network" } else { "networks" };
        format!("{} {noun}", thousands(self.keys.len() as u64))
    }

    /// That a shard waits for the others.
    pub fn waits(&self, shard: Shard, stages: usize) -> RunError {
        RunError::Waits(format!(
            "stage {} of {stages} waits for {} of {}; run it again when they are done",
            self.stage + 2,
            self.count(),
            shards_of(&self.keys, shard.count())
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::rows::row;
    use super::*;
    use crate::hardware::{LimitSettings, Limits, Target};
    use crate::network::Shape;
    use crate::proxy::{self, Proxy, View};
    use crate::seed::Stream;
    use crate::space::{SpaceSpec, Task};

    /// Every job is one shard's, and all strings of a network make one job, whatever the number of shards.
    #[test]
    fn shards_of_a_space_are_disjoint_and_complete_and_keep_equal_networks_together() {
        let space = "nas-bench-201:channels=4,cells=1".parse::<SpaceSpec>().unwrap().open().unwrap();
        let task = Task::classify(Shape::new(3, 8, 8), 10);
        let target = Target { space: space.as_ref(), image: task.input };
        let limits = Limits::open(&LimitSettings::default(), &target).unwrap();
        let proxies: Vec<&'static Proxy> =
            ["synflow", "naswot@reference"].iter().map(|name| proxy::find(name).unwrap()).collect();
        let mut stream = Stream::new(1);
        let rows: Vec<Row> = (0..400)
            .map(|_| row(space.as_ref(), space.sample(&mut stream), &task, &proxies, &limits).unwrap())
            .collect();
        let jobs = jobs(space.as_ref(), &rows.iter().collect::<Vec<_>>(), &proxies);
        let live = jobs.iter().filter(|job| job.view == View::Live).count();
        assert!(live < 380 && jobs.len() > live, "some strings are of one network: {live} of {}", jobs.len());
        for count in 1..40 {
            let shares: Vec<Share> = (0..count).map(|i| Share::Shard(Shard::new(i, count).unwrap())).collect();
            let mut holder: HashMap<String, usize> = HashMap::new();
            for job in &jobs {
                let holders: Vec<usize> = (0..shares.len()).filter(|&i| shares[i].holds(job)).collect();
                assert_eq!(holders.len(), 1, "{} of {count}", job.key);
                holder.insert(job.key.clone(), holders[0]);
            }
            let of_row = |row: &Row| holder[&row.id.to_string()];
            for row in &rows {
                let alike = rows.iter().filter(|other| other.id == row.id);
                assert!(alike.into_iter().all(|other| of_row(other) == of_row(row)), "{}", row.text);
            }
        }
    }
}
