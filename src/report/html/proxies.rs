//! How well proxies rank trained networks: the ranking chart, its table, and score against accuracy.

use super::chart::{Chart, Frame, Mark, Shape, figure, legend};
use super::format::{DASH, count, duration, escape, fixed, score, usable};
use super::model::{Estimate, ProxyRow, RunReport, ScatterPanel, ScatterPoint};
use super::scale::Scale;
use super::{
    accuracy_name, as_section, capitalized, drawable, dropped, estimate_html, interval_text, number_cell, role_class,
    role_legend, role_name, shortened, table,
};

const ROW: f64 = 26.0;

/// Correlations of all proxies, as a chart and as a table, best first.
pub(super) fn section(run: &RunReport) -> String {
    if run.proxies.rows.is_empty() {
        return String::new();
    }
    let mut rows: Vec<_> = run.proxies.rows.iter().collect();
    let rank = |row: &ProxyRow| spearman(row).map_or(f64::NEG_INFINITY, |e| e.value);
    rows.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then_with(|| a.name.cmp(&b.name)));
    let body = format!("<div class=\"split\">\n{}{}</div>\n", ranking(run, &rows), ranking_table(run, &rows));
    as_section("proxies", "Which proxies rank networks as training does", &body)
}

fn spearman(row: &ProxyRow) -> Option<Estimate> {
    row.spearman.filter(|e| usable(e.value))
}

fn ranking(run: &RunReport, rows: &[&ProxyRow]) -> String {
    let drawn: Vec<_> = rows.iter().filter_map(|row| Some((*row, spearman(row)?))).collect();
    let ends = drawn.iter().flat_map(|(_, e)| {
        let interval = e.interval.filter(|i| drawable(*i));
        [e.value, interval.map_or(e.value, |i| i.low), interval.map_or(e.value, |i| i.high)]
    });
    let Some(x) = Scale::nice(ends.chain([0.0]), 5) else { return String::new() };
    if drawn.is_empty() {
        return String::new();
    }
    let longest = drawn.iter().map(|(row, _)| shortened(&row.name).chars().count()).max().unwrap_or(0);
    let frame = Frame {
        width: 400.0,
        height: drawn.len() as f64 * ROW + 50.0,
        left: 16.0 + 6.9 * longest as f64,
        right: 44.0,
        top: 4.0,
        bottom: 40.0,
    };
    let mut chart = Chart::rows(frame, x, "Spearman correlation with training");
    for (i, (row, estimate)) in drawn.iter().enumerate() {
        let y = frame.top + (i as f64 + 0.5) * ROW;
        let (shape, class) = if row.baseline { (Shape::Square, "baseline") } else { (Shape::Circle, "proxy") };
        let interval = estimate.interval.filter(|i| drawable(*i));
        if let Some(i) = interval {
            chart.line((chart.x(i.low), y), (chart.x(i.high), y), &format!("bar {class}"));
        }
        let range = interval.map(|i| format!(", 95% interval {}", interval_text(i, 2))).unwrap_or_default();
        let kind = if row.baseline { " (size baseline)" } else { "" };
        let title = format!("{}{kind}: {}{range}, n = {}", row.name, fixed(estimate.value, 2), count(row.n));
        chart.mark(chart.x(estimate.value), y, Mark { shape, class, key: &row.name, title: &title });
        let name_class = if row.baseline { "name end muted" } else { "name end" };
        chart.text(frame.left - 8.0, y + 4.0, name_class, &shortened(&row.name));
        chart.text(frame.width - 2.0, y + 4.0, "value end", &fixed(estimate.value, 2));
    }
    let best = drawn[0];
    let svg = chart.finish(&format!(
        "Spearman correlation of {} proxies, highest first: {} at {}.",
        drawn.len(),
        best.0.name,
        fixed(best.1.value, 2)
    ));
    let key = match rows.iter().any(|r| r.baseline) {
        true => legend(&[(Shape::Circle, "proxy", "proxy"), (Shape::Square, "baseline", "size baseline")]),
        false => String::new(),
    };
    let missing = match rows.len() - drawn.len() {
        0 => String::new(),
        1 => " One proxy without a correlation is not drawn.".to_owned(),
        n => format!(" {n} proxies without a correlation are not drawn."),
    };
    let caption = format!(
        "Spearman rank correlation of each proxy’s score with {} over the labelled networks ({}); 1 is the same \
         order, 0 is none. {}{missing} A proxy earns its cost only where it beats the size baselines.",
        escape(accuracy_name(run)),
        n_range(&drawn),
        bars(&run.proxies.interval_method),
    );
    figure("chart", &key, &svg, &caption)
}

/// The numbers of networks behind the rows: "n = 40", "n = 38 to 40".
fn n_range(rows: &[(&ProxyRow, Estimate)]) -> String {
    let low = rows.iter().map(|(row, _)| row.n).min().unwrap_or(0);
    let high = rows.iter().map(|(row, _)| row.n).max().unwrap_or(0);
    if low == high { format!("n = {}", count(low)) } else { format!("n = {} to {}", count(low), count(high)) }
}

fn bars(method: &str) -> String {
    format!("Bars: {}.", if method.is_empty() { "95% intervals".to_owned() } else { escape(method) })
}

fn ranking_table(run: &RunReport, rows: &[&ProxyRow]) -> String {
    let headings =
        [("", "Proxy"), ("num", "Spearman"), ("num", "Kendall"), ("num", "n"), ("num", "Failed"), ("num", "Time")];
    let cells = |row: &ProxyRow| {
        let tag = if row.baseline { " <small>size baseline</small>" } else { "" };
        let numbers = [
            estimate_html(row.spearman, 2),
            estimate_html(row.kendall, 2),
            count(row.n),
            count(row.failed),
            row.seconds.map_or(DASH.to_owned(), duration),
        ];
        let numbers: String = numbers.iter().map(|n| number_cell(n)).collect();
        format!("<tr><th scope=\"row\">{}{tag}</th>{numbers}</tr>\n", escape(&row.name))
    };
    let rows: String = rows.iter().map(|r| cells(r)).collect();
    let scored = run.overview.scored.map(|n| format!("{} ", count(n))).unwrap_or_default();
    format!(
        "<div>{}<p class=\"caption\">Correlations with 95% intervals. n: labelled networks behind them. Failed and \
         Time: networks without a usable value and time taken, of all {scored}scored networks.</p></div>\n",
        table("Correlations by proxy", &headings, &rows)
    )
}

/// One panel per proxy: score against accuracy.
pub(super) fn scatter_section(run: &RunReport) -> String {
    let all = run.scatter.iter().flat_map(|panel| &panel.points);
    // One accuracy axis for all panels, so that they compare.
    let Some(y) = Scale::nice(all.filter(|p| usable(p.score)).map(|p| p.accuracy), 4) else { return String::new() };
    let panels: String = run.scatter.iter().map(|panel| scatter_panel(run, panel, &y)).collect();
    let most = run.scatter.iter().max_by_key(|panel| panel.points.iter().filter(|p| shown(p)).count());
    let roles = most.map(|panel| panel.points.iter().filter(|p| shown(p)).map(|p| p.role));
    let key = roles.map(role_legend).unwrap_or_default();
    let rho = match panels.contains("ρ = ") {
        true => " ρ: Spearman correlation over the labelled networks, as above.",
        false => "",
    };
    let lost = run.scatter.iter().flat_map(|panel| &panel.points).filter(|p| !shown(p)).count();
    let caption = format!(
        "Each point is a trained network. Across: the proxy’s score in its own unit; where scores span more than three \
         powers of ten, their logarithm. Up: {}, %, the same axis in every panel.{rho}{}",
        escape(accuracy_name(run)),
        dropped(lost)
    );
    let body = figure("panels", &key, &format!("<div class=\"grid\">{panels}</div>"), &caption);
    as_section("scatter", "Score against accuracy", &body)
}

fn shown(point: &ScatterPoint) -> bool {
    usable(point.score) && usable(point.accuracy)
}

fn scatter_panel(run: &RunReport, panel: &ScatterPanel, y: &Scale) -> String {
    let mut points: Vec<_> = panel.points.iter().filter(|p| shown(p)).collect();
    points.sort_by_key(|p| p.role);
    let logarithm = Logarithm::fitting(points.iter().map(|p| p.score));
    let across = |score: f64| logarithm.map_or(score, |l| l.of(score));
    let Some(x) = Scale::nice(points.iter().map(|p| across(p.score)), 4) else { return String::new() };
    let frame = Frame { width: 320.0, height: 240.0, left: 36.0, right: 14.0, top: 30.0, bottom: 40.0 };
    let x_label = logarithm.map_or("score", |l| l.label());
    let accuracy = accuracy_name(run);
    let mut chart = Chart::plane(frame, x, x_label, y.clone(), &format!("{}, %", capitalized(accuracy)));
    for p in &points {
        let title = format!(
            "{} ({}): score {}, {accuracy} {} %",
            p.arch,
            role_name(p.role),
            score(p.score),
            fixed(p.accuracy, 2)
        );
        let mark = Mark { shape: Shape::of(p.role), class: role_class(p.role), key: &p.arch, title: &title };
        chart.mark(chart.x(across(p.score)), chart.y(p.accuracy), mark);
    }
    let row = run.proxies.rows.iter().find(|row| row.name == panel.proxy);
    let rho = row.and_then(spearman).map(|e| format!(" <small>ρ = {}</small>", fixed(e.value, 2))).unwrap_or_default();
    let svg = chart.finish(&format!("{} score against {accuracy} of {} networks.", panel.proxy, points.len()));
    format!("<div><h3>{}{rho}</h3>{svg}</div>\n", escape(&panel.proxy))
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
        let sizes = scores.clone().map(f64::abs);
        let (low, high) = sizes.fold((f64::INFINITY, 0.0_f64), |(l, h), s| (l.min(s), h.max(s)));
        let wide = low > 0.0 && high.log10() - low.log10() > 3.0;
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
    fn shortens_by_letters_not_bytes() {
        assert_eq!(shortened("synflow"), "synflow");
        assert_eq!(shortened(&"é".repeat(30)).chars().count(), 18);
    }
}
