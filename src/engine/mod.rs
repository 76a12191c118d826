//! Runs untrained networks on a libtorch device and records what proxies read.
//!
//! A proxy declares the [`Pass`]es it reads; [`Engine::run`] runs the union of them once per network. One train-mode
//! forward serves the ReLU codes, the channel correlations and the gradients of the loss and of the logits. CPU and CUDA
//! share this code.

mod batch;
mod block_wise;
mod codes;
mod cost;
mod device;
mod direct;
mod dual;
mod fisher_information;
mod fold;
mod forward;
mod gaussian;
mod hessian;
mod host;
mod kernels;
mod linear;
mod linear_regions;
mod loss;
mod memory;
mod moments;
mod parameters;
mod passes;
mod per_image;
mod plan;
mod run;
mod tape;
mod tensors;
mod train_mode;
mod trainable;
mod weights;

pub use batch::DeviceBatch;
pub use block_wise::BlockWise;
pub use codes::CodeKernel;
pub use cost::{CostModel, cache_folder, load_average, processor};
pub use device::{describe_device, parse_device, prepare_process, prepare_thread};
pub use dual::Dual;
pub use forward::{Norm, Observer, forward};
pub use gaussian::{Expansion, NeuronPatterns};
pub use linear_regions::LinearRegions;
pub use memory::{peak_device_memory, reset_peak_device_memory};
pub use parameters::{NormTensors, ParameterCounts, Parameters};
pub use passes::{LayerGradient, Pass, Passes};
pub use run::Engine;

pub use tensors::BN_EPS;
pub use trainable::{Precision, Trainable};
pub use weights::{LayerTensors, WeightBank, Weights, channels_last};

/// Why a network could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The device string is not understood.
    #[error("unknown device `{0}`; use auto, cpu, cuda or cuda:N")]
    UnknownDevice(String),
    /// CUDA was asked for but this libtorch or machine has none.
    #[error(
        "no CUDA device {index}: libtorch sees {available}; use --device cpu, or build against the CUDA libtorch \
         (`make libtorch CUDA=1`) on a machine with an NVIDIA driver"
    )]
    NoCuda {
        /// The device asked for.
        index: usize,
        /// Number of devices that libtorch sees.
        available: i64,
    },
    /// libtorch refused, for instance because memory ran out.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// The batch does not fit the network.
    #[error("the batch is {batch}, the network takes {network}")]
    BatchShape {
        /// Shape of one image of the batch.
        batch: crate::network::Shape,
        /// Input shape of the network.
        network: crate::network::Shape,
    },
}
