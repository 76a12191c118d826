//! The body of `forward` in `model.py`.
//!
//! A value that is read once is written where it is read, as long as the line stays short, so that a chain of operations is
//! one expression; every other value gets a variable. Variables are short and taken again when their value is not read any
//! more: the code is easy to follow, and no activation lives longer than it must.

use std::collections::HashSet;

use super::is_vector;
use crate::network::{Network, Node, NodeId, Op};

/// Characters of an expression, without indentation and assignment.
const WIDTH: usize = 88;

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
        let mut width = before.len() + after.len() + (node.inputs.len() - 1) * between.len() + node.inputs.len();
        let mut expression = vec![Piece::Text(before)];
        for (position, &i) in node.inputs.iter().enumerate() {
            if position > 0 {
                expression.push(Piece::Text(between.into()));
            }
            let longer = width + self::width(&expressions[i]) - 1;
            let can = i > 0 && uses[i] == 1 && i != network.output() && !network.blocks().contains(&i);
            if can && longer <= WIDTH && binds(&nodes[i], node, position) {
                inlined[i] = true;
                width = longer;
                expression.extend_from_slice(&expressions[i]);
            } else {
                expression.push(Piece::Value(i));
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
    match outer.op {
        // Another order of the terms would round differently.
        Op::Add => inner.op != Op::Add || position == 0,
        Op::Narrow { .. } => inner.op != Op::Add,
        // Their inputs are arguments of a call.
        Op::Input | Op::Zero { .. } | Op::Conv2d(_) | Op::BatchNorm | Op::Relu | Op::AvgPool(_) | Op::MaxPool(_) => {
            true
        }
        Op::Concat | Op::ChannelShuffle { .. } | Op::GlobalAvgPool | Op::Linear { .. } => true,
    }
}

/// What stands before, between and after the inputs of a node.
fn template(network: &Network, id: NodeId, layer: &str) -> (String, &'static str, String) {
    let node = &network.nodes()[id];
    let call = |function: &str, rest: String| (format!("{function}("), ", ", format!("{rest})"));
    match node.op {
        Op::Linear { .. } if !is_vector(network, node.inputs[0]) => {
            (format!("self.{layer}(torch.flatten("), ", ", ", 1))".into())
        }
        Op::Conv2d(_) | Op::BatchNorm | Op::Linear { .. } => call(&format!("self.{layer}"), String::new()),
        Op::Relu => call("F.relu", String::new()),
        Op::AvgPool(p) | Op::MaxPool(p) => {
            let average = matches!(node.op, Op::AvgPool(_));
            let mut rest = format!(", {}, stride={}", p.kernel, p.stride);
            if p.padding > 0 {
                rest += &format!(", padding={}", p.padding);
            }
            if p.ceil {
                rest += ", ceil_mode=True";
            }
            if average && (p.padding > 0 || p.ceil) {
                rest += ", count_include_pad=False";
            }
            call(if average { "F.avg_pool2d" } else { "F.max_pool2d" }, rest)
        }
        Op::Add => (String::new(), " + ", String::new()),
        Op::Concat => ("torch.cat((".into(), ", ", "), dim=1)".into()),
        Op::Narrow { channels } => (String::new(), "", format!("[:, :{channels}]")),
        Op::ChannelShuffle { groups } => call("channel_shuffle", format!(", {groups}")),
        Op::GlobalAvgPool => call("F.adaptive_avg_pool2d", ", 1".into()),
        Op::Zero { channels } => call("zeros", format!(", {channels}")),
        Op::Input => (String::new(), "", String::new()),
    }
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
