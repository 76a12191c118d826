//! Operations that take several operators of opset 17.

use super::is_vector;
use super::onnx::{Builder, window};
use crate::network::{Activation, Affine, Interpolation, NodeId, Normalise, Pool, Resize, Shape};
use crate::onnx::proto::{AttributeProto, FLOAT, INT64};

impl Builder<'_> {
    /// A vector of real numbers as an input of the operator that makes `value`.
    fn reals(&mut self, value: &str, what: &str, dims: &[usize], reals: &[f32]) -> String {
        let raw = reals.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(&format!("{value}.{what}"), FLOAT, dims.iter().map(|&d| d as i64).collect(), raw)
    }

    /// One real number.
    fn real(&mut self, value: &str, what: &str, real: f32) -> String {
        self.reals(value, what, &[], &[real])
    }

    /// A learned vector such that it meets the channels of the value of node `id`.
    pub(super) fn per_channel(&mut self, tensor: &str, out: &str, id: NodeId) -> String {
        if is_vector(self.network, id) {
            return tensor.to_owned();
        }
        self.column(tensor, out)
    }

    fn column(&mut self, tensor: &str, out: &str) -> String {
        let part = tensor.rsplit('.').next().unwrap_or_default();
        let column = format!("{out}.{part}_column");
        let axes = self.numbers(&column, "axes", &[1, 2]);
        self.emit("Unsqueeze", vec![tensor.to_owned(), axes], column.clone(), vec![]);
        column
    }

    /// The sizes of a map with the batch of `x`.
    pub(super) fn sizes(&mut self, x: &str, out: &str, sample: [usize; 3]) -> String {
        let (batch, size) = (format!("{out}.batch"), format!("{out}.size"));
        let sample = self.numbers(out, "sample", &sample);
        let (start, end) = (AttributeProto::int("start", 0), AttributeProto::int("end", 1));
        self.emit("Shape", vec![x.to_owned()], batch.clone(), vec![start, end]);
        self.emit("Concat", vec![batch, sample], size.clone(), vec![AttributeProto::int("axis", 0)]);
        size
    }

    pub(super) fn slice(&mut self, x: String, out: String, axis: usize, [start, end, step]: [usize; 3]) {
        let starts = self.numbers(&out, "starts", &[start]);
        let ends = self.numbers(&out, "ends", &[end]);
        let axes = self.numbers(&out, "axes", &[axis]);
        let mut inputs = vec![x, starts, ends, axes];
        if step != 1 {
            inputs.push(self.numbers(&out, "steps", &[step]));
        }
        self.emit("Slice", inputs, out, vec![]);
    }

    pub(super) fn pads(&mut self, out: &str, [top, left, bottom, right]: [usize; 4]) -> String {
        let pads = [0, 0, top, left, 0, 0, bottom, right];
        let raw = pads.iter().flat_map(|&n| (n as i64).to_le_bytes()).collect();
        self.constant(&format!("{out}.pads"), INT64, vec![8], raw)
    }

    /// An average. Where padding counts, it becomes part of the map: what the last windows need beyond it never counts.
    pub(super) fn average(&mut self, mut x: String, out: String, mut pool: Pool, operand: Shape) {
        let [top, left, bottom, right] = pool.padding;
        let (mut height, mut width) = (operand.height, operand.width);
        let mut attributes = window(pool, height, width);
        if pool.count_padding && pool.padding != [0; 4] {
            let pads = self.pads(&out, pool.padding);
            let padded = format!("{out}.padded");
            self.emit("Pad", vec![x, pads], padded.clone(), vec![]);
            let positions = pool.output(height, width).unwrap_or((1, 1));
            (x, height, width) = (padded, height + top + bottom, width + left + right);
            pool = Pool { padding: [0; 4], ..pool };
            let far = |positions: usize, i: usize, side: usize| {
                ((positions - 1) * pool.stride[i] + pool.kernel[i]).saturating_sub(side)
            };
            let pads = [0, 0, far(positions.0, 0, height), far(positions.1, 1, width)];
            attributes.retain(|a| a.name.as_deref() != Some("pads"));
            attributes.push(AttributeProto::ints("pads", &pads));
        }
        attributes.push(AttributeProto::int("count_include_pad", 0));
        self.emit("AveragePool", vec![x], out, attributes);
    }

    /// Averages over a grid: products with the shares that pixels have in the averages of rows and of columns.
    pub(super) fn adaptive(&mut self, x: String, out: String, [height, width]: [usize; 2], operand: Shape) {
        let shares = |n: usize, m: usize| {
            let span = move |i: usize| (i * n / m, ((i + 1) * n).div_ceil(m));
            move |i: usize, j: usize| match span(i) {
                (from, to) if (from..to).contains(&j) => 1.0 / (to - from) as f32,
                _ => 0.0,
            }
        };
        let (h, w) = (operand.height, operand.width);
        let (rows, columns) = (shares(h, height), shares(w, width));
        let rows: Vec<f32> = (0..height * h).map(|k| rows(k / h, k % h)).collect();
        let columns: Vec<f32> = (0..w * width).map(|k| columns(k % width, k / width)).collect();
        let rows = self.reals(&out, "rows", &[height, h], &rows);
        let columns = self.reals(&out, "columns", &[w, width], &columns);
        let averaged = format!("{out}.averaged");
        self.emit("MatMul", vec![rows, x], averaged.clone(), vec![]);
        self.emit("MatMul", vec![averaged, columns], out, vec![]);
    }

    pub(super) fn product(&mut self, inputs: Vec<String>, out: String) {
        let mut inputs = inputs.into_iter();
        let mut product = inputs.next().unwrap_or_default();
        let factors: Vec<String> = inputs.collect();
        for (k, factor) in factors.iter().enumerate() {
            let name = if k + 1 == factors.len() { out.clone() } else { format!("{out}.{k}") };
            self.emit("Mul", vec![product, factor.clone()], name.clone(), vec![]);
            product = name;
        }
    }

    pub(super) fn resize(&mut self, x: String, out: String, r: Resize, operand: Shape) {
        let sizes = self.sizes(&x, &out, [operand.channels, r.height, r.width]);
        let text = AttributeProto::text;
        let attributes = match r.by {
            Interpolation::Nearest => vec![
                text("mode", "nearest"),
                text("coordinate_transformation_mode", "asymmetric"),
                text("nearest_mode", "floor"),
            ],
            Interpolation::Bilinear => {
                vec![text("mode", "linear"), text("coordinate_transformation_mode", "pytorch_half_pixel")]
            }
            Interpolation::BilinearCorners => {
                vec![text("mode", "linear"), text("coordinate_transformation_mode", "align_corners")]
            }
        };
        // The region of interest and the scales are left out.
        self.emit("Resize", vec![x, String::new(), String::new(), sizes], out, attributes);
    }

    pub(super) fn layer_norm(&mut self, x: String, out: String, norm: Normalise, layer: &str, operand: Shape) {
        let (last, normalised) = (format!("{out}.last"), format!("{out}.normalised"));
        let perm = |order: [usize; 4]| vec![AttributeProto::ints("perm", &order)];
        self.emit("Transpose", vec![x], last.clone(), perm([0, 2, 3, 1]));
        let mut inputs = vec![last];
        match norm.affine {
            true => inputs.extend([format!("{layer}.weight"), format!("{layer}.bias")]),
            false => inputs.push(self.reals(&out, "ones", &[operand.channels], &vec![1.0; operand.channels])),
        }
        let epsilon = AttributeProto::float("epsilon", norm.epsilon.get());
        self.emit("LayerNormalization", inputs, normalised.clone(), vec![epsilon]);
        self.emit("Transpose", vec![normalised], out, perm([0, 3, 1, 2]));
    }

    /// Instance normalisation of the groups, then the scale and shift of each channel.
    pub(super) fn group_norm(
        &mut self,
        x: String,
        out: String,
        (groups, norm): (usize, Normalise),
        layer: &str,
        operand: Shape,
    ) {
        let Shape { channels, height, width } = operand;
        let grouped = format!("{out}.grouped");
        let sizes = self.numbers(&out, "groups", &[0, groups, channels / groups * height * width]);
        self.emit("Reshape", vec![x, sizes], grouped.clone(), vec![]);
        let ones = self.reals(&out, "ones", &[groups], &vec![1.0; groups]);
        let zeros = self.reals(&out, "zeros", &[groups], &vec![0.0; groups]);
        let normalised = format!("{out}.normalised");
        let epsilon = AttributeProto::float("epsilon", norm.epsilon.get());
        self.emit("InstanceNormalization", vec![grouped, ones, zeros], normalised.clone(), vec![epsilon]);
        let sizes = self.numbers(&out, "sizes", &[0, channels, height, width]);
        if !norm.affine {
            return self.emit("Reshape", vec![normalised, sizes], out, vec![]);
        }
        let (map, scaled) = (format!("{out}.map"), format!("{out}.scaled"));
        self.emit("Reshape", vec![normalised, sizes], map.clone(), vec![]);
        let scale = self.column(&format!("{layer}.weight"), &out);
        let shift = self.column(&format!("{layer}.bias"), &out);
        self.emit("Mul", vec![map, scale], scaled.clone(), vec![]);
        self.emit("Add", vec![scaled, shift], out, vec![]);
    }

    pub(super) fn affine(&mut self, x: String, out: String, a: Affine, layer: &str, id: NodeId) {
        let scale = match a.learned_scale {
            true => self.per_channel(&format!("{layer}.weight"), &out, id),
            false => self.real(&out, "scale", a.scale.get()),
        };
        let shift = match a.learned_shift {
            true => self.per_channel(&format!("{layer}.bias"), &out, id),
            false => self.real(&out, "shift", a.shift.get()),
        };
        let scaled = format!("{out}.scaled");
        self.emit("Mul", vec![x, scale], scaled.clone(), vec![]);
        self.emit("Add", vec![scaled, shift], out, vec![]);
    }

    pub(super) fn activation(&mut self, x: String, out: String, a: Activation) {
        let float = AttributeProto::float;
        match a {
            Activation::Sigmoid => self.emit("Sigmoid", vec![x], out, vec![]),
            Activation::HardSigmoid => self.emit("HardSigmoid", vec![x], out, vec![float("alpha", 1.0 / 6.0)]),
            Activation::HardSwish => self.emit("HardSwish", vec![x], out, vec![]),
            Activation::Tanh => self.emit("Tanh", vec![x], out, vec![]),
            Activation::LeakyRelu { slope } => {
                self.emit("LeakyRelu", vec![x], out, vec![float("alpha", slope.get())]);
            }
            Activation::Elu { alpha } => self.emit("Elu", vec![x], out, vec![float("alpha", alpha.get())]),
            Activation::Clip { min, max } => {
                let (low, high) = (self.real(&out, "min", min.get()), self.real(&out, "max", max.get()));
                self.emit("Clip", vec![x, low, high], out, vec![]);
            }
            Activation::Silu => self.gated(x.clone(), x, out, &["Sigmoid"]),
            Activation::Mish => self.gated(x.clone(), x, out, &["Softplus", "Tanh"]),
            Activation::Gelu => {
                let argument = self.scaled(x.clone(), &out, "argument", std::f32::consts::FRAC_1_SQRT_2);
                self.half_gate(x, argument, out, "Erf");
            }
            Activation::GeluTanh => {
                let (square, cube) = (format!("{out}.square"), format!("{out}.cube"));
                self.emit("Mul", vec![x.clone(), x.clone()], square.clone(), vec![]);
                self.emit("Mul", vec![square, x.clone()], cube.clone(), vec![]);
                let cube = self.scaled(cube, &out, "bent", 0.044715);
                let sum = format!("{out}.sum");
                self.emit("Add", vec![x.clone(), cube], sum.clone(), vec![]);
                let argument = self.scaled(sum, &out, "argument", (2.0 / std::f32::consts::PI).sqrt());
                self.half_gate(x, argument, out, "Tanh");
            }
        }
    }

    fn scaled(&mut self, x: String, out: &str, what: &str, by: f32) -> String {
        let factor = self.real(out, &format!("{what}_factor"), by);
        let scaled = format!("{out}.{what}");
        self.emit("Mul", vec![x, factor], scaled.clone(), vec![]);
        scaled
    }

    /// `x f(argument)` for a chain of functions f.
    fn gated(&mut self, x: String, argument: String, out: String, functions: &[&str]) {
        let mut gate = argument;
        for (k, function) in functions.iter().enumerate() {
            let next = format!("{out}.gate_{k}");
            self.emit(function, vec![gate], next.clone(), vec![]);
            gate = next;
        }
        self.emit("Mul", vec![x, gate], out, vec![]);
    }

    /// `x (1 + f(argument)) / 2`.
    fn half_gate(&mut self, x: String, argument: String, out: String, function: &str) {
        let (gate, above) = (format!("{out}.gate"), format!("{out}.above"));
        self.emit(function, vec![argument], gate.clone(), vec![]);
        let one = self.real(&out, "one", 1.0);
        self.emit("Add", vec![gate, one], above.clone(), vec![]);
        let half = self.scaled(x, &out, "half", 0.5);
        self.emit("Mul", vec![half, above], out, vec![]);
    }
}
