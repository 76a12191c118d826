//! Pages of screens.

mod findings;

use std::path::Path;

use serde_json::{Value, json};

use super::find;
use crate::benchmark::Table;
use crate::candidates::{LATENCY, SCORES_FILE};
use crate::candidates::{PRIOR, RunNote, score, score_names};
use crate::pipeline::RunError;
use crate::pipeline::findings::{Overview, Reproduction};
use crate::pipeline::results::read::{Judged, judged};
use crate::pipeline::results::{Best, Contents, KindEntry, PageOptions, SearchCurve, front, read};
use crate::pipeline::search::{self, curve_sections};
use crate::proxy;
use crate::report::document::{Cell, Document, Drawing, Grid, Part, Section, facts};
use crate::stats::{missing_last, quantile, top_indices};
use crate::text::thousands;

pub(super) const KIND: KindEntry = KindEntry {
    name: "screen",
    command: "naslens screen",
    files: "scores.parquet",
    recognise: |path| path.join(SCORES_FILE).is_file(),
    read,
};

/// Networks in the table of the best.
const TOP: usize = 20;
/// Those of them that are drawn.
const DRAWN: usize = 6;

fn read(path: &Path, options: &PageOptions) -> Result<Contents, RunError> {
    let (scores, run) = read::scores(&path.join(SCORES_FILE))?;
    let judged = judged(path, &scores, options)?;
    let names = score_names(&scores);
    let distinct = distinct(&scores)?;
    let searches = searches(path, options)?;
    let by = best_by(&names, judged.as_ref());
    let (best, top) = best(&scores, &distinct, &by, judged.as_ref(), options)?;

    let mut overview = Overview {
        space: read::text(&run.config["space"]),
        asked: Some(scores.num_rows() as u64),
        scored: Some(distinct.len() as u64),
        scoring_seconds: run.scoring_seconds,
        // It says the seed too.
        sampler: run.sampler.clone(),
        device: run.device.clone(),
        dataset: read::text(&run.config["data"]),
        version: run.naslens.clone(),
        ..Overview::default()
    };
    let (verdict, findings) = findings::found(&scores, &distinct, &run, judged.as_ref(), options)?;
    if let Some(judged) = &judged {
        overview.accuracy = judged.evaluation.target.clone();
        overview.more = findings::joined(judged);
    }
    let accuracy = overview.accuracy();
    let mut sections: Vec<Section> = findings.verdict().into_iter().collect();
    sections.extend(findings.sections(accuracy, accuracy, overview.scored));
    sections.extend(latency(&scores, &distinct, &by, &run, judged.as_ref(), options)?);
    sections.extend(curve_sections(&searches.iter().collect::<Vec<_>>()));
    sections.push(top);
    sections.push(summary(&scores, &distinct, &names, &run)?);
    sections.push(Section::new("top", "Best networks", vec![Part::Drawings(drawings(&best, &run))]).called("Pictures"));
    sections.push(reproduction(&run).section());
    let document = Document {
        title: format!("{} on {}", overview.space, overview.dataset),
        verdict,
        facts: overview.facts(),
        sections,
    };
    Ok(Contents { document, settings: settings(&run), best, proxies: findings.proxies.rows, searches })
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
        let picture = space.picture(&space.parse(&network.arch).ok()?);
        Some(Drawing { rank, arch: network.arch.clone(), caption: accuracy, picture })
    };
    (1..).zip(best.iter().take(DRAWN)).filter_map(drawing).collect()
}

/// The searches that were made with the networks of this screen.
fn searches(path: &Path, options: &PageOptions) -> Result<Vec<SearchCurve>, RunError> {
    let folder = path.join("search");
    let mut traces = Vec::new();
    if folder.is_dir() {
        for path in find::find(&folder).unwrap_or_default() {
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

/// What the best networks are the best by: the prior if it was computed, else what ranks best, else the first proxy.
fn best_by(names: &[String], judged: Option<&Judged>) -> String {
    if names.iter().any(|name| name == PRIOR) {
        return PRIOR.into();
    }
    let ranked = judged.and_then(|judged| judged.evaluation.rows.first()).map(|row| row.name.clone());
    let first = || names.iter().find(|name| proxy::find(name).is_ok_and(|p| !p.baseline)).or(names.first()).cloned();
    ranked.or_else(first).unwrap_or_else(|| "params".into())
}

fn truths(judged: Option<&Judged>) -> std::collections::HashMap<usize, f64> {
    judged.map(|judged| judged.truth.iter().copied().collect()).unwrap_or_default()
}

fn best(
    scores: &Table,
    distinct: &[usize],
    by: &str,
    judged: Option<&Judged>,
    options: &PageOptions,
) -> Result<(Vec<Best>, Section), RunError> {
    let values = score(scores, by)?.values;
    let known: Vec<usize> = distinct.iter().copied().filter(|&row| values[row].is_some()).collect();
    let ranked = missing_last(&known.iter().map(|&row| values[row]).collect::<Vec<_>>());
    let rows: Vec<usize> = top_indices(&ranked, TOP).into_iter().map(|i| known[i]).collect();
    let archs = scores.string_column("arch")?;
    let (params, macs) = (scores.f64_column("params")?, scores.f64_column("macs")?);
    let latency = scores.has(LATENCY).then(|| scores.f64_column(LATENCY)).transpose()?;
    let truths = truths(judged);

    let mut columns = vec!["#Rank", "Architecture", "#Parameters", "#MACs"];
    columns.extend(latency.is_some().then_some("#Latency, ms"));
    let heading = format!("#{by}");
    columns.push(&heading);
    columns.extend(judged.is_some().then_some("#Accuracy, %"));
    let accuracy = match &options.target {
        Some(target) => format!(" Accuracy: {target}."),
        None => String::new(),
    };
    let mut grid = Grid::new(
        "Best networks",
        &columns,
        format!("The highest of {} networks with a score.{accuracy}", thousands(known.len() as u64)),
    );
    let mut best = Vec::new();
    for (rank, &row) in (1..).zip(&rows) {
        let arch = archs[row].clone().unwrap_or_default();
        let mut cells = vec![
            Cell::Count(rank),
            Cell::Arch(arch.clone()),
            Cell::Size(params[row].map(|v| v as u64)),
            Cell::Size(macs[row].map(|v| v as u64)),
        ];
        cells.extend(latency.as_ref().map(|latency| Cell::number(latency[row], 3)));
        cells.push(Cell::Score(values[row]));
        cells.extend(judged.map(|_| Cell::number(truths.get(&row).copied(), 2)));
        grid.rows.push(cells);
        best.push(Best::new(&arch, by, values[row], truths.get(&row).copied()));
    }
    let section = Section::table("best", format!("Best networks by {by}"), grid);
    Ok((best, section))
}

/// Accuracy, or what stands for it, against predicted latency.
fn latency(
    scores: &Table,
    distinct: &[usize],
    by: &str,
    run: &RunNote,
    judged: Option<&Judged>,
    options: &PageOptions,
) -> Result<Option<Section>, RunError> {
    if !scores.has(LATENCY) {
        return Ok(None);
    }
    let latency = scores.f64_column(LATENCY)?;
    let archs = scores.string_column("arch")?;
    let truths = truths(judged);
    let values = if judged.is_some() { Vec::new() } else { score(scores, by)?.values };
    let up = |row: usize| if judged.is_some() { truths.get(&row).copied() } else { values[row] };
    let networks = distinct.iter().filter_map(|&row| Some((archs[row].clone()?, latency[row]?, up(row)?)));
    let mut front = front(networks.collect(), options.seed);
    front.across = "predicted latency, ms".into();
    front.up = if judged.is_some() { "Accuracy, %".into() } else { by.into() };
    front.limit = run.setting("max_latency_ms");
    front.caption = "Each point is a network. The line is what is reached at each latency.".into();
    let what = if judged.is_some() { "Accuracy" } else { by };
    Ok(Some(Section::new("front", format!("{what} against latency"), vec![Part::Front(front)])))
}

/// The range of every score.
fn summary(scores: &Table, distinct: &[usize], names: &[String], run: &RunNote) -> Result<Section, RunError> {
    let caption = "Over distinct networks. Time: summed over the networks and threads; passes that several proxies share count \
                   for each.";
    let columns = ["Proxy", "#Scored", "#Without a score", "#Lowest", "#Median", "#Highest", "#Time", "#A network"];
    let mut grid = Grid::new("Scores", &columns, caption);
    for name in names {
        let values = score(scores, name)?.values;
        let mut known: Vec<f64> = distinct.iter().filter_map(|&row| values[row]).collect();
        known.sort_unstable_by(f64::total_cmp);
        let seconds = run.seconds_per_proxy.get(name).copied();
        grid.rows.push(vec![
            Cell::text(name.clone()),
            Cell::Count(known.len() as u64),
            Cell::Count((distinct.len() - known.len()) as u64),
            Cell::Score(quantile(&known, 0.0)),
            Cell::Score(quantile(&known, 0.5)),
            Cell::Score(quantile(&known, 1.0)),
            Cell::Seconds(seconds),
            Cell::Seconds(seconds.map(|s| s / distinct.len().max(1) as f64)),
        ]);
    }
    Ok(Section::table("scores", "The scores", grid))
}
