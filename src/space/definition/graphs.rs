//! Graphs of a space file: what their nodes compute, and how they are drawn.

use std::ops::Range;

use super::expr::Fault;
use super::layers::{Frame, Maker, Scope, shape_fault};
use super::syntax::{Failure, GraphNode, Join};
use crate::network::{NodeId, Op};
use crate::space::{CellGraph, GraphEdge};

impl Maker<'_> {
    pub(super) fn node(
        &mut self,
        node: &GraphNode,
        values: &[Option<NodeId>],
        join: Join,
        frame: &mut Frame,
        cell: &mut CellGraph,
        at: &Range<usize>,
    ) -> Result<Option<NodeId>, Failure> {
        let kept = frame.variables.len();
        let to = values.len();
        frame.set("to", to as i64);
        let mut terms = Vec::with_capacity(node.edges.len());
        for (position, edge) in node.edges.iter().enumerate() {
            let scope = Scope { frame, genes: &self.genes };
            let from = edge.from.number(&scope)?;
            let source = usize::try_from(from).ok().and_then(|from| values.get(from));
            let Some(source) = source else {
                let reason = format!("node {to} can read nodes 0 to {}, not {from}", to - 1);
                return Err(Fault::new(&edge.from.at, reason).into());
            };
            let Some(source) = *source else { continue };
            frame.set("from", from);
            self.shape_names(frame, source);
            let scope = Scope { frame, genes: &self.genes };
            let when = edge.when.as_ref().or(edge.call.as_ref().and_then(|call| call.when.as_ref()));
            if when.map_or(Ok(true), |when| when.holds(&scope))? {
                let label = match &edge.call {
                    None => String::new(),
                    Some(call) => self.callee(call, &scope)?.0.name().to_owned(),
                };
                let start = cell.edges.len();
                cell.edges.push(GraphEdge { from: from as usize, to, label, open: true });
                terms.push(match &edge.call {
                    None => source,
                    Some(call) => self.call(call, &[source], frame, &|_| format!("node{to}.{position}"))?.0,
                });
                let value = terms[terms.len() - 1];
                cell.edges[start].open = !matches!(self.b.node(value).op, Op::Zero { .. });
            }
        }
        let mut value = self.join(join, &terms, at)?;
        cell.nodes.push(to.to_string());
        if let (Some(joined), Some(then)) = (value, &node.then) {
            cell.nodes[to] = self.callee(then, &Scope { frame, genes: &self.genes })?.0.name().to_owned();
            value = Some(self.call(then, &[joined], frame, &|_| format!("node{to}"))?.0);
        }
        frame.variables.truncate(kept);
        Ok(value)
    }

    /// Keeps a cell of a kind that was not seen, with one input and one output.
    pub(super) fn draw(&mut self, mut cell: CellGraph, inputs: usize, output: &[usize]) {
        /// Kinds of cells that are drawn.
        const MOST: usize = 4;
        let plain = |from, to| GraphEdge { from, to, label: String::new(), open: true };
        if output.len() == 1 && output[0] + 1 == cell.nodes.len() {
            if cell.nodes[output[0]] == output[0].to_string() {
                cell.nodes[output[0]] = "out".into();
            }
        } else {
            let out = cell.nodes.len();
            cell.nodes.push("out".into());
            cell.edges.extend(output.iter().map(|&from| plain(from, out)));
        }
        if inputs > 1 {
            cell.nodes.insert(0, "in".into());
            cell.edges.iter_mut().for_each(|edge| (edge.from, edge.to) = (edge.from + 1, edge.to + 1));
            cell.edges.splice(0..0, (1..=inputs).map(|to| plain(0, to)));
        }
        let known = self.cells.iter().any(|other| (&other.nodes, &other.edges) == (&cell.nodes, &cell.edges));
        if !known && self.cells.len() < MOST {
            if self.cells.iter().any(|other| other.name == cell.name) {
                cell.name = format!("{} {}", cell.name, self.cells.len() + 1);
            }
            self.cells.push(cell);
        }
    }

    pub(super) fn join(&mut self, join: Join, parts: &[NodeId], at: &Range<usize>) -> Result<Option<NodeId>, Failure> {
        if parts.is_empty() {
            return Ok(None);
        }
        let joined = match join {
            Join::Add => self.b.add(parts),
            Join::Concat => self.b.concat(parts),
        };
        joined.map(Some).map_err(shape_fault(at))
    }
}
