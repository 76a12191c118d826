//! Many points in little room: dots in one path, or counts in square bins.

use maud::{Markup, html};

use super::chart::{Chart, sample};
use crate::report::format::count;

/// Side of a bin in user units.
const SIDE: f64 = 12.0;
/// Steps of shade.
const LEVELS: usize = 5;

/// Draws every point as a dot of one path. The page's script finds the dot under the pointer by its place in the list.
pub(super) fn dots(chart: &mut Chart, places: &[(f64, f64)]) {
    let path: String = places.iter().map(|(x, y)| format!("M{x:.0} {y:.0}h0")).collect();
    chart.draw(html! { path.dots d=(path) {} });
}

/// Draws how many points fall into each square, darker where there are more: one path per shade, with the counts beside it
/// for the page's script. Returns the most in a square.
pub(super) fn bins(chart: &mut Chart, places: &[(f64, f64)]) -> u64 {
    let mut counts = std::collections::BTreeMap::new();
    for (x, y) in places {
        *counts.entry(((x / SIDE).floor() as i64, (y / SIDE).floor() as i64)).or_insert(0u64) += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    for level in 0..LEVELS {
        let here: Vec<_> = counts.iter().filter(|(_, n)| shade(**n, most) == level).collect();
        if here.is_empty() {
            continue;
        }
        // A stroke as wide as a bin is high fills the square.
        let path: String = here
            .iter()
            .map(|((x, y), _)| format!("M{} {}h{}", *x as f64 * SIDE, (*y as f64 + 0.5) * SIDE, SIDE - 1.0))
            .collect();
        let numbers: Vec<String> = here.iter().map(|(_, n)| n.to_string()).collect();
        let numbers = numbers.join(" ");
        chart.draw(html! { path class={ "bins b" (level) } d=(path) data-c=(numbers) {} });
    }
    most
}

/// The shade of a square with `n` of at most `most` points: steps that are even on a logarithmic scale.
fn shade(n: u64, most: u64) -> usize {
    let share = (n as f64).ln() / (most.max(2) as f64).ln();
    ((share * LEVELS as f64) as usize).min(LEVELS - 1)
}

/// A legend of the shades for squares of up to `most` points.
pub(super) fn legend(most: u64) -> Markup {
    let steps: Vec<u64> = (1..=most.min(1 << 20))
        .fold(vec![None; LEVELS], |mut first, n| {
            first[shade(n, most)].get_or_insert(n);
            first
        })
        .into_iter()
        .flatten()
        .collect();
    let item = |from: u64| {
        let words = if from == 1 { "1".to_owned() } else { format!("{} or more", count(from)) };
        sample(html! { path class={ "bins b" (shade(from, most)) } d="M1.5 7h11" {} }, &words)
    };
    html! { ul.legend { li { "Networks in a square:" } @for from in steps { (item(from)) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shades_rise_with_the_count() {
        assert_eq!([1, 9, 11, 100, 1000, 100_000].map(|n| shade(n, 100_000)), [0, 0, 1, 2, 3, 4]);
        assert_eq!(shade(1, 1), 0);
        let legend = legend(30).0;
        assert!(legend.contains("</svg>1</li>") && legend.matches("<svg").count() == LEVELS, "{legend}");
    }
}
