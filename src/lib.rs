//! naslens
pub mod benchmark;
pub mod data;
pub mod engine;
pub mod network;
pub mod proxy;
pub mod seed;
pub mod space;
pub mod stats;
pub mod text;
