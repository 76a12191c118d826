//! Poolings by libtorch, of any window.

use tch::{TchError, Tensor};

use super::apply::pair;
use crate::network::Pool;

/// Whether libtorch's poolings take the window: padded alike on opposite sides, by at most half of the window.
fn is_plain(pool: &Pool) -> bool {
    let [top, left, bottom, right] = pool.padding;
    top == bottom && left == right && 2 * top <= pool.kernel[0] && 2 * left <= pool.kernel[1]
}

/// Averages of windows.
pub(super) fn average(x: &Tensor, pool: Pool) -> Result<Tensor, TchError> {
    let (kernel, stride) = (pair(pool.kernel), pair(pool.stride));
    if is_plain(&pool) {
        let padding = pair([pool.padding[0], pool.padding[1]]);
        return x.f_avg_pool2d(kernel, stride, padding, pool.ceil, pool.count_padding, None::<i64>);
    }
    // What counts has the weight one: the map, and its padding if that counts. Windows may reach further still.
    let border = if pool.count_padding { 1.0 } else { 0.0 };
    let weights = pad(&x.f_ones_like()?, pool.padding, border)?;
    let mean = |x: &Tensor| windows(x, pool, 0.0)?.f_avg_pool2d(kernel, stride, [0, 0], false, true, None::<i64>);
    mean(&pad(x, pool.padding, 0.0)?)?.f_div(&mean(&weights)?)
}

/// The largest values of windows; padded pixels never count.
pub(super) fn maximum(x: &Tensor, pool: Pool) -> Result<Tensor, TchError> {
    let (x, padding, ceil) = prepared(x, pool, f64::NEG_INFINITY)?;
    x.f_max_pool2d(pair(pool.kernel), pair(pool.stride), padding, [1, 1], ceil)
}

/// The largest values of windows and where they are, among values that are not negative: as positions in the first tensor,
/// which is the map with as much padding by zeros as libtorch's pooling does not do itself.
pub(super) fn maximum_at(x: &Tensor, pool: Pool) -> Result<(Tensor, Tensor, Tensor), TchError> {
    let (x, padding, ceil) = prepared(x, pool, 0.0)?;
    let (value, at) =
        x.f_narrow(0, 0, 1)?.f_max_pool2d_with_indices(pair(pool.kernel), pair(pool.stride), padding, [1, 1], ceil)?;
    Ok((x, value, at))
}

/// The map, and the padding and rounding that remain for libtorch's pooling to do.
fn prepared(x: &Tensor, pool: Pool, border: f64) -> Result<(Tensor, [i64; 2], bool), TchError> {
    if is_plain(&pool) {
        return Ok((x.shallow_clone(), pair([pool.padding[0], pool.padding[1]]), pool.ceil));
    }
    Ok((windows(&pad(x, pool.padding, border)?, pool, border)?, [0, 0], false))
}

fn pad(x: &Tensor, [top, left, bottom, right]: [usize; 4], value: f64) -> Result<Tensor, TchError> {
    x.f_pad([left, right, top, bottom].map(|n| n as i64), "constant", value)
}

/// A padded map as far as its windows reach: further than its padding where they are rounded up.
fn windows(padded: &Tensor, pool: Pool, value: f64) -> Result<Tensor, TchError> {
    let [top, left, bottom, right] = pool.padding;
    let size = padded.size();
    let (height, width) = (size[2] as usize, size[3] as usize);
    let positions = pool.output(height - top - bottom, width - left - right).map_err(TchError::Torch)?;
    let reach = |positions: usize, side: usize| (positions - 1) * pool.stride[side] + pool.kernel[side];
    let far = [reach(positions.0, 0).saturating_sub(height), reach(positions.1, 1).saturating_sub(width)];
    if far == [0, 0] {
        return Ok(padded.shallow_clone());
    }
    pad(padded, [0, 0, far[0], far[1]], value)
}
