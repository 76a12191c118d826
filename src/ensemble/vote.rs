//! Majority vote on every pair of networks.

use rayon::prelude::*;

use super::Ensemble;

/// The vote of three proxies.
pub static VOTE: Ensemble = Ensemble {
    name: "vote",
    title: "Majority vote of synflow, jacov and snip on every pair of networks",
    paper: "Abdelfattah et al., Zero-cost proxies for lightweight NAS, ICLR 2021, arXiv:2101.08134; \
            counting pairwise wins: Copeland, 1951",
    formula: "w / (N - 1), with w the number of other networks that more than half of the members rank strictly below this \
              one, and N the number of networks",
    protocol: "ranks over the distinct live networks of the run, missing scores last: more networks, other values; equal \
               ranks are no vote",
    limits: "Coarse: many networks win equally often. Two of its members turn around on NAS-Bench-101.",
    members: &["synflow", "jacov", "snip"],
    combine: &pairwise_wins,
};

/// The share of the other networks that a majority ranks strictly lower. Time O(members n^2), in parallel: about a second
/// for 15,625 networks.
fn pairwise_wins(ranks: &[Vec<f64>]) -> Vec<f64> {
    let n = ranks.first().map_or(0, Vec::len);
    // Average ranks doubled are whole.
    let ranks: Vec<Vec<u32>> = ranks.iter().map(|r| r.iter().map(|r| (2.0 * r) as u32).collect()).collect();
    let wins = |i: usize| {
        let mut votes = vec![0u8; n];
        for member in &ranks {
            votes.iter_mut().zip(member).for_each(|(votes, &other)| *votes += u8::from(other < member[i]));
        }
        votes.into_iter().filter(|&votes| 2 * usize::from(votes) > ranks.len()).count()
    };
    (0..n).into_par_iter().map(|i| wins(i) as f64 / n.saturating_sub(1).max(1) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn majorities_decide_pairs() {
        // Condorcet's cycle among the first three; the last loses to all of them; ties are no vote.
        let ranks = [vec![4.0, 3.0, 2.0, 1.0], vec![2.0, 4.0, 3.0, 1.0], vec![3.5, 1.5, 3.5, 1.5]];
        // 0 beats 1 (members 0, 2) and 3; 1 beats 2 (0, 1) and 3; 2 beats 3 alone, for its tie with 0 leaves one of three.
        assert_eq!(pairwise_wins(&ranks), [2.0 / 3.0, 2.0 / 3.0, 1.0 / 3.0, 0.0]);
        assert_eq!(pairwise_wins(&[vec![1.0]]), [0.0]);
        assert!(pairwise_wins(&[]).is_empty());
    }
}
