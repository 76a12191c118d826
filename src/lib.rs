//! naslens scores untrained neural networks, predicts their accuracy, and confirms the best by training.
//!
//! The data flow, which is also the layout of the crate:
//!
//! ```text
//! space    SearchSpace: parse, sample, enumerate, mutate --> Architecture --> ArchId
//! network  SearchSpace::build(architecture, task)        --> Network: typed graph, shapes, params and MACs known
//! engine   Engine::run(network, seed, batch, passes)     --> Passes: what was run once, on a CPU or a GPU
//! proxy    (Proxy::score)(&passes)                       --> Score: a number, or the status that says why not
//! ensemble Ensemble::scores(&members)                    --> Score of each network among the others
//! encoding scores and genes                              --> FeatureMatrix
//! predictor Predictor::fit, predict                      --> Prediction: mean and standard deviation
//! train    train(network, data, recipe, seed)            --> Training: accuracy by epoch
//! export   write(dir, model)                             --> a folder with PyTorch source, safetensors and ONNX
//! stats    rank correlations, intervals, tests; benchmark: published tables that give the truth
//! report   Parquet and one HTML page; pipeline: the staged, resumable run of all this
//! ```
//!
//! Score one untrained network on handwritten digits:
//!
//! ```
//! use naslens::data::{self, DataSpec};
//! use naslens::engine::{DeviceBatch, Engine, parse_device};
//! use naslens::network::Shape;
//! use naslens::proxy;
//! use naslens::space::{self, Task};
//!
//! let space = space::open("nas-bench-201:channels=4,cells=1")?;
//! let arch = space.parse("|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|nor_conv_1x1~2|")?;
//! let image = Shape::new(3, 16, 16);
//! let network = space.build(&arch, &Task::classify(image, 10))?.live().expect("the input reaches the output");
//!
//! let device = parse_device("auto")?;
//! let batch = data::draw_batch(&data::open(&DataSpec::default())?, image, 16, 0, false)?;
//! let batch = DeviceBatch::new(&batch.images, &batch.labels, device)?;
//!
//! let naswot = proxy::find("naswot")?;
//! let passes = Engine::new(device).run(&network, 0, &batch, naswot.passes)?;
//! let score = naswot.evaluate(&passes);
//! assert!(score.value().is_some_and(|v| v > 0.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod benchmark;
pub mod candidates;
pub mod data;
pub mod doctor;
pub mod encoding;
pub mod engine;
pub mod ensemble;
pub mod export;
pub mod files;
pub mod folder;
pub mod hardware;
pub mod import;
pub mod network;
pub mod onnx;
pub mod pipeline;
pub mod predictor;
pub mod proxy;
pub mod reference;
pub mod registry;
pub mod report;
pub mod seed;
pub mod space;
pub mod stats;
pub mod strategy;
pub mod text;
pub mod train;
pub mod trial;

/// The libtorch version that this build is bound to.
pub const LIBTORCH_VERSION: &str = "2.11.0";
