//! Other programs that score the same networks.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::measure::Usage;
use crate::pipeline::RunError;
use crate::pipeline::ScreenConfig;
use crate::space::{CELLS, CHANNELS};

/// The last line that a baseline prints.
#[derive(Deserialize)]
struct Total {
    networks: usize,
    seconds: f64,
    cpu_seconds: f64,
}

/// Runs a shell command on the `count` architectures in the file `archs` with the settings of the screen, in as many
/// processes of one thread as naslens has worker threads. What it says it took counts, not the start of the process.
pub(super) fn run(
    command: &str,
    config: &ScreenConfig,
    processes: usize,
    (archs, count): (&Path, usize),
) -> Result<Usage, RunError> {
    let failed = |reason: String| RunError::Refused(format!("the baseline `{command}` gave no figure: {reason}"));
    let numbers = [
        ("--batch-size", Some(config.batch_size)),
        ("--image", Some(config.image.height)),
        ("--init-channels", config.space.option(CHANNELS.name)?),
        ("--cells", config.space.option(CELLS.name)?),
        ("--processes", Some(processes)),
        ("--threads", Some(1)),
    ];
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{command} \"$@\"")).arg("sh").stdin(Stdio::null());
    shell.arg("--archs").arg(archs).arg("--set").arg(config.proxies.join(","));
    for (name, value) in numbers.iter().filter_map(|(name, value)| Some((name, (*value)?))) {
        shell.arg(name).arg(value.to_string());
    }
    let output = shell.output().map_err(|e| failed(e.to_string()))?;
    let last = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().last().unwrap_or_default().to_string();
    if !output.status.success() {
        return Err(failed(format!("{}, {}", output.status, last(&output.stderr))));
    }
    let line = last(&output.stdout);
    match serde_json::from_str::<Total>(&line) {
        Ok(Total { networks, seconds, cpu_seconds }) if networks == count && seconds > 0.0 => {
            Ok(Usage { seconds, cpu_seconds })
        }
        _ => Err(failed(format!(
            "its last line must be JSON with networks (here {count}), seconds and cpu_seconds, but is `{line}`"
        ))),
    }
}
