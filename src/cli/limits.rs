//! Limits on what a network may cost, shared by `run`, `screen`, `search` and `confirm`.

use std::path::{Path, PathBuf};

use naslens::hardware::LimitSettings;
use naslens::network::Shape;
use naslens::pipeline::latency::{Subject, cached_model, subject_of_run};
use naslens::text::scaled;

use super::progress::counting;

#[derive(clap::Args)]
pub struct LimitArgs {
    /// Leave out networks with more parameters, such as 500000, 500k or 0.5M
    #[arg(long, value_name = "N", value_parser = parameters)]
    max_params: Option<u64>,
    /// Leave out networks whose float32 parameters and buffers take more, in megabytes (10^6 bytes), such as 2
    #[arg(long, value_name = "MB", value_parser = megabytes)]
    max_model_mb: Option<f64>,
    /// Leave out networks predicted to take longer, in milliseconds, such as 50 or 50ms (upper end of the 90% interval)
    #[arg(long, value_name = "MS", value_parser = milliseconds)]
    max_latency_ms: Option<f64>,
    /// Latency model, from `naslens latency --fit` [default: one for this machine, fitted once and kept]
    #[arg(long, value_name = "FILE")]
    latency_model: Option<PathBuf>,
}

fn parameters(text: &str) -> Result<u64, String> {
    let whole = scaled(text).map(|n| n.round()).filter(|n| (1.0..1e18).contains(n));
    whole.map(|n| n as u64).ok_or_else(|| "write a number of parameters, such as 500000, 500k or 0.5M".into())
}

/// A number of megabytes, with or without its unit.
fn megabytes(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("MB").unwrap_or(text).trim();
    number.parse().map_err(|_| "write a number of megabytes, such as 2 or 0.5".into())
}

/// A number of milliseconds, with or without its unit.
fn milliseconds(text: &str) -> Result<f64, String> {
    let number =
        |text: &str| text.trim().parse::<f64>().map_err(|_| "write a number of milliseconds, such as 50".into());
    match text.strip_suffix("ms") {
        Some(text) => number(text),
        None => text.strip_suffix('s').map_or_else(|| number(text), |text| Ok(1000.0 * number(text)?)),
    }
}

impl LimitArgs {
    /// The limits that were given, for the others those of a configuration. A limit on latency without a model gets that of
    /// this machine.
    pub fn over(
        &self,
        configured: &LimitSettings,
        subject: impl FnOnce() -> anyhow::Result<Option<Subject>>,
        device: &str,
    ) -> anyhow::Result<LimitSettings> {
        let mut limits = LimitSettings {
            max_params: self.max_params.or(configured.max_params),
            max_model_mb: self.max_model_mb.or(configured.max_model_mb),
            max_latency_ms: self.max_latency_ms.or(configured.max_latency_ms),
            latency_model: self.latency_model.clone().or(configured.latency_model.clone()),
        };
        if limits.max_latency_ms.is_some() && limits.latency_model.is_none() {
            limits.latency_model = subject()?.map(|subject| model_of(&subject, device)).transpose()?;
        }
        Ok(limits)
    }

    /// The limits for the networks of the run, else of the space with its published skeleton and 3x32x32 images.
    pub fn of(&self, run: Option<&Path>, space: Option<&str>, device: &str) -> anyhow::Result<LimitSettings> {
        let subject = || match (run, space) {
            (Some(run), _) => Ok(Some(subject_of_run(run)?)),
            (None, Some(space)) => {
                Ok(Some(Subject { space: space.parse()?, image: Shape::new(3, 32, 32), classes: 10 }))
            }
            // The search itself says what is missing.
            (None, None) => Ok(None),
        };
        self.over(&LimitSettings::default(), subject, device)
    }
}

/// The file of this machine's model, fitted now if there is none.
fn model_of(subject: &Subject, device: &str) -> anyhow::Result<PathBuf> {
    Ok(counting("visits", |on| cached_model(subject, device, &super::STOP, &mut super::tell, on))?)
}
