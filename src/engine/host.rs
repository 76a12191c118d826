//! Tensors as arrays of the host.

use ndarray::Array2;
use tch::{Device, Kind, Tensor};

/// A tensor of two dimensions in float64.
pub(super) fn matrix(x: &Tensor) -> Result<Array2<f64>, tch::TchError> {
    let (rows, columns) = x.size2()?;
    let values = x.f_contiguous()?.f_to_kind(Kind::Double)?.f_to(Device::Cpu)?.f_flatten(0, -1)?;
    Array2::from_shape_vec((rows as usize, columns as usize), Vec::try_from(values)?)
        .map_err(|e| tch::TchError::Torch(e.to_string()))
}
