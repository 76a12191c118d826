//! Pages of screens.

mod findings;

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::benchmark::Table;
use crate::candidates::{LATENCY, SCORES_FILE};
use crate::candidates::{NetworkName, PRIOR, RunNote, score, score_names};
use crate::pipeline::RunError;
use crate::pipeline::findings::{DRAWN, Overview, Reproduction, TOP};
use crate::pipeline::results::read::{Judged, judged};
use crate::pipeline::results::{Best, Contents, KindEntry, PageOptions, SearchCurve, front, read};
use crate::pipeline::search::{self, curve_sections};
use crate::proxy;
use crate::report::document::{Cell, Document, Drawing, Front, Part, Rows, Section, facts};
use crate::stats::{missing_last, quantile, top_indices};
use crate::text::thousands;

pub(super) const KIND: KindEntry = KindEntry {
    name: "screen",
    title: "scores of the networks of a space",
    command: "naslens screen",
    files: "scores.parquet",
    recognise: |path| path.join(SCORES_FILE).is_file(),
    read,
};

/// A screen as it was read.
struct Screen<'a> {
    scores: Table,
    run: RunNote,
    /// Names of the scores.
    names: Vec<String>,
    /// A row of every network.
    distinct: Vec<usize>,
    judged: Option<Judged>,
    /// Accuracy by row, where it is known.
    truth: HashMap<usize, f64>,
    options: &'a PageOptions,
}

fn read(path: &Path, options: &PageOptions) -> Result<Contents, RunError> {
    let (scores, run) = read::scores(&path.join(SCORES_FILE))?;
    let (names, distinct, judged) = (score_names(&scores), distinct(&scores)?, judged(path, &scores, options)?);
    let truth = judged.iter().flat_map(|judged| judged.truth.iter().copied()).collect();
    let screen = Screen { scores, run, names, distinct, judged, truth, options };
    let searches = searches(path, options)?;
    let by = screen.best_by();
    let (best, top) = screen.best(&by)?;
    let run = &screen.run;
    let scored = screen.distinct.len() as u64;
    let mut overview = Overview {
        space: read::text(&run.config["space"]),
        asked: Some(screen.scores.num_rows() as u64),
        scored: Some(scored),
        scoring_seconds: run.scoring_seconds,
        // It says the seed too.
        sampler: run.sampler.clone(),
        device: run.device.clone(),
        dataset: read::text(&run.config["data"]),
        version: run.naslens.clone(),
        ..Overview::default()
    };
    let (verdict, findings) = screen.found()?;
    if let Some(judged) = &screen.judged {
        overview.accuracy = judged.evaluation.target.clone();
        overview.more = findings::joined(judged);
    }
    let accuracy = overview.accuracy();
    let mut sections: Vec<Section> = findings.verdict().into_iter().collect();
    sections.extend(findings.sections(accuracy, accuracy, overview.scored));
    sections.extend(screen.latency(&by)?);
    sections.extend(curve_sections(&searches.iter().collect::<Vec<_>>()));
    sections.extend([top, screen.summary()?]);
    sections.push(Section::new("top", "Best networks", vec![Part::Drawings(drawings(&best, run))]).called("Pictures"));
    sections.push(reproduction(run).section());
    let title = format!("{} on {}", overview.space, overview.dataset);
    let document = Document { title, verdict, facts: overview.facts(), sections };
    Ok(Contents { document, settings: settings(run), best, proxies: findings.proxies.rows, searches })
}

/// A row of every network, by ascending id: of several architectures the first by its text, whatever the order of rows.
fn distinct(scores: &Table) -> Result<Vec<usize>, RunError> {
    let (ids, archs) = (scores.string_column("arch_id")?, scores.string_column("arch")?);
    let mut rows: Vec<usize> = (0..scores.num_rows()).collect();
    rows.sort_unstable_by_key(|&row| (&ids[row], &archs[row]));
    rows.dedup_by_key(|row| &ids[*row]);
    Ok(rows)
}

/// Pictures of the best networks; none of a space that is not known.
fn drawings(best: &[Best], run: &RunNote) -> Vec<Drawing> {
    let Some(space) = findings::space(run) else { return Vec::new() };
    let drawing = |(rank, network): (u64, &Best)| {
        let accuracy = network.accuracy_pct.map(|pct| format!("accuracy {pct:.2}%")).unwrap_or_default();
        let picture = space.picture(&space.parse(&network.network.arch).ok()?);
        Some(Drawing { rank, arch: network.network.clone(), caption: accuracy, picture })
    };
    (1..).zip(best.iter().take(DRAWN)).filter_map(drawing).collect()
}

/// The searches that were made with the networks of this screen.
fn searches(path: &Path, options: &PageOptions) -> Result<Vec<SearchCurve>, RunError> {
    let folder = path.join("search");
    let mut traces = Vec::new();
    if folder.is_dir() {
        for path in super::find(&folder).unwrap_or_default() {
            if (search::KIND.recognise)(&path) {
                traces.extend((search::KIND.read)(&path, options)?.searches);
            }
        }
    }
    Ok(traces)
}

fn settings(run: &RunNote) -> Value {
    let (mut settings, noted) = (run.config.clone(), json!(run));
    for name in ["sampler", "device", "naslens", "libtorch", "architectures"] {
        settings[name] = noted[name].clone();
    }
    settings
}

fn reproduction(run: &RunNote) -> Reproduction {
    Reproduction {
        command: String::new(),
        facts: facts([
            ("naslens", run.naslens.clone()),
            ("libtorch", run.libtorch.clone()),
            ("device", run.device.clone()),
            ("threads", run.threads.map(|n| n.to_string()).unwrap_or_default()),
            ("sampler", run.sampler.clone()),
        ]),
        config: toml::to_string_pretty(&run.config).unwrap_or_default(),
    }
}

impl Screen<'_> {
    /// What the best networks are the best by: the prior if it was computed, else what ranks best, else the first proxy.
    fn best_by(&self) -> String {
        if self.names.iter().any(|name| name == PRIOR) {
            return PRIOR.into();
        }
        let ranked = self.judged.as_ref().and_then(|judged| judged.evaluation.rows.first()).map(|row| row.name.clone());
        let proxy = |name: &&String| proxy::find(name).is_ok_and(|p| !p.baseline);
        let first = || self.names.iter().find(proxy).or(self.names.first()).cloned();
        ranked.or_else(first).unwrap_or_else(|| "params".into())
    }

    fn best(&self, by: &str) -> Result<(Vec<Best>, Section), RunError> {
        let (scores, accuracy) = (&self.scores, |row: usize| self.truth.get(&row).copied());
        let values = score(scores, by)?.values;
        let known: Vec<usize> = self.distinct.iter().copied().filter(|&row| values[row].is_some()).collect();
        let ranked = missing_last(&known.iter().map(|&row| values[row]).collect::<Vec<_>>());
        let rows: Vec<usize> = top_indices(&ranked, TOP).into_iter().map(|i| known[i]).collect();
        let names = NetworkName::of_rows(scores)?;
        let (params, macs) = (scores.f64_column("params")?, scores.f64_column("macs")?);
        let said = self.options.target.as_ref().map(|target| format!(" Accuracy: {target}.")).unwrap_or_default();
        let caption = format!("The highest of {} networks with a score.{said}", thousands(known.len() as u64));
        let mut table = Rows::of("Best networks", caption, (1..).zip(rows.iter().copied()))
            .column("#Rank", |(rank, _)| Cell::Count(*rank))
            .column("Network", |(_, row)| Cell::Arch(names[*row].clone()))
            .column("#Parameters", |(_, row)| Cell::Size(params[*row].map(|v| v as u64)))
            .column("#MACs", |(_, row)| Cell::Size(macs[*row].map(|v| v as u64)));
        if scores.has(LATENCY) {
            let latency = scores.f64_column(LATENCY)?;
            table = table.column("#Latency, ms", |(_, row)| Cell::number(latency[*row], 3));
        }
        table = table.column(&format!("#{by}"), |(_, row)| Cell::Score(values[*row]));
        if self.judged.is_some() {
            table = table.column("#Accuracy, %", |(_, row)| Cell::number(accuracy(*row), 2));
        }
        let best = rows.iter().map(|&row| Best::new(&names[row], by, values[row], accuracy(row))).collect();
        Ok((best, Section::table("best", format!("Best networks by {by}"), table)))
    }

    /// Accuracy, or what stands for it, against predicted latency.
    fn latency(&self, by: &str) -> Result<Option<Section>, RunError> {
        if !self.scores.has(LATENCY) {
            return Ok(None);
        }
        let (latency, names) = (self.scores.f64_column(LATENCY)?, NetworkName::of_rows(&self.scores)?);
        let values = if self.judged.is_some() { Vec::new() } else { score(&self.scores, by)?.values };
        let up = |row: usize| if self.judged.is_some() { self.truth.get(&row).copied() } else { values[row] };
        let networks = self.distinct.iter().filter_map(|&row| Some((names[row].clone(), latency[row]?, up(row)?)));
        let (what, up) = if self.judged.is_some() { ("Accuracy", "Accuracy, %") } else { (by, by) };
        let front = Front {
            across: "predicted latency, ms".into(),
            up: up.into(),
            limit: self.run.setting("max_latency_ms"),
            caption: "Each point is a network. The line is what is reached at each latency.".into(),
            ..front(networks.collect(), self.options.seed)
        };
        Ok(Some(Section::new("front", format!("{what} against latency"), vec![Part::Front(front)])))
    }

    /// The range of every score.
    fn summary(&self) -> Result<Section, RunError> {
        let caption = "Over distinct networks. Time: summed over the networks and threads; passes that several proxies share \
                       count for each.";
        let known = |name: &String| -> Result<(String, Vec<f64>), RunError> {
            let values = score(&self.scores, name)?.values;
            let mut known: Vec<f64> = self.distinct.iter().filter_map(|&row| values[row]).collect();
            known.sort_unstable_by(f64::total_cmp);
            Ok((name.clone(), known))
        };
        let (all, seconds) = (self.distinct.len(), |name: &str| self.run.seconds_per_proxy.get(name).copied());
        let columns = self.names.iter().map(known).collect::<Result<Vec<_>, _>>()?;
        let table = Rows::of("Scores", caption, columns)
            .column("Proxy", |(name, _)| Cell::text(name))
            .column("#Scored", |(_, known)| Cell::Count(known.len() as u64))
            .column("#Without a score", |(_, known)| Cell::Count((all - known.len()) as u64))
            .column("#Lowest", |(_, known)| Cell::Score(quantile(known, 0.0)))
            .column("#Median", |(_, known)| Cell::Score(quantile(known, 0.5)))
            .column("#Highest", |(_, known)| Cell::Score(quantile(known, 1.0)))
            .column("#Time", |(name, _)| Cell::Seconds(seconds(name)))
            .column("#A network", |(name, _)| Cell::Seconds(seconds(name).map(|s| s / all.max(1) as f64)));
        Ok(Section::table("scores", "The scores", table))
    }
}
