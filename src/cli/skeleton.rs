//! Options that change a space.

use naslens::space::{CELLS, CHANNELS, SpaceError, SpaceSpec};

/// The options of the predefined spaces as arguments of their own: `--init-channels 16` is `channels=16` in the space's text.
#[derive(clap::Args)]
pub struct SkeletonArgs {
    /// Channels of the first stage [default: as published]
    #[arg(long, value_name = "N")]
    init_channels: Option<usize>,
    /// Cells per stage [default: as published]
    #[arg(long, value_name = "N")]
    cells: Option<usize>,
}

impl SkeletonArgs {
    /// The options that were given.
    pub fn given(&self) -> Vec<(&'static str, usize)> {
        let options = [(CHANNELS.name, self.init_channels), (CELLS.name, self.cells)];
        options.into_iter().filter_map(|(option, value)| Some((option, value?))).collect()
    }

    /// The space with these options.
    pub fn of(&self, space: SpaceSpec) -> Result<SpaceSpec, SpaceError> {
        self.given().into_iter().try_fold(space, |space, (option, value)| space.with(option, value))
    }
}
