//! A layered layout of small directed acyclic graphs (after Sugiyama, Tagawa & Toda, IEEE Trans. SMC 11, 1981).

/// A place: the layer, counted from the input, and the position within it, around zero. Both in units.
pub(super) type Place = (f64, f64);

/// Where nodes and edges go.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    /// One place per node.
    pub(super) nodes: Vec<Place>,
    /// The places that each edge goes through: its ends, and one in each layer between them.
    pub(super) edges: Vec<Vec<Place>>,
    /// Number of layers.
    pub(super) layers: usize,
    /// Least and greatest position.
    pub(super) span: (f64, f64),
}

/// Rounds of ordering and of straightening.
const ROUNDS: usize = 24;

/// Lays out `nodes` nodes whose `edges` lead to later ones. A node's layer is the length of the longest way to it; within
/// layers the order is that with the fewest crossings of [`ROUNDS`] barycentre sweeps. `slim` is the room that an edge
/// takes in a layer that it passes, where a node takes 1.
pub(super) fn layout(nodes: usize, edges: &[(usize, usize)], slim: f64) -> Layout {
    if nodes == 0 {
        return Layout::default();
    }
    let mut layer = vec![0usize; nodes];
    let mut sorted: Vec<_> = edges.iter().copied().filter(|&(from, to)| from < to && to < nodes).collect();
    sorted.sort_by_key(|e| e.1);
    sorted.iter().for_each(|&(from, to)| layer[to] = layer[to].max(layer[from] + 1));
    // The output comes last, and a node that nothing feeds is not an input.
    let last = layer.iter().copied().max().unwrap_or(0).max(usize::from(nodes > 1));
    layer[nodes - 1] = if nodes > 1 { last } else { 0 };
    layer[1..nodes].iter_mut().for_each(|l| *l = (*l).max(1.min(last)));

    // Items are the nodes, then one for every layer that an edge passes.
    let mut item_layer = layer.clone();
    let mut chains: Vec<Vec<usize>> = Vec::new();
    for &(from, to) in edges {
        if from >= to || to >= nodes {
            chains.push(Vec::new());
            continue;
        }
        let mut chain = vec![from];
        for l in layer[from] + 1..layer[to] {
            chain.push(item_layer.len());
            item_layer.push(l);
        }
        chain.push(to);
        chains.push(chain);
    }
    let links: Vec<(usize, usize)> = chains.iter().flat_map(|c| c.windows(2).map(|w| (w[0], w[1]))).collect();
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); last + 1];
    (0..item_layer.len()).for_each(|item| rows[item_layer[item]].push(item));
    let rows = ordered(rows, &links, item_layer.len());
    let room = |item: usize| if item < nodes { 1.0 } else { slim };
    let place = straightened(&rows, &links, item_layer.len(), nodes, room);
    let at = |item: usize| (item_layer[item] as f64, place[item]);
    let span = crate::stats::range(place.iter().copied());
    Layout {
        nodes: (0..nodes).map(at).collect(),
        edges: chains.iter().map(|chain| chain.iter().map(|&item| at(item)).collect()).collect(),
        layers: last + 1,
        span,
    }
}

fn neighbours(item: usize, links: &[(usize, usize)]) -> impl Iterator<Item = usize> + '_ {
    links.iter().filter_map(move |&(a, b)| match item {
        i if i == a => Some(b),
        i if i == b => Some(a),
        _ => None,
    })
}

/// The rows in the best order found.
fn ordered(mut rows: Vec<Vec<usize>>, links: &[(usize, usize)], items: usize) -> Vec<Vec<usize>> {
    let mut best = (crossings(&rows, links, items), rows.clone());
    for round in 0..ROUNDS {
        let count = rows.len();
        for step in 0..count {
            let row = if round % 2 == 0 { step } else { count - 1 - step };
            let position = positions(&rows, items);
            // Relative places, so that rows of different length compare.
            let middle = |item: usize| {
                let (sum, n) = neighbours(item, links).fold((0.0, 0.0), |(s, n), o| (s + position[o], n + 1.0));
                if n > 0.0 { sum / n } else { position[item] }
            };
            rows[row].sort_by(|&a, &b| middle(a).total_cmp(&middle(b)));
        }
        let found = crossings(&rows, links, items);
        if found < best.0 {
            best = (found, rows.clone());
        }
    }
    best.1
}

fn positions(rows: &[Vec<usize>], items: usize) -> Vec<f64> {
    let mut position = vec![0.0; items];
    for row in rows {
        for (i, &item) in row.iter().enumerate() {
            position[item] = i as f64 - (row.len() - 1) as f64 / 2.0;
        }
    }
    position
}

fn crossings(rows: &[Vec<usize>], links: &[(usize, usize)], items: usize) -> usize {
    let position = positions(rows, items);
    let mut layer = vec![0; items];
    rows.iter().enumerate().for_each(|(l, row)| row.iter().for_each(|&item| layer[item] = l));
    let cross = |&(a, b): &(usize, usize), &(c, d): &(usize, usize)| {
        layer[a] == layer[c] && (position[a] - position[c]) * (position[b] - position[d]) < 0.0
    };
    links.iter().enumerate().map(|(i, e)| links[..i].iter().filter(|f| cross(e, f)).count()).sum()
}

/// Positions that keep the order and the room of every item, each drawn towards its neighbours: more strongly where an
/// edge passes on from one layer to the next, so that long edges run straight. Items from `nodes` on are such passages.
fn straightened(
    rows: &[Vec<usize>],
    links: &[(usize, usize)],
    items: usize,
    nodes: usize,
    room: impl Fn(usize) -> f64,
) -> Vec<f64> {
    let mut place = vec![0.0; items];
    let apart = |a: usize, b: usize| (room(a) + room(b)) / 2.0;
    for row in rows {
        let mut at = 0.0;
        for (i, &item) in row.iter().enumerate() {
            at += if i == 0 { 0.0 } else { apart(row[i - 1], item) };
            place[item] = at;
        }
        row.iter().for_each(|&item| place[item] -= at / 2.0);
    }
    for _ in 0..ROUNDS {
        for row in rows {
            let wanted: Vec<f64> = row
                .iter()
                .map(|&item| {
                    let pull = |other: usize| match (item < nodes, other < nodes) {
                        (true, true) => 1.0,
                        (false, false) => 8.0,
                        _ => 2.0,
                    };
                    let (sum, n) =
                        neighbours(item, links).fold((0.0, 0.0), |(s, n), o| (s + pull(o) * place[o], n + pull(o)));
                    if n > 0.0 { sum / n } else { place[item] }
                })
                .collect();
            // From either end as near as the room allows; the mean of both keeps the room too.
            let (mut forward, mut backward) = (wanted.clone(), wanted);
            for i in 1..row.len() {
                forward[i] = forward[i].max(forward[i - 1] + apart(row[i - 1], row[i]));
            }
            for i in (1..row.len()).rev() {
                backward[i - 1] = backward[i - 1].min(backward[i] - apart(row[i - 1], row[i]));
            }
            row.iter().enumerate().for_each(|(i, &item)| place[item] = (forward[i] + backward[i]) / 2.0);
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_a_straight_line() {
        let found = layout(4, &[(0, 1), (1, 2), (2, 3)], 0.5);
        assert_eq!(found.nodes, [(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)]);
        assert_eq!((found.layers, found.span), (4, (0.0, 0.0)));
    }

    #[test]
    fn a_complete_cell_is_drawn_without_crossings_and_with_room() {
        let edges = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)];
        let found = layout(4, &edges, 0.8);
        assert_eq!(found.edges.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 2, 4, 3, 2]);
        let mut middle: Vec<f64> = [found.nodes[1].1, found.edges[1][1].1, found.edges[3][1].1].to_vec();
        middle.sort_by(f64::total_cmp);
        assert!(middle.windows(2).all(|w| w[1] - w[0] > 0.79), "{middle:?}");
        // Node 1 lies on the side where the edge past node 2 comes from.
        assert_eq!(
            (found.nodes[1].1 - found.edges[3][1].1).signum(),
            (found.edges[4][1].1 - found.edges[3][2].1).signum()
        );
    }

    #[test]
    fn odd_graphs_have_a_layout() {
        assert_eq!(layout(0, &[], 0.5), Layout::default());
        assert_eq!(layout(1, &[], 0.5).nodes, [(0.0, 0.0)]);
        assert_eq!(layout(2, &[], 0.5).layers, 2);
        assert_eq!(layout(3, &[(2, 1), (0, 9)], 0.5).edges, [vec![], vec![]]);
    }
}
