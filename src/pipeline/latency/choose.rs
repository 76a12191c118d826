//! Which networks are measured.

use std::path::Path;

use super::Subject;
use crate::candidates::{self, CandidatesConfig};
use crate::network::Network;
use crate::pipeline::RunError;
use crate::pipeline::screen::draw_live;
use crate::seed::Stream;
use crate::space::{ArchId, Architecture};
use crate::stats::{missing_last, top_indices};

/// A network to measure.
pub struct Chosen {
    /// As the space writes it.
    pub arch: String,
    /// Its id.
    pub arch_id: String,
    /// As specified, dead operations included.
    pub network: Network,
}

/// The architectures of these texts. A dead one is refused.
pub fn listed(subject: &Subject, texts: &[String]) -> Result<Vec<Chosen>, RunError> {
    let (space, task) = subject.open()?;
    let one = |text: &String| {
        let arch = space.parse(text)?;
        let network = space.build(&arch, &task)?;
        if network.live().is_none() {
            return Err(RunError::Refused(format!(
                "`{text}` is dead: no path leads from its input to its output, so there is nothing to measure"
            )));
        }
        Ok(Chosen { arch: space.format(&arch), arch_id: space.arch_id(&arch).to_string(), network })
    };
    texts.iter().map(one).collect()
}

/// `n` distinct live networks: architectures drawn uniformly from the space, of each class of equal networks its
/// representative, once. The first `m` of `n` are those of `m`.
pub fn sampled(subject: &Subject, n: usize, seed: u64) -> Result<Vec<Chosen>, RunError> {
    let (space, task) = subject.open()?;
    let chosen = draw_live(space.as_ref(), &task, n, Stream::named(seed, "latency"))?;
    if chosen.len() < n {
        return Err(RunError::Refused(format!(
            "{n} distinct live networks were asked for, but only {} could be drawn from {}; ask for fewer",
            chosen.len(),
            space.entry().name
        )));
    }
    let named = |(arch, id, network): (Architecture, ArchId, Network)| Chosen {
        arch: space.format(&arch),
        arch_id: id.to_string(),
        network,
    };
    Ok(chosen.into_iter().map(named).collect())
}

/// The `top` best networks of a run by a score, ties by their order in it.
pub fn top_of_run(subject: &Subject, run: &Path, score: &str, top: usize) -> Result<Vec<Chosen>, RunError> {
    let candidates = candidates::load(&CandidatesConfig { run: Some(run.into()), ..CandidatesConfig::default() })?;
    let Some(values) = candidates.score(score) else {
        let names = candidates.scores.iter().map(|(name, _)| name.as_str());
        let hint = crate::text::did_you_mean(score, names.clone());
        let known = names.collect::<Vec<_>>().join(", ");
        return Err(RunError::Refused(format!("the run has no score `{score}`{hint}; name one of {known}")));
    };
    let best = top_indices(&missing_last(values), top.min(values.len()));
    let texts: Vec<String> = best.into_iter().map(|i| candidates.space.format(&candidates.archs[i])).collect();
    listed(subject, &texts)
}
