//! The configuration of a run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use crate::benchmark::Table;
use crate::data::{DataError, DataSpec, Watch};
use crate::folder::{Settings, to_toml};
use crate::network::Shape;
use crate::pipeline::confirm::Controls;
use crate::pipeline::counts::{TRAININGS, check_count};
use crate::pipeline::make_table::data_of;
use crate::pipeline::results::read;
use crate::pipeline::{RunError, ScreenConfig};
use crate::space::{CELLS, CHANNELS, SpaceSpec};
use crate::train::{Augmentation, Recipe};

/// Which table, and what it tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TruthTable {
    /// Parquet file with a row per architecture, as `naslens make-table` writes it.
    pub file: PathBuf,
    /// Column with accuracies.
    pub column: String,
}

impl TruthTable {
    /// An error if the table says that its networks were trained on other images.
    pub(super) fn check_data(&self, data: &DataSpec) -> Result<(), RunError> {
        match data_of(&Table::open_truths(&self.file)?) {
            Some(trained) if kind(&trained) != kind(data) => Err(RunError::Value(format!(
                "the accuracies of the table {} are of {trained}, not of {data}: they say nothing of networks on other images. \
                 Leave out [table], or choose data = \"{trained}\"",
                self.file.display()
            ))),
            _ => Ok(()),
        }
    }
}

/// The kind of images without the place where they are kept, which may have changed.
fn kind(data: &DataSpec) -> String {
    data.to_string().split(':').next().unwrap_or_default().to_owned()
}

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Title of the report.
    pub title: String,
    /// Architectures to score, drawn uniformly without replacement; of [`table`](Self::table), if there is one.
    pub sample: u64,
    /// Networks trained for the surrogate to learn from.
    pub labels: usize,
    /// Finalists, and as many controls.
    pub top: usize,
    /// Trainings per finalist and control, from different initialisations.
    pub repeats: u64,
    /// Who the controls are.
    pub controls: Controls,
    /// Surrogate; see `naslens list predictors`.
    pub predictor: String,
    /// Encodings that the surrogate sees beside the scores; see `naslens list encodings`.
    pub encodings: Vec<String>,
    /// Nominal coverage of the surrogate's intervals, between 0 and 1.
    pub level: f64,
    /// Parts of the cross-validation that judges the winner, 0 for none; absent: five where there are fewer than 200 test
    /// images and no official test part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<usize>,
    /// Time for everything, which then decides [`sample`](Self::sample), [`labels`](Self::labels), [`top`](Self::top) and the
    /// steps of trainings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Time that the same amounts are cut down to, as long as something that makes sense is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Budget>,
    /// Networks to choose from, in place of a sample of the space, and accuracies to judge proxies by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TruthTable>,
    /// What is scored and how.
    pub screen: ScreenConfig,
    /// How networks are trained.
    pub train: Recipe,
}

impl Settings for RunConfig {}

impl Default for RunConfig {
    fn default() -> Self {
        RunConfig {
            title: String::new(),
            sample: 1000,
            labels: 24,
            top: 8,
            repeats: 1,
            controls: Controls::Random,
            predictor: "stack".into(),
            encodings: vec!["graf".into()],
            level: 0.9,
            folds: None,
            budget: None,
            at_most: None,
            table: None,
            screen: ScreenConfig::default(),
            train: Recipe::default(),
        }
    }
}

/// Images that [`RunConfig::for_images`] trains, validates and tests with at most.
const LIMIT: [usize; 3] = [4000, 1000, 4000];
/// Steps of its trainings.
const STEPS: usize = 800;
/// Its time.
const AT_MOST: Budget = Budget::minutes(15);
/// The largest side of its images, in pixels, and what sides are multiples of: two halvings must be exact.
const SIDE: (usize, usize) = (32, 4);

/// Settings of the screen that are not set unless somebody wants a limit, with an example of each.
const UNSET: [(&str, &str); 3] = [("max_params", "500000"), ("max_model_mb", "2.0"), ("max_latency_ms", "50.0")];

/// What settings mean.
const MEANINGS: [(&str, &str); 40] = [
    ("title", "Title of the report; empty: space and images"),
    ("sample", "Networks to score, drawn uniformly from the space"),
    ("labels", "Networks to train for the surrogate to learn from (drawn uniformly)"),
    ("top", "Finalists to train (the best by prediction), and as many controls"),
    ("repeats", "Trainings of each finalist and control, from different initialisations"),
    ("controls", "random, or matched: as many multiply-accumulates as the finalists"),
    ("at_most", "Time that sample, labels, top and steps are cut down to fit into"),
    ("predictor", "Surrogate; see `naslens list predictors`"),
    ("encodings", "What it sees of a network besides its scores; see `naslens list encodings`"),
    ("level", "Nominal coverage of its intervals"),
    ("space", "Search space; see `naslens list spaces`"),
    ("init_channels", "Channels of the first stage"),
    ("cells", "Cells per stage"),
    ("proxies", "Training-free scores; see `naslens list proxies`"),
    ("data", "Images; see `naslens list data`"),
    ("image", "Shape that images are adapted to: channels x height x width. Larger images are slower, and show more"),
    ("protocol", "On what networks are scored: full, or quick, at most 16 images of at most 32 pixels a side"),
    ("seed", "Root of all random numbers"),
    ("class_balanced", "Whether every class has the same number of images in the batch"),
    ("init", "Where initial weights come from"),
    ("max_params", "The most trainable parameters that a network may have"),
    ("max_model_mb", "The most megabytes (10^6 bytes) that its float32 parameters and buffers may take"),
    ("max_latency_ms", "The most milliseconds that the winner may take for one image"),
    ("latency_model", "File of the model that predicts latencies"),
    ("split", "Shares of the images for training, validation (to choose by) and test (to judge by)"),
    ("limit", "The most images of each part"),
    ("epochs", "Passes over the training images; with steps they follow from these"),
    ("steps", "Steps of each training, at least: batch size and epochs then follow from the number of images"),
    ("batch_size", "Images per step or batch, at most"),
    ("optimiser", "sgd or adamw"),
    ("learning_rate", "Highest learning rate; it rises over the warm-up and falls along a cosine"),
    ("momentum", "Momentum of SGD"),
    ("weight_decay", "Shrinks weights"),
    ("warmup_epochs", "Epochs over which the learning rate rises; with steps a tenth of them"),
    ("label_smoothing", "Share of the target that is spread over all classes"),
    ("balance_classes", "Whether all classes count alike, however many images they have"),
    ("crop", "Shifts images by up to so many pixels"),
    ("flip", "Mirrors every other image; only if mirrored images are of the same class"),
    ("cutout", "Paints a square of this side with the mean colour"),
    ("precision", "float32, or bfloat16 on a GPU that has it"),
];

impl RunConfig {
    /// What is done with images of which nothing else is said: NAS-Bench-201 cells in a small skeleton, at the images' own
    /// shape up to 32 pixels a side, trained for 800 steps on up to 4,000 images that are shifted by up to an eighth of a
    /// side (mirrored images of letters, hearts or left shoes are other things), all classes counting alike.
    pub fn for_images(data: DataSpec, image: Option<Shape>, watch: &Watch<'_>) -> Result<Self, RunError> {
        let native = data.native_shape(watch)?;
        let native = native.ok_or_else(|| DataError::NotADataset { name: data.to_string() })?;
        let side = |n: usize| (n.min(SIDE.0) / SIDE.1).max(2) * SIDE.1;
        let image = image.unwrap_or(Shape::new(native.channels, side(native.height), side(native.width)));
        let small = SpaceSpec::default().with(CHANNELS.name, 16).and_then(|space| space.with(CELLS.name, 1));
        let space = small?;
        Ok(RunConfig {
            sample: 500,
            at_most: Some(AT_MOST),
            screen: ScreenConfig { space, data, image, ..ScreenConfig::default() },
            train: Recipe {
                image,
                limit: Some(LIMIT),
                steps: Some(STEPS),
                learning_rate: 0.05,
                balance_classes: true,
                augmentation: Augmentation { crop: image.height.min(image.width) / 8, ..Augmentation::default() },
                ..Recipe::default()
            },
            ..RunConfig::default()
        })
    }

    /// The configuration as TOML, with what each setting means.
    pub fn commented(&self) -> Result<String, RunError> {
        let mut text = String::from("# naslens run FILE.toml --out DIR\n");
        let toml = to_toml(self)?;
        let meaning = |key: &str| MEANINGS.iter().find(|(known, _)| *known == key).map(|(_, meaning)| meaning);
        for line in toml.lines() {
            let known = line.split_once(" =").and_then(|(key, _)| meaning(key));
            text.extend(known.map(|meaning| format!("# {meaning}\n")));
            text += &format!("{line}\n");
            let unset = UNSET.iter().filter(|(key, _)| line == "[screen]" && !toml.contains(&format!("\n{key} =")));
            for (key, example) in unset {
                let meaning = meaning(key).map_or(String::new(), |meaning| format!("# {meaning}\n"));
                text += &format!("{meaning}# {key} = {example}\n");
            }
        }
        Ok(text)
    }

    /// The same on other images. Refused if accuracies of a table are kept that are of the images before.
    pub fn with_data(mut self, data: DataSpec) -> Result<Self, RunError> {
        if let Some(table) = self.table.as_ref().filter(|_| self.screen.data != data) {
            return Err(RunError::Value(format!(
                "the configuration's [table], {}, has accuracies of {}, not of {data}; leave out [table], or --data",
                table.file.display(),
                self.screen.data
            )));
        }
        self.screen.data = data;
        Ok(self)
    }

    /// Reads a TOML file; what it does not mention has its default.
    pub fn read(path: &Path) -> Result<Self, RunError> {
        let config: RunConfig = read::config(path)?;
        config.check().map_err(RunError::Value)?;
        Ok(config)
    }

    /// What makes no sense, if anything.
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(problem) = self.train.problem() {
            return Err(format!("train: {problem}"));
        }
        if self.labels < 5 {
            return Err(format!("labels is {}, a surrogate needs at least 5", self.labels));
        }
        check_count("repeats", self.repeats, TRAININGS).map_err(|error| error.to_string())?;
        if self.top == 0 {
            return Err("top must be at least 1".into());
        }
        if !(self.level > 0.0 && self.level < 1.0) {
            return Err(format!("level is {}, it must be between 0 and 1", self.level));
        }
        Ok(())
    }
}
