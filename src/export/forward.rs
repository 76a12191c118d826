//! The body of `forward` in `model.py`.
//!
//! A value that is read once is written where it is read, as long as the line stays short, so that a chain of operations is
//! one expression; every other value gets a variable. Variables are short and taken again when their value is not read any
//! more: the code is easy to follow, and no activation lives longer than it must.

use std::collections::HashSet;

use super::{is_vector, is_vector_for_map};
use crate::network::{Activation, Affine, Axis, Interpolation, Network, Node, NodeId, Op, Pool};

/// Characters of an expression, without indentation and assignment.
const WIDTH: usize = 88;

/// What makes a map of a vector.
const STRETCHED: &str = "[:, :, None, None]";

/// Part of an expression.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// The variable of a node.
    Value(NodeId),
}

/// The lines of the body, without indentation. `layers` are the attributes of the nodes with parameters.
pub(super) fn body(network: &Network, layers: &[Option<String>]) -> Vec<String> {
    let statements = statements(network, layers);
    let output = network.output();
    let mut last_read = vec![0; network.nodes().len()];
    for (s, (_, expression)) in statements.iter().enumerate() {
        values(expression).for_each(|id| last_read[id] = s);
    }
    last_read[output] = usize::MAX;
    let mut variable = vec![String::new(); network.nodes().len()];
    variable[0] = "x".into();
    let mut held = vec![0];
    let (mut lines, mut block) = (Vec::new(), None);
    for (s, (id, expression)) in statements.iter().enumerate() {
        let here = network.blocks().partition_point(|end| end < id);
        if block.replace(here) != Some(here) {
            lines.extend(title(network, here));
        }
        let text: String = expression
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.as_str(),
                Piece::Value(id) => variable[*id].as_str(),
            })
            .collect();
        if *id == output && s + 1 == statements.len() {
            lines.push(returned(network, &text));
            return lines;
        }
        held.retain(|&id| last_read[id] > s);
        let taken: HashSet<&str> = held.iter().map(|&id| variable[id].as_str()).collect();
        variable[*id] = variables().find(|name| !taken.contains(name.as_str())).unwrap_or_default();
        held.push(*id);
        lines.push(format!("{} = {text}", variable[*id]));
    }
    lines.push(returned(network, &variable[output]));
    lines
}

fn returned(network: &Network, text: &str) -> String {
    if is_vector(network, network.output()) {
        format!("return {text}")
    } else {
        format!("return torch.flatten({text}, 1)")
    }
}

fn values(expression: &[Piece]) -> impl Iterator<Item = NodeId> + '_ {
    expression.iter().filter_map(|piece| match piece {
        Piece::Value(id) => Some(*id),
        Piece::Text(_) => None,
    })
}

/// x, y, z, a, b, …; without l and o, which look like digits.
fn variables() -> impl Iterator<Item = String> {
    "xyzabcdefghijkmnpqrstuvw".chars().map(String::from).chain((1..).map(|i| format!("x{i}")))
}

/// The nodes that get a variable, with what is assigned to it.
fn statements(network: &Network, layers: &[Option<String>]) -> Vec<(NodeId, Vec<Piece>)> {
    let nodes = network.nodes();
    let mut uses = vec![0; nodes.len()];
    nodes.iter().flat_map(|n| &n.inputs).for_each(|&i| uses[i] += 1);
    let mut inlined = vec![false; nodes.len()];
    let mut expressions: Vec<Vec<Piece>> = vec![vec![Piece::Value(0)]];
    for (id, node) in nodes.iter().enumerate().skip(1) {
        let (before, between, after) = template(network, id, layers[id].as_deref().unwrap_or_default());
        let stretched = |i: NodeId| is_vector_for_map(network, id, i);
        let mut width = before.len() + after.len() + (node.inputs.len() - 1) * between.len() + node.inputs.len();
        width += node.inputs.iter().filter(|&&i| stretched(i)).count() * STRETCHED.len();
        let mut expression = vec![Piece::Text(before)];
        for (position, &i) in node.inputs.iter().enumerate() {
            if position > 0 {
                expression.push(Piece::Text(between.into()));
            }
            let longer = width + self::width(&expressions[i]) - 1;
            let can = i > 0 && uses[i] == 1 && i != network.output() && !network.blocks().contains(&i);
            let is_sum = matches!(nodes[i].op, Op::Add | Op::Mul);
            if can && longer <= WIDTH && binds(&nodes[i], node, position) && !(is_sum && stretched(i)) {
                inlined[i] = true;
                width = longer;
                expression.extend_from_slice(&expressions[i]);
            } else {
                expression.push(Piece::Value(i));
            }
            if stretched(i) {
                expression.push(Piece::Text(STRETCHED.into()));
            }
        }
        expression.push(Piece::Text(after));
        expressions.push(expression);
    }
    let statements = expressions.into_iter().enumerate();
    statements.filter(|(id, _)| *id > 0 && !inlined[*id]).collect()
}

fn width(expression: &[Piece]) -> usize {
    let of = |piece: &Piece| match piece {
        Piece::Text(text) => text.len(),
        Piece::Value(_) => 1,
    };
    expression.iter().map(of).sum()
}

/// Whether `inner` needs no parentheses at this position of `outer`.
fn binds(inner: &Node, outer: &Node, position: usize) -> bool {
    let is_sum = |op: &Op| matches!(op, Op::Add) || is_arithmetic(op);
    match &outer.op {
        // Another order of the terms would round differently.
        Op::Add => !is_sum(&inner.op) || position == 0,
        Op::Mul => !is_sum(&inner.op) && (inner.op != Op::Mul || position == 0),
        Op::Narrow { .. } | Op::Slice(_) => !is_sum(&inner.op) && inner.op != Op::Mul,
        op if is_arithmetic(op) => !is_sum(&inner.op) && inner.op != Op::Mul,
        // Their inputs are arguments of a call.
        _ => true,
    }
}

/// Whether the operation is written with the signs of sum and product.
fn is_arithmetic(op: &Op) -> bool {
    matches!(op, Op::Affine(a) if !a.learned_scale && !a.learned_shift)
}

/// What stands before, between and after the inputs of a node.
fn template(network: &Network, id: NodeId, layer: &str) -> (String, &'static str, String) {
    let node = &network.nodes()[id];
    let call = |function: &str, rest: String| (format!("{function}("), ", ", format!("{rest})"));
    if !layer.is_empty() && !matches!(node.op, Op::Linear { .. }) {
        return call(&format!("self.{layer}"), String::new());
    }
    match node.op {
        Op::Linear { .. } if !is_vector(network, node.inputs[0]) => {
            (format!("self.{layer}(torch.flatten("), ", ", ", 1))".into())
        }
        Op::Conv2d(_) | Op::ConvTranspose2d(_) | Op::BatchNorm | Op::Linear { .. } | Op::PRelu { .. } => {
            call(&format!("self.{layer}"), String::new())
        }
        Op::LayerNorm(norm) => call("layer_norm", format!(", {:?}", norm.epsilon)),
        Op::GroupNorm { groups, norm } => call("F.group_norm", format!(", {groups}, eps={:?}", norm.epsilon)),
        Op::LocalResponseNorm(n) => {
            call("F.local_response_norm", format!(", {}, {:?}, {:?}, {:?}", n.size, n.alpha, n.beta, n.bias))
        }
        Op::Relu => call("F.relu", String::new()),
        Op::Activation(a) => {
            let (function, rest) = activation(a);
            call(function, rest)
        }
        Op::Affine(a) => (String::new(), "", constants(a)),
        Op::AvgPool(p) => pooling("F.avg_pool2d", p),
        Op::MaxPool(p) => pooling("F.max_pool2d", p),
        Op::AdaptiveAvgPool { height, width } => call("F.adaptive_avg_pool2d", format!(", ({height}, {width})")),
        Op::Add => (String::new(), " + ", String::new()),
        Op::Mul => (String::new(), " * ", String::new()),
        Op::Concat => ("torch.cat((".into(), ", ", "), dim=1)".into()),
        Op::Narrow { channels } => (String::new(), "", format!("[:, :{channels}]")),
        Op::Slice(s) => {
            let before = match s.axis {
                Axis::Channels => "[:, ",
                Axis::Height => "[:, :, ",
                Axis::Width => "[:, :, :, ",
            };
            let end = s.start + (s.length - 1) * s.step + 1;
            let step = if s.step == 1 { String::new() } else { format!(":{}", s.step) };
            (String::new(), "", format!("{before}{}:{end}{step}]", s.start))
        }
        Op::ChannelShuffle { groups } => call("channel_shuffle", format!(", {groups}")),
        Op::Pad([top, left, bottom, right]) => call("F.pad", format!(", ({left}, {right}, {top}, {bottom})")),
        Op::Resize(r) => {
            let by = match r.by {
                Interpolation::Nearest => "mode=\"nearest\"",
                Interpolation::Bilinear => "mode=\"bilinear\", align_corners=False",
                Interpolation::BilinearCorners => "mode=\"bilinear\", align_corners=True",
            };
            call("F.interpolate", format!(", ({}, {}), {by}", r.height, r.width))
        }
        Op::GlobalAvgPool => call("F.adaptive_avg_pool2d", ", 1".into()),
        Op::Flatten => call("torch.flatten", ", 1".into()),
        Op::Zero { channels } => call("zeros", format!(", {channels}")),
        Op::Input => (String::new(), "", String::new()),
    }
}

fn constants(a: Affine) -> String {
    let scale = if a.scale.get() == 1.0 { String::new() } else { format!(" * {:?}", a.scale) };
    if a.shift.get() == 0.0 && !scale.is_empty() { scale } else { format!("{scale} + {:?}", a.shift) }
}

fn activation(a: Activation) -> (&'static str, String) {
    match a {
        Activation::Sigmoid => ("torch.sigmoid", String::new()),
        Activation::HardSigmoid => ("F.hardsigmoid", String::new()),
        Activation::Silu => ("F.silu", String::new()),
        Activation::HardSwish => ("F.hardswish", String::new()),
        Activation::Gelu => ("F.gelu", String::new()),
        Activation::GeluTanh => ("F.gelu", ", approximate=\"tanh\"".into()),
        Activation::Tanh => ("torch.tanh", String::new()),
        Activation::Mish => ("F.mish", String::new()),
        Activation::LeakyRelu { slope } => ("F.leaky_relu", format!(", {slope:?}")),
        Activation::Elu { alpha } => ("F.elu", format!(", {alpha:?}")),
        Activation::Clip { min, max } => ("torch.clamp", format!(", {min:?}, {max:?}")),
    }
}

/// A call of a pooling. Windows that PyTorch's poolings do not take are a helper's ([`super::python`]).
fn pooling(function: &str, p: Pool) -> (String, &'static str, String) {
    let average = function == "F.avg_pool2d";
    let side = |[a, b]: [usize; 2]| if a == b { a.to_string() } else { format!("({a}, {b})") };
    let [top, left, bottom, right] = p.padding;
    let begin = |function: &str, rest: String| (format!("{function}("), ", ", format!("{rest})"));
    let mut rest = format!(", {}, stride={}", side(p.kernel), side(p.stride));
    if !takes(p) {
        let padding = format!("({left}, {right}, {top}, {bottom})");
        let counted =
            if average { format!(", {}", if p.count_padding { "True" } else { "False" }) } else { String::new() };
        let (kernel, stride, ceil) = (p.kernel, p.stride, if p.ceil { "True" } else { "False" });
        let pair = |[a, b]: [usize; 2]| format!("({a}, {b})");
        let sides = format!(", {}, {}, {padding}, {ceil}{counted}", pair(kernel), pair(stride));
        return begin(if average { "avg_pool" } else { "max_pool" }, sides);
    }
    if top > 0 || left > 0 {
        rest += &format!(", padding={}", side([top, left]));
    }
    if p.ceil {
        rest += ", ceil_mode=True";
    }
    if average && !p.count_padding && (top > 0 || left > 0 || p.ceil) {
        rest += ", count_include_pad=False";
    }
    begin(function, rest)
}

/// Whether PyTorch's poolings take the window: padded alike on opposite sides, by at most half of the window.
pub(super) fn takes(p: Pool) -> bool {
    let [top, left, bottom, right] = p.padding;
    top == bottom && left == right && 2 * top <= p.kernel[0] && 2 * left <= p.kernel[1]
}

/// The comment above a block: what the names of its layers have in common, and the shape of its output.
fn title(network: &Network, block: usize) -> Option<String> {
    let ends = network.blocks();
    let start = block.checked_sub(1).map_or(0, |before| ends[before]);
    let end = ends.get(block).copied();
    let nodes = network.nodes().get(start + 1..=end.unwrap_or(network.nodes().len() - 1)).unwrap_or_default();
    let named = nodes.iter().map(|n| n.name.as_str()).filter(|name| !name.is_empty());
    let parents = named.map(|name| name.rsplit_once('.').map_or("", |(parent, _)| parent));
    let parents: Vec<Vec<&str>> = parents.map(|parent| parent.split('.').take(2).collect()).collect();
    let common = parents.iter().skip(1).fold(parents.first().cloned().unwrap_or_default(), |common, other| {
        common.iter().zip(other).take_while(|(a, b)| *a == *b).map(|(a, _)| *a).collect()
    });
    let name = common.join(".");
    match end {
        _ if ends.is_empty() => None,
        None if name.is_empty() => Some("# head".into()),
        None => Some(format!("# {name}")),
        Some(end) => {
            let name = if name.is_empty() { format!("block {block}") } else { name };
            Some(format!("# {name}: {}", network.nodes()[end].shape))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::names::identifiers;
    use crate::export::tests::any_network;
    use crate::network::{Conv2d, NetworkBuilder, Shape};
    use proptest::prelude::*;

    #[test]
    fn sums_keep_their_order_and_need_no_parentheses() {
        let mut b = NetworkBuilder::new(Shape::new(4, 6, 6));
        let a = b.conv("a", 0, Conv2d::same(4, 4, 1, 1)).unwrap();
        let c = b.conv("c", 0, Conv2d::same(4, 4, 1, 1)).unwrap();
        let first = b.add(&[a, 0]).unwrap();
        let last = b.add(&[0, c]).unwrap();
        let all = b.add(&[first, last, 0]).unwrap();
        let few = b.narrow(all, 3).unwrap();
        let network = b.finish(few);
        let lines = body(&network, &identifiers(&network));
        let expected = ["y = x + self.c(x)", "x = self.a(x) + x + y + x", "return torch.flatten(x[:, :3], 1)"];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_network_may_end_anywhere() {
        let mut b = NetworkBuilder::new(Shape::new(4, 6, 6));
        let x = b.relu(0).unwrap();
        b.relu(x).unwrap();
        let network = b.finish(x);
        assert_eq!(
            body(&network, &identifiers(&network)),
            ["x = F.relu(x)", "y = F.relu(x)", "return torch.flatten(x, 1)"]
        );
        let network = NetworkBuilder::new(Shape::new(4, 6, 6)).finish(0);
        assert_eq!(body(&network, &[None]), ["return torch.flatten(x, 1)"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn what_is_read_was_assigned_and_lines_are_short(network in any_network()) {
            let mut assigned = HashSet::from(["x".to_owned()]);
            for line in body(&network, &identifiers(&network)).iter().filter(|line| !line.starts_with('#')) {
                prop_assert!(line.len() <= WIDTH + "return ".len(), "{}", line);
                let (target, text) = line.split_once(" = ").unwrap_or(("", line));
                let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let variables = words.filter(|w| w.len() == 1 && w.chars().all(|c| c.is_ascii_lowercase()));
                let unknown: Vec<&str> = variables.filter(|v| !assigned.contains(*v)).collect();
                prop_assert!(unknown.is_empty(), "{:?} in {}", unknown, line);
                assigned.insert(target.to_owned());
            }
        }
    }
}
