//! From a graph of the format to a network, node by node.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::attributes::Attributes;
use super::constant::Constant;
use super::elementwise::Function;
use super::fold::fold;
use super::parameters::{Imported, Part, Stored};
use super::proto::{FLOAT, GraphProto, ModelProto, NodeProto, ValueInfoProto};
use super::value::{Map, Value};
use super::view::{Arrangement, View};
use super::{OnnxError, Reason, of_network};
use crate::network::{NetworkBuilder, NodeId, Op, Shape};

/// The most values of a map of one image.
const LARGEST_MAP: usize = 1 << 31;

/// The network of a model.
pub(super) fn network(path: &Path, model: ModelProto, image: Option<Shape>) -> Result<Imported, OnnxError> {
    let damaged = |reason: String| OnnxError::Damaged { path: path.into(), reason };
    let graph = model.graph.ok_or_else(|| damaged("it has no graph".into()))?;
    let (input, shape) = input(path, &graph, image)?;
    let mut build = Build::new(&graph, shape).map_err(damaged)?;
    build.values.insert(input, Value::Map(Map::of(0, View::map(shape))));
    for (position, node) in graph.node.iter().enumerate() {
        if build.absorbed.contains(&position) {
            continue;
        }
        build.node(position, node).map_err(|reason| OnnxError::Node {
            path: path.into(),
            node: label(node),
            operator: node.op_type.clone().unwrap_or_default(),
            reason,
        })?;
    }
    let output = build.output(&graph).map_err(damaged)?;
    let Build { builder, stored, mut notes, .. } = build;
    let network = builder.finish(output);
    let has = |op: fn(&Op) -> bool| network.nodes().iter().any(|n| op(&n.op));
    if !has(|op| matches!(op, Op::BatchNorm | Op::LayerNorm(_) | Op::GroupNorm { .. }))
        && has(|op| matches!(op, Op::Conv2d(c) if c.bias))
    {
        notes.push(
            "it has no normalisation: an export in evaluation mode may have folded it into the convolutions; export with \
             training=TrainingMode.PRESERVE and do_constant_folding=False to keep it"
                .into(),
        );
    }
    Ok(Imported { network, notes, stored })
}

/// The name of a node, or of what it makes.
fn label(node: &NodeProto) -> String {
    let named = node.name.clone().filter(|name| !name.is_empty());
    named.or_else(|| node.output.first().cloned()).unwrap_or_default()
}

/// The name of the input that takes images, and the shape of an image.
fn input(path: &Path, graph: &GraphProto, image: Option<Shape>) -> Result<(String, Shape), OnnxError> {
    let damaged = |reason: String| OnnxError::Damaged { path: path.into(), reason };
    let constants: HashSet<&str> = graph.initializer.iter().filter_map(|t| t.name.as_deref()).collect();
    let name = |info: &ValueInfoProto| info.name.clone().unwrap_or_default();
    let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|i| !constants.contains(name(i).as_str())).collect();
    let [input] = inputs[..] else {
        let names: Vec<String> = inputs.iter().map(|i| name(i)).collect();
        return Err(damaged(format!("it has {} inputs ({}), one is read", inputs.len(), names.join(", "))));
    };
    let tensor = input.value_type.as_ref().and_then(|t| t.tensor_type.as_ref());
    if let Some(kind) = tensor.and_then(|t| t.elem_type).filter(|&kind| kind != FLOAT) {
        return Err(damaged(format!("its input has values of type {kind}, float32 (1) is read")));
    }
    let dims = tensor.and_then(|t| t.shape.as_ref()).map(|s| s.dim.as_slice()).unwrap_or_default();
    if dims.len() != 4 {
        return Err(damaged(format!(
            "its input has {} axes; images have 4: batch, channels, height, width",
            dims.len()
        )));
    }
    let size = |i: usize| dims[i].dim_value.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
    let sizes = [size(1), size(2), size(3)];
    let shape = match (sizes, image) {
        ([Some(c), Some(h), Some(w)], None) => Shape::new(c, h, w),
        (_, Some(image)) => {
            let given = [image.channels, image.height, image.width];
            if sizes.iter().zip(given).any(|(size, given)| size.is_some_and(|size| size != given)) {
                let text = sizes.map(|s| s.map_or("any".to_owned(), |s| s.to_string())).join("x");
                return Err(OnnxError::OtherImage { path: path.into(), expected: text, given: image });
            }
            image
        }
        _ => return Err(OnnxError::AnyImage { path: path.into() }),
    };
    if shape.len() > LARGEST_MAP || shape.is_empty() {
        return Err(damaged(format!("it takes images of {shape}")));
    }
    Ok((name(input), shape))
}

/// A network while it is read.
pub(super) struct Build<'g> {
    pub graph: &'g GraphProto,
    pub builder: NetworkBuilder,
    pub values: HashMap<String, Value>,
    pub stored: Vec<Stored>,
    pub notes: Vec<String>,
    /// Positions of nodes that an earlier one has taken in.
    pub absorbed: HashSet<usize>,
    /// Positions of the nodes that read a value.
    pub readers: HashMap<&'g str, Vec<usize>>,
    names: HashSet<String>,
    computed: HashMap<(NodeId, String), NodeId>,
}

impl<'g> Build<'g> {
    fn new(graph: &'g GraphProto, shape: Shape) -> Result<Self, Reason> {
        let mut values = HashMap::new();
        for tensor in &graph.initializer {
            let constant = Constant::of(tensor)?;
            if values.insert(constant.name.clone(), Value::Constant(constant)).is_some() {
                return Err(format!("tensor `{}` is there twice", tensor.name.as_deref().unwrap_or_default()));
            }
        }
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (position, node) in graph.node.iter().enumerate() {
            node.input.iter().for_each(|name| readers.entry(name).or_default().push(position));
        }
        Ok(Build {
            graph,
            builder: NetworkBuilder::new(shape),
            values,
            stored: Vec::new(),
            notes: Vec::new(),
            absorbed: HashSet::new(),
            readers,
            names: HashSet::new(),
            computed: HashMap::new(),
        })
    }

    fn node(&mut self, position: usize, node: &NodeProto) -> Result<(), Reason> {
        let operator = node.op_type.as_deref().unwrap_or_default();
        if let Some(domain) = node.domain.as_deref().filter(|d| !d.is_empty() && *d != "ai.onnx") {
            return Err(format!("operators of `{domain}` are not read"));
        }
        let known = |name: &String| match (name.is_empty(), self.values.get(name)) {
            (true, _) => Ok(None),
            (_, Some(value)) => Ok(Some(value.clone())),
            _ => Err(format!(
                "it reads `{name}`, which no earlier node makes: the graph is not in order, or has a cycle"
            )),
        };
        let inputs: Vec<Option<Value>> = node.input.iter().map(known).collect::<Result<_, _>>()?;
        let attributes = Attributes(node);
        let constants = inputs.iter().map(|v| match v {
            Some(Value::Constant(c)) => Ok(Some(c)),
            None => Ok(None),
            Some(Value::Map(_)) => Err(()),
        });
        let outputs = match constants.collect::<Result<Vec<_>, ()>>() {
            Ok(constants) if operator == "Constant" => vec![Value::Constant(literal(&attributes, constants.len())?)],
            Ok(constants) => match fold(operator, &constants, &attributes) {
                Some(folded) => vec![Value::Constant(folded?)],
                None => return Err("it is computed from constants alone, in a way that is not read".into()),
            },
            Err(()) => self.operator(position, operator, &Inputs(&inputs), &attributes)?,
        };
        for (name, value) in node.output.iter().zip(outputs) {
            if !name.is_empty() && self.values.insert(name.clone(), value).is_some() {
                return Err(format!("`{name}` is made twice"));
            }
        }
        Ok(())
    }

    /// The network's output: the first of the graph. Others are named.
    fn output(&mut self, graph: &GraphProto) -> Result<NodeId, Reason> {
        let names: Vec<&str> = graph.output.iter().filter_map(|o| o.name.as_deref()).collect();
        let [first, others @ ..] = &names[..] else { return Err("it has no output".into()) };
        if !others.is_empty() {
            self.notes.push(format!("`{first}` is taken for its output, and not {}", others.join(", ")));
        }
        match self.values.get(*first).cloned() {
            Some(Value::Map(map)) => {
                let node = self.map(&map)?;
                let shape = self.builder.shape(node);
                if shape.height * shape.width != 1 {
                    return Err(format!("its output is a map of {shape}, not one logit per class"));
                }
                Ok(node)
            }
            Some(Value::Constant(_)) => Err(format!("its output `{first}` does not depend on the image")),
            None => Err(format!("no node makes its output `{first}`")),
        }
    }

    /// A node of the network, checked.
    pub fn push(&mut self, name: String, op: Op, inputs: Vec<NodeId>) -> Result<NodeId, Reason> {
        let id = self.builder.push(name, op, inputs).map_err(of_network)?;
        let shape = self.builder.shape(id);
        let sides = shape.channels.checked_mul(shape.height).and_then(|n| n.checked_mul(shape.width));
        match sides {
            Some(n) if n > 0 && n <= LARGEST_MAP => Ok(id),
            _ => Err(format!("it makes a map of {shape}")),
        }
    }

    /// An operation that learns nothing.
    pub fn apply(&mut self, op: Op, input: NodeId) -> Result<NodeId, Reason> {
        self.push(String::new(), op, vec![input])
    }

    /// A tensor of the file that belongs to a node.
    pub fn store(&mut self, node: NodeId, part: Part, values: Constant) {
        self.stored.push(Stored { node, part, values, transposed: false, add: 0.0 });
    }

    /// The name of a layer: that of its weight, or of the node of the format; no two are equal.
    pub fn name(&mut self, weight: &str, position: usize) -> String {
        let own = weight.strip_suffix(".weight").filter(|name| !name.contains("::"));
        let of_node = || {
            let node = self.graph.node.get(position).map(label).unwrap_or_default();
            node.trim_start_matches('/').replace('/', ".")
        };
        let name = own.map_or_else(of_node, str::to_owned);
        let mut distinct = name.clone();
        let mut count = 1;
        while !self.names.insert(distinct.clone()) {
            count += 1;
            distinct = format!("{name}_{count}");
        }
        distinct
    }

    /// The node whose values are a map's, its function applied.
    pub fn values_of(&mut self, map: &Map) -> Result<NodeId, Reason> {
        if map.function == Function::Argument {
            return Ok(map.node);
        }
        let key = (map.node, format!("{:?}", map.function));
        if let Some(&known) = self.computed.get(&key) {
            return Ok(known);
        }
        let node = self.function(map.node, &map.function)?;
        self.computed.insert(key, node);
        Ok(node)
    }

    /// The map as the values of a node, if its function was applied before.
    pub fn settled(&self, map: &Map) -> Map {
        let known = self.computed.get(&(map.node, format!("{:?}", map.function)));
        known.map_or_else(|| map.clone(), |&node| Map::of(node, map.view.clone()))
    }

    /// The node that holds the tensor as (channels, height, width).
    pub fn map(&mut self, map: &Map) -> Result<NodeId, Reason> {
        let node = self.values_of(map)?;
        match map.view.arrangement(self.builder.shape(node))? {
            Arrangement::Map => Ok(node),
            Arrangement::Shuffle { groups } => self.arranged(Op::ChannelShuffle { groups }, node),
            Arrangement::Flatten => self.arranged(Op::Flatten, node),
        }
    }

    fn arranged(&mut self, op: Op, node: NodeId) -> Result<NodeId, Reason> {
        let key = (node, format!("{op:?}"));
        if let Some(&known) = self.computed.get(&key) {
            return Ok(known);
        }
        let arranged = self.apply(op, node)?;
        self.computed.insert(key, arranged);
        Ok(arranged)
    }

    /// A value that lies as a map.
    pub fn plain(&self, node: NodeId) -> Value {
        Value::Map(Map::of(node, View::map(self.builder.shape(node))))
    }
}

/// The inputs of a node.
pub(super) struct Inputs<'v>(pub &'v [Option<Value>]);

impl<'v> Inputs<'v> {
    /// A value that is computed from the image.
    pub fn map(&self, i: usize) -> Result<&'v Map, Reason> {
        match self.0.get(i) {
            Some(Some(Value::Map(map))) => Ok(map),
            Some(Some(Value::Constant(_))) => Err(format!("input {i} is a constant")),
            _ => Err(format!("input {i} is missing")),
        }
    }

    /// A constant.
    pub fn constant(&self, i: usize) -> Result<&'v Constant, Reason> {
        match self.0.get(i) {
            Some(Some(Value::Constant(constant))) => Ok(constant),
            Some(Some(Value::Map(_))) => Err(format!("input {i} is computed from the image")),
            _ => Err(format!("input {i} is missing")),
        }
    }

    /// A constant that may be left out.
    pub fn optional(&self, i: usize) -> Result<Option<&'v Constant>, Reason> {
        match self.0.get(i) {
            None | Some(None) => Ok(None),
            Some(Some(_)) => self.constant(i).map(Some),
        }
    }
}

/// The value of a `Constant` node.
fn literal(a: &Attributes<'_>, inputs: usize) -> Result<Constant, Reason> {
    if inputs > 0 {
        return Err("a constant has no inputs".into());
    }
    if let Some(tensor) = a.tensor("value") {
        return Constant::of(tensor);
    }
    if let Some(ints) = a.ints("value_ints") {
        return Ok(Constant::whole(vec![ints.len()], ints.to_vec()));
    }
    if let Some(floats) = a.floats("value_floats") {
        return Ok(Constant::real(vec![floats.len()], floats.to_vec()));
    }
    let named = |name: &str| a.0.attribute.iter().any(|x| x.name.as_deref() == Some(name));
    match (named("value_int"), named("value_float")) {
        (true, _) => Ok(Constant::whole(Vec::new(), vec![a.int("value_int", 0)])),
        (_, true) => Ok(Constant::real(Vec::new(), vec![a.float("value_float", 0.0)])),
        _ => Err("a constant of a type that is not read".into()),
    }
}
