//! A predictor of one's own, registered and judged like a built-in one: `cargo run --example own_predictor`.

use std::sync::atomic::AtomicBool;

use naslens::candidates::CandidatesConfig;
use naslens::pipeline::predict::{PredictConfig, curves};
use naslens::predictor::{FittedPredictor, PREDICTORS, Prediction, Predictor, PredictorEntry, PredictorError};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

const ENTRY: PredictorEntry = PredictorEntry {
    name: "one-nearest",
    title: "The nearest trained network",
    what: "predicts the label of the trained network with the smallest Euclidean distance of features",
    paper: "an example",
    open: &|_, _| Box::new(OneNearest),
};

struct OneNearest;

impl Predictor for OneNearest {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        if x.nrows() != y.len() {
            return Err(PredictorError::Shape { rows: x.nrows(), labels: y.len() });
        }
        if y.is_empty() {
            return Err(PredictorError::TooFewLabels { predictor: ENTRY.name, found: 0, least: 1 });
        }
        Ok(Box::new(Nearest { x: x.to_owned(), std: y.std(0.0), y: y.to_owned() }))
    }
}

struct Nearest {
    x: Array2<f64>,
    y: Array1<f64>,
    /// Of all labels: how far off a prediction may be is not known any better.
    std: f64,
}

impl FittedPredictor for Nearest {
    fn predict(&self, x: ArrayView2<f64>) -> Vec<Prediction> {
        let of = |row: ArrayView1<f64>| {
            let distance = |known: ArrayView1<f64>| (&known - &row).mapv(|d| d * d).sum();
            let distances: Vec<f64> = self.x.axis_iter(Axis(0)).map(distance).collect();
            let nearest = (0..distances.len()).min_by(|&a, &b| distances[a].total_cmp(&distances[b]));
            Prediction { mean: nearest.map_or(f64::NAN, |i| self.y[i]), std: self.std }
        };
        x.axis_iter(Axis(0)).map(of).collect()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    PREDICTORS.register(ENTRY)?;
    let config = PredictConfig {
        candidates: CandidatesConfig {
            table: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/benchmarks-data/fashion-cells.parquet").into()),
            space: Some("nas-bench-201:channels=16,cells=1".into()),
            ..CandidatesConfig::default()
        },
        target: "test_acc_pct".into(),
        predictors: vec![ENTRY.name.into()],
        labels: vec![50],
        repeats: 3,
        encodings: vec!["one_hot".into()],
        seed: 0,
        level: 0.9,
    };
    let result = curves(&config, &AtomicBool::new(false), &mut |_| {})?;
    let own = result.curves.iter().find(|curve| curve.name == ENTRY.name).ok_or("no curve")?;
    println!("{} from {} labels: tau {:.2}", own.name, own.labels, own.measures["kendall"].mean);
    Ok(())
}
