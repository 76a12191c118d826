//! Which architectures are scored.

use std::path::{Path, PathBuf};

use super::{ScreenConfig, ScreenError};
use crate::seed::Stream;
use crate::space::{self, Architecture, SearchSpace, Skeleton, SpaceError};

/// Which architectures are scored.
#[derive(Clone, Debug)]
pub enum Selection {
    /// This many, drawn uniformly without replacement from the space's text forms with the run's seed.
    Sample(u64),
    /// The whole space.
    All,
    /// These, in this order; the text says where they come from.
    Listed(Vec<Architecture>, String),
}

/// The selected architectures, and a sentence that says how they were selected.
pub(super) fn select(
    space: &dyn SearchSpace,
    selection: &Selection,
    seed: u64,
) -> Result<(Vec<Architecture>, String), ScreenError> {
    let (size, name) = (space.size(), space.entry().name);
    match selection {
        Selection::Sample(0) => Err(ScreenError::NothingSelected("the sample size is 0".into())),
        Selection::Sample(n) if *n > size => Err(ScreenError::TooMany { asked: *n, space: name, size }),
        Selection::Sample(n) => {
            let indices = Stream::named(seed, "sample").sample_indices(size, *n);
            let sampler = format!("uniform without replacement, {n} of {size} {name} strings, seed {seed}");
            Ok((indices.into_iter().filter_map(|i| space.at(i)).collect(), sampler))
        }
        Selection::All => Ok(((0..size).filter_map(|i| space.at(i)).collect(), format!("all {size} {name} strings"))),
        Selection::Listed(archs, origin) if archs.is_empty() => {
            Err(ScreenError::NothingSelected(format!("{origin} lists none")))
        }
        Selection::Listed(archs, origin) => {
            archs.iter().try_for_each(|a| space.check(a))?;
            Ok((archs.clone(), format!("{} architectures listed in {origin}", archs.len())))
        }
    }
}

/// Why a list could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchListError {
    /// The space refuses.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The file cannot be read.
    #[error("cannot read {}: {source}; --archs takes a text file with one architecture per line", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is no architecture.
    #[error("{}, line {line}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What is wrong with it.
        source: SpaceError,
    },
}

/// Reads one architecture per line; empty lines and what follows `#` are ignored. Repeated architectures stay.
pub fn read_arch_list(config: &ScreenConfig, path: &Path) -> Result<Selection, ArchListError> {
    let space = space::open(&config.space, &Skeleton { init_channels: config.init_channels, cells: config.cells })?;
    let text =
        std::fs::read_to_string(path).map_err(|source| ArchListError::Unreadable { path: path.into(), source })?;
    let mut archs = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default().trim();
        if !content.is_empty() {
            let parsed = space.parse(content);
            archs.push(parsed.map_err(|source| ArchListError::Line { path: path.into(), line, source })?);
        }
    }
    Ok(Selection::Listed(archs, path.display().to_string()))
}
