//! The default ensemble.

use super::Ensemble;
use super::log_rank::log_rank_sum;

/// The proxies of the default ensemble: the only place to change them. How many weights take part, whether feature maps
/// differ, how rich the features are, whether gradients keep their size; docs/inputs.md has the measurements.
const MEMBERS: &[&str] = &["params@live", "meco", "az_expressivity", "az_trainability"];

/// What naslens recommends to rank by without training anything.
pub static NASLENS: Ensemble = Ensemble {
    name: "naslens",
    title: "The default ensemble: log-rank sum of size, feature diversity, expressivity and trainability",
    paper: "this project, docs/inputs.md; aggregation and two of the members: Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232",
    formula: "sum over members m of ln(r_m / N), with r_m the rank of the network by m, from 1 for the worst to N for the \
              best, and N the number of networks",
    protocol: "ranks over the distinct live networks of the run, ties averaged, missing scores last: more networks, other \
               values",
    limits: "Its members were chosen after a look at two tables, so its figures there are optimistic. Half of it is \
             size, which is worth little where networks are trained for a few epochs (.35 on the table of this \
             project, where naswot has .57): train a few networks on your own images before you believe it.",
    members: MEMBERS,
    combine: &log_rank_sum,
};
