//! The results of one architecture as NATS-Bench and NAS-Bench-201 store them: `ArchResults` of their reference API.
//!
//! For each length of training a dictionary `{arch_index, arch_str, all_results: {(dataset, seed): result}, ...}`, and each
//! result a dictionary of learning curves.

use std::sync::Arc;
use std::sync::OnceLock;

use super::pickle::{Node, Value};
use crate::benchmark::schema::{Measurement, Subject};
use crate::space::{self, SearchSpace};

/// Longest training that is believed.
const MOST_EPOCHS: i64 = 100_000;
/// Most rows of one architecture: all epochs of the official files are some 7,000.
const MOST_ROWS: usize = 1_000_000;
/// The seed whose costs the reference API trusts where seeds disagree.
const TRUSTED_SEED: i64 = 888;

/// What is wrong with a record, in words.
type Outcome<T> = Result<T, String>;

/// An architecture of a space that naslens has, from its text.
pub(super) fn subject(space: &dyn SearchSpace, text: &str) -> Outcome<Subject> {
    let arch = space.parse(text).map_err(|error| error.to_string())?;
    Ok(Subject {
        space: space.entry().name.into(),
        arch: space.format(&arch),
        arch_id: Some(space.arch_id(&arch).to_string()),
        arch_index: space.index_of(&arch).map(|index| index as i64),
    })
}

/// The topology space or the size space, by the look of an architecture.
fn space_of(text: &str) -> &'static dyn SearchSpace {
    static SPACES: OnceLock<[Box<dyn SearchSpace>; 2]> = OnceLock::new();
    let spaces = SPACES.get_or_init(|| {
        let open = |name| space::open(name).expect("a registered space with its own skeleton");
        [open("nas-bench-201"), open("nats-size")]
    });
    &*spaces[usize::from(!text.contains('|'))]
}

/// All measurements of architecture number `index`; of every training the last epoch, or with `curves` all of them.
/// `trainings` is the dictionary of the lengths of training.
pub(super) fn measurements(index: i64, trainings: &Node, curves: bool) -> Outcome<(Subject, Vec<Measurement>)> {
    let (mut who, mut rows) = (None, Vec::new());
    for pair in trainings.items().chunks_exact(2) {
        let length =
            pair[0].as_str().ok_or_else(|| format!("a length of training is {}, not text", pair[0].describe()))?;
        // Archives with weights have more beside the two.
        let Some(results) = pair[1].as_dict() else { continue };
        let place = |error: String| format!("training `{length}`: {error}");
        let text = field(results, "arch_str").map_err(place)?;
        let text = text.as_str().ok_or_else(|| place(format!("arch_str is {}, not text", text.describe())))?;
        let subject = subject(space_of(text), text).map_err(place)?;
        if subject.arch_index != Some(index) {
            let official = subject.arch_index.unwrap_or(-1);
            return Err(place(format!("`{text}` has the official index {official}, but stands under {index}")));
        }
        if who.get_or_insert_with(|| subject.clone()) != &subject {
            return Err(place("it is of another architecture than the first".into()));
        }
        all_results(results, curves, &mut rows).map_err(place)?;
    }
    Ok((who.ok_or("there is no training")?, rows))
}

fn all_results(results: &Node, curves: bool, rows: &mut Vec<Measurement>) -> Outcome<()> {
    let all = field(results, "all_results")?;
    let all = all.as_dict().ok_or_else(|| format!("all_results is {}, not a dictionary", all.describe()))?.items();
    let mut costs: Vec<(Arc<str>, i64, Costs)> = Vec::new();
    let first = rows.len();
    for pair in all.chunks_exact(2) {
        let key = pair[0].as_sequence().map(|key| key.items());
        let Some([Value::Str(dataset), Value::Int(seed)]) = key.as_ref().map(|key| key.as_slice()) else {
            return Err(format!("a key of all_results is {}, not (dataset, seed)", pair[0].describe()));
        };
        let place = |error: String| format!("result ({dataset}, {seed}): {error}");
        let result =
            pair[1].as_dict().ok_or_else(|| place(format!("it is {}, not a dictionary", pair[1].describe())))?;
        let dataset: Arc<str> = (&**dataset).into();
        costs.push((
            dataset.clone(),
            *seed,
            Costs { params: number(result, "params")?, flop: number(result, "flop")? },
        ));
        training(result, &dataset, *seed, curves, rows).map_err(place)?;
        if rows.len() > MOST_ROWS {
            return Err(format!("it has more than the {MOST_ROWS} measurements that are read of one architecture"));
        }
    }
    for row in &mut rows[first..] {
        let dataset = row.dataset.as_deref().unwrap_or_default();
        let own: Vec<(i64, Costs)> = costs.iter().filter(|c| *c.0 == *dataset).map(|&(_, seed, c)| (seed, c)).collect();
        row.params = count(&own, row.seed, |costs| costs.params);
        row.macs = count(&own, row.seed, |costs| costs.flop);
    }
    Ok(())
}

/// What a network costs, in millions.
#[derive(Clone, Copy)]
struct Costs {
    params: Option<f64>,
    flop: Option<f64>,
}

/// A cost of the network with this seed as a whole number. Where the records of the seeds disagree in the fifth decimal, the
/// reference API takes that of seed 888, and so does this.
fn count(own: &[(i64, Costs)], seed: Option<i64>, of: fn(&Costs) -> Option<f64>) -> Option<i64> {
    let written = |costs: &Costs| of(costs).map(|millions| format!("{millions:.5}"));
    let agree = own.windows(2).all(|pair| written(&pair[0].1) == written(&pair[1].1));
    let trusted = own.iter().find(|(s, _)| *s == TRUSTED_SEED).filter(|_| !agree);
    let own = own.iter().find(|(s, _)| Some(*s) == seed);
    let millions = of(&trusted.or(own)?.1)?;
    (millions.is_finite() && millions.abs() < 1e9).then(|| (millions * 1e6).round() as i64)
}

fn training(result: &Node, dataset: &Arc<str>, seed: i64, curves: bool, rows: &mut Vec<Measurement>) -> Outcome<()> {
    let epochs = field(result, "epochs")?;
    let epochs = match epochs.as_int() {
        Some(epochs) if (1..=MOST_EPOCHS).contains(&epochs) => epochs as usize,
        _ => return Err(format!("epochs is {}, not a number from 1 to {MOST_EPOCHS}", epochs.describe())),
    };
    let common = Measurement {
        dataset: Some(dataset.clone()),
        epochs: Some(epochs as i32),
        seed: Some(seed),
        ..Measurement::default()
    };
    let series = |name| by_epoch(result, name, epochs);
    let (accuracies, losses, times) = (series("train_acc1es")?, series("train_losses")?, series("train_times")?);
    let mut sets = Vec::new();
    evaluations(result, "eval_acc1es", epochs, &mut sets, |set| &mut set.accuracies)?;
    evaluations(result, "eval_losses", epochs, &mut sets, |set| &mut set.losses)?;
    evaluations(result, "eval_times", epochs, &mut sets, |set| &mut set.times)?;
    let mut elapsed = times.first().copied().flatten().map(|_| 0.0);
    for i in 0..epochs {
        elapsed = elapsed.zip(times[i]).map(|(elapsed, seconds)| elapsed + seconds);
        if !curves && i + 1 < epochs {
            continue;
        }
        let at = Measurement { epoch: Some((i + 1) as f64), ..common.clone() };
        if accuracies[i].is_some() || losses[i].is_some() {
            let (accuracy_pct, loss) = (accuracies[i], losses[i]);
            rows.push(Measurement { split: Some("train".into()), accuracy_pct, loss, seconds: elapsed, ..at.clone() });
        }
        for set in &sets {
            if set.accuracies[i].is_some() || set.losses[i].is_some() {
                let split = Some(split(dataset, &set.name));
                let (accuracy_pct, loss, seconds) = (set.accuracies[i], set.losses[i], set.times[i]);
                rows.push(Measurement { split, accuracy_pct, loss, seconds, ..at.clone() });
            }
        }
    }
    if let Some(seconds) = latency(result)? {
        rows.push(Measurement { device: Some("gpu".into()), latency_ms: Some(seconds * 1e3), ..common });
    }
    Ok(())
}

/// An evaluation set by the name of a split. The original test set of the datasets that were not CIFAR-10 was divided into a
/// validation and a test part, so a result on all of it is on both.
fn split(dataset: &str, set: &str) -> Arc<str> {
    match set {
        "x-valid" => "valid",
        "x-test" => "test",
        "ori-test" if matches!(dataset, "cifar10" | "cifar10-valid") => "test",
        "ori-test" => "valtest",
        other => other,
    }
    .into()
}

/// Mean of the latencies that were measured, seconds.
fn latency(result: &Node) -> Outcome<Option<f64>> {
    let value = result.get("latency").unwrap_or(Value::None);
    let seconds = match &value {
        Value::None => None,
        Value::Int(_) | Value::Float(_) => value.as_f64(),
        other => {
            let items =
                other.as_sequence().ok_or_else(|| format!("latency is {}, not numbers", other.describe()))?.items();
            let numbers: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
            let numbers = numbers.ok_or("latency is a list, not of numbers")?;
            (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
        }
    };
    Ok(seconds.filter(|seconds| *seconds > 0.0))
}

/// Curves of one evaluation set.
struct EvaluationSet {
    name: String,
    accuracies: Vec<Option<f64>>,
    losses: Vec<Option<f64>>,
    times: Vec<Option<f64>>,
}

/// Reads a dictionary of `<set>@<epoch>`.
fn evaluations(
    result: &Node,
    name: &str,
    epochs: usize,
    sets: &mut Vec<EvaluationSet>,
    of: fn(&mut EvaluationSet) -> &mut Vec<Option<f64>>,
) -> Outcome<()> {
    let value = result.get(name).unwrap_or(Value::None);
    if matches!(value, Value::None) {
        return Ok(());
    }
    let node = value.as_dict().ok_or_else(|| format!("{name} is {}, not a dictionary", value.describe()))?;
    for pair in node.items().chunks_exact(2) {
        let key = pair[0].as_str().and_then(|key| key.rsplit_once('@'));
        let Some((set, epoch)) = key.and_then(|(set, epoch)| Some((set, epoch.parse::<usize>().ok()?))) else {
            return Err(format!("a key of {name} is {}, not `set@epoch`", pair[0].describe()));
        };
        if epoch >= epochs {
            return Err(format!("{name} has epoch {epoch} of a training of {epochs}"));
        }
        let place = match sets.iter().position(|known| known.name == set) {
            Some(place) => place,
            None if sets.len() == 16 => return Err(format!("{name} has more than 16 sets")),
            None => {
                let none = vec![None; epochs];
                sets.push(EvaluationSet {
                    name: set.into(),
                    accuracies: none.clone(),
                    losses: none.clone(),
                    times: none,
                });
                sets.len() - 1
            }
        };
        of(&mut sets[place])[epoch] = optional(&pair[1], name)?;
    }
    Ok(())
}

/// A dictionary by epoch, or nothing.
fn by_epoch(result: &Node, name: &str, epochs: usize) -> Outcome<Vec<Option<f64>>> {
    let mut curve = vec![None; epochs];
    let value = result.get(name).unwrap_or(Value::None);
    if matches!(value, Value::None) {
        return Ok(curve);
    }
    let node = value.as_dict().ok_or_else(|| format!("{name} is {}, not a dictionary", value.describe()))?;
    for pair in node.items().chunks_exact(2) {
        let epoch = pair[0].as_int().and_then(|epoch| usize::try_from(epoch).ok()).filter(|&epoch| epoch < epochs);
        let epoch = epoch.ok_or_else(|| format!("{name} has {} as an epoch of {epochs}", pair[0].describe()))?;
        curve[epoch] = optional(&pair[1], name)?;
    }
    Ok(curve)
}

fn optional(value: &Value, name: &str) -> Outcome<Option<f64>> {
    match value {
        Value::None => Ok(None),
        value => value.as_f64().map(Some).ok_or_else(|| format!("{name} has {}, not a number", value.describe())),
    }
}

fn field(node: &Node, name: &str) -> Outcome<Value> {
    node.get(name).ok_or_else(|| format!("there is no {name}"))
}

fn number(node: &Node, name: &str) -> Outcome<Option<f64>> {
    optional(&node.get(name).unwrap_or(Value::None), name)
}
