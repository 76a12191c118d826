//! The aggregate of AZ-NAS.

use super::Ensemble;
use super::log_rank::log_rank_sum;

/// Expressivity, progressivity, trainability and complexity by the sum of their log ranks.
pub static AZ_NAS: Ensemble = Ensemble {
    name: "az_nas",
    title: "Log-rank sum of expressivity, progressivity, trainability and MACs",
    paper: "Lee and Ham, AZ-NAS: Assembling zero-cost proxies for network architecture search, CVPR 2024, arXiv:2403.19232",
    formula: "sum over members m of ln(r_m / N), with r_m the rank of the network by m, from 1 for the worst to N for the \
              best, and N the number of networks",
    protocol: "ranks over the distinct live networks of the run, ties averaged, missing scores last: more networks, other \
               values; MACs of the live part",
    limits: "Costs what the three proxies of AZ-NAS cost, which share their passes. On short trainings it falls \
             behind naswot and jacov, as sizes and az_trainability say little there.",
    members: &["az_expressivity", "az_progressivity", "az_trainability", "flops@live"],
    combine: &log_rank_sum,
};
