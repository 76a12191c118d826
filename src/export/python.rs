//! `model.py`: the network as PyTorch source; `preprocess.py`: what it takes.

use super::forward::{body, takes};
use super::names::identifiers;
use super::python_helpers::*;
use super::{Model, is_vector};
use crate::network::{Conv2d, Network, NodeId, Op, Real};

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
    let flag = |on: bool| if on { "True" } else { "False" };
    Some(match node.op {
        Op::Conv2d(c) => convolution(&c),
        Op::ConvTranspose2d(c) => format!(
            "nn.ConvTranspose2d({}, {}, {}, {}, {}, {}, {}, {}, {})",
            c.in_channels,
            c.out_channels,
            tuple_of(&c.kernel),
            tuple_of(&c.stride),
            tuple_of(&c.padding),
            tuple_of(&c.output_padding),
            c.groups,
            flag(c.bias),
            tuple_of(&c.dilation)
        ),
        // PyTorch's default epsilon is that of naslens.
        Op::BatchNorm if is_vector(network, id) => format!("nn.BatchNorm1d({})", operand.channels),
        Op::BatchNorm => format!("nn.BatchNorm2d({})", operand.channels),
        Op::LayerNorm(norm) if norm.affine => format!("LayerNorm({}, {:?})", operand.channels, norm.epsilon),
        Op::GroupNorm { groups, norm } if norm.affine => {
            format!("nn.GroupNorm({groups}, {}, {:?})", operand.channels, norm.epsilon)
        }
        Op::PRelu { slopes } => format!("nn.PReLU({slopes})"),
        Op::Affine(a) if a.learned_scale || a.learned_shift => {
            let part = |learned: bool, value: Real| if learned { "None".into() } else { format!("{value:?}") };
            let (scale, shift) = (part(a.learned_scale, a.scale), part(a.learned_shift, a.shift));
            format!("Scale({}, {scale}, {shift})", operand.channels)
        }
        Op::Linear { out_features, bias } => {
            format!("nn.Linear({}, {out_features}{})", operand.len(), if bias { "" } else { ", bias=False" })
        }
        Op::Input | Op::Zero { .. } | Op::Relu | Op::Activation(_) | Op::AvgPool(_) | Op::MaxPool(_) => return None,
        Op::Add | Op::Mul | Op::Concat | Op::Narrow { .. } | Op::ChannelShuffle { .. } | Op::GlobalAvgPool => {
            return None;
        }
        Op::LayerNorm(_) | Op::GroupNorm { .. } | Op::LocalResponseNorm(_) | Op::Affine(_) => return None,
        Op::AdaptiveAvgPool { .. } | Op::Slice(_) | Op::Pad(_) | Op::Resize(_) | Op::Flatten => return None,
    })
}

fn tuple_of(sides: &[usize; 2]) -> String {
    if sides[0] == sides[1] { sides[0].to_string() } else { format!("({}, {})", sides[0], sides[1]) }
}

fn convolution(c: &Conv2d) -> String {
    let [top, left, bottom, right] = c.padding;
    let one_sided = (top, left) != (bottom, right);
    let padding = if one_sided { [0, 0] } else { [top, left] };
    let mut text = format!("nn.Conv2d({}, {}, {}", c.in_channels, c.out_channels, tuple_of(&c.kernel));
    let sides = [("stride", c.stride, [1; 2]), ("padding", padding, [0; 2]), ("dilation", c.dilation, [1; 2])];
    for (name, value, default) in sides {
        if value != default {
            text += &format!(", {name}={}", tuple_of(&value));
        }
    }
    if c.groups != 1 {
        text += &format!(", groups={}", c.groups);
    }
    text += if c.bias { ")" } else { ", bias=False)" };
    if one_sided {
        format!("Padded(({left}, {right}, {top}, {bottom}), {})", text.replacen("nn.Conv2d(", "", 1))
    } else {
        text
    }
}

/// The functions and classes that the network calls beside PyTorch's.
fn helpers(network: &Network) -> String {
    let has = |is: &dyn Fn(&Op) -> bool| network.nodes().iter().any(|node| is(&node.op));
    let pads = |c: &Conv2d| [c.padding[0], c.padding[1]] != [c.padding[2], c.padding[3]];
    let odd = |op: &Op, average: bool| match op {
        Op::AvgPool(p) => average && !takes(*p),
        Op::MaxPool(p) => !average && !takes(*p),
        _ => false,
    };
    let learned = |op: &Op| matches!(op, Op::Affine(a) if a.learned_scale || a.learned_shift);
    let (average, maximum) = (has(&|op| odd(op, true)), has(&|op| odd(op, false)));
    let wanted = [
        (has(&|op| matches!(op, Op::ChannelShuffle { .. })), CHANNEL_SHUFFLE),
        (has(&|op| matches!(op, Op::Zero { .. })), ZEROS),
        (has(&|op| matches!(op, Op::Conv2d(c) if pads(c))), PADDED),
        (has(&|op| matches!(op, Op::LayerNorm(norm) if norm.affine)), LAYER_NORM),
        (has(&|op| matches!(op, Op::LayerNorm(norm) if !norm.affine)), PLAIN_LAYER_NORM),
        (has(&learned), SCALE),
        (average || maximum, WINDOWS),
        (average, AVG_POOL),
        (maximum, MAX_POOL),
    ];
    wanted.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, text)| text).collect()
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
