//! The operations that layers of space files can have.

use std::ops::Range;

use super::expr::{Fault, Value};
use super::layers::shape_fault;
use super::syntax::Failure;
use crate::network::{
    Activation, Axis, Conv2d, Interpolation, NetworkBuilder, NodeId, Normalise, Op, Pool, Real, Resize, Slice,
};

/// An operation by the name it has in space files.
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) parameters: &'static [&'static str],
    /// Whether its layer has weights, which are drawn by its name.
    pub(super) learns: bool,
    pub(super) build: Build,
}

type Build = fn(&mut NetworkBuilder, &[NodeId], &Arguments<'_>, String) -> Result<NodeId, Failure>;

/// What a call sets.
pub(super) struct Arguments<'a> {
    pub(super) given: &'a [(String, Value, Range<usize>)],
    pub(super) at: &'a Range<usize>,
}

/// Channels, features and sides.
const MOST: i64 = 1_000_000;
/// Products that a value of a convolution sums: with the limits on maps and nodes, no count of a network overflows.
const MOST_PRODUCTS: usize = 10_000_000;

impl Arguments<'_> {
    /// A number that has a default.
    fn or(&self, name: &str, default: usize) -> Result<usize, Fault> {
        let Some((_, value, at)) = self.given.iter().find(|(parameter, ..)| parameter == name) else {
            return Ok(default);
        };
        let number = value.number().map_err(|reason| Fault::new(at, reason))?;
        match (0..=MOST).contains(&number) {
            true => Ok(number as usize),
            false => Err(Fault::new(at, format!("`{name}` is {number}; it must be within 0 to {MOST}"))),
        }
    }

    /// A positive number that must be given.
    fn needed(&self, name: &str) -> Result<usize, Fault> {
        match self.or(name, 0)? {
            0 => Err(Fault::new(self.at, format!("it needs `{name}` of at least 1"))),
            number => Ok(number),
        }
    }

    fn truth(&self, name: &str, default: bool) -> Result<bool, Fault> {
        Ok(self.or(name, default.into())? != 0)
    }
}

pub(super) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.name == name)
}

pub(super) fn is_operation(name: &str) -> bool {
    find(name).is_some()
}

pub(super) fn names<'a>() -> impl Iterator<Item = &'a str> {
    OPERATIONS.iter().map(|operation| operation.name)
}

fn conv(
    b: &mut NetworkBuilder,
    x: NodeId,
    a: &Arguments<'_>,
    name: String,
    channels: usize,
    groups: usize,
    kernel: usize,
) -> Result<NodeId, Failure> {
    let kernel = [a.or("kernel_height", kernel)?, a.or("kernel_width", kernel)?];
    let (stride, dilation) = (a.or("stride", 1)?, a.or("dilation", 1)?);
    // Half of what the window covers beyond a pixel: at stride 1 the map keeps its size.
    let same = kernel.map(|k| k.saturating_sub(1) * dilation / 2);
    let padding = [a.or("padding", same[0])?, a.or("padding", same[1])?];
    let in_channels = b.shape(x).channels;
    let products = kernel[0].saturating_mul(kernel[1]).saturating_mul(in_channels) / groups.max(1);
    if products > MOST_PRODUCTS {
        return Err(
            Fault::new(a.at, format!("a value would be a sum of {products} products; use a smaller kernel")).into()
        );
    }
    let conv = Conv2d {
        in_channels,
        out_channels: channels,
        kernel,
        stride: [stride; 2],
        padding: [padding[0], padding[1], padding[0], padding[1]],
        dilation: [dilation; 2],
        groups,
        bias: a.truth("bias", false)?,
    };
    b.conv(name, x, conv).map_err(shape_fault(a.at))
}

fn pool(a: &Arguments<'_>) -> Result<Pool, Failure> {
    let kernel = a.needed("kernel")?;
    let pool = Pool::new(kernel, a.or("stride", kernel)?, a.or("padding", 0)?);
    Ok(Pool { ceil: a.truth("ceil", false)?, count_padding: a.truth("count_padding", false)?, ..pool })
}

/// An operation of one input without parameters.
macro_rules! plain {
    ($name:literal, $op:expr) => {
        Operation {
            name: $name,
            parameters: &[],
            learns: false,
            build: |b, inputs, a, _| b.push(String::new(), $op, inputs.to_vec()).map_err(shape_fault(a.at)),
        }
    };
}

static OPERATIONS: &[Operation] = &[
    Operation {
        name: "conv",
        parameters: &[
            "channels",
            "kernel",
            "kernel_height",
            "kernel_width",
            "stride",
            "dilation",
            "groups",
            "padding",
            "bias",
        ],
        learns: true,
        build: |b, inputs, a, name| {
            let (channels, groups) = (a.needed("channels")?, a.or("groups", 1)?);
            conv(b, one(inputs, a)?, a, name, channels, groups, a.or("kernel", 1)?)
        },
    },
    Operation {
        name: "depthwise_conv",
        parameters: &["kernel", "kernel_height", "kernel_width", "stride", "dilation", "padding", "bias"],
        learns: true,
        build: |b, inputs, a, name| {
            let channels = b.shape(one(inputs, a)?).channels;
            conv(b, inputs[0], a, name, channels, channels, a.or("kernel", 3)?)
        },
    },
    Operation {
        name: "linear",
        parameters: &["features", "bias"],
        learns: true,
        build: |b, inputs, a, name| {
            let op = Op::Linear { out_features: a.needed("features")?, bias: a.truth("bias", true)? };
            b.push(name, op, inputs.to_vec()).map_err(shape_fault(a.at))
        },
    },
    plain!("batch_norm", Op::BatchNorm),
    plain!("layer_norm", Op::LayerNorm(Normalise { epsilon: Real::new(1e-6), affine: true })),
    Operation {
        name: "group_norm",
        parameters: &["groups"],
        learns: false,
        build: |b, inputs, a, _| {
            let norm = Normalise { epsilon: Real::new(1e-5), affine: true };
            let op = Op::GroupNorm { groups: a.needed("groups")?, norm };
            b.push(String::new(), op, inputs.to_vec()).map_err(shape_fault(a.at))
        },
    },
    plain!("relu", Op::Relu),
    plain!("relu6", Op::Activation(Activation::RELU6)),
    plain!("sigmoid", Op::Activation(Activation::Sigmoid)),
    plain!("hard_sigmoid", Op::Activation(Activation::HardSigmoid)),
    plain!("silu", Op::Activation(Activation::Silu)),
    plain!("hard_swish", Op::Activation(Activation::HardSwish)),
    plain!("gelu", Op::Activation(Activation::Gelu)),
    plain!("tanh", Op::Activation(Activation::Tanh)),
    plain!("mish", Op::Activation(Activation::Mish)),
    Operation {
        name: "avg_pool",
        parameters: &["kernel", "stride", "padding", "ceil", "count_padding"],
        learns: false,
        build: |b, inputs, a, _| {
            let x = one(inputs, a)?;
            b.apply(Op::AvgPool(pool(a)?), x).map_err(shape_fault(a.at))
        },
    },
    Operation {
        name: "max_pool",
        parameters: &["kernel", "stride", "padding", "ceil"],
        learns: false,
        build: |b, inputs, a, _| {
            let x = one(inputs, a)?;
            b.apply(Op::MaxPool(pool(a)?), x).map_err(shape_fault(a.at))
        },
    },
    plain!("global_avg_pool", Op::GlobalAvgPool),
    plain!("flatten", Op::Flatten),
    Operation {
        name: "add",
        parameters: &[],
        learns: false,
        build: |b, inputs, a, _| b.add(inputs).map_err(shape_fault(a.at)),
    },
    Operation {
        name: "mul",
        parameters: &[],
        learns: false,
        build: |b, inputs, a, _| b.mul(inputs).map_err(shape_fault(a.at)),
    },
    Operation {
        name: "concat",
        parameters: &[],
        learns: false,
        build: |b, inputs, a, _| b.concat(inputs).map_err(shape_fault(a.at)),
    },
    Operation { name: "identity", parameters: &[], learns: false, build: |_, inputs, a, _| one(inputs, a) },
    Operation {
        name: "zero",
        parameters: &["channels", "stride"],
        learns: false,
        build: |b, inputs, a, _| {
            let mut x = one(inputs, a)?;
            let channels = a.or("channels", b.shape(x).channels)?;
            let stride = a.or("stride", 1)?;
            if stride != 1 {
                x = b.avg_pool(x, 1, stride, 0).map_err(shape_fault(a.at))?;
            }
            b.apply(Op::Zero { channels }, x).map_err(shape_fault(a.at))
        },
    },
    Operation {
        name: "channel_shuffle",
        parameters: &["groups"],
        learns: false,
        build: |b, inputs, a, _| {
            let op = Op::ChannelShuffle { groups: a.needed("groups")? };
            b.push(String::new(), op, inputs.to_vec()).map_err(shape_fault(a.at))
        },
    },
    Operation {
        name: "first_channels",
        parameters: &["channels"],
        learns: false,
        build: |b, inputs, a, _| b.narrow(one(inputs, a)?, a.needed("channels")?).map_err(shape_fault(a.at)),
    },
    Operation {
        name: "channels_from",
        parameters: &["start"],
        learns: false,
        build: |b, inputs, a, _| cut(b, one(inputs, a)?, Axis::Channels, a.or("start", 0)?, a),
    },
    Operation {
        name: "crop",
        parameters: &["top", "left"],
        learns: false,
        build: |b, inputs, a, _| {
            let x = cut(b, one(inputs, a)?, Axis::Height, a.or("top", 0)?, a)?;
            cut(b, x, Axis::Width, a.or("left", 0)?, a)
        },
    },
    Operation {
        name: "pad",
        parameters: &["top", "left", "bottom", "right"],
        learns: false,
        build: |b, inputs, a, _| {
            let sides = [a.or("top", 0)?, a.or("left", 0)?, a.or("bottom", 0)?, a.or("right", 0)?];
            b.push(String::new(), Op::Pad(sides), inputs.to_vec()).map_err(shape_fault(a.at))
        },
    },
    Operation {
        name: "upsample",
        parameters: &["scale"],
        learns: false,
        build: |b, inputs, a, _| {
            let shape = b.shape(one(inputs, a)?);
            let scale = a.needed("scale")?.min(1024);
            let resize =
                Resize { height: shape.height * scale, width: shape.width * scale, by: Interpolation::Nearest };
            b.push(String::new(), Op::Resize(resize), inputs.to_vec()).map_err(shape_fault(a.at))
        },
    },
];

fn one(inputs: &[NodeId], a: &Arguments<'_>) -> Result<NodeId, Failure> {
    match inputs {
        [only] => Ok(*only),
        more => Err(Fault::new(a.at, format!("it takes one input, not {}", more.len())).into()),
    }
}

/// What remains of an axis from a position on.
fn cut(b: &mut NetworkBuilder, x: NodeId, axis: Axis, start: usize, a: &Arguments<'_>) -> Result<NodeId, Failure> {
    let shape = b.shape(x);
    let side = match axis {
        Axis::Channels => shape.channels,
        Axis::Height => shape.height,
        Axis::Width => shape.width,
    };
    if start == 0 {
        return Ok(x);
    }
    let slice = Slice { axis, start, length: side.saturating_sub(start), step: 1 };
    b.apply(Op::Slice(slice), x).map_err(shape_fault(a.at))
}
