//! Pages of latency models: predictions of networks that the fit has not seen, against what they took.

use std::path::Path;

use serde_json::Value;

use super::fit::quality;
use crate::hardware::{Features, FittedLatency, HardwareError, LatencyModel, LatencyPrediction, Origin, features};
use crate::pipeline::RunError;
use crate::pipeline::results::{Contents, KindEntry, PageOptions, front, read};
use crate::report::document::{Document, Front, Part, Section, facts};
use crate::seed::Stream;
use crate::stats::spearman;
use crate::text::thousands;

pub(in crate::pipeline) const KIND: KindEntry = KindEntry {
    name: "latency model",
    title: "known latencies that predict others",
    command: "naslens latency --fit",
    files: "a JSON file",
    recognise: |path| {
        let json = path.extension().is_some_and(|e| e == "json") && path.is_file();
        json && read::json(path).is_ok_and(|value: Value| value["naslens_latency_model"].is_u64())
    },
    read,
};

const FOLDS: usize = 10;

fn read(path: &Path, options: &PageOptions) -> Result<Contents, RunError> {
    let model = LatencyModel::read(path)?;
    let settings = model.settings();
    let predictions = cross_validated(&model, options.seed)?;
    let known_ms: Vec<f64> = model.networks().iter().map(|n| n.latency_ms).collect();
    let predicted: Vec<f64> = predictions.iter().map(|p| p.ms).collect();
    let [tau, rho, error, inside, above] = quality(&predictions, &known_ms);
    let [inside, above] = [inside, above].map(|pct| (pct * known_ms.len() as f64 / 100.0).round());
    let verdict = match spearman(&predicted, &known_ms) {
        Some(_) => vec![
            format!(
                "Latencies of networks that the fit has not seen are predicted to {error:.1}% in the middle, and ranked with Kendall \
                 tau {tau:.2} (Spearman {rho:.2})."
            ),
            format!(
                "{inside} of {} latencies are inside their 90% interval, {above} above its upper end, which a limit is put on.",
                known_ms.len()
            ),
        ],
        None => vec!["All latencies are equal, so there is nothing to rank.".into()],
    };
    let networks =
        model.networks().iter().zip(&predicted).map(|(n, p)| (n.arch.clone().into(), n.latency_ms, *p)).collect();
    let mut plot = front(networks, options.seed);
    plot.points.iter_mut().for_each(|p| p.front = false);
    let (device, how) = match &settings.origin {
        Origin::Measured { setting, runs } => (setting.to_string(), format!("measured, {runs} runs each")),
        Origin::Published { table, column } => (String::new(), format!("{column} of {table}")),
    };
    let plot = Front {
        across: "known latency, ms".into(),
        up: "Predicted latency, ms".into(),
        decimals: 3,
        diagonal: true,
        caption: format!(
            "Each point is a network, predicted by a fit to the other nine of ten parts of the {} networks. On the broken line \
             both would be equal.",
            thousands(known_ms.len() as u64)
        ),
        ..plot
    };
    let document = Document {
        title: format!("A latency model of {}", settings.space),
        verdict,
        facts: facts([
            ("Search space", settings.space.name().to_owned()),
            ("Device", device),
            ("Networks", thousands(known_ms.len() as u64)),
            ("Latencies", how),
            ("Images", settings.image.to_string()),
        ]),
        sections: vec![Section::new("model", "Predicted against known latency", vec![Part::Front(plot)])],
    };
    let noted = serde_json::to_value(settings).unwrap_or(Value::Null);
    Ok(Contents { document, settings: noted, ..Contents::default() })
}

/// The prediction of every network by a fit without its part: ten random parts, fewer where the rest would be too few to fit.
fn cross_validated(model: &LatencyModel, seed: u64) -> Result<Vec<LatencyPrediction>, RunError> {
    let (space, task) = model.settings().open()?;
    let batch = model.settings().batch();
    let count = |arch: &str| -> Result<Features, HardwareError> {
        Ok(features(&space.build(&space.parse(arch)?, &task)?, batch))
    };
    let counted: Vec<Features> = model.networks().iter().map(|n| count(&n.arch)).collect::<Result<_, _>>()?;
    let known: Vec<f64> = model.networks().iter().map(|n| n.latency_ms).collect();
    let mut order: Vec<usize> = (0..known.len()).collect();
    Stream::named(seed, "latency folds").shuffle(&mut order);
    let mut predictions = vec![LatencyPrediction { ms: 0.0, low_ms: 0.0, high_ms: 0.0 }; known.len()];
    for fold in 0..FOLDS {
        let (tested, learned): (Vec<(usize, usize)>, Vec<_>) =
            order.iter().copied().enumerate().partition(|(place, _)| place % FOLDS == fold);
        let rows: Vec<&Features> = learned.iter().map(|(_, i)| &counted[*i]).collect();
        if tested.is_empty() {
            continue;
        }
        let fitted = FittedLatency::new(&rows, &learned.iter().map(|(_, i)| known[*i]).collect::<Vec<_>>())?;
        tested.iter().for_each(|(_, i)| predictions[*i] = fitted.predict(&counted[*i]));
    }
    Ok(predictions)
}
