//! What computes, and how much of it: options of commands that fill a folder.

use naslens::engine::{allow_tf32, parse_device};
use naslens::pipeline::RunOptions;

/// Options of commands that score or train many networks into a folder.
#[derive(clap::Args)]
pub(super) struct MachineArgs {
    /// Networks scored or trained side by side [default: measured once]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Arithmetic on a CUDA device: float32, or tf32, which is faster and rounds factors of convolutions to 10 bits
    #[arg(long, default_value = "float32", value_name = "NAME", value_parser = ["float32", "tf32"])]
    precision: String,
    /// Discard what an earlier command left in the folder
    #[arg(long)]
    overwrite: bool,
}

impl MachineArgs {
    /// Checks and measures what they say.
    pub fn options(&self) -> anyhow::Result<RunOptions<'_>> {
        allow_tf32(parse_device(&self.device)?, self.precision == "tf32")?;
        let options = RunOptions::new(&self.device, self.threads.map(usize::from), self.overwrite, &super::STOP)?;
        let watch = super::progress::watch();
        Ok(RunOptions { on_read: watch.on_progress, on_note: watch.on_note, ..options })
    }
}
