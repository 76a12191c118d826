//! `model.py`: the network as PyTorch source; `preprocess.py`: what it takes.

use super::forward::body;
use super::names::identifiers;
use super::{Model, is_vector};
use crate::network::{Conv2d, Network, NodeId, Op};

/// The source.
pub(super) fn source(model: &Model<'_>) -> String {
    let network = model.network;
    let names = identifiers(network);
    let image = network.input_shape();
    let named = names.iter().enumerate().filter_map(|(id, name)| Some((id, name.as_ref()?)));
    let named = named.filter_map(|(id, name)| Some(format!("self.{name} = {}", layer(network, id)?)));
    let layers: Vec<String> = named.collect();
    let fact = |(what, value): (&str, String)| format!("{what:<13}{}", in_docstring(&value));
    let facts: Vec<String> = model.facts().into_iter().map(fact).collect();
    format!(
        include_str!("templates/model.py.in"),
        title = in_docstring(&model.title()),
        facts = facts.join("\n"),
        channels = image.channels,
        height = image.height,
        width = image.width,
        helpers = helpers(network),
        outputs = network.classes(),
        layers = indented(&layers),
        forward = indented(&body(network, &names)),
    )
}

/// The source of what is done to images before.
pub(super) fn preprocess(model: &Model<'_>) -> String {
    let image = model.network.input_shape();
    let [read_height, read_width] = model.statistics.size;
    let class_names: Vec<String> = model.classes.iter().map(|name| literal(name)).collect();
    let numbers = |values: &[f64]| tuple(&values.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>());
    format!(
        include_str!("templates/preprocess.py.in"),
        classes = tuple(&class_names),
        channels = image.channels,
        height = image.height,
        width = image.width,
        mean = numbers(&model.statistics.mean),
        std = numbers(&model.standard_deviations()),
        read_height = read_height,
        read_width = read_width,
        deep_white = model.statistics.deep_white.unwrap_or(u16::MAX),
    )
}

fn indented(lines: &[String]) -> String {
    let indented: Vec<String> = lines.iter().map(|line| format!("        {line}")).collect();
    indented.join("\n")
}

/// A tuple of these expressions, in lines of at most 120 characters where they are short.
fn tuple(items: &[String]) -> String {
    let comma = if items.len() == 1 { "," } else { "" };
    let short = format!("({}{comma})", items.join(", "));
    if short.len() <= 100 {
        return short;
    }
    let mut lines = vec![String::new()];
    for item in items {
        if lines.last().is_some_and(|line| !line.is_empty() && line.len() + item.len() > 108) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            *line += &format!("{}{item},", if line.is_empty() { "" } else { " " });
        }
    }
    format!("(\n    {}\n)", lines.join("\n    "))
}

/// A Python string literal: one of JSON means the same.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Text on one line of a docstring.
fn in_docstring(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.replace('\\', "\\\\").replace('"', "\\\"")
}

/// The constructor of a layer; None for an operation that is called in `forward`.
fn layer(network: &Network, id: NodeId) -> Option<String> {
    let node = &network.nodes()[id];
    let operand = network.operand_shape(id);
    Some(match node.op {
        Op::Conv2d(c) => convolution(&c),
        // PyTorch's default epsilon is that of naslens.
        Op::BatchNorm if is_vector(network, id) => format!("nn.BatchNorm1d({})", operand.channels),
        Op::BatchNorm => format!("nn.BatchNorm2d({})", operand.channels),
        Op::Linear { out_features } => format!("nn.Linear({}, {out_features})", operand.len()),
        Op::Input | Op::Zero { .. } | Op::Relu | Op::AvgPool(_) | Op::MaxPool(_) => return None,
        Op::Add | Op::Concat | Op::Narrow { .. } | Op::ChannelShuffle { .. } | Op::GlobalAvgPool => return None,
    })
}

fn convolution(c: &Conv2d) -> String {
    let mut text = format!("nn.Conv2d({}, {}, {}", c.in_channels, c.out_channels, c.kernel);
    for (name, value, default) in [("stride", c.stride, 1), ("padding", c.padding, 0), ("groups", c.groups, 1)] {
        if value != default {
            text += &format!(", {name}={value}");
        }
    }
    text + if c.bias { ")" } else { ", bias=False)" }
}

/// The functions that `forward` calls beside PyTorch's.
fn helpers(network: &Network) -> String {
    let (mut shuffle, mut zeros) = (false, false);
    for node in network.nodes() {
        match node.op {
            Op::ChannelShuffle { .. } => shuffle = true,
            Op::Zero { .. } => zeros = true,
            Op::Input | Op::Conv2d(_) | Op::BatchNorm | Op::Relu | Op::AvgPool(_) | Op::MaxPool(_) => {}
            Op::Add | Op::Concat | Op::Narrow { .. } | Op::GlobalAvgPool | Op::Linear { .. } => {}
        }
    }
    let mut text = String::new();
    if shuffle {
        text += "
def channel_shuffle(x, groups):
    \"\"\"Takes the channels as a matrix of groups x (channels / groups) and transposes it.\"\"\"
    n, channels, height, width = x.shape
    return x.reshape(n, groups, channels // groups, height, width).transpose(1, 2).reshape(x.shape)

";
    }
    if zeros {
        text += "
def zeros(x, channels):
    \"\"\"A map of zeros of the size of x.\"\"\"
    return x.new_zeros(x.shape[0], channels, x.shape[2], x.shape[3])

";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::tests::{examples, model, parameters, small};

    #[test]
    fn source_of_a_small_network() {
        let network = small();
        let parameters = parameters(&network, 1);
        let examples = examples(&network);
        let classes = ["zero".into(), "a \"quoted\"\nname".into(), "drei".into()];
        let found = source(&model(&network, &parameters, &examples, &classes));
        assert_eq!(found, include_str!("golden_model.py"));
    }

    #[test]
    fn text_cannot_leave_its_place() {
        assert_eq!(in_docstring("a\"\"\"\nimport os\\"), "a\\\"\\\"\\\" import os\\\\");
        assert_eq!(literal("\"\n\\é\u{1}"), "\"\\\"\\n\\\\é\\u0001\"");
        assert_eq!(tuple(&["1".into()]), "(1,)");
        assert!(tuple(&vec!["\"class\"".to_string(); 100]).lines().all(|line| line.len() <= 112));
    }
}
