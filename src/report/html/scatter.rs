//! Score against accuracy, by value and by rank, for one proxy at a time.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use super::chart::{Chart, Frame, Mark, Shape, figure as framed, sample, short_key};
use super::scale::Scale;
use super::{capitalized, dropped, role, role_legend};
use crate::report::document::{NetworkName, Role, Scatter, ScatterPanel, ScatterPoint};
use crate::report::format::{count, fixed, score, usable};
use crate::stats::{range, ranks};

/// More points in a panel than this are drawn as a density.
const DOTS: usize = 2_000;
/// So are more in all panels together, to keep the page small.
const ALL_DOTS: usize = 20_000;
/// With more marks in all panels together, labelled networks join the dots, then controls, then finalists.
const ALL_MARKS: usize = 1_200;
const FRAME: Frame = Frame { width: 400.0, height: 340.0, left: 40.0, right: 24.0, top: 30.0, bottom: 40.0 };

/// A panel whose points can all be drawn.
struct Panel<'a> {
    proxy: &'a str,
    /// What is said of its correlation.
    rho: String,
    /// The networks with a role, drawn as marks.
    points: Vec<&'a ScatterPoint>,
    /// The others.
    cloud: Vec<[f64; 2]>,
    /// Their names, or none.
    names: Vec<&'a NetworkName>,
}

impl<'a> Panel<'a> {
    fn new(panel: &'a ScatterPanel, marked: &[Role]) -> Self {
        let usable_point = |p: &ScatterPoint| usable(p.score) && usable(p.accuracy);
        let mut points: Vec<_> = panel.points.iter().filter(|p| usable_point(p)).collect();
        points.sort_by_key(|p| p.role);
        let kept: Vec<usize> = (0..panel.cloud.len()).filter(|&i| panel.cloud[i].iter().all(|v| usable(*v))).collect();
        let mut cloud: Vec<[f64; 2]> = kept.iter().map(|&i| panel.cloud[i]).collect();
        let mut names: Vec<&NetworkName> = kept.iter().filter_map(|&i| panel.names.get(i)).collect();
        let named = names.len() == cloud.len();
        for p in points.iter().filter(|p| !marked.contains(&p.role)) {
            cloud.push([p.score, p.accuracy]);
            names.extend(named.then_some(&p.arch));
        }
        points.retain(|p| marked.contains(&p.role));
        let rho = panel.spearman.filter(|v| usable(*v));
        let rho = rho.map(|v| format!(" (ρ = {})", fixed(v, 2))).unwrap_or_default();
        Panel { proxy: &panel.proxy, rho, points, cloud, names }
    }

    fn values(&self) -> impl Iterator<Item = [f64; 2]> + Clone + '_ {
        self.cloud.iter().copied().chain(self.points.iter().map(|p| [p.score, p.accuracy]))
    }

    fn len(&self) -> usize {
        self.cloud.len() + self.points.len()
    }
}

/// A panel per proxy, with a list to choose from; the first is shown. None without a usable point.
pub(super) fn figure(scatter: &Scatter) -> Option<Markup> {
    let marked = marked(scatter);
    let panels: Vec<Panel> = scatter.panels.iter().map(|p| Panel::new(p, &marked)).filter(|p| p.len() > 0).collect();
    let most = panels.iter().max_by_key(|p| p.len())?;
    // One accuracy axis for all panels, so that they compare.
    let y = Scale::nice(panels.iter().flat_map(|p| p.values().map(|v| v[1])), 5)?;
    let dense = most.cloud.len() > DOTS || panels.iter().map(|p| p.cloud.len()).sum::<usize>() > ALL_DOTS;
    let mut drawer = Drawer { accuracy: &scatter.accuracy, y, dense, names: Names::of(&panels, dense), fullest: 0 };
    let drawn: Vec<Markup> = panels.iter().enumerate().filter_map(|(i, p)| drawer.panel(p, i == 0)).collect();
    let key = html! {
        (role_legend(most.points.iter().map(|p| p.role)))
        @if dense { (shades(drawer.fullest)) }
    };
    let lost: usize = scatter.panels.iter().map(|p| p.points.len() + p.cloud.len()).sum::<usize>()
        - panels.iter().map(Panel::len).sum::<usize>();
    let other = match (most.cloud.is_empty(), dense) {
        (true, _) => "Each point is a trained network.".to_owned(),
        (_, true) => format!("Squares: how many of {} networks.", count(most.len() as u64)),
        (_, false) => "Each point is a network; small dots were not trained in this run.".to_owned(),
    };
    let caption = html! {
        (other) " Left: " (scatter.accuracy) ", %, against the proxy’s score in its own unit (its logarithm where scores would \
         pile up). Right: rank by the one against rank by the other, in percent from the lowest; on the diagonal the ranks \
         agree. ρ: Spearman correlation as above." (dropped(lost))
    };
    Some(html! {
        // Without script the list would do nothing, so it starts hidden.
        @if panels.len() > 1 {
            label.choice hidden {
                "Proxy "
                select { @for p in &panels { option value=(p.proxy) { (p.proxy) (p.rho) } } }
            }
        }
        (framed("panels", key, html! { @for panel in drawn { (panel) } }, caption))
        (drawer.names.script())
    })
}

/// The roles that are drawn as marks: as many of the more telling ones as there is room for.
fn marked(scatter: &Scatter) -> Vec<Role> {
    let points = || scatter.panels.iter().flat_map(|p| &p.points);
    let mut total = 0;
    [Role::Finalist, Role::Control, Role::Labelled]
        .into_iter()
        .take_while(|role| {
            total += points().filter(|p| p.role == *role).count();
            total <= ALL_MARKS
        })
        .collect()
}

/// What all panels share.
struct Drawer<'a> {
    accuracy: &'a str,
    y: Scale,
    dense: bool,
    names: Names<'a>,
    /// The most networks in a square so far.
    fullest: u64,
}

impl Drawer<'_> {
    /// Both charts of a panel.
    fn panel(&mut self, panel: &Panel, first: bool) -> Option<Markup> {
        let logarithm = Logarithm::fitting(panel.values().map(|v| v[0]));
        let across = |score: f64| logarithm.map_or(score, |l| l.of(score));
        let x = Scale::nice(panel.values().map(|v| across(v[0])), 5)?;
        let x_label = logarithm.map_or("score".to_owned(), |l| l.label().to_owned());
        let mut by_value =
            Chart::plane(FRAME, x, &x_label, self.y.clone(), &format!("{}, %", capitalized(self.accuracy)));
        let places: Vec<_> = panel.values().map(|v| (across(v[0]), v[1])).collect();

        let percent = Scale::nice([0.0, 100.0], 5)?;
        let mut by_rank =
            Chart::plane(FRAME, percent.clone(), "rank by score, %", percent, &format!("Rank by {}, %", self.accuracy));
        by_rank.diagonal((0.0, 100.0));
        let n = panel.len() as f64;
        let rank = |side: usize| ranks(&panel.values().map(|v| v[side]).collect::<Vec<_>>());
        let (score_ranks, accuracy_ranks) = (rank(0), rank(1));
        let share = |rank: f64| if n > 1.0 { 100.0 * (rank - 1.0) / (n - 1.0) } else { 50.0 };
        let ranked: Vec<_> = score_ranks.iter().zip(&accuracy_ranks).map(|(a, b)| (share(*a), share(*b))).collect();

        let from_top = |rank: f64| fixed(n - rank + 1.0, usize::from(rank.fract() != 0.0));
        for (told, chart, values) in [(true, &mut by_value, &places), (false, &mut by_rank, &ranked)] {
            let at: Vec<_> = values.iter().map(|(a, b)| (chart.x(*a), chart.y(*b))).collect();
            let (cloud, marks) = at.split_at(panel.cloud.len());
            match (cloud.is_empty(), self.dense) {
                (true, _) => {}
                (_, true) => self.fullest = self.fullest.max(bins(chart, cloud)),
                (_, false) => dots(chart, cloud),
            }
            for (i, (p, place)) in panel.points.iter().zip(marks).enumerate() {
                let i = i + panel.cloud.len();
                // Said once: the script looks for the words of a mark without any at its twin on the left.
                let title = match told {
                    true => format!(
                        "({}): score {}, rank {}; accuracy {} %, rank {}",
                        role(p.role).1,
                        score(p.score),
                        from_top(score_ranks[i]),
                        fixed(p.accuracy, 2),
                        from_top(accuracy_ranks[i]),
                    ),
                    false => String::new(),
                };
                let mark = Mark { shape: Shape::of(p.role), class: role(p.role).0, key: &p.arch.arch, title: &title };
                chart.mark(place.0, place.1, mark);
            }
        }
        let words = format!("{} networks by {} score and {}", count(panel.len() as u64), panel.proxy, self.accuracy);
        let (dots, scores) = if self.dense { (None, None) } else { self.names.indices(panel) };
        Some(html! {
            div.panel data-panel=(panel.proxy) data-n=[dots] data-s=[scores] hidden[!first] {
                h3 { (panel.proxy) small { (panel.rho) } }
                div.split {
                    div { (by_value.finish(&format!("{words}."))) }
                    div { (by_rank.finish(&format!("{words}, ranked."))) }
                }
            }
        })
    }
}

/// The networks of all panels, written once: marks and dots refer to them.
struct Names<'a> {
    by_key: BTreeMap<String, &'a str>,
    /// Name and accuracy of each dot.
    cloud: Vec<(&'a str, String)>,
    position: BTreeMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn of(panels: &[Panel<'a>], dense: bool) -> Self {
        let points = panels.iter().flat_map(|p| p.points.iter());
        let by_key = points.map(|p| (short_key(&p.arch.arch), p.arch.short.as_str())).collect();
        let mut names = Names { by_key, cloud: Vec::new(), position: BTreeMap::new() };
        let dots = panels.iter().filter(|_| !dense).flat_map(|p| p.names.iter().zip(&p.cloud));
        for (name, [_, accuracy]) in dots {
            names.position.entry(&name.arch).or_insert_with(|| {
                names.cloud.push((&name.short, fixed(*accuracy, 2)));
                names.cloud.len() - 1
            });
        }
        names
    }

    /// Which network each dot of a panel is, and its score.
    fn indices(&self, panel: &Panel) -> (Option<String>, Option<String>) {
        if panel.names.is_empty() {
            return (None, None);
        }
        let places: Vec<usize> =
            panel.names.iter().filter_map(|n| self.position.get(n.arch.as_str())).copied().collect();
        let scores: Vec<String> = panel.cloud.iter().map(|c| score(c[0])).collect();
        // Most panels have all dots in order and need not say so.
        let ordered = places.iter().enumerate().all(|(i, place)| i == *place);
        let list = (!ordered).then(|| places.iter().map(usize::to_string).collect::<Vec<_>>().join(" "));
        (list, Some(scores.join(" ")))
    }

    fn script(&self) -> Markup {
        let json = serde_json::json!({"marks": self.by_key, "dots": self.cloud}).to_string();
        // No text of the data may end the element.
        html! { script.names type="application/json" { (PreEscaped(json.replace('<', "\\u003c"))) } }
    }
}

/// How to take the logarithm of scores of one sign without changing their order.
#[derive(Clone, Copy)]
enum Logarithm {
    Positive,
    Negative,
}

impl Logarithm {
    /// The logarithm to draw these scores on, where they span so much that a linear axis would pile them up.
    fn fitting(scores: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let (low, high) = range(scores.clone().map(f64::abs));
        let wide = low > 0.0 && (high.log10() - low.log10() > 3.0 || piled(scores.clone()));
        match (wide, scores.clone().all(|s| s > 0.0), scores.clone().all(|s| s < 0.0)) {
            (true, true, _) => Some(Self::Positive),
            (true, _, true) => Some(Self::Negative),
            _ => None,
        }
    }

    fn of(self, score: f64) -> f64 {
        match self {
            Self::Positive => score.log10(),
            Self::Negative => -(-score).log10(),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Positive => "log₁₀ score",
            Self::Negative => "−log₁₀(−score)",
        }
    }
}

/// Whether nine tenths of the values lie in a fifth of their range.
fn piled(values: impl Iterator<Item = f64>) -> bool {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
    values.len() > 20 && at(0.95) - at(0.05) < 0.2 * (at(1.0) - at(0.0))
}

/// Side of a bin in user units.
const SIDE: f64 = 12.0;
/// Steps of shade.
const LEVELS: usize = 5;

/// Draws every point as a dot of one path. The page's script finds the dot under the pointer by its place in the list.
fn dots(chart: &mut Chart, places: &[(f64, f64)]) {
    let path: String = places.iter().map(|(x, y)| format!("M{x:.0} {y:.0}h0")).collect();
    chart.draw(html! { path.dots d=(path) {} });
}

/// Draws how many points fall into each square, darker where there are more: one path per shade, with the counts beside it
/// for the page's script. Returns the most in a square.
fn bins(chart: &mut Chart, places: &[(f64, f64)]) -> u64 {
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
fn shades(most: u64) -> Markup {
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
    fn takes_logarithms_only_of_wide_scores_of_one_sign() {
        let label = |scores: &[f64]| Logarithm::fitting(scores.iter().copied()).map(Logarithm::label);
        assert_eq!(label(&[1.0, 1e9]), Some("log₁₀ score"));
        assert_eq!(label(&[-1.0, -1e9]), Some("−log₁₀(−score)"));
        for scores in [&[1.0, 900.0][..], &[-1.0, 1e9], &[0.0, 1e9], &[]] {
            assert_eq!(label(scores), None);
        }
        assert!(Logarithm::Negative.of(-1e9) < Logarithm::Negative.of(-1.0));
    }

    #[test]
    fn shades_rise_with_the_count() {
        assert_eq!([1, 9, 11, 100, 1000, 100_000].map(|n| shade(n, 100_000)), [0, 0, 1, 2, 3, 4]);
        assert_eq!(shade(1, 1), 0);
        let legend = shades(30).0;
        assert!(legend.contains("</svg>1</li>") && legend.matches("<svg").count() == LEVELS, "{legend}");
    }
}
