//! naslens
pub mod benchmark;
pub mod confirm;
pub mod data;
pub mod doctor;
pub mod encoding;
pub mod engine;
pub mod network;
pub mod pipeline;
pub mod predictor;
pub mod proxy;
pub mod report;
pub mod seed;
pub mod space;
pub mod stats;
pub mod text;

/// The libtorch version that this build is bound to.
pub const LIBTORCH_VERSION: &str = "2.11.0";
