//! Which operators are read, and what element-wise ones do.

use super::Reason;
use super::attributes::Attributes;
use super::build::{Build, Inputs};
use super::constant::Constant;
use super::elementwise::{Function, Known, Sign};
use super::parameters::Part;
use super::value::{Map, Value};
use super::view::View;
use crate::network::{Activation, Affine, NodeId, Op, Real};

impl Build<'_> {
    /// The outputs of an operator of which an input is computed from the image.
    pub(super) fn operator(
        &mut self,
        position: usize,
        operator: &str,
        inputs: &Inputs<'_>,
        a: &Attributes<'_>,
    ) -> Result<Vec<Value>, Reason> {
        use Activation::*;
        let act = |activation: Activation| Ok(Known::Activation(activation));
        let real = |name: &str, default: f32| Real::new(a.float(name, default));
        let function: Result<Known, Reason> = match operator {
            "Identity" | "Cast" | "Dropout" => return Ok(vec![Value::Map(inputs.map(0)?.clone())]),
            "Softmax" | "LogSoftmax" => return self.last(position, inputs),
            "Relu" => {
                let x = self.values_of(inputs.map(0)?)?;
                let relu = self.apply(Op::Relu, x)?;
                return Ok(vec![Value::Map(Map::of(relu, inputs.map(0)?.view.clone()))]);
            }
            "Sigmoid" => act(Sigmoid),
            "HardSigmoid" => Ok(Known::HardSigmoid(a.float("alpha", 0.2), a.float("beta", 0.5))),
            "HardSwish" => act(HardSwish),
            "Tanh" => act(Tanh),
            "Mish" => act(Mish),
            "Gelu" => act(if a.text("approximate", "none") == "tanh" { GeluTanh } else { Gelu }),
            "LeakyRelu" => act(LeakyRelu { slope: real("alpha", 0.01) }),
            "Elu" => act(Elu { alpha: real("alpha", 1.0) }),
            "Clip" => {
                let bound = |i: usize, name: &str, default: f32| -> Result<Real, Reason> {
                    let given = inputs.optional(i)?.map(|c| c.scalar().ok_or("a bound is no number"));
                    Ok(given.transpose()?.map_or(real(name, default), Real::new))
                };
                act(Clip { min: bound(1, "min", f32::MIN)?, max: bound(2, "max", f32::MAX)? })
            }
            "Erf" => Ok(Known::Erf),
            "Softplus" => Ok(Known::Softplus),
            "Exp" => Ok(Known::Exp),
            "Sqrt" => Ok(Known::Power(0.5)),
            "Reciprocal" => Ok(Known::Power(-1.0)),
            "Pow" => Ok(Known::Power(inputs.constant(1)?.scalar().ok_or("its exponent is no number")?)),
            "Neg" => return self.binary(Sign::Multiply, &Inputs(&[inputs.0[0].clone(), number(-1.0)])),
            "Add" => return self.binary(Sign::Add, inputs),
            "Sub" => return self.binary(Sign::Subtract, inputs),
            "Mul" => return self.binary(Sign::Multiply, inputs),
            "Div" => return self.binary(Sign::Divide, inputs),
            "Sum" => return self.sum(inputs),
            "Conv" => return self.conv(position, inputs, a),
            "ConvTranspose" => return self.conv_transpose(position, inputs, a),
            "Gemm" => return self.gemm(position, inputs, a),
            "MatMul" => return self.mat_mul(position, inputs),
            "BatchNormalization" => return self.batch_norm(inputs, a),
            "LayerNormalization" => return self.layer_norm(inputs, a),
            "InstanceNormalization" => return self.instance_norm(inputs, a),
            "GroupNormalization" => return self.group_norm(inputs, a),
            "LRN" => return self.local_response_norm(inputs, a),
            "PRelu" => return self.prelu(inputs),
            "MaxPool" => return self.max_pool(inputs, a),
            "AveragePool" => return self.average_pool(inputs, a),
            "GlobalAveragePool" => return self.global_pool(inputs, true),
            "GlobalMaxPool" => return self.global_pool(inputs, false),
            "ReduceMean" => return self.reduce_mean(inputs, a),
            "Concat" => return self.concat(inputs, a),
            "Split" => return self.split(inputs, a),
            "Slice" => return self.slice(inputs),
            "Gather" => return self.gather(inputs, a),
            "Pad" => return self.pad(inputs, a),
            "Resize" | "Upsample" => return self.resize(operator, inputs, a),
            "Reshape" => return self.reshape(inputs),
            "Flatten" => return self.flatten(inputs, a),
            "Transpose" => return self.transpose(inputs, a),
            "Squeeze" => return self.squeeze(inputs, a),
            "Unsqueeze" => return self.unsqueeze(inputs, a),
            "Shape" => return self.shape(inputs, a),
            "Expand" => return self.expand(inputs),
            _ => Err("this operator is not read".into()),
        };
        let function = function?;
        let mut x = inputs.map(0)?.clone();
        if matches!(x.function.operation(), Some(Some(Op::Activation(_)))) {
            // A function of a function that is known is two of them.
            x = Map::of(self.values_of(&x)?, x.view);
        }
        Ok(vec![self.bounded(Map { function: x.function.clone().then(function), ..x })?])
    }

    /// A function of a map; one that is written in too many operators becomes a node.
    fn bounded(&mut self, map: Map) -> Result<Value, Reason> {
        if !map.function.is_large() {
            return Ok(Value::Map(map));
        }
        let node = self.values_of(&map)?;
        Ok(Value::Map(Map::of(node, map.view)))
    }

    /// A softmax of logits, which a loss takes.
    fn last(&mut self, position: usize, inputs: &Inputs<'_>) -> Result<Vec<Value>, Reason> {
        let made = self.graph.node.get(position).and_then(|n| n.output.first());
        let is_output = made.is_some_and(|name| {
            self.graph.output.iter().any(|o| o.name.as_ref() == Some(name)) && !self.readers.contains_key(name.as_str())
        });
        if !is_output {
            return Err("attention is not read yet".into());
        }
        self.notes.push("its softmax is left out: logits are what a loss takes".into());
        Ok(vec![Value::Map(inputs.map(0)?.clone())])
    }

    /// A sum, difference, product or quotient.
    fn binary(&mut self, sign: Sign, inputs: &Inputs<'_>) -> Result<Vec<Value>, Reason> {
        match (inputs.0.first(), inputs.0.get(1)) {
            (Some(Some(Value::Map(x))), Some(Some(Value::Map(y)))) => self.of_two_maps(sign, x, y),
            (Some(Some(Value::Map(x))), Some(Some(Value::Constant(c)))) => self.with_constant(sign, x, c, false),
            (Some(Some(Value::Constant(c))), Some(Some(Value::Map(x)))) => self.with_constant(sign, x, c, true),
            _ => Err("an input is missing".into()),
        }
    }

    fn of_two_maps(&mut self, sign: Sign, x: &Map, y: &Map) -> Result<Vec<Value>, Reason> {
        let (x, y) = if x.node == y.node { (x.clone(), y.clone()) } else { (self.settled(x), self.settled(y)) };
        let (x, y) = (&x, &y);
        let both = |x: &Function, y: &Function| x.clone().with(sign, y.clone());
        if x.node == y.node && x.view == y.view {
            let function = both(&x.function, &y.function);
            return Ok(vec![self.bounded(Map { function, ..x.clone() })?]);
        }
        let op = match sign {
            Sign::Add => Op::Add,
            Sign::Multiply => Op::Mul,
            Sign::Subtract | Sign::Divide => return Err("a difference or quotient of two maps is not read".into()),
        };
        let (mut a, mut b) = (self.values_of(x)?, self.values_of(y)?);
        let (mut view, mut other) = (x.view.clone(), y.view.clone());
        if !fits(&view, &other) {
            (a, b) = (self.map(x)?, self.map(y)?);
            (view, other) = (View::map(self.builder.shape(a)), View::map(self.builder.shape(b)));
        }
        let larger = if self.builder.shape(a).len() >= self.builder.shape(b).len() { view } else { other };
        let node = self.push(String::new(), op, vec![a, b])?;
        let whole = self.builder.shape(node).len();
        if whole != larger.sizes().iter().product::<usize>() {
            return Err("both of its inputs are stretched, which is not read".into());
        }
        Ok(vec![Value::Map(Map::of(node, larger))])
    }

    fn sum(&mut self, inputs: &Inputs<'_>) -> Result<Vec<Value>, Reason> {
        let mut values = inputs.0.iter().cloned();
        let mut sum = values.next().flatten().ok_or("it has no input")?;
        for value in values {
            let next = self.binary(Sign::Add, &Inputs(&[Some(sum), value]))?;
            sum = next.into_iter().next().ok_or("it has no value")?;
        }
        Ok(vec![sum])
    }

    fn with_constant(&mut self, sign: Sign, x: &Map, c: &Constant, before: bool) -> Result<Vec<Value>, Reason> {
        if let Some(value) = c.scalar().filter(|_| c.dims.len() <= x.rank()) {
            let (f, c) = (x.function.clone(), Function::Constant(value));
            let function = if before { c.with(sign, f) } else { f.with(sign, c) };
            return Ok(vec![self.bounded(Map { function, ..x.clone() })?]);
        }
        let node = self.values_of(x)?;
        let shape = self.builder.shape(node);
        let channels = x.view.channels(shape).ok_or("its constant meets no channels")?;
        // Sizes count from the last axis.
        let from_last = x.view.axes.len() - channels;
        let meets = c.len() == shape.channels
            && c.dims.len().checked_sub(from_last).and_then(|i| c.dims.get(i)) == Some(&shape.channels);
        if !meets {
            return Err(format!("a constant of {:?} meets a tensor of {:?}", c.dims, x.view.sizes()));
        }
        let first = c.computed()?.first().copied().filter(|v| v.is_finite());
        let same = first.filter(|v| c.floats().is_ok_and(|all| all.iter().all(|w| w == v)));
        let (affine, part) = match (sign, before) {
            (Sign::Multiply, _) => (Affine { learned_scale: true, ..Affine::scale(same.unwrap_or(1.0)) }, Part::Scale),
            (Sign::Add, _) => (Affine { learned_shift: true, ..Affine::shift(same.unwrap_or(0.0)) }, Part::Shift),
            _ => return Err("a difference or quotient with one number per channel is not read".into()),
        };
        let made = self.apply(Op::Affine(affine), node)?;
        self.store(made, part, c.clone());
        Ok(vec![Value::Map(Map::of(made, x.view.clone()))])
    }

    /// The node that computes a function of every value of a node: one operation, or several.
    pub(super) fn function(&mut self, node: NodeId, function: &Function) -> Result<NodeId, Reason> {
        if let Some(known) = function.operation() {
            return known.map_or(Ok(node), |op| self.apply(op, node));
        }
        let map = |f: &Function| Map { function: f.clone(), ..Map::of(node, View { axes: Vec::new() }) };
        match function {
            Function::Of(known, inner) => {
                let op = Function::Argument.then(*known).operation().flatten();
                let op = op.ok_or_else(|| format!("{known:?} is known as part of other functions only"))?;
                let inner = self.values_of(&map(inner))?;
                self.apply(op, inner)
            }
            Function::Two(sign, pair) => match (sign, &**pair) {
                (sign, (inner, constant @ Function::Constant(_))) => {
                    let line = Function::Argument.with(*sign, constant.clone());
                    let op = line.operation().flatten().ok_or("a constant that is not finite")?;
                    let inner = self.values_of(&map(inner))?;
                    self.apply(op, inner)
                }
                (Sign::Add | Sign::Multiply | Sign::Subtract, (constant @ Function::Constant(_), inner)) => {
                    let line = constant.clone().with(*sign, Function::Argument);
                    let op = line.operation().flatten().ok_or("a constant that is not finite")?;
                    let inner = self.values_of(&map(inner))?;
                    self.apply(op, inner)
                }
                (Sign::Add | Sign::Multiply, (a, b)) => {
                    let (a, b) = (self.values_of(&map(a))?, self.values_of(&map(b))?);
                    self.push(String::new(), if *sign == Sign::Add { Op::Add } else { Op::Mul }, vec![a, b])
                }
                _ => Err("a difference or quotient of two functions is not read".into()),
            },
            Function::Argument | Function::Constant(_) => Err("a constant in place of a map".into()),
        }
    }
}

fn number(value: f32) -> Option<Value> {
    Some(Value::Constant(Constant::real(Vec::new(), vec![value])))
}

/// Whether two views have the same parts in the same places, or nothing in one of them.
fn fits(a: &View, b: &View) -> bool {
    a.axes.len() == b.axes.len() && a.axes.iter().zip(&b.axes).all(|(a, b)| a == b || a.is_empty() || b.is_empty())
}
