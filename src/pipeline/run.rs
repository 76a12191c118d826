//! stub
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError { #[error("x")] Interrupted{}, #[error(transparent)] Screen(#[from] super::ScreenError) }
