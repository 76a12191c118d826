//! The classes of image files, by an exported network.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;
use tch::{Device, Kind, Tensor};

use super::RunError;
use super::export::{ExportConfig, Subject};
use crate::benchmark::columns;
use crate::data::{Skipped, image_files, listed_files, read_image};
use crate::engine::Parameters;
use crate::export::{facts, load_safetensors};
use crate::files::{FileError, write_atomically};

/// Images that are read and run at once.
const AT_ONCE: usize = 64;

/// Which images, by which network.
#[derive(Clone, Debug, Default)]
pub struct PredictImagesConfig {
    /// The folder of an export, or its model.safetensors.
    pub export: PathBuf,
    /// Options of the space that an older export does not say.
    pub options: Vec<(&'static str, usize)>,
    /// Image files, and folders that are searched for them.
    pub images: Vec<PathBuf>,
    /// A `.parquet` or `.csv` file for the predictions.
    pub out: Option<PathBuf>,
}

/// What the network says of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImagePrediction {
    /// The file.
    pub file: PathBuf,
    /// The most probable class.
    pub class: String,
    /// Its probability, by softmax.
    pub probability: f64,
    /// That of every class, in their order.
    pub probabilities: Vec<f64>,
}

/// What the network says of all images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImagePredictions {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// A prediction per image that could be read.
    pub images: Vec<ImagePrediction>,
    /// The others.
    pub skipped: Vec<Skipped>,
}

/// Reads the images as those were that the network was trained on, and runs it on them. What cannot be decoded is in
/// [`ImagePredictions::skipped`].
pub fn predict_images(config: &PredictImagesConfig) -> Result<ImagePredictions, RunError> {
    let csv = config.out.as_deref().map(is_csv).transpose()?;
    let weights = if config.export.is_dir() { config.export.join("model.safetensors") } else { config.export.clone() };
    if facts(&weights)?.is_none() {
        return Err(RunError::Refused(format!(
            "{} says nothing of its network: name the folder that `naslens export` or `naslens run` wrote",
            weights.display()
        )));
    }
    let options = config.options.clone();
    let subject = Subject::of(&ExportConfig { weights: Some(weights.clone()), options, ..Default::default() })?;
    let parameters = load_safetensors(&weights, &subject.network, Device::Cpu)?;
    let (mut files, mut skipped) = (Vec::new(), Vec::new());
    for path in &config.images {
        if path.is_dir() {
            let (images, others) = image_files(path)?;
            files.extend(images);
            skipped.extend(others);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() && skipped.is_empty() {
        let names: Vec<_> = config.images.iter().map(|path| path.display().to_string()).collect();
        return Err(RunError::Refused(format!(
            "there are no images in {}; name image files, or folders of them",
            names.join(", ")
        )));
    }
    let mut found = ImagePredictions { classes: subject.classes.clone(), images: Vec::new(), skipped };
    for files in files.chunks(AT_ONCE) {
        found.add(files, &subject, &parameters)?;
    }
    if found.images.is_empty() {
        return Err(RunError::Refused(format!(
            "none of {} images can be decoded{}",
            found.skipped.len(),
            listed_files(&found.skipped)
        )));
    }
    match (&config.out, csv) {
        (Some(out), Some(true)) => found.write_csv(out)?,
        (Some(out), _) => found.write_parquet(out)?,
        _ => {}
    }
    Ok(found)
}

fn is_csv(out: &Path) -> Result<bool, RunError> {
    match out.extension().map(|ending| ending.to_ascii_lowercase()) {
        Some(ending) if ending == "csv" => Ok(true),
        Some(ending) if ending == "parquet" => Ok(false),
        _ => Err(RunError::Refused(format!("{} ends in neither .parquet nor .csv", out.display()))),
    }
}

impl ImagePredictions {
    fn add(&mut self, files: &[PathBuf], subject: &Subject, parameters: &Parameters) -> Result<(), tch::TchError> {
        let image = subject.network.input_shape();
        let read: Vec<_> = files.par_iter().map(|file| read_image(file, image, &subject.statistics)).collect();
        let (mut values, mut names) = (Vec::new(), Vec::new());
        for (file, read) in files.iter().zip(read) {
            match read {
                Ok(pixels) => {
                    values.extend(pixels);
                    names.push(file);
                }
                Err(skipped) => self.skipped.push(skipped),
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        let sizes = [names.len(), image.channels, image.height, image.width].map(|n| n as i64);
        let logits = parameters.logits(&subject.network, &Tensor::f_from_slice(&values)?.f_reshape(sizes)?)?;
        let shares = logits.f_softmax(1, Kind::Double)?.f_contiguous()?.f_flatten(0, -1)?;
        let shares = Vec::<f64>::try_from(&shares)?;
        for (file, shares) in names.into_iter().zip(shares.chunks(self.classes.len())) {
            let best = (0..shares.len()).max_by(|&a, &b| shares[a].total_cmp(&shares[b]).then(b.cmp(&a))).unwrap_or(0);
            let (class, probability) = (self.classes[best].clone(), shares[best]);
            self.images.push(ImagePrediction { file: file.clone(), class, probability, probabilities: shares.into() });
        }
        Ok(())
    }

    /// `file`, `class`, `probability`, and `p_CLASS` for each class.
    fn names(&self) -> Vec<String> {
        let classes = self.classes.iter().map(|class| format!("p_{class}"));
        ["file", "class", "probability"].map(str::to_owned).into_iter().chain(classes).collect()
    }

    fn write_parquet(&self, out: &Path) -> Result<(), FileError> {
        let images = || self.images.iter();
        let mut values = vec![
            columns::text(images().map(|image| image.file.to_string_lossy())),
            columns::text(images().map(|image| &image.class)),
            columns::number(images().map(|image| image.probability)),
        ];
        values.extend((0..self.classes.len()).map(|c| columns::number(images().map(move |i| i.probabilities[c]))));
        columns::write(out, self.names().into_iter().zip(values).collect())
    }

    fn write_csv(&self, out: &Path) -> Result<(), FileError> {
        write_atomically(out, |file| {
            let mut rows = csv::Writer::from_writer(file);
            rows.write_record(self.names())?;
            for image in &self.images {
                let numbers = std::iter::once(&image.probability).chain(&image.probabilities).map(f64::to_string);
                let texts = [image.file.to_string_lossy().into_owned(), image.class.clone()];
                rows.write_record(texts.into_iter().chain(numbers))?;
            }
            rows.flush()?;
            Ok::<_, csv::Error>(())
        })
    }
}
