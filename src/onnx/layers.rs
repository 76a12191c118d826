//! Operators that learn.

use super::Reason;
use super::attributes::Attributes;
use super::build::{Build, Inputs};
use super::constant::Constant;
use super::parameters::{Part, Stored};
use super::value::{Map, Value};
use super::view::{Arrangement, View};
use crate::engine::BN_EPS;
use crate::network::{Conv2d, ConvTranspose2d, LocalResponseNorm, NodeId, Normalise, Op, Real};

/// The sizes of a weight of four axes.
fn four(weight: &Constant) -> Result<[usize; 4], Reason> {
    let sizes = <[usize; 4]>::try_from(weight.dims.as_slice());
    let sizes = sizes.map_err(|_| format!("its weight has the sizes {:?}; 2-D convolutions have four", weight.dims))?;
    if sizes.contains(&0) { Err("its weight is empty".into()) } else { Ok(sizes) }
}

impl Build<'_> {
    pub(super) fn conv(&mut self, position: usize, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let (weight, bias) = (i.constant(1)?, i.optional(2)?);
        let [out_channels, per_group, height, width] = four(weight)?;
        let groups = self.groups(a)?;
        let kernel = a.sizes("kernel_shape", [height, width])?;
        if kernel != [height, width] {
            return Err("kernel_shape is not that of its weight".into());
        }
        let conv = Conv2d {
            in_channels: per_group.checked_mul(groups).ok_or("its groups are too many")?,
            out_channels,
            kernel,
            stride: a.sizes("strides", [1; 2])?,
            padding: self.pads(a)?,
            dilation: a.sizes("dilations", [1; 2])?,
            groups,
            bias: bias.is_some(),
        };
        self.layer(position, i.map(0)?, Op::Conv2d(conv), weight, bias)
    }

    pub(super) fn conv_transpose(
        &mut self,
        position: usize,
        i: &Inputs<'_>,
        a: &Attributes<'_>,
    ) -> Result<Vec<Value>, Reason> {
        let (weight, bias) = (i.constant(1)?, i.optional(2)?);
        let [in_channels, per_group, height, width] = four(weight)?;
        let groups = self.groups(a)?;
        let [top, left, bottom, right] = self.pads(a)?;
        if (top, left) != (bottom, right) || a.ints("output_shape").is_some() {
            return Err("padding that is not the same on opposite sides is not read".into());
        }
        let conv = ConvTranspose2d {
            in_channels,
            out_channels: per_group.checked_mul(groups).ok_or("its groups are too many")?,
            kernel: [height, width],
            stride: a.sizes("strides", [1; 2])?,
            padding: [top, left],
            output_padding: a.sizes("output_padding", [0; 2])?,
            dilation: a.sizes("dilations", [1; 2])?,
            groups,
            bias: bias.is_some(),
        };
        self.layer(position, i.map(0)?, Op::ConvTranspose2d(conv), weight, bias)
    }

    fn groups(&self, a: &Attributes<'_>) -> Result<usize, Reason> {
        let groups = usize::try_from(a.int("group", 1)).ok().filter(|&g| g > 0);
        groups.ok_or_else(|| "its groups are no positive number".into())
    }

    /// Padding above, left, below and right.
    pub(super) fn pads(&self, a: &Attributes<'_>) -> Result<[usize; 4], Reason> {
        match a.text("auto_pad", "NOTSET").as_str() {
            "NOTSET" => a.sizes("pads", [0; 4]),
            "VALID" => Ok([0; 4]),
            other => Err(format!("auto_pad={other} is not read; write the padding as pads")),
        }
    }

    /// A layer on a map.
    fn layer(
        &mut self,
        position: usize,
        x: &Map,
        op: Op,
        weight: &Constant,
        bias: Option<&Constant>,
    ) -> Result<Vec<Value>, Reason> {
        let x = self.map(x)?;
        let node = self.named(position, op, x, weight, bias, false)?;
        Ok(vec![self.plain(node)])
    }

    /// A layer with its name and its parameters.
    fn named(
        &mut self,
        position: usize,
        op: Op,
        x: NodeId,
        weight: &Constant,
        bias: Option<&Constant>,
        transposed: bool,
    ) -> Result<NodeId, Reason> {
        let name = self.name(&weight.name, position);
        let node = self.push(name, op, vec![x])?;
        let expected = op.weight(self.builder.shape(x)).ok_or("it has no weight")?;
        if expected.len() != weight.len() || expected.bias != bias.map(Constant::len) {
            let of_bias = bias.map(|b| b.dims.clone());
            return Err(format!("its weight of {:?} and bias of {of_bias:?} do not fit its input", weight.dims));
        }
        self.stored.push(Stored { node, part: Part::Weight, values: weight.clone(), transposed, add: 0.0 });
        if let Some(bias) = bias {
            self.store(node, Part::Bias, bias.clone());
        }
        Ok(node)
    }

    pub(super) fn gemm(&mut self, position: usize, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let (weight, bias) = (i.constant(1)?, i.optional(2)?);
        let plain = a.float("alpha", 1.0) == 1.0 && a.float("beta", 1.0) == 1.0 && a.int("transA", 0) == 0;
        let &[first, second] = weight.dims.as_slice() else { return Err("its weight is no matrix".into()) };
        if !plain {
            return Err("alpha, beta and transA are not read".into());
        }
        let as_stored = a.int("transB", 0) != 0;
        let out_features = if as_stored { first } else { second };
        let x = i.map(0)?;
        if x.rank() != 2 {
            return Err("its input is no matrix".into());
        }
        let x = self.map(x)?;
        let op = Op::Linear { out_features, bias: bias.is_some() };
        let node = self.named(position, op, x, weight, bias, !as_stored)?;
        Ok(vec![Value::Map(Map::of(node, View::vector(self.builder.shape(node))))])
    }

    /// A linear layer on the last axis: of vectors, or of the channels of every pixel. The sum with a vector that follows is its
    /// bias.
    pub(super) fn mat_mul(&mut self, position: usize, i: &Inputs<'_>) -> Result<Vec<Value>, Reason> {
        if i.constant(1).is_err() {
            return Err("products of two maps, as in attention, are not read yet".into());
        }
        let (x, weight) = (i.map(0)?, i.constant(1)?);
        let &[inner, out] = weight.dims.as_slice() else { return Err("its weight is no matrix".into()) };
        let bias = self.bias_of(position, out);
        let last = x.view.axes.len().checked_sub(1).ok_or("its input has no axes but the images")?;
        let mut node = self.values_of(x)?;
        let shape = self.builder.shape(node);
        let is_vector = x.view.arrangement(shape) == Ok(Arrangement::Flatten) && last == 0;
        let mut view = x.view.clone();
        if is_vector {
            node = self.map(x)?;
            view = View::vector(self.builder.shape(node));
        } else if x.view.channels(shape) != Some(last) {
            return Err("it multiplies rows or columns of a map, not its channels".into());
        }
        let shape = self.builder.shape(node);
        if inner != shape.channels {
            return Err(format!("its weight takes {inner} values, its input has {}", shape.channels));
        }
        let has_bias = bias.is_some();
        let op = match shape.height * shape.width {
            1 => Op::Linear { out_features: out, bias: has_bias },
            _ => Op::Conv2d(Conv2d { bias: has_bias, ..Conv2d::same(inner, out, 1, 1) }),
        };
        let made = self.named(position, op, node, weight, bias.as_ref().map(|(_, c)| c), true)?;
        let value = Value::Map(Map::of(made, view.of_shape(self.builder.shape(made), last)));
        if let Some((sum, _)) = bias {
            self.absorbed.insert(sum);
            if let Some(name) = self.graph.node[sum].output.first() {
                self.values.insert(name.clone(), value.clone());
            }
        }
        Ok(vec![value])
    }

    /// The vector that is added to the value of a node, if nothing else reads that, and the position of the sum.
    fn bias_of(&self, position: usize, length: usize) -> Option<(usize, Constant)> {
        let made = self.graph.node[position].output.first()?;
        let &[sum] = self.readers.get(made.as_str())?.as_slice() else { return None };
        let node = &self.graph.node[sum];
        if node.op_type.as_deref() != Some("Add") || self.graph.output.iter().any(|o| o.name.as_ref() == Some(made)) {
            return None;
        }
        let other = node.input.iter().find(|name| *name != made)?;
        match self.values.get(other)? {
            Value::Constant(c) if c.dims == [length] => Some((sum, c.clone())),
            _ => None,
        }
    }

    pub(super) fn batch_norm(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = self.map(i.map(0)?)?;
        let channels = self.builder.shape(x).channels;
        let node = self.apply(Op::BatchNorm, x)?;
        for (input, part) in [(1, Part::Scale), (2, Part::Shift), (3, Part::Mean), (4, Part::Variance)] {
            let values = i.constant(input)?.clone();
            if values.dims != [channels] {
                return Err(format!("input {input} has the sizes {:?} for {channels} channels", values.dims));
            }
            let epsilon = a.float("epsilon", 1e-5);
            let add = if part == Part::Variance { (f64::from(epsilon) - BN_EPS) as f32 } else { 0.0 };
            // 1e-5 in float32 is not quite that in float64.
            let add = if epsilon == BN_EPS as f32 { 0.0 } else { add };
            self.stored.push(Stored { node, part, values, transposed: false, add });
        }
        let rank = i.map(0)?.rank();
        let shape = self.builder.shape(node);
        let view = if rank == 2 { View::vector(shape) } else { View::map(shape) };
        Ok(vec![Value::Map(Map::of(node, view))])
    }

    pub(super) fn layer_norm(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let axis = x.axis(a.int("axis", -1))?;
        let node = self.values_of(x)?;
        let shape = self.builder.shape(node);
        if axis + 1 != x.view.axes.len() || x.view.channels(shape) != Some(axis) {
            return Err("it normalises more than the channels of every pixel".into());
        }
        let (scale, shift) = (i.optional(1)?, i.optional(2)?);
        self.normalised(x, node, scale, shift, a, Op::LayerNorm)
    }

    /// Normalisation over everything but the second axis: of channels, or of groups of them.
    pub(super) fn instance_norm(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = i.map(0)?;
        let node = self.values_of(x)?;
        let shape = self.builder.shape(node);
        let [first, others @ ..] = x.view.axes.as_slice() else { return Err("its input has no channels".into()) };
        let groups: usize = first.iter().map(|part| part.size).product();
        let together = View { axes: vec![[first.as_slice(), &others.concat()].concat()] };
        let in_order = together.reshape(&[shape.channels, shape.height, shape.width]) == Ok(View::map(shape));
        if !in_order || groups == 0 || !shape.channels.is_multiple_of(groups) {
            return Err("it normalises over axes that are no groups of channels".into());
        }
        let (scale, shift) = (i.constant(1)?, i.constant(2)?);
        let all = |c: &Constant, v: f32| c.computed().map(|values| values.iter().all(|&w| w == v));
        let plain = all(scale, 1.0)? && all(shift, 0.0)?;
        if !plain && groups != shape.channels {
            return Err("groups of channels with a scale each are not read".into());
        }
        let learned = !plain || groups == shape.channels && !scale.name.is_empty() && scale.name.ends_with(".weight");
        let (scale, shift) = if learned { (Some(scale), Some(shift)) } else { (None, None) };
        self.normalised(x, node, scale, shift, a, |norm| Op::GroupNorm { groups, norm })
    }

    pub(super) fn group_norm(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = self.map(i.map(0)?)?;
        let groups = usize::try_from(a.int("num_groups", 0)).unwrap_or(0);
        let plain = Map::of(x, View::map(self.builder.shape(x)));
        self.normalised(&plain, x, i.optional(1)?, i.optional(2)?, a, |norm| Op::GroupNorm { groups, norm })
    }

    fn normalised(
        &mut self,
        x: &Map,
        node: NodeId,
        scale: Option<&Constant>,
        shift: Option<&Constant>,
        a: &Attributes<'_>,
        op: impl Fn(Normalise) -> Op,
    ) -> Result<Vec<Value>, Reason> {
        let channels = self.builder.shape(node).channels;
        let affine = scale.is_some();
        let made = self.apply(op(Normalise { epsilon: Real::new(a.float("epsilon", 1e-5)), affine }), node)?;
        if let Some(scale) = scale {
            let none = Constant::real(vec![channels], vec![0.0; channels]);
            let shift = shift.cloned().unwrap_or(none);
            if scale.len() != channels || shift.len() != channels {
                return Err(format!("its scale and shift have no value for each of {channels} channels"));
            }
            self.store(made, Part::Scale, scale.clone());
            self.store(made, Part::Shift, shift);
        }
        Ok(vec![Value::Map(Map::of(made, x.view.clone()))])
    }

    pub(super) fn local_response_norm(&mut self, i: &Inputs<'_>, a: &Attributes<'_>) -> Result<Vec<Value>, Reason> {
        let x = self.map(i.map(0)?)?;
        let size =
            usize::try_from(a.int("size", 0)).ok().filter(|&n| n > 0 && n < 1 << 12).ok_or("its size is missing")?;
        if size.is_multiple_of(2) {
            return Err("an even number of neighbours means different things to different programs".into());
        }
        let real = |name: &str, default: f32| Real::new(a.float(name, default));
        let (alpha, beta, bias) = (real("alpha", 1e-4), real("beta", 0.75), real("bias", 1.0));
        let node = self.apply(Op::LocalResponseNorm(LocalResponseNorm { size, alpha, beta, bias }), x)?;
        Ok(vec![self.plain(node)])
    }

    pub(super) fn prelu(&mut self, i: &Inputs<'_>) -> Result<Vec<Value>, Reason> {
        let (x, slope) = (i.map(0)?, i.constant(1)?);
        let node = self.values_of(x)?;
        let made = self.apply(Op::PRelu { slopes: slope.len() }, node)?;
        self.store(made, Part::Scale, slope.clone());
        Ok(vec![Value::Map(Map::of(made, x.view.clone()))])
    }
}
