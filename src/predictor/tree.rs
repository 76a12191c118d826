//! Regression trees: piecewise constant functions, grown by splitting rows in two until little is left to explain.

use std::ops::Range;

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::seed::Stream;

/// How a tree grows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    /// Rows that each side of a split keeps at least, counted as often as they were drawn.
    pub min_leaf: usize,
    /// Columns tried per split, those that are constant in the node not counted.
    pub features: usize,
    /// Largest number of splits from the root to a leaf.
    pub depth: usize,
    /// One uniform threshold between the extremes of each column tried, instead of the best of all.
    pub random_thresholds: bool,
}

/// Training rows as trees read them.
pub(super) struct Table {
    /// Shape (features, rows), so that a feature is contiguous.
    columns: Array2<f64>,
    /// Per feature, the rows in ascending order; empty if nobody needs it.
    order: Vec<Vec<u32>>,
}

impl Table {
    /// The table of `x`, shape (rows, features); `sorted` for trees without random thresholds.
    pub fn new(x: ArrayView2<f64>, sorted: bool) -> Self {
        let columns = x.t().as_standard_layout().into_owned();
        let order_of = |column: ArrayView1<f64>| {
            let mut rows: Vec<u32> = (0..column.len() as u32).collect();
            rows.sort_by(|a, b| column[*a as usize].total_cmp(&column[*b as usize]));
            rows
        };
        let order = if sorted { columns.rows().into_iter().map(order_of).collect() } else { Vec::new() };
        Table { columns, order }
    }

    fn column(&self, column: usize) -> &[f64] {
        let rows = self.columns.ncols();
        &self.columns.as_slice().expect("standard layout")[column * rows..(column + 1) * rows]
    }
}

/// What a tree says of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Leaf {
    /// Mean of the labels in the leaf.
    pub mean: f64,
    /// Their variance, with the number of rows as divisor.
    pub variance: f64,
}

impl Leaf {
    /// The leaf of these labels, at least one.
    pub fn of(labels: impl Iterator<Item = f64> + Clone) -> Self {
        let (n, sum) = labels.clone().fold((0.0, 0.0), |(n, sum), y| (n + 1.0, sum + y));
        let mean = sum / n;
        Leaf { mean, variance: labels.map(|y| (y - mean).powi(2)).sum::<f64>() / n }
    }
}

#[derive(Clone, Copy, Debug)]
enum Node {
    /// Rows with `x[column] <= threshold` go to node `left`, the others to the one after it.
    Split {
        column: u32,
        left: u32,
        threshold: f64,
    },
    Leaf(Leaf),
}

/// A regression tree (Breiman, Friedman, Olshen & Stone, Classification and Regression Trees, 1984).
///
/// A split of a node into `L` and `R` takes from the sum of squared errors around the means
///
/// ```text
/// S² (1 / |L| + 1 / |R|)        S = Σ_{i in L} (y_i - mean of the node)
/// ```
///
/// The split with the largest gain of those tried is taken, the first of equal ones. A node is a leaf if its labels are
/// equal, if it is as deep as allowed or if no split leaves enough rows on both sides. Should all the columns to be tried
/// have no such split, further ones are tried.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Tree {
    /// Grows a tree on these `rows` of the table, repetitions allowed, at least one. `y` has a label per row of the table.
    pub fn grow(table: &Table, y: &[f64], rows: Vec<u32>, growth: &Growth, stream: &mut Stream) -> Tree {
        let placeholder = Node::Leaf(Leaf { mean: 0.0, variance: 0.0 });
        let mut nodes = vec![placeholder];
        let mut open = vec![(0, 0..rows.len(), 0)];
        let mut search = Search {
            table,
            y,
            growth,
            stream,
            candidates: (0..table.columns.nrows()).collect(),
            times: vec![0; y.len()],
            rows,
            sorted: Vec::new(),
        };
        while let Some((at, range, depth)) = open.pop() {
            let leaf = Leaf::of(search.rows[range.clone()].iter().map(|row| y[*row as usize]));
            let found = if depth < growth.depth { search.best_split(range.clone(), leaf.mean) } else { None };
            let Some(split) = found else {
                nodes[at] = Node::Leaf(leaf);
                continue;
            };
            let middle = search.partition(range.clone(), &split);
            let left = nodes.len();
            nodes[at] = Node::Split { column: split.column as u32, left: left as u32, threshold: split.threshold };
            nodes.extend([placeholder; 2]);
            open.push((left + 1, middle..range.end, depth + 1));
            open.push((left, range.start..middle, depth + 1));
        }
        Tree { nodes }
    }

    /// The leaf that a row of features falls into.
    pub fn leaf(&self, row: ArrayView1<f64>) -> Leaf {
        let mut at = 0;
        loop {
            match self.nodes[at] {
                Node::Leaf(leaf) => return leaf,
                Node::Split { column, left, threshold } => {
                    at = left as usize + usize::from(row[column as usize] > threshold);
                }
            }
        }
    }
}

struct Split {
    column: usize,
    threshold: f64,
    gain: f64,
}

/// The state of a growing tree.
struct Search<'a> {
    table: &'a Table,
    y: &'a [f64],
    growth: &'a Growth,
    stream: &'a mut Stream,
    /// All columns, in the order that the last draws left them in.
    candidates: Vec<usize>,
    /// How often each row is in the node; zeros between nodes.
    times: Vec<u32>,
    /// The rows drawn; those of a node are contiguous.
    rows: Vec<u32>,
    /// The rows of the node in ascending order of a column.
    sorted: Vec<u32>,
}

impl Search<'_> {
    /// The best split of a node with this mean label, among columns drawn without repetition.
    fn best_split(&mut self, range: Range<usize>, mean: f64) -> Option<Split> {
        let y = self.y;
        let rows = &self.rows[range.clone()];
        let first = y[rows[0] as usize];
        if rows.len() < 2 * self.growth.min_leaf.max(1) || rows.iter().all(|i| y[*i as usize] == first) {
            return None;
        }
        let (mut best, mut tried): (Option<Split>, _) = (None, 0);
        for drawn in 0..self.candidates.len() {
            if tried >= self.growth.features && best.is_some() {
                break;
            }
            let other = drawn + self.stream.below((self.candidates.len() - drawn) as u64) as usize;
            self.candidates.swap(drawn, other);
            let column = self.candidates[drawn];
            let Some((low, high)) = extremes(self.table.column(column), &self.rows[range.clone()]) else { continue };
            tried += 1;
            let split = match self.growth.random_thresholds {
                true => self.random_split(column, range.clone(), mean, low, high),
                false => self.exact_split(column, range.clone(), mean),
            };
            if let Some(split) = split.filter(|s| best.as_ref().is_none_or(|b| s.gain > b.gain)) {
                best = Some(split);
            }
        }
        best
    }

    fn random_split(&mut self, column: usize, range: Range<usize>, mean: f64, low: f64, high: f64) -> Option<Split> {
        let threshold = between(low, high, self.stream.uniform());
        let (rows, values) = (&self.rows[range], self.table.column(column));
        let (mut left, mut sum) = (0, 0.0);
        for row in rows {
            if values[*row as usize] <= threshold {
                left += 1;
                sum += self.y[*row as usize] - mean;
            }
        }
        let right = rows.len() - left;
        let allowed = left.min(right) >= self.growth.min_leaf.max(1);
        allowed.then(|| Split { column, threshold, gain: gain(sum, left, right) })
    }

    fn exact_split(&mut self, column: usize, range: Range<usize>, mean: f64) -> Option<Split> {
        self.sort(column, range);
        let (rows, values) = (&self.sorted, self.table.column(column));
        let min_leaf = self.growth.min_leaf.max(1);
        let (mut best, mut sum): (Option<Split>, _) = (None, 0.0);
        for left in 1..=rows.len() - min_leaf {
            sum += self.y[rows[left - 1] as usize] - mean;
            let (low, high) = (values[rows[left - 1] as usize], values[rows[left] as usize]);
            if left < min_leaf || low == high {
                continue;
            }
            let gain = gain(sum, left, rows.len() - left);
            if best.as_ref().is_none_or(|b| gain > b.gain) {
                best = Some(Split { column, threshold: between(low, high, 0.5), gain });
            }
        }
        best
    }

    /// Puts the rows of a node into `sorted`. Large nodes pick theirs from the order of all rows, small ones are sorted.
    fn sort(&mut self, column: usize, range: Range<usize>) {
        let (rows, values) = (&self.rows[range], self.table.column(column));
        self.sorted.clear();
        if rows.len() * (rows.len().ilog2() as usize + 1) < self.y.len() {
            self.sorted.extend_from_slice(rows);
            self.sorted.sort_unstable_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]).then(a.cmp(b)));
            return;
        }
        rows.iter().for_each(|row| self.times[*row as usize] += 1);
        for row in &self.table.order[column] {
            self.sorted.extend(std::iter::repeat_n(*row, self.times[*row as usize] as usize));
        }
        rows.iter().for_each(|row| self.times[*row as usize] = 0);
    }

    /// Moves the rows of the left side to the front and says where the right side begins.
    fn partition(&mut self, range: Range<usize>, split: &Split) -> usize {
        let values = self.table.column(split.column);
        let mut middle = range.start;
        for i in range {
            if values[self.rows[i] as usize] <= split.threshold {
                self.rows.swap(i, middle);
                middle += 1;
            }
        }
        middle
    }
}

fn gain(sum: f64, left: usize, right: usize) -> f64 {
    sum * sum * (1.0 / left as f64 + 1.0 / right as f64)
}

/// Smallest and largest value, if they differ.
fn extremes(values: &[f64], rows: &[u32]) -> Option<(f64, f64)> {
    let ends = |(low, high): (f64, f64), row: &u32| (low.min(values[*row as usize]), high.max(values[*row as usize]));
    let (low, high) = rows.iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends);
    (low < high).then_some((low, high))
}

/// `low + part (high - low)`, never outside `[low, high)` by rounding and without overflow.
fn between(low: f64, high: f64, part: f64) -> f64 {
    let value = ((1.0 - part) * low + part * high).max(low);
    if value < high { value } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    const EXACT: Growth = Growth { min_leaf: 1, features: usize::MAX, depth: usize::MAX, random_thresholds: false };

    fn fit(x: &Array2<f64>, y: &[f64], growth: &Growth) -> Vec<f64> {
        let table = Table::new(x.view(), !growth.random_thresholds);
        let tree = Tree::grow(&table, y, (0..y.len() as u32).collect(), growth, &mut Stream::new(3));
        x.rows().into_iter().map(|row| tree.leaf(row).mean).collect()
    }

    fn waves(n: usize, p: usize) -> (Array2<f64>, Vec<f64>) {
        let x = Array2::from_shape_fn((n, p), |(i, j)| (3.0 + 1.7 * (i * (j + 1)) as f64).sin());
        let y = (0..n).map(|i| 2.0 * x[[i, 0]] - x[[i, 1]] + 0.5 * (40.0 * i as f64).sin()).collect();
        (x, y)
    }

    // i, j = np.arange(40)[:, None], np.arange(3)[None]; x = np.sin(3 + 1.7 * i * (j + 1)); i = i[:, 0]
    // y = 2 * x[:, 0] - x[:, 1] + .5 * np.sin(40 * i)
    // DecisionTreeRegressor(max_depth=3, min_samples_leaf=4).fit(x, y).predict(x)[:5]
    #[test]
    fn matches_scikit_learn() {
        let (x, y) = waves(40, 3);
        let found = fit(&x, &y, &Growth { min_leaf: 4, depth: 3, ..EXACT });
        let golden =
            [0.2980181534547575, -2.544512239192479, 1.412915526317423, 1.153051859101581, -0.11652552802999128];
        for (value, golden) in found.iter().zip(golden) {
            approx::assert_relative_eq!(*value, golden, max_relative = 1e-9);
        }
    }

    #[test]
    fn thresholds_stay_between() {
        assert_eq!(between(1.0, 1.0 + f64::EPSILON, 0.5), 1.0);
        assert_eq!(between(-f64::MAX, f64::MAX, 0.5), 0.0);
        assert_eq!(between(0.0, 5e-324, 0.5), 0.0);
    }

    #[test]
    fn presorted_and_sorted_nodes_agree() {
        let (x, y) = waves(60, 4);
        let table = Table::new(x.view(), true);
        let mut all = Stream::new(1);
        let mut search = Search {
            table: &table,
            y: &y,
            growth: &EXACT,
            stream: &mut all,
            candidates: (0..4).collect(),
            times: vec![0; 60],
            rows: vec![7, 3, 3, 9, 41],
            sorted: Vec::new(),
        };
        search.sort(2, 0..5);
        let few = search.sorted.clone();
        search.y = &y[..5];
        search.sort(2, 0..5);
        assert_eq!(few, search.sorted);
        assert!(search.times.iter().all(|t| *t == 0));
    }

    proptest! {
        #[test]
        fn a_full_tree_repeats_distinct_rows(n in 2usize..40, random in any::<bool>(), features in 1usize..4) {
            let (x, y) = waves(n, 3);
            let found = fit(&x, &y, &Growth { features, random_thresholds: random, ..EXACT });
            prop_assert_eq!(found, y);
        }

        #[test]
        fn increasing_maps_of_features_change_no_split(n in 4usize..60, min_leaf in 1usize..5, features in 1usize..4) {
            let (x, y) = waves(n, 3);
            let growth = Growth { min_leaf, features, ..EXACT };
            prop_assert_eq!(fit(&x, &y, &growth), fit(&x.mapv(|v| (3.0 * v).exp()), &y, &growth));
        }

        #[test]
        fn leaves_are_as_large_as_asked(n in 2usize..60, min_leaf in 1usize..9, random in any::<bool>()) {
            let (x, y) = waves(n, 3);
            let found = fit(&x, &y, &Growth { min_leaf, random_thresholds: random, ..EXACT });
            for value in &found {
                prop_assert!(found.iter().filter(|v| *v == value).count() >= min_leaf.min(n));
            }
        }
    }
}
