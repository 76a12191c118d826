//! Counts, path lengths and degrees of an architecture's graph, by subsets of its operations.

use ndarray::Array2;
use rayon::prelude::*;

use super::{Columns, EncodingEntry};
use crate::space::{Architecture, OpGraph, OpSet, SearchSpace};

pub(super) static ENTRY: EncodingEntry = EncodingEntry {
    name: "graf",
    title: "Graph features by subsets of operations",
    what: "count of every operation; for subsets of operations the shortest and longest path that uses no others, degrees, \
           and the most of them on a path",
    paper: "in the spirit of GRAF: Kadlecova et al., Surprisingly strong performance prediction with neural graph features, \
            ICML 2024, arXiv:2404.16551",
    encode: &encode,
};

/// Up to this many operations all subsets are taken.
const ALL_SUBSETS: usize = 4;

/// The features of a subset, in the order of [`features`]; the last is left out for the set of all operations, where it
/// is the longest path.
const FEATURES: [&str; 6] =
    ["shortest path", "longest path", "into output", "out of input", "mean degree", "most on a path"];

/// For every operation how many nodes have it; then for every subset `S` of operations, with `G_S` the graph of the input,
/// the output and the nodes whose operation is in `S`:
///
/// - the operations on the shortest and on the longest path of `G_S` from the input to the output. If there is no path, the
///   longest has 0 and the shortest one more than any path of the space has ([`OpSet::longest_path`]);
/// - how many nodes with an operation in `S` feed the output, and how many are fed by the input;
/// - the mean degree: edges of `G_S` per node with an operation in `S`, 0 if there is none;
/// - the most operations of `S` on a path of the whole graph.
///
/// Subsets are all non-empty ones of up to four operations; of more, single operations, pairs, all but one, and all. The
/// columns depend on the space only: 44 for NAS-Bench-101, 93 for NAS-Bench-201.
fn encode(space: &dyn SearchSpace, archs: &[Architecture]) -> Columns {
    let set = space.op_set();
    let subsets = subsets(set.names.len());
    let names = names(&set, &subsets);
    let mut values = Array2::zeros((archs.len(), names.len()));
    values.outer_iter_mut().into_par_iter().zip(archs).for_each(|(mut row, arch)| {
        let graph = space.op_graph(arch);
        let counts = (0..set.names.len()).map(|op| graph.ops.iter().filter(|&&o| usize::from(o) == op).count() as f64);
        let of_subset =
            |subset: &Vec<bool>| features(&graph, subset, set.longest_path + 1).into_iter().take(width(subset));
        let all = counts.chain(subsets.iter().flat_map(of_subset));
        row.iter_mut().zip(all).for_each(|(value, feature)| *value = feature);
    });
    Columns { names, values }
}

/// How many features a subset has.
fn width(subset: &[bool]) -> usize {
    FEATURES.len() - usize::from(subset.iter().all(|&inside| inside))
}

/// Subsets of `n` operations, smaller ones first.
fn subsets(n: usize) -> Vec<Vec<bool>> {
    let mut subsets: Vec<Vec<bool>> = if n <= ALL_SUBSETS {
        (1..1u32 << n).map(|bits| (0..n).map(|op| bits >> op & 1 == 1).collect()).collect()
    } else {
        let pairs = (0..n).flat_map(|b| (0..=b).map(move |a| (0..n).map(|op| op == a || op == b).collect()));
        let without = (0..n).map(|out| (0..n).map(|op| op != out).collect());
        pairs.chain(without).chain([vec![true; n]]).collect()
    };
    subsets.sort_by_key(|subset| subset.iter().filter(|&&inside| inside).count());
    subsets
}

fn names(set: &OpSet, subsets: &[Vec<bool>]) -> Vec<String> {
    let called = |subset: &Vec<bool>| {
        let (inside, outside): (Vec<_>, Vec<_>) = set.names.iter().zip(subset).partition(|&(_, &inside)| inside);
        match (inside.len(), outside.as_slice()) {
            (_, []) => "all".into(),
            (3.., [(name, _)]) => format!("all but {name}"),
            _ => inside.into_iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" or "),
        }
    };
    let of_subset = |subset: &Vec<bool>| {
        let called = called(subset);
        FEATURES[..width(subset)].iter().map(move |feature| format!("graf {called}: {feature}"))
    };
    let counts = set.names.iter().map(|name| format!("graf {name}: count"));
    counts.chain(subsets.iter().flat_map(of_subset)).collect()
}

/// The features of one subset, where `far` stands for the shortest path if there is none.
fn features(graph: &OpGraph, subset: &[bool], far: usize) -> [f64; 6] {
    let output = graph.output();
    let in_subset = |v: usize| graph.op(v).is_some_and(|op| subset[usize::from(op)]);
    // Operations of the subset on the shortest and longest path so far that has no others, and the most on any path.
    let mut lengths: Vec<Option<(usize, usize)>> = vec![None; output + 1];
    let mut most = vec![0; output + 1];
    lengths[0] = Some((0, 0));
    let (mut entering, mut leaving, mut edges) = (0, 0, 0);
    for &(from, to) in &graph.edges {
        let (first, last) = (in_subset(from), in_subset(to));
        most[to] = most[to].max(most[from] + usize::from(last));
        if !(first || from == 0) || !(last || to == output) {
            continue;
        }
        edges += 1;
        entering += usize::from(first && to == output);
        leaving += usize::from(last && from == 0);
        if let Some((short, long)) = lengths[from] {
            let step = usize::from(last);
            let (known_short, known_long) = lengths[to].unwrap_or((far, 0));
            lengths[to] = Some((known_short.min(short + step), known_long.max(long + step)));
        }
    }
    let nodes = (1..output).filter(|&v| in_subset(v)).count();
    let (shortest, longest) = lengths[output].unwrap_or((far, 0));
    let mean_degree = if nodes == 0 { 0.0 } else { f64::from(edges) / nodes as f64 };
    [shortest as f64, longest as f64, entering as f64, leaving as f64, mean_degree, most[output] as f64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::open;
    use approx::assert_relative_eq;

    #[test]
    fn features_are_as_on_paper() {
        let space = open("nas-bench-101").unwrap();
        // conv1x1 and conv3x3 side by side, a pooling after the first, the input straight into the output.
        let arch = space.parse("conv1x1:0/conv3x3:0/maxpool3x3:1/output:0123").unwrap();
        let columns = encode(space.as_ref(), &[arch]);
        assert_eq!(columns.names.len(), 44);
        let of = |subset: &str| -> Vec<f64> {
            let named = |name: &&String| name.starts_with(&format!("graf {subset}: "));
            let value = |name: &String| columns.values[[0, columns.names.iter().position(|n| n == name).unwrap()]];
            columns.names.iter().filter(named).map(value).collect()
        };
        // Count (of one operation), shortest, longest, into output, out of input, mean degree, most.
        assert_eq!(of("conv1x1"), [1.0, 0.0, 1.0, 1.0, 1.0, 3.0, 1.0]);
        assert_eq!(of("maxpool3x3"), [1.0, 0.0, 0.0, 1.0, 0.0, 2.0, 1.0]);
        assert_eq!(of("conv3x3 or conv1x1"), [0.0, 1.0, 2.0, 2.0, 2.5, 1.0]);
        assert_eq!(of("conv1x1 or maxpool3x3"), [0.0, 2.0, 2.0, 1.0, 2.5, 2.0]);
        assert_eq!(of("all"), [0.0, 2.0, 3.0, 2.0, 7.0 / 3.0]);

        let space = open("nas-bench-201").unwrap();
        let arch = space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|").unwrap();
        let columns = encode(space.as_ref(), &[arch]);
        assert_eq!(columns.names.len(), 93);
        for (name, value) in columns.names.iter().zip(columns.values.row(0)) {
            assert_eq!(*value, if name.ends_with("shortest path") { 4.0 } else { 0.0 }, "{name}");
        }
    }

    // P = [(3,), (0, 4), (1, 5), (0, 2, 5)]    # the paths, as edges 0>1, 0>2, 1>2, 0>3, 1>3, 2>3
    // for ops in itertools.product(range(5), repeat=6):
    //   live = {e for p in P if all(ops[e] for e in p) for e in p}
    //   paths = [[ops[e] for e in p] for p in P if all(ops[e] for e in p)]
    //   for S in [(1,), (2, 3), (1, 2, 3, 4)]:
    //     own, n = [p for p in paths if set(p) <= set(S)], [e for e in live if ops[e] in S]
    //     out, inp = sum(E[e][1] == 3 for e in n), sum(E[e][0] == 0 for e in n)
    //     degree = (out + inp + sum(E[a][1] == E[b][0] for a in n for b in n)) / len(n) if n else 0
    //     total[S] += np.array([min(map(len, own), default=4), max(map(len, own), default=0), out, inp, degree,
    //                           max((sum(o in S for o in p) for p in paths), default=0)])
    #[test]
    fn sums_over_the_whole_of_nas_bench_201_match_python() {
        let space = open("nas-bench-201").unwrap();
        let archs: Vec<_> = (0..15_625).map(|i| space.at(i).unwrap()).collect();
        let columns = encode(space.as_ref(), &archs);
        for (subset, golden) in [
            ("skip_connect", [51_101.0, 5_599.0, 8_525.0, 8_525.0, 11_953.666666666666, 12_391.0]),
            ("nor_conv_1x1 or nor_conv_3x3", [38_014.0, 15_186.0, 17_050.0, 17_050.0, 18_052.266666666667, 21_162.0]),
            ("all", [19_496.0, 37_204.0, 34_100.0, 34_100.0, 25_308.266666666667, 37_204.0]),
        ] {
            let width = if subset == "all" { 5 } else { 6 };
            for (feature, golden) in FEATURES.iter().zip(golden).take(width) {
                let name = format!("graf {subset}: {feature}");
                let column = columns.names.iter().position(|n| *n == name).unwrap();
                assert_relative_eq!(columns.values.column(column).sum(), golden, max_relative = 1e-9);
            }
        }
    }

    #[test]
    fn subsets_are_bounded() {
        assert_eq!(subsets(3).len(), 7);
        assert_eq!(subsets(9).len(), 9 + 36 + 9 + 1);
        let set = open("fbnet").unwrap().op_set();
        let names = names(&set, &subsets(9));
        assert_eq!(names.len(), 9 + 6 * 55 - 1);
        assert!(names.contains(&"graf all but skip: longest path".into()));
        assert!(names.contains(&"graf k3_e1 or skip: into output".into()));
    }
}
