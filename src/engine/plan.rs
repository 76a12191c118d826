//! One graph for a population of networks: what is equal is there once, what is alike runs together.

use std::collections::HashMap;

use super::weights::{LayerKey, layer_key};
use crate::network::{Network, NodeId, Op, Shape};

/// Position of a node in [`Plan::nodes`].
pub(super) type PlanId = usize;

/// An operation that at least one network of the population has.
#[derive(Clone, Debug)]
pub(super) struct PlanNode {
    pub op: Op,
    pub inputs: Vec<PlanId>,
    pub shape: Shape,
    /// The first (network, node) that has it.
    pub owner: (usize, NodeId),
    /// The nodes that read it.
    pub consumers: Vec<PlanId>,
    /// Networks whose output it is.
    pub outputs: usize,
}

/// The merged graph of several networks, each with the seed of its weights.
///
/// Two nodes are one if operation, inputs and weights are equal. Weights are equal if seed, name and shape of the layer are
/// ([`layer_weight`](crate::network::layer_weight)), so networks with one seed share whatever prefix they have in common,
/// and within any network equal operations on equal inputs run once. Nodes are in topological order.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    pub networks: Vec<&'a Network>,
    pub nodes: Vec<PlanNode>,
    /// Nodes of one operation, weight and shape whose inputs are all computed by earlier steps.
    pub steps: Vec<Vec<PlanId>>,
    /// For each network, the plan's node of each of its nodes.
    pub of: Vec<Vec<PlanId>>,
}

impl<'a> Plan<'a> {
    /// The plan for these networks and weight seeds.
    pub fn new(population: &[(&'a Network, u64)]) -> Plan<'a> {
        Self::merged(population, false)
    }

    /// The plan of one network whose normalisations have scales and shifts of their own, so that no two are one.
    pub fn trained(network: &'a Network) -> Plan<'a> {
        Self::merged(&[(network, 0)], true)
    }

    /// The plan of one network as far as its last block; the outputs of all blocks are kept.
    pub fn of_blocks(network: &'a Network, seed: u64) -> Plan<'a> {
        let mut plan = Self::merged(&[(network, seed)], false);
        let ends: Vec<PlanId> = network.blocks().iter().map(|&end| plan.of[0][end]).collect();
        ends.iter().for_each(|&end| plan.nodes[end].outputs += 1);
        plan.steps.truncate(ends.iter().max().map_or(0, |&last| last + 1));
        plan
    }

    /// The plan as far as the last node that is asked for.
    pub fn until_last(&self, asked_for: impl Fn(&PlanNode) -> bool) -> Plan<'a> {
        let asked = |step: &Vec<PlanId>| step.iter().any(|&id| asked_for(&self.nodes[id]));
        let steps = self.steps.iter().rposition(asked).map_or(0, |last| last + 1);
        Plan { steps: self.steps[..steps].to_vec(), ..self.clone() }
    }

    fn merged(population: &[(&'a Network, u64)], distinct_norms: bool) -> Plan<'a> {
        /// Operation, inputs, weights, and the node itself if it has parameters that are no weights.
        type Key = (Op, Vec<PlanId>, Option<LayerKey>, Option<NodeId>);
        let mut known: HashMap<Key, PlanId> = HashMap::new();
        let mut layers: HashMap<PlanId, LayerKey> = HashMap::new();
        let mut nodes: Vec<PlanNode> = Vec::new();
        let mut of = Vec::with_capacity(population.len());
        for (n, &(network, seed)) in population.iter().enumerate() {
            let mut mapped: Vec<PlanId> = Vec::with_capacity(network.nodes().len());
            for (id, node) in network.nodes().iter().enumerate() {
                let inputs: Vec<PlanId> = node.inputs.iter().map(|&i| mapped[i]).collect();
                let layer = layer_key(network, id, seed);
                let learns = !node.op.vectors(network.operand_shape(id)).is_empty();
                let own = (learns || distinct_norms && node.op == Op::BatchNorm).then_some(id);
                let key = (node.op, inputs.clone(), layer.clone(), own);
                let plan_id = *known.entry(key).or_insert_with(|| {
                    for &i in &inputs {
                        let node: &mut PlanNode = &mut nodes[i];
                        node.consumers.push(usize::MAX);
                    }
                    nodes.push(PlanNode {
                        op: node.op,
                        inputs,
                        shape: node.shape,
                        owner: (n, id),
                        consumers: Vec::new(),
                        outputs: 0,
                    });
                    if let Some(layer) = layer {
                        layers.insert(nodes.len() - 1, layer);
                    }
                    nodes.len() - 1
                });
                mapped.push(plan_id);
            }
            nodes[mapped[network.output()]].outputs += 1;
            of.push(mapped);
        }
        nodes.iter_mut().for_each(|n| n.consumers.clear());
        for id in 0..nodes.len() {
            for i in nodes[id].inputs.clone() {
                nodes[i].consumers.push(id);
            }
        }
        let steps = if population.len() == 1 {
            // In the order of the network: what reads a value follows it closely.
            (0..nodes.len()).map(|id| vec![id]).collect()
        } else {
            let mut ends = vec![false; nodes.len()];
            for (&(network, _), of) in population.iter().zip(&of) {
                network.blocks().iter().for_each(|&id| ends[of[id]] = true);
            }
            steps(&nodes, &layers, &ends)
        };
        Plan { networks: population.iter().map(|p| p.0).collect(), nodes, steps, of }
    }

    /// Number of libtorch calls, hence at least of kernel launches, of a forward in which every step is one call per
    /// operation: what a GPU is asked to do.
    #[cfg(test)]
    pub fn calls(&self) -> usize {
        let of = |step: &Vec<PlanId>| {
            let node = &self.nodes[step[0]];
            let gathers = if step.len() > 1 { node.inputs.len() } else { 0 };
            gathers
                + match node.op {
                    Op::Input => 0,
                    // Two means, centring, squares, shifted reciprocal root, scaling.
                    Op::BatchNorm => 7,
                    Op::Add => node.inputs.len() - 1,
                    _ => 1,
                }
        };
        self.steps.iter().map(of).sum()
    }

    /// Whether the correlation between the channels of a node's output over its pixels says anything: it is an operation's, and
    /// has fewer channels than pixels. Otherwise some combination of channels is constant.
    pub fn is_correlated(node: &PlanNode) -> bool {
        !node.op.is_wiring() && node.shape.channels < node.shape.height * node.shape.width
    }

    /// Whether a gradient through the network reads the value of the node.
    pub fn is_read_back(&self, id: PlanId) -> bool {
        let node = &self.nodes[id];
        let mapped = |op: &Op| matches!(op, Op::Relu | Op::AvgPool(_) | Op::GlobalAvgPool | Op::AdaptiveAvgPool { .. });
        let read = |op: &Op| !op.is_wiring() && !mapped(op) && !matches!(op, Op::Resize(_));
        node.op == Op::Relu || node.consumers.iter().any(|&c| read(&self.nodes[c].op))
    }

    /// How often each ReLU of the plan is among the network's own.
    pub fn relus(&self, network: usize) -> impl Iterator<Item = PlanId> + '_ {
        let nodes = self.networks[network].nodes();
        self.of[network].iter().zip(nodes).filter(|(_, n)| n.op == Op::Relu).map(|(&id, _)| id)
    }
}

/// Level by level, nodes of equal operation, weight and shapes together. A node's level is the number of blocks before it and
/// the longest path to it within its block: networks enter each block together, however deep their blocks are. `ends` says
/// which nodes are outputs of blocks.
fn steps(nodes: &[PlanNode], layers: &HashMap<PlanId, LayerKey>, ends: &[bool]) -> Vec<Vec<PlanId>> {
    type Level = (usize, usize);
    let mut level: Vec<Level> = vec![(0, 0); nodes.len()];
    /// Level, operation, weight, shapes of the inputs.
    type Alike<'k> = (Level, Op, Option<&'k LayerKey>, Vec<Shape>);
    let mut position: HashMap<Alike<'_>, usize> = HashMap::new();
    let mut steps: Vec<(Level, Vec<PlanId>)> = Vec::new();
    for (id, node) in nodes.iter().enumerate() {
        let after = |&i: &PlanId| if ends[i] { (level[i].0 + 1, 0) } else { (level[i].0, level[i].1 + 1) };
        level[id] = node.inputs.iter().map(after).max().unwrap_or((0, 0));
        let operands = node.inputs.iter().map(|&i| nodes[i].shape).collect();
        let key = (level[id], node.op, layers.get(&id), operands);
        let step = *position.entry(key).or_insert_with(|| {
            steps.push((level[id], Vec::new()));
            steps.len() - 1
        });
        steps[step].1.push(id);
    }
    steps.sort_by_key(|(level, _)| *level);
    steps.into_iter().map(|(_, ids)| ids).collect()
}
