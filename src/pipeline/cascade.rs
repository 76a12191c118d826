//! What a cascade would have found and saved, told from a run that scored every network: nothing is scored again.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::screen::{CascadeStage, ScoreKey, Scored, known_scores, survivors};
use crate::candidates::{SCORES_FILE, ScoreTable, read_scores};
use crate::ensemble::{self, Column};
use crate::pipeline::RunError;
use crate::proxy::{Proxy, Score, Status};
use crate::report::document::{Cell, Document, Rows, Section, facts};
use crate::stats::Top;
use crate::text::thousands;

/// The sizes of the list of best networks that a cascade should find.
const TOPS: [usize; 2] = [10, 100];

/// What cascades would have found and saved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CascadeEvaluation {
    /// The score that the cascades should find the best networks by.
    pub goal: String,
    /// Distinct networks of the run that are not dead.
    pub networks: usize,
    /// Seconds that the passes behind the goal took on all networks, one network after the other.
    pub seconds: f64,
    /// One row per cascade, in the order asked for.
    pub rows: Vec<CascadeRow>,
}

/// What one cascade would have found and saved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CascadeRow {
    /// The stages, as on the command line.
    pub cascade: String,
    /// Networks that reach the last stage and are scored with the goal.
    pub kept: usize,
    /// Share, in `[0, 1]`, of the 10 best networks of the full run that are among the 10 best of the cascade: the mean over
    /// all orders of equal scores. `None` if no network has a score.
    pub recall_at_10: Option<f64>,
    /// The same for the 100 best.
    pub recall_at_100: Option<f64>,
    /// Seconds that the passes of all stages take.
    pub seconds: f64,
    /// `1 - seconds / seconds of the full run`; negative if the cascade costs more.
    pub saved: f64,
}

/// Replays cascades that end in the score `goal` on the run in `dir`.
///
/// Networks that tie at the end of a stage go on by id, as in a screen. Seconds are those that the run measured: of the passes that a score reads, added up over networks, whatever the number of
/// threads. Passes that several proxies of a stage read count once; a forward that two passes share counts twice.
pub fn evaluate_cascades(
    dir: &Path,
    goal: &str,
    cascades: &[Vec<CascadeStage>],
) -> Result<CascadeEvaluation, RunError> {
    let goal = ensemble::find(goal)?;
    let run = Run::read(dir)?;
    let everyone: Vec<usize> = (0..run.ids.len()).collect();
    let full_scores = run.scores(goal, &everyone)?;
    let full_seconds = run.seconds(&everyone, &goal.proxies()?, &HashSet::new());
    let replay = |stages: &Vec<CascadeStage>| -> Result<CascadeRow, RunError> {
        let (mut left, mut seconds) = (everyone.clone(), 0.0);
        let mut known: HashSet<&str> = HashSet::new();
        for stage in stages {
            let column = ensemble::find(&stage.score)?;
            let proxies = column.proxies()?;
            seconds += run.seconds(&left, &proxies, &known);
            known.extend(proxies.iter().map(|p| p.name));
            let ids: Vec<&String> = left.iter().map(|&i| &run.ids[i]).collect();
            let kept = survivors(&run.scores(column, &left)?, &ids, stage.keep);
            left = kept.into_iter().map(|k| left[k]).collect();
        }
        seconds += run.seconds(&left, &goal.proxies()?, &known);
        let scores = run.scores(goal, &left)?;
        let [recall_at_10, recall_at_100] = TOPS.map(|k| run.recall(&full_scores, &left, &scores, k));
        let kept = scores.iter().filter(|s| s.get_status() != Status::Dead).count();
        let saved = if full_seconds > 0.0 { 1.0 - seconds / full_seconds } else { 0.0 };
        let cascade = stages.iter().map(CascadeStage::to_string).collect::<Vec<_>>().join(",");
        Ok(CascadeRow { cascade, kept, recall_at_10, recall_at_100, seconds, saved })
    };
    Ok(CascadeEvaluation {
        goal: goal.name().into(),
        networks: full_scores.iter().filter(|s| s.get_status() != Status::Dead).count(),
        seconds: full_seconds,
        rows: cascades.iter().map(replay).collect::<Result<_, _>>()?,
    })
}

impl CascadeEvaluation {
    /// What each cascade would have found and saved.
    pub fn document(&self) -> Document {
        let share = |share: Option<f64>| Cell::number(share.map(|share| 100.0 * share), 0);
        let caption = "Recall: share of the k best networks of the full run that are among the k best of the cascade. Seconds of \
                       the passes, one network after the other; saved: of those of the full run.";
        let grid = Rows::of("Cascades", caption, &self.rows)
            .column("Cascade", |row| Cell::text(&row.cascade))
            .column("#Kept", |row| Cell::Count(row.kept as u64))
            .column("#Recall@10, %", |row| share(row.recall_at_10))
            .column("#Recall@100, %", |row| share(row.recall_at_100))
            .column("#Seconds", |row| Cell::number(row.seconds, 1))
            .column("#Saved, %", |row| share(Some(row.saved)));
        let seconds = format!("{:.1} s", self.seconds);
        Document {
            title: format!("Cascades that end in {}", self.goal),
            facts: facts([
                ("Goal", self.goal.clone()),
                ("Networks", thousands(self.networks as u64)),
                ("Time of the full run", seconds),
            ]),
            sections: vec![Section::table("cascades", "", grid)],
            ..Document::default()
        }
    }
}

/// The scores of a run by distinct network.
struct Run<'a> {
    dir: &'a Path,
    table: ScoreTable,
    /// Ascending.
    ids: Vec<String>,
    /// The row of each network.
    rows: Vec<usize>,
    measured: HashMap<ScoreKey, Scored>,
}

impl<'a> Run<'a> {
    fn read(dir: &'a Path) -> Result<Self, RunError> {
        let unreadable = |e: RunError| RunError::Refused(format!("{e}; name the output folder of a finished screen"));
        let table = read_scores(&dir.join(SCORES_FILE)).map_err(|e| unreadable(e.into()))?;
        let (ids, rows) = table.networks().into_iter().map(|(id, row)| (id.to_owned(), row)).unzip();
        Ok(Run { dir, ids, rows, measured: known_scores(dir).map_err(unreadable)?, table })
    }

    /// The scores of these networks in a column, as if there were no others.
    fn scores(&self, column: Column, networks: &[usize]) -> Result<Vec<Score>, RunError> {
        let member = |proxy: &'static Proxy| -> Result<Vec<Score>, RunError> {
            let found = self.table.proxies.iter().find(|(name, _)| name == proxy.name);
            let of_all = found.map(|(_, s)| networks.iter().map(|&i| s[self.rows[i]]).collect::<Vec<_>>());
            let complete = of_all.filter(|s| s.iter().all(|s| s.get_status() != Status::ScreenedOut));
            complete.ok_or_else(|| {
                let (dir, name) = (self.dir.display(), proxy.name);
                RunError::Refused(format!(
                    "the run in {dir} has no `{name}` for every network; screen it with --proxies {name} and without --cascade"
                ))
            })
        };
        Ok(column.scores(column.proxies()?.into_iter().map(member).collect::<Result<_, _>>()?))
    }

    /// Seconds of the passes that these proxies but for the known ones read, over these networks.
    fn seconds(&self, networks: &[usize], proxies: &[&'static Proxy], known: &HashSet<&str>) -> f64 {
        let new: Vec<&Proxy> = proxies.iter().copied().filter(|p| !known.contains(p.name)).collect();
        // Of several proxies with the same passes, or with some of another's, only the most demanding counts.
        let within = |p: &Proxy, q: &Proxy| p.passes.iter().all(|pass| q.passes.contains(pass));
        let covered =
            |i: usize| (0..new.len()).any(|j| i != j && within(new[i], new[j]) && (j < i || !within(new[j], new[i])));
        let paid: Vec<&Proxy> = (0..new.len()).filter(|&i| !covered(i)).map(|i| new[i]).collect();
        let seconds = |i: &usize| -> f64 {
            let of = |p: &&Proxy| self.measured.get(&(self.ids[*i].clone(), p.name)).map_or(0.0, |s| s.seconds);
            paid.iter().map(of).sum()
        };
        networks.iter().map(seconds).sum()
    }

    /// Share of the `k` best by `full`, the scores of all networks, that are among the `k` best by `scores`, those of the
    /// networks `left`, where equal scores stand in one random order for both.
    ///
    /// A network that is left and among the best of all is among the best of what is left, so with `p` and `q` the
    /// probabilities of either both hold with probability `min(p, q)`. (An ensemble ranks anew what is left; there this is
    /// the most it can be.)
    fn recall(&self, full: &[Score], left: &[usize], scores: &[Score], k: usize) -> Option<f64> {
        let mut of_left = vec![None; full.len()];
        left.iter().zip(scores).for_each(|(&i, score)| of_left[i] = score.value());
        let k = k.min(full.iter().filter(|score| score.value().is_some()).count());
        let best = |values: &mut dyn Iterator<Item = Option<f64>>| {
            let values: Vec<Option<f64>> = values.collect();
            let k = k.min(values.iter().flatten().count());
            (k > 0).then(|| Top::of_present(&values, k))
        };
        let full = best(&mut full.iter().map(Score::value))?;
        Some(best(&mut of_left.into_iter()).map_or(0.0, |cascade| full.common(&cascade, f64::min) / k as f64))
    }
}
