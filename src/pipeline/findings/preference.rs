//! What kind of networks a ranking prefers.

use serde::Deserialize;

use super::Column;
use crate::report::document::{Heat, HeatRow, Part, Section};
use crate::report::operation;
use crate::space::{Architecture, OpGraph, SearchSpace};
use crate::stats::{missing_last, top_fraction_indices};
use crate::text::thousands;

/// This share of the networks counts as ranked highest.
const SHARE: f64 = 0.1;
/// With fewer at the top, a mean over them says little.
const FEWEST: usize = 5;

/// How the networks that a proxy ranks highest differ from all.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Preferences {
    /// Names of the features of a network ("params", "skip_connect").
    pub features: Vec<String>,
    /// One row per ranking.
    pub rows: Vec<Preference>,
    /// Share of the networks that counts as ranked highest, percent.
    pub top_pct: f64,
    /// Number of networks.
    pub networks: u64,
}

/// What one ranking favours.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(in crate::pipeline) struct Preference {
    /// The proxy, or what the accuracy is called.
    pub name: String,
    /// Whether it is the accuracy itself; such rows come first.
    pub truth: bool,
    /// Number of networks it ranks, if not all.
    pub networks: Option<u64>,
    /// For each feature: mean over its top networks less mean over all, in standard deviations over all; none where a
    /// feature does not vary.
    pub differences: Vec<Option<f64>>,
}

impl Preferences {
    pub fn section(&self) -> Section {
        let truth = self.rows.iter().find(|r| r.truth).map_or(String::new(), |r| {
            let among = r.networks.map_or(String::new(), |n| format!(", known for {} of them", thousands(n)));
            format!(" First row: the {} itself{among}; a proxy that differs from it is biased.", r.name)
        });
        let row = |r: &Preference| HeatRow { name: r.name.clone(), strong: r.truth, values: r.differences.clone() };
        let heat = Heat {
            label: format!("What the networks ranked highest by {} rankings have more or less of", self.rows.len()),
            corner: "Ranked by".into(),
            columns: self.features.iter().map(|f| operation(f)).collect(),
            rows: self.rows.iter().map(row).collect(),
            full: 2.0,
            signed: true,
            unit: "standard deviations".into(),
            caption: format!(
                "Mean over the {:.0}% of {} networks that are ranked highest, less the mean over all, in standard deviations over \
                 all; blue: more of it, orange: less.{truth} Operations: how often they occur, those that reach the output; \
                 depth: operations on the longest way.",
                self.top_pct,
                thousands(self.networks)
            ),
        };
        Section::new("preferences", "What each proxy favours", vec![Part::Heat(heat)]).called("What proxies favour")
    }
}

/// Measures of a list of networks.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct Features {
    names: Vec<String>,
    /// One list of values per name.
    columns: Vec<Vec<f64>>,
}

impl Features {
    /// Parameters, multiply-accumulates, depth (operations on the longest way from input to output) and how often each
    /// operation occurs, live ones only. Where operations are called by numbers they are sizes: one feature per layer then.
    pub fn of(space: &dyn SearchSpace, archs: &[Architecture], params: &[f64], macs: &[f64]) -> Self {
        let ops = space.op_set().names;
        let graphs: Vec<OpGraph> = archs.iter().map(|arch| space.op_graph(arch)).collect();
        let mut names = vec!["params".to_string(), "flops".to_string()];
        let mut columns = vec![params.to_vec(), macs.to_vec()];
        let sizes: Option<Vec<f64>> = ops.iter().map(|name| name.parse().ok()).collect();
        if let Some(sizes) = sizes {
            for layer in 0..graphs.iter().map(|g| g.ops.len()).min().unwrap_or(0) {
                names.push(format!("layer {}", layer + 1));
                columns.push(graphs.iter().map(|g| sizes[usize::from(g.ops[layer])]).collect());
            }
        } else {
            names.push("depth".into());
            columns.push(graphs.iter().map(depth).collect());
            for (op, name) in ops.into_iter().enumerate() {
                names.push(name);
                let times = |g: &OpGraph| g.ops.iter().filter(|&&o| usize::from(o) == op).count() as f64;
                columns.push(graphs.iter().map(times).collect());
            }
        }
        Features { names, columns }
    }
}

/// Operations on the longest way from the input to the output.
fn depth(graph: &OpGraph) -> f64 {
    let mut length = vec![0usize; graph.output() + 1];
    graph.edges.iter().for_each(|&(from, to)| length[to] = length[to].max(length[from] + 1));
    length[graph.output()].saturating_sub(1) as f64
}

/// For the accuracy (where enough networks have one) and for each proxy: how the tenth that it ranks highest
/// differs from all that it ranks, in standard deviations. `truth` has one value per network, `truth_name` is what it is
/// called. None with fewer than about fifty networks.
pub(in crate::pipeline) fn preferences(
    features: &Features,
    columns: &[Column],
    truth: &[Option<f64>],
    truth_name: &str,
) -> Option<Preferences> {
    let networks = truth.len();
    let known: Vec<usize> = (0..networks).filter(|&i| truth[i].is_some()).collect();
    let accuracy: Vec<f64> = known.iter().filter_map(|&i| truth[i]).collect();
    let everything: Vec<usize> = (0..networks).collect();
    let mut rows = Vec::new();
    if let Some(differences) = differences(features, &known, &accuracy) {
        let count = (known.len() < networks).then_some(known.len() as u64);
        rows.push(Preference { name: truth_name.into(), truth: true, networks: count, differences });
    }
    for column in columns {
        if let Some(differences) = differences(features, &everything, &missing_last(&column.values)) {
            rows.push(Preference { name: column.name.clone(), truth: false, networks: None, differences });
        }
    }
    rows.iter().any(|r| !r.truth).then(|| Preferences {
        features: features.names.clone(),
        rows,
        top_pct: 100.0 * SHARE,
        networks: networks as u64,
    })
}

/// For each feature the mean over the top networks less the mean over all of `among`, in standard deviations over all.
/// `scores` are theirs, in that order. Networks that tie with the last of the top are all taken.
fn differences(features: &Features, among: &[usize], scores: &[f64]) -> Option<Vec<Option<f64>>> {
    let top = top_fraction_indices(scores, SHARE);
    if top.len() < FEWEST {
        return None;
    }
    let difference = |values: &Vec<f64>| {
        let n = among.len() as f64;
        let mean = among.iter().map(|&i| values[i]).sum::<f64>() / n;
        let std = (among.iter().map(|&i| (values[i] - mean).powi(2)).sum::<f64>() / n).sqrt();
        let highest = top.iter().map(|&i| values[among[i]]).sum::<f64>() / top.len() as f64;
        (std > 1e-12 * mean.abs().max(1e-300)).then(|| (highest - mean) / std)
    };
    Some(features.columns.iter().map(difference).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Stream;
    use crate::space::open;

    #[test]
    fn a_count_prefers_what_it_counts() {
        let space = open("nas-bench-201").unwrap();
        let mut stream = Stream::new(2);
        let archs: Vec<_> = (0..200).map(|_| space.sample(&mut stream)).collect();
        let ones = vec![1.0; 200];
        let features = Features::of(space.as_ref(), &archs, &(0..200).map(f64::from).collect::<Vec<_>>(), &ones);
        let convolutions: Vec<Option<f64>> =
            features.columns[features.names.len() - 2].iter().map(|&v| Some(v)).collect();
        assert_eq!(features.names[features.names.len() - 2], "nor_conv_3x3");
        let columns = [Column { name: "convolutions".into(), values: convolutions, baseline: false }];
        let truth: Vec<_> = (0..200).map(|i| (i < 100).then_some(f64::from(i))).collect();
        let found = preferences(&features, &columns, &truth, "accuracy").unwrap();
        assert_eq!((found.rows.len(), found.rows[0].truth, found.rows[0].networks), (2, true, Some(100)));
        // The accuracy is the position, and so is the number of parameters: the top ten of 0 to 99 have mean 94.5.
        let expected = (94.5 - 49.5) / (9999.0f64 / 12.0).sqrt();
        assert!((found.rows[0].differences[0].unwrap() - expected).abs() < 1e-12);
        assert_eq!(found.rows[1].differences[1], None, "all equal");
        assert!(found.rows[1].differences[features.names.len() - 2].unwrap() > 1.0);
        assert_eq!(preferences(&features, &[], &truth, "accuracy"), None);
    }

    #[test]
    fn sizes_are_features_of_their_layer() {
        let space = open("nats-size").unwrap();
        let archs = [space.parse("8:16:24:32:40").unwrap()];
        let features = Features::of(space.as_ref(), &archs, &[1.0], &[1.0]);
        assert_eq!(features.names[2..], ["layer 1", "layer 2", "layer 3", "layer 4", "layer 5"]);
        assert_eq!(features.columns[2..].iter().map(|c| c[0]).collect::<Vec<_>>(), [8.0, 16.0, 24.0, 32.0, 40.0]);
    }
}
