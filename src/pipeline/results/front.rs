//! Networks as points of a front.

use crate::report::document::{Front, FrontPoint};
use crate::seed::Stream;
use crate::stats::pareto_front;

/// Points drawn at most.
const MOST: usize = 1500;

/// A front of networks (architecture, cost, worth), of which at most 1500 are drawn: all of the Pareto front, the others by lot.
pub(in crate::pipeline) fn front(networks: Vec<(String, f64, f64)>, seed: u64) -> Front {
    let usable: Vec<(String, f64, f64)> =
        networks.into_iter().filter(|(_, x, y)| x.is_finite() && y.is_finite()).collect();
    let objectives: Vec<[f64; 2]> = usable.iter().map(|(_, x, y)| [-x, *y]).collect();
    let best = pareto_front(&objectives.iter().map(|o| o.as_slice()).collect::<Vec<_>>());
    let mut on_front = vec![false; usable.len()];
    best.iter().for_each(|&i| on_front[i] = true);
    let mut others: Vec<usize> = (0..usable.len()).filter(|&i| !on_front[i]).collect();
    let room = MOST.saturating_sub(best.len());
    let left_out = others.len().saturating_sub(room);
    if left_out > 0 {
        Stream::named(seed, "front").shuffle(&mut others);
        others.truncate(room);
        others.sort_unstable();
    }
    let point = |&i: &usize| {
        let (arch, x, y) = &usable[i];
        FrontPoint { arch: arch.clone(), x: *x, y: *y, front: on_front[i] }
    };
    Front {
        decimals: 2,
        points: best.iter().chain(&others).map(point).collect(),
        left_out: left_out as u64,
        ..Front::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_keeps_what_is_not_beaten_and_draws_a_part_of_the_rest() {
        let mut networks: Vec<(String, f64, f64)> =
            (0..3000).map(|i| (format!("n{i}"), 10.0 + f64::from(i), 50.0)).collect();
        networks.push(("best".into(), 5.0, 90.0));
        networks.push(("cheap".into(), 1.0, 20.0));
        networks.push(("broken".into(), f64::NAN, 99.0));
        let front = front(networks, 0);
        let best: Vec<&str> = front.points.iter().filter(|p| p.front).map(|p| p.arch.as_str()).collect();
        assert_eq!(best, ["best", "cheap"]);
        assert_eq!((front.points.len(), front.left_out), (1500, 1502));
    }
}
