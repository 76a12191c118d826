//! Several objectives at once: who is dominated, how crowded a front is, how much it covers.
//!
//! Larger is better in every objective; negate costs. Point `a` dominates `b` if it is at least as good in all objectives
//! and better in one. Values must not be NaN; infinities are ordinary extreme values for ranks and fronts.

use std::cmp::Ordering;

fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a >= b) && a.iter().zip(b).any(|(a, b)| a > b)
}

/// Positions by descending first objective, then second, …: none is dominated by a later one.
fn lexicographic(points: &[&[f64]]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    let descending = |a: &[f64], b: &[f64]| b.partial_cmp(a).unwrap_or(Ordering::Equal);
    order.sort_by(|&i, &j| descending(points[i], points[j]));
    order
}

/// The positions of the points that no other dominates (the Pareto front), ascending. Equal points do not dominate each
/// other: all of them are there. Time O(points · front).
pub fn pareto_front(points: &[&[f64]]) -> Vec<usize> {
    let mut front: Vec<usize> = Vec::new();
    for i in lexicographic(points) {
        // The last ones are the most alike, and reject soonest.
        if !front.iter().rev().any(|&f| dominates(points[f], points[i])) {
            front.push(i);
        }
    }
    front.sort_unstable();
    front
}

/// The rank of each point by non-dominated sorting: 0 on the Pareto front, 1 on the front of the others, and so on (Deb
/// et al., IEEE TEVC 6, 2002). Each point, by descending first objective, joins the first front that holds nobody who
/// dominates it (Zhang et al., IEEE TEVC 19, 2015). Time O(points²) at worst.
pub fn pareto_ranks(points: &[&[f64]]) -> Vec<usize> {
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    let mut ranks = vec![0; points.len()];
    for i in lexicographic(points) {
        let free = |front: &Vec<usize>| !front.iter().rev().any(|&f| dominates(points[f], points[i]));
        let rank = fronts.iter().position(free).unwrap_or(fronts.len());
        match fronts.get_mut(rank) {
            Some(front) => front.push(i),
            None => fronts.push(vec![i]),
        }
        ranks[i] = rank;
    }
    ranks
}

/// Crowding distance of each point of a front: `Σ_m (next_m - previous_m) / (max_m - min_m)`, with the neighbours in the
/// order of objective `m`; infinite for the first and the last in any objective (Deb et al., 2002). An objective in which
/// all points are equal adds nothing, and neither do its ends.
pub fn crowding_distances(front: &[&[f64]]) -> Vec<f64> {
    let mut distances = vec![0.0; front.len()];
    for m in 0..front.first().map_or(0, |point| point.len()) {
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&i, &j| front[i][m].total_cmp(&front[j][m]));
        let (first, last) = (order[0], order[order.len() - 1]);
        let range = front[last][m] - front[first][m];
        if range > 0.0 {
            distances[first] = f64::INFINITY;
            distances[last] = f64::INFINITY;
            for three in order.windows(3) {
                distances[three[1]] += (front[three[2]][m] - front[three[0]][m]) / range;
            }
        }
    }
    distances
}

/// The area that the points dominate above a reference point: of the union of the rectangles between `reference` and each
/// point, in the product of the units. Points that are not above the reference in both objectives add nothing. Time O(n
/// log n).
pub fn hypervolume_2d(points: &[[f64; 2]], reference: [f64; 2]) -> f64 {
    let mut above: Vec<[f64; 2]> =
        points.iter().copied().filter(|p| p[0] > reference[0] && p[1] > reference[1]).collect();
    above.sort_by(|a, b| b[0].total_cmp(&a[0]));
    let (mut area, mut height) = (0.0, reference[1]);
    for [x, y] in above {
        if y > height {
            area += (x - reference[0]) * (y - height);
            height = y;
        }
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made_up(n: u64, objectives: u64) -> Vec<Vec<f64>> {
        let value = |i: u64, m: u64| ((i + 1) * (i + 1 + 7 * m) * 7_919 % (101 + 2 * m)) as f64;
        (0..n).map(|i| (0..objectives).map(|m| value(i, m)).collect()).collect()
    }

    fn slices(points: &[Vec<f64>]) -> Vec<&[f64]> {
        points.iter().map(Vec::as_slice).collect()
    }

    // import numpy as np; from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
    // from pymoo.operators.survival.rank_and_crowding.metrics import calc_crowding_distance; from pymoo.indicators.hv import HV
    // p = np.array([[(i+1) * (i+1 + 7*m) * 7919 % (101 + 2*m) for m in range(k)] for i in range(24)], float)   k = 2, 3
    // NonDominatedSorting().do(-p, return_rank=True)[1]; front = p[NonDominatedSorting().do(-p)[0]]
    // k * calc_crowding_distance(front); [HV(ref_point=-np.array(r))(-p) for r in ([0., 0.], [10., 10.], [50., 30.])]
    #[test]
    fn matches_pymoo() {
        const INF: f64 = f64::INFINITY;
        let two = [4, 0, 1, 1, 5, 0, 0, 0, 1, 2, 0, 3, 1, 1, 3, 0, 4, 2, 2, 4, 4, 2, 0, 1];
        let three = [2, 0, 1, 1, 2, 0, 0, 0, 0, 1, 0, 1, 1, 1, 2, 0, 1, 1, 0, 0, 3, 0, 0, 1];
        let crowding_two = [
            0.47921252139887505,
            0.6181217901687454,
            0.7388114453411592,
            INF,
            INF,
            0.7204695524578136,
            0.661408657373441,
        ];
        let crowding_three = [
            0.8036180282824794,
            0.33563362248788,
            0.4738868988534519,
            INF,
            0.6881835052436235,
            INF,
            INF,
            0.5663012673888337,
            INF,
            0.7616100585501993,
            0.5710658437990015,
        ];
        for (objectives, ranks, crowding) in [(2, two, &crowding_two[..]), (3, three, &crowding_three[..])] {
            let points = made_up(24, objectives);
            let points = slices(&points);
            assert_eq!(pareto_ranks(&points), ranks);
            let front: Vec<&[f64]> = pareto_front(&points).into_iter().map(|i| points[i]).collect();
            for (found, expected) in crowding_distances(&front).into_iter().zip(crowding) {
                assert!(found == *expected || (found - expected).abs() < 1e-12, "{found} {expected}");
            }
            assert_eq!(front.len(), crowding.len());
        }
        let points: Vec<[f64; 2]> = made_up(24, 2).iter().map(|p| [p[0], p[1]]).collect();
        for (reference, area) in [([0.0, 0.0], 7652.0), ([10.0, 10.0], 5850.0), ([50.0, 30.0], 1677.0)] {
            assert_eq!(hypervolume_2d(&points, reference), area);
        }
    }

    #[test]
    fn areas_by_hand() {
        assert_eq!(hypervolume_2d(&[[2.0, 1.0], [1.0, 2.0], [1.0, 1.0]], [0.0, 0.0]), 3.0);
        assert_eq!(hypervolume_2d(&[[2.0, 1.0], [2.0, 1.0], [3.0, -1.0], [0.0, 9.0]], [0.0, 0.0]), 2.0);
        assert_eq!(hypervolume_2d(&[], [0.0, 0.0]), 0.0);
    }

    #[test]
    fn few_or_equal_points() {
        assert!(pareto_front(&[]).is_empty() && pareto_ranks(&[]).is_empty() && crowding_distances(&[]).is_empty());
        let equal: [&[f64]; 3] = [&[1.0, 2.0]; 3];
        assert_eq!(pareto_front(&equal), [0, 1, 2]);
        assert_eq!(pareto_ranks(&equal), [0, 0, 0]);
        assert_eq!(crowding_distances(&equal), [0.0; 3]);
        assert_eq!(pareto_ranks(&[&[-0.0, 1.0], &[0.0, 1.0]]), [0, 0]);
    }

    proptest! {
        #[test]
        fn ranks_follow_their_definition(points in prop::collection::vec(prop::collection::vec(-4i8..4, 3), 0..40)) {
            let points: Vec<Vec<f64>> = points.into_iter().map(|p| p.into_iter().map(f64::from).collect()).collect();
            let points = slices(&points);
            let ranks = pareto_ranks(&points);
            for i in 0..points.len() {
                let above = (0..points.len()).filter(|&j| dominates(points[j], points[i]));
                prop_assert_eq!(ranks[i], above.map(|j| ranks[j] + 1).max().unwrap_or(0));
            }
            let front: Vec<usize> = (0..points.len()).filter(|&i| ranks[i] == 0).collect();
            prop_assert_eq!(pareto_front(&points), front);
        }

        #[test]
        fn more_points_cover_no_less(points in prop::collection::vec((0.0..9.0f64, 0.0..9.0f64), 1..30)) {
            let points: Vec<[f64; 2]> = points.into_iter().map(|(x, y)| [x, y]).collect();
            let areas: Vec<f64> = (0..=points.len()).map(|k| hypervolume_2d(&points[..k], [0.0, 0.0])).collect();
            prop_assert!(areas.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12));
            let swapped: Vec<[f64; 2]> = points.iter().map(|[x, y]| [*y, *x]).collect();
            prop_assert!((areas[points.len()] - hypervolume_2d(&swapped, [0.0, 0.0])).abs() < 1e-9);
        }
    }
}
