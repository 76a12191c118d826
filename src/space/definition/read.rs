//! Reads a space file: TOML, every value with its place, so that each message names line and column.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::decisions::{Constraint, Decision, Decisions, Template};
use super::expr::{Expr, Fault, Value};
use super::fields::{Fields, Item, array, expr, fields_of, integer, one_or_many, template, text_of, usize_of};
use super::operations::is_operation;
use super::syntax::{Block, Body, Call, Edge, GraphNode, Join, Parameter, Step, Target};
use super::text::TextForm;
use crate::network::Shape;

/// A number that can be chosen when the space is opened.
pub(super) struct NumberOption {
    pub(super) name: String,
    pub(super) default: i64,
}

/// What a space file says.
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) title: String,
    pub(super) paper: Option<String>,
    pub(super) example: Option<(String, Range<usize>)>,
    pub(super) input: Shape,
    pub(super) classes: usize,
    pub(super) options: Vec<NumberOption>,
    pub(super) decisions: Vec<Decision>,
    pub(super) constraints: Vec<Constraint>,
    pub(super) interchangeable: Vec<Vec<Vec<Expr>>>,
    pub(super) texts: Vec<(Template, Range<usize>)>,
    pub(super) blocks: HashMap<String, Block>,
    pub(super) network: Vec<Step>,
}

/// Genes that a space can have: no message, table or page could show more.
const MOST_GENES: usize = 1_000;

impl Definition {
    /// Reads the text of a space file.
    pub(super) fn read(text: &str) -> Result<Self, Fault> {
        let table = DeTable::parse(text)
            .map_err(|e| Fault { at: e.span().unwrap_or(0..0), reason: e.message().trim().replace('\n', ", ") })?;
        let at = table.span();
        let mut top = Fields::new(table.get_ref(), &at, "the file");
        let name = top.text("name")?.ok_or_else(|| top.missing("name"))?;
        let (name, name_at) = name;
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return Err(Fault::new(
                &name_at,
                format!("a space cannot be called `{name}`: use letters, digits and `-_.`"),
            ));
        }
        let aliases = top.list("aliases", |value| text_of(value).map(|(text, _)| text))?;
        let title = top.text("title")?.map_or_else(|| format!("the space {name}"), |(title, _)| title);
        let paper = top.text("paper")?.map(|(paper, _)| paper);
        let example = top.text("example")?;
        let input = match top.text("input")? {
            None => Shape::new(3, 32, 32),
            Some((text, at)) => text.parse().map_err(|e| Fault::new(&at, format!("{e}")))?,
        };
        let classes = match top.take("classes") {
            None => 10,
            Some(value) => usize_of(value, 2..=1_000_000)?,
        };
        let options = top.table("options")?.map_or(Ok(Vec::new()), |t| t.entries().map(number_option).collect())?;
        let decisions = top.table("decisions")?.ok_or_else(|| top.missing("decisions"))?;
        let mut first = 0;
        let decisions = decisions.entries().map(|entry| decision(entry, &mut first)).collect::<Result<Vec<_>, _>>()?;
        let alternatives: usize = decisions.iter().map(|d| d.alternatives.len()).sum();
        if alternatives > usize::from(u16::MAX) {
            return Err(Fault::new(
                &at,
                format!("the decisions have {alternatives} alternatives; at most 65,535 can be told apart"),
            ));
        }
        let constraints = top.list("constraints", constraint)?;
        let interchangeable = top.list("interchangeable", |value| {
            array(value)?.iter().map(|tuple| array(tuple)?.iter().map(expr).collect()).collect()
        })?;
        let texts = match top.take("text") {
            None => Vec::new(),
            Some(value) => one_or_many(value).iter().map(|v| template(v)).collect::<Result<Vec<_>, _>>()?,
        };
        let mut blocks = HashMap::new();
        for (key, kind) in [("blocks", block as fn(&mut Fields<'_>) -> Result<Body, Fault>), ("graphs", graph)] {
            for (name, value) in top.table(key)?.iter().flat_map(Fields::entries) {
                let mut fields = fields_of(value, name.get_ref())?;
                let parameters = fields.list("parameters", parameter)?;
                let block = Block { name: name.get_ref().to_string(), parameters, body: kind(&mut fields)? };
                fields.finish()?;
                if is_operation(name.get_ref()) || blocks.insert(block.name.clone(), block).is_some() {
                    return Err(Fault::new(
                        &name.span(),
                        format!("`{}` is taken; choose another name", name.get_ref()),
                    ));
                }
            }
        }
        let mut network = top.table("network")?.ok_or_else(|| top.missing("network"))?;
        let steps = network.list("layers", step)?;
        network.finish()?;
        top.finish()?;
        let taken = decisions.iter().map(|d| d.name.clone()).chain(options.iter().map(|o| o.name.clone()));
        let mut seen: Vec<String> = blocks.keys().cloned().collect();
        for name in taken {
            if seen.contains(&name) || is_operation(&name) {
                return Err(Fault::new(&at, format!("`{name}` names two things; rename one")));
            }
            seen.push(name);
        }
        Ok(Definition {
            name,
            aliases,
            title,
            paper,
            example,
            input,
            classes,
            options,
            decisions,
            constraints,
            interchangeable,
            texts,
            blocks,
            network: steps,
        })
    }

    /// The ways in which architectures are written, the first of which is used for writing.
    pub(super) fn text_forms(&self, decisions: &Decisions) -> Result<Vec<TextForm>, Fault> {
        if self.texts.is_empty() {
            return Ok(vec![TextForm::plain(decisions)]);
        }
        self.texts.iter().map(|(template, at)| TextForm::new(template, at, decisions)).collect()
    }
}

type Named<'a> = (&'a Spanned<std::borrow::Cow<'a, str>>, &'a Item<'a>);

fn number_option((name, value): Named<'_>) -> Result<NumberOption, Fault> {
    let default = integer(value).ok_or_else(|| Fault::new(&value.span(), "an option is a whole number"))?;
    Ok(NumberOption { name: name_of(name)?, default })
}

/// A key that expressions can name.
fn name_of(key: &Spanned<std::borrow::Cow<'_, str>>) -> Result<String, Fault> {
    let name = key.get_ref();
    let fits = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    match fits && !super::expr::WORDS.contains(&name.as_ref()) {
        true => Ok(name.to_string()),
        false => Err(Fault::new(&key.span(), format!("`{name}` cannot be a name: use letters, digits and `_`"))),
    }
}

/// `[alternatives]`, or a table with `of`, and maybe `written`, `count` and `join`.
fn decision((name, value): Named<'_>, first: &mut usize) -> Result<Decision, Fault> {
    let decided = name_of(name)?;
    let (alternatives, written, count, join) = match value.get_ref() {
        DeValue::Array(_) => (value, None, None, String::new()),
        _ => {
            let mut fields = fields_of(value, &decided)?;
            let of = fields.take("of").ok_or_else(|| fields.missing("of"))?;
            let written = fields.take("written");
            let count = fields.take("count").map(|v| usize_of(v, 1..=MOST_GENES)).transpose()?;
            let join = fields.text("join")?.map_or_else(String::new, |(join, _)| join);
            fields.finish()?;
            (of, written, count, join)
        }
    };
    let alternative = |value: &Item<'_>| match (value.get_ref(), integer(value)) {
        (DeValue::String(text), _) => Ok(Value::text(text)),
        (_, Some(n)) => Ok(Value::Number(n)),
        _ => Err(Fault::new(&value.span(), "an alternative is a whole number or a text")),
    };
    let values = array(alternatives)?.iter().map(alternative).collect::<Result<Vec<_>, _>>()?;
    if !(1..=1000).contains(&values.len()) {
        return Err(Fault::new(
            &alternatives.span(),
            format!("{} alternatives; a decision has 1 to 1000", values.len()),
        ));
    }
    let texts: Vec<String> = match written {
        None => values.iter().map(Value::to_string).collect(),
        Some(list) => array(list)?.iter().map(|v| text_of(v).map(|(text, _)| text)).collect::<Result<_, _>>()?,
    };
    let list_at = written.unwrap_or(alternatives).span();
    if texts.len() != values.len() {
        return Err(Fault::new(&list_at, format!("{} texts for {} alternatives", texts.len(), values.len())));
    }
    if let Some(i) = (0..texts.len()).find(|&i| texts[..i].contains(&texts[i]) || texts[i].is_empty()) {
        return Err(Fault::new(&list_at, format!("the alternative `{}` is there twice or empty", texts[i])));
    }
    let decision = Decision { name: decided, alternatives: values, written: texts, count, join, first: *first };
    *first = decision.genes().end;
    match *first > MOST_GENES {
        true => Err(Fault::new(&name.span(), format!("a space has at most {MOST_GENES} decisions"))),
        false => Ok(decision),
    }
}

/// An expression, or a table with `holds` and `because`.
fn constraint(value: &Item<'_>) -> Result<Constraint, Fault> {
    if !value.get_ref().is_table() {
        return Ok(Constraint { holds: expr(value)?, because: None });
    }
    let mut fields = fields_of(value, "constraint")?;
    let holds = fields.expr("holds")?.ok_or_else(|| fields.missing("holds"))?;
    let because = fields.text("because")?.map(|(text, _)| text);
    fields.finish()?;
    Ok(Constraint { holds, because })
}

/// `"name"`, or `"name = expression"`.
fn parameter(value: &Item<'_>) -> Result<Parameter, Fault> {
    let (text, at) = text_of(value)?;
    let (name, default) = match text.split_once('=') {
        None => (text.trim(), None),
        Some((name, default)) => (name.trim(), Some(Expr::parse(default, &at)?)),
    };
    Ok(Parameter { name: name.to_owned(), default })
}

fn block(fields: &mut Fields<'_>) -> Result<Body, Fault> {
    let mut inputs = fields.list("inputs", |v| text_of(v).map(|(text, _)| text))?;
    if inputs.is_empty() {
        inputs.push("in".into());
    }
    Ok(Body::Layers { inputs, steps: fields.list("layers", step)? })
}

fn graph(fields: &mut Fields<'_>) -> Result<Body, Fault> {
    let inputs = fields.take("inputs").map_or(Ok(1), |v| usize_of(v, 1..=100))?;
    let nodes = fields.list("nodes", graph_node)?;
    let output = fields.take("output");
    let last = inputs + nodes.len() - 1;
    let output_at = output.map_or(fields.at.clone(), Spanned::span);
    let output =
        output.map_or(Ok(vec![last]), |v| one_or_many(v).into_iter().map(|v| usize_of(v, 0..=last)).collect())?;
    let mut join = |key| match fields.text(key)? {
        None => Ok(None),
        Some((text, at)) => match text.as_str() {
            "add" => Ok(Some(Join::Add)),
            "concat" => Ok(Some(Join::Concat)),
            _ => Err(Fault::new(&at, format!("`{text}` is neither add nor concat"))),
        },
    };
    let (inner, outer) = (join("join")?.unwrap_or(Join::Add), join("output_join")?.unwrap_or(Join::Concat));
    if output.is_empty() {
        return Err(Fault::new(&output_at, "a graph has an output"));
    }
    Ok(Body::Graph { inputs, nodes, output, join: inner, output_join: outer })
}

/// A list of edges, or a table with `edges` and `then`.
fn graph_node(value: &Item<'_>) -> Result<GraphNode, Fault> {
    if !value.get_ref().is_table() {
        return Ok(GraphNode { edges: array(value)?.iter().map(edge).collect::<Result<_, _>>()?, then: None });
    }
    let mut fields = fields_of(value, "node")?;
    let edges = fields.list("edges", edge)?;
    let then = fields.take("then").map(|v| call(&mut fields_of(v, "then")?)).transpose()?;
    fields.finish()?;
    Ok(GraphNode { edges, then })
}

fn edge(value: &Item<'_>) -> Result<Edge, Fault> {
    let mut fields = fields_of(value, "edge")?;
    let from = fields.expr("from")?.ok_or_else(|| fields.missing("from"))?;
    let call = match fields.table.iter().any(|(key, _)| key.get_ref() == "op") {
        true => Some(call(&mut fields)?),
        false => None,
    };
    let when = match &call {
        Some(_) => None,
        None => {
            let when = fields.expr("if")?;
            fields.finish()?;
            when
        }
    };
    Ok(Edge { from, call, when })
}

/// A layer, a repetition, or definitions.
fn step(value: &Item<'_>) -> Result<Step, Fault> {
    let mut fields = fields_of(value, "layer")?;
    if let Some(definitions) = fields.table("let")? {
        fields.finish()?;
        let definitions = definitions.entries().map(|(name, value)| Ok((name_of(name)?, expr(value)?)));
        return Ok(Step::Let(definitions.collect::<Result<_, _>>()?));
    }
    if let Some(count) = fields.expr("repeat")? {
        let index = fields.text("index")?.map(|(index, _)| index);
        let name = fields.take("name").map(template).transpose()?.map(|(t, _)| t);
        let when = fields.expr("if")?;
        let steps = fields.list("layers", step)?;
        fields.finish()?;
        return Ok(Step::Repeat { count, index, name, when, steps });
    }
    fields.taken.clear();
    let from = match fields.take("from") {
        None => Vec::new(),
        Some(v) => one_or_many(v).into_iter().map(text_of).collect::<Result<Vec<_>, _>>()?,
    };
    let kept = fields.text("as")?.map(|(name, _)| name);
    Ok(Step::Call { call: call(&mut fields)?, from, kept })
}

/// `op` with `name`, `if`, and the parameters, which are all other keys.
fn call(fields: &mut Fields<'_>) -> Result<Call, Fault> {
    let op = fields.take("op").ok_or_else(|| fields.missing("op"))?;
    let (text, at) = text_of(op)?;
    let plain = text.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
    let target = if plain { Target::Named(text) } else { Target::Chosen(Expr::parse(&text, &at)?) };
    let name = fields.take("name").map(template).transpose()?.map(|(t, _)| t);
    let when = fields.expr("if")?;
    let parameters = fields.rest().map(|(key, value)| Ok((key.get_ref().to_string(), expr(value)?)));
    let parameters = parameters.collect::<Result<Vec<_>, Fault>>()?;
    Ok(Call { target, at, name, when, parameters })
}
