//! Features of networks as columns of a matrix, scaled so that one penalty fits all.

use std::collections::HashMap;

use ndarray::{Array1, Array2, Axis};

use super::features::{Features, Key, View};

/// Weight of each level (totals, kinds, operations) against the totals, in standard deviations. The same for all devices and
/// spaces; any of 0.1 to 0.5 does nearly as well.
const LEVELS: [f64; 3] = [1.0, 0.3, 0.3];

/// The columns that training networks have, with a factor each.
///
/// A view whose columns are equal to those of the view before in all training networks is left out. Totals and columns of
/// kinds get equal variances, counts of operations one factor for all; together the columns of a level have the variance
/// `LEVELS[level]²`. So what is known of an operation nobody measured comes from its kind, and from the totals.
#[derive(Clone, Debug)]
pub(super) struct Design {
    positions: HashMap<(View, Key), usize>,
    factors: Array1<f64>,
}

impl Design {
    /// From the training networks.
    pub fn new(networks: &[&Features]) -> Self {
        let differs = |a: View, b: View| networks.iter().any(|f| counts_of(f, a) != counts_of(f, b));
        let mut views = vec![View::Live];
        for view in [View::Read, View::All] {
            if differs(views[views.len() - 1], view) {
                views.push(view);
            }
        }
        let mut design = Design { positions: HashMap::new(), factors: Array1::ones(0) };
        let mut levels: Vec<usize> = Vec::new();
        for ((view, key), _) in networks.iter().flat_map(|f| &f.0) {
            if views.contains(view) && !design.positions.contains_key(&(*view, *key)) {
                design.positions.insert((*view, *key), levels.len());
                levels.push(key.level());
            }
        }
        design.factors = Array1::ones(levels.len());
        let variances = design.rows(networks).var_axis(Axis(0), 0.0);
        // Rounding gives a constant column a tiny variance.
        let largest = variances.fold(0.0_f64, |most, v| most.max(*v));
        let varies = |j: usize| variances[j] > 1e-20 * largest;
        for (level, weight) in LEVELS.into_iter().enumerate() {
            let columns: Vec<usize> = (0..levels.len()).filter(|&j| levels[j] == level && varies(j)).collect();
            let together: f64 = match level {
                2 => columns.iter().map(|&j| variances[j]).sum(),
                _ => columns.len() as f64,
            };
            for &j in &columns {
                let own = if level == 2 { 1.0 } else { variances[j] };
                design.factors[j] = weight / (own * together).sqrt();
            }
        }
        (0..levels.len()).filter(|&j| !varies(j)).for_each(|j| design.factors[j] = 0.0);
        design
    }

    /// One row per network; columns that training networks lack are not there.
    pub fn rows(&self, networks: &[&Features]) -> Array2<f64> {
        let mut rows = Array2::zeros((networks.len(), self.factors.len()));
        for (mut row, features) in rows.rows_mut().into_iter().zip(networks) {
            for (column, value) in &features.0 {
                if let Some(&j) = self.positions.get(column) {
                    row[j] = value * self.factors[j];
                }
            }
        }
        rows
    }
}

/// The counts of operations in a view, in the order of the network.
fn counts_of(features: &Features, view: View) -> Vec<(Key, f64)> {
    let in_view = features.0.iter().filter(|((v, key), _)| *v == view && key.level() == 2);
    in_view.map(|((_, key), value)| (*key, *value)).collect()
}
