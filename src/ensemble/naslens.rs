//! The default ensemble.

use super::Ensemble;
use super::log_rank::log_rank_sum;

/// The proxies of the default ensemble: the only place to change them. How many weights take part, whether inputs are told
/// apart, whether feature maps differ; docs/inputs.md has the measurements.
const MEMBERS: &[&str] = &["params@live", "jacov", "meco"];

/// What naslens recommends to rank by without training anything.
pub static NASLENS: Ensemble = Ensemble {
    name: "naslens",
    title: "The default ensemble: log-rank sum of size, conditioning and feature diversity",
    paper: "this project, docs/inputs.md; aggregation: Lee and Ham, AZ-NAS, CVPR 2024, arXiv:2403.19232",
    formula: "sum over members m of ln(r_m / N), with r_m the rank of the network by m, from 1 for the worst to N for the \
              best, and N the number of networks",
    protocol: "ranks over the distinct live networks of the run, ties averaged, missing scores last: more networks, other \
               values",
    members: MEMBERS,
    combine: log_rank_sum,
};
