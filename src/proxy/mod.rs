//! Training-free proxies: each one a small function of what the engine ran.
//!
//! To add a proxy: one file with its [`Proxy`] constants, one line in [`PROXIES`]. A name means nothing without its
//! protocol, so every variant (`naswot`, `naswot@reference`) is an entry of its own.
//!
//! ```
//! use naslens::engine::Passes;
//! use naslens::space::{self, Task};
//!
//! let space = space::open("nas-bench-201")?;
//! let network = space.build(&space.parse(space.entry().example)?, &Task::classify("3x32x32".parse()?, 10))?;
//! let (params, synflow) = (naslens::proxy::find("params")?, naslens::proxy::find("synflow")?);
//! let nothing_run = Passes::none(&network);
//! assert_eq!(params.evaluate(&nothing_run).value(), Some(network.params() as f64));
//! assert_eq!(synflow.evaluate(&nothing_run).get_status().name(), "failed");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activations;
mod az;
mod epe_nas;
mod fisher;
mod flops;
mod grad_norm;
mod gradsign;
mod grasp;
mod jacov;
mod l2_norm;
mod layers;
mod linear_regions;
mod logsynflow;
mod meco;
mod naswot;
mod ntk_cond;
mod params;
mod plain;
mod score;
mod snip;
mod swap;
mod synflow;
mod vkdnw;
mod zen;
mod zico;

use ndarray::Array2;
use ndarray_linalg::{EigValsh, UPLO};

pub use score::{Score, Status};

use crate::engine::{LayerGradient, Pass, Passes};
use crate::network::Network;
use crate::registry::{Registry, Unknown, entry};

/// Which network a proxy looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// What lies on a path from the input to the output; equal for all architectures with one
    /// [`ArchId`](crate::space::ArchId).
    Live,
    /// Everything the architecture specifies, dead operations included.
    Specified,
}

/// One variant of a proxy. Higher scores mean better networks.
pub struct Proxy {
    /// Name on the command line and column name: the proxy, or `proxy@variant`.
    pub name: &'static str,
    /// What it measures, in one line.
    pub title: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// What is computed, with its symbols explained.
    pub formula: &'static str,
    /// Everything that fixes the number: batch, mode, initialisation, precision.
    pub protocol: &'static str,
    /// What is known to go wrong with it.
    pub limits: &'static str,
    /// Statuses that it gives itself, beside [`Status::COMMON`].
    pub statuses: &'static [Status],
    /// Which network is looked at.
    pub view: View,
    /// The smallest batch that the score is defined for: 0 if no batch is needed, 2 if images are compared. A batch whose
    /// images are all equal counts as one image, one of a single colour as none.
    pub min_batch: usize,
    /// A trivial count that every other proxy has to beat.
    pub baseline: bool,
    /// What the engine must run.
    pub passes: &'static [Pass],
    /// The score from the passes of `passes`, or why there is none; [`Proxy::evaluate`] asks first whether it is defined.
    pub score: &'static (dyn Fn(&Passes<'_>) -> Result<f64, Status> + Send + Sync),
}

entry!(Proxy, "proxy", formula, protocol, limits, paper);

/// Fewer values than this have no statistics: one is its own mean, and two are normalised to plus and minus one, whatever they
/// are, so that gradients through them are rounding errors.
const MIN_NORMALISED: usize = 3;

impl Proxy {
    /// What most proxies have in common: they look at the live part, are no baseline, and have no status of their own.
    pub const LIVE: Proxy = Proxy {
        name: "",
        title: "",
        paper: "",
        formula: "",
        protocol: "",
        limits: "",
        statuses: &[],
        view: View::Live,
        min_batch: 0,
        baseline: false,
        passes: &[],
        score: &|_| Err(Status::Failed),
    };

    /// The score, or the status that says why there is none; `unsupported` where the batch is too small for it.
    pub fn evaluate(&self, passes: &Passes<'_>) -> Score {
        match self.is_defined(passes) {
            true => (self.score)(passes).map_or_else(Score::status, Score::new),
            false => Score::status(Status::Unsupported),
        }
    }

    /// Why the score is not defined for this network, whatever the batch; None where it is.
    pub fn lacks(&self, network: &Network) -> Option<String> {
        self.passes.iter().find_map(|pass| pass.lacks(network))
    }

    fn is_defined(&self, passes: &Passes<'_>) -> bool {
        if self.lacks(passes.network).is_some() {
            return false;
        }
        let batch = passes.batch;
        let images = match self.passes.iter().any(|p| p.reads_batch()) {
            true => batch.telling(),
            false => batch.images,
        };
        let pixels = passes.network.smallest_normalised();
        // Equal images add no value to normalise.
        let together = |pass: &Pass| pass.normalised_together(images);
        images >= self.min_batch
            && self.passes.iter().filter_map(together).all(|n| pixels.is_none_or(|p| n * p >= MIN_NORMALISED))
    }
}

/// All proxies.
pub static PROXIES: Registry<Proxy> = Registry::new(&[
    &params::PARAMS,
    &params::PARAMS_LIVE,
    &flops::FLOPS,
    &flops::FLOPS_LIVE,
    &layers::LAYERS,
    &activations::ACTIVATIONS,
    &l2_norm::L2_NORM,
    &synflow::SYNFLOW,
    &synflow::SYNFLOW_BN,
    &logsynflow::LOGSYNFLOW,
    &naswot::NASWOT,
    &naswot::NASWOT_REFERENCE,
    &grad_norm::GRAD_NORM,
    &grad_norm::GRAD_NORM_GLOBAL,
    &snip::SNIP,
    &plain::PLAIN,
    &jacov::JACOV,
    &epe_nas::EPE_NAS,
    &fisher::FISHER,
    &grasp::GRASP,
    &zico::ZICO,
    &gradsign::GRADSIGN,
    &meco::MECO,
    &zen::ZEN,
    &swap::SWAP,
    &ntk_cond::NTK_COND,
    &linear_regions::LINEAR_REGIONS,
    &az::AZ_EXPRESSIVITY,
    &az::AZ_PROGRESSIVITY,
    &az::AZ_TRAINABILITY,
    &vkdnw::VKDNW,
    &vkdnw::VKDNW_ENTROPY,
]);

/// The proxy called `name`.
pub fn find(name: &str) -> Result<&'static Proxy, Unknown> {
    PROXIES.find(name)
}

/// The record of a pass.
fn read<T>(record: &Option<T>) -> Result<&T, Status> {
    record.as_ref().ok_or(Status::Failed)
}

/// A score that is a sum of gradients. Zero means that none reached any weight, as where there is only one class: as a number it
/// would be the same for every network.
fn of_gradients(sum: f64) -> Result<f64, Status> {
    if sum == 0.0 { Err(Status::Unsupported) } else { Ok(sum) }
}

/// A sum over layers.
fn sum_over_layers(
    gradients: &Option<Vec<LayerGradient>>,
    layer: impl Fn(&LayerGradient) -> Result<f64, tch::TchError>,
) -> Result<f64, Status> {
    of_gradients(read(gradients)?.iter().map(layer).sum::<Result<f64, _>>()?)
}

/// Eigenvalues of a symmetric matrix, in ascending order.
fn eigenvalues(symmetric: &Array2<f64>) -> Result<Vec<f64>, Status> {
    if symmetric.iter().any(|v| !v.is_finite()) {
        return Err(Status::NonFinite);
    }
    symmetric.eigvalsh(UPLO::Lower).map(|v| v.to_vec()).map_err(|_| Status::Failed)
}

/// Shannon entropy of the values divided by their sum; negatives from rounding are clamped to 0.
fn entropy(values: &[f64]) -> Result<f64, Status> {
    let total: f64 = values.iter().map(|v| v.max(0.0)).sum();
    if !total.is_finite() {
        return Err(Status::NonFinite);
    }
    if total == 0.0 {
        return Err(Status::Singular);
    }
    Ok(values.iter().map(|v| v / total).filter(|&p| p > 0.0).map(|p| -p * p.ln()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registry_is_sound() {
        crate::registry::testing::is_sound(&PROXIES);
        for p in &PROXIES {
            for text in [p.title, p.paper, p.formula, p.protocol, p.limits] {
                assert!(text.len() > 10, "{} lacks documentation", p.name);
            }
            let family = p.name.split('@').next().unwrap();
            assert!(find(family).is_ok(), "variant {} has no plain {family}", p.name);
        }
    }
}
