//! Whether a screen fits the memory of the machine.

use super::rows::Row;
use super::{RunError, ScreenConfig};
use crate::engine::{EngineError, Pass, activation_bytes, batch_bytes, check_memory, weight_bytes};
use crate::space::{SearchSpace, Task};

/// Networks that are looked at: an estimate from some of them is never too high.
const LOOKED_AT: usize = 64;

/// Refuses a batch that does not fit, before it is drawn.
pub(super) fn check_batch(config: &ScreenConfig) -> Result<(), EngineError> {
    check_memory("the batch", batch_bytes(config.batch_size, config.image), "--batch-size or --image")
}

/// Refuses networks that do not fit beside the batch when `threads` of them run at once, each through `passes`.
pub(super) fn check_networks(
    space: &dyn SearchSpace,
    task: &Task,
    rows: &[Row],
    passes: &[Pass],
    images: usize,
    threads: usize,
) -> Result<(), RunError> {
    if passes.is_empty() {
        return Ok(());
    }
    let side_by_side = threads.min(rows.len()) as u64;
    let mut largest = 0;
    for row in rows.iter().step_by(rows.len().div_ceil(LOOKED_AT).max(1)) {
        if let Some(network) = space.build(&row.arch, task)?.live() {
            let activations = side_by_side.saturating_mul(activation_bytes(&network, images, passes));
            largest = largest.max(weight_bytes(&network).saturating_add(activations));
        }
    }
    // The images have been drawn; their copy on the device has not been made.
    let needed = largest.saturating_add(batch_bytes(images, task.input) / 2);
    Ok(check_memory("scoring these networks", needed, "--batch-size, --image, --init-channels or --threads")?)
}
