//! Runs untrained networks on a libtorch device and records what proxies read.
//!
//! A proxy declares the [`Pass`]es it reads; [`Engine::run`] runs the union of them once per network. One train-mode
//! forward serves the ReLU codes, the channel correlations and the gradients of the loss and of the logits. CPU and CUDA
//! share this code.
//!
//! ```
//! use naslens::engine::{DeviceBatch, Engine, Pass, parse_device};
//! use naslens::space::{self, Task};
//!
//! let (space, device) = (space::open("nas-bench-201:channels=4,cells=1")?, parse_device("cpu")?);
//! let network = space.build(&space.parse(space.entry().example)?, &Task::classify("3x8x8".parse()?, 10))?;
//! let batch = DeviceBatch::new(&ndarray::Array4::ones((4, 3, 8, 8)), &[0, 1, 2, 3], device)?;
//! let passes = Engine::new(device).run(&network, 0, &batch, &[Pass::Dual])?;
//! assert!(passes.dual.is_some() && passes.loss_gradient.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod batch;
mod block_wise;
mod codes;
mod cost;
mod device;
mod direct_convolution;
mod fisher_information;
mod folded_parameters;
mod footprint;
mod forward;
mod forward_derivative;
mod gaussian;
mod given;
mod hessian;
mod host;
mod inference;
mod kernels;
mod linear;
mod linear_regions;
mod loss;
mod memory;
mod moments;
mod norm;
mod parameters;
mod passes;
mod per_image;
mod plan;
mod pooling;
mod run;
mod tape;
mod tensors;
mod train_mode;
mod trainable;
mod weights;

pub use batch::{BatchCounts, DeviceBatch};
pub use block_wise::BlockWise;
pub use codes::CodeKernel;
pub use cost::{CostModel, cache_folder, load_average, processor};
pub use device::{Machine, allow_tf32, arithmetic, describe_device, parse_device, prepare_process, prepare_thread};
pub use footprint::{activation_bytes, batch_bytes, check_memory, training_bytes, weight_bytes};
pub use forward::{Norm, Observer, forward};
pub use forward_derivative::Dual;
pub use gaussian::{Expansion, NeuronPatterns};
pub use linear_regions::LinearRegions;
pub use memory::{peak_device_memory, release_device_memory, reset_peak_device_memory};
pub use norm::{BN_EPS, NormTensors};
pub use parameters::{ParameterCounts, Parameters};
pub use passes::{LayerGradient, Pass, Passes};
pub use run::Engine;
pub use trainable::{Precision, Trainable};
pub use weights::{LayerTensors, VectorTensors, WeightBank, Weights, channels_last};

/// Why a network could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum EngineError {
    /// The device string is not understood.
    #[error("unknown device `{0}`; use auto, cpu, cuda or cuda:N")]
    UnknownDevice(String),
    /// CUDA was asked for but this libtorch or machine has none.
    #[error(
        "no CUDA device {index}: libtorch sees {available}; use --device cpu, or build against the CUDA libtorch \
         (`make libtorch CUDA=1`) on a machine with an NVIDIA driver"
    )]
    NoCuda { index: usize, available: i64 },
    /// TF32 was asked for where there is none.
    #[error("TF32 is an arithmetic of CUDA devices; leave --precision out, or give --device cuda")]
    NoTf32,
    /// libtorch refused, for instance because memory ran out.
    #[error("libtorch: {}", torch_message(.0))]
    Torch(#[from] tch::TchError),
    /// More memory is needed than there is.
    #[error("{what} would need at least {} of memory, and {} are free; lower {lower}", gigabytes(*.needed), gigabytes(*.available))]
    Memory { what: &'static str, needed: u64, available: u64, lower: &'static str },
    /// The batch does not fit the network.
    #[error("the batch is {batch}, the network takes {network}")]
    BatchShape { batch: crate::network::Shape, network: crate::network::Shape },
}

impl EngineError {
    /// Whether less at once might fit.
    pub fn is_lack_of_memory(&self) -> bool {
        match self {
            EngineError::Torch(error) => lacks_memory(&error.to_string()),
            other => matches!(other, EngineError::Memory { .. }),
        }
    }
}

fn lacks_memory(message: &str) -> bool {
    ["allocate memory", "out of memory", "bad_alloc"].iter().any(|sign| message.contains(sign))
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

/// What libtorch says, without the C++ frames that it appends; where memory ran out, what to do about it.
pub fn torch_message(error: &tch::TchError) -> String {
    let text = error.to_string();
    if lacks_memory(&text) {
        return "out of memory: lower the batch size, the images, the channels or the number of threads".into();
    }
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no reason given").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_libtorch_are_one_line() {
        let error = tch::Tensor::f_zeros([1i64 << 52], (tch::Kind::Float, tch::Device::Cpu)).unwrap_err();
        assert_eq!(EngineError::from(error).to_string().lines().count(), 1);
        let x = tch::Tensor::zeros([2, 3], (tch::Kind::Float, tch::Device::Cpu));
        let error = EngineError::from(x.f_matmul(&x).unwrap_err()).to_string();
        assert!(error.starts_with("libtorch: ") && error.lines().count() == 1 && error.len() > 20, "{error}");
    }
}
