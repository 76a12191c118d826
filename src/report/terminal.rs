//! A document as text for a terminal: the verdict first, tables fitted to the width, and what the columns mean last.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};
use textwrap::Options;

use super::document::{Cell, CurvePanels, Document, Fact, Grid, Line, Part, Section};
use super::format::{cell_text, fixed};
use crate::stats::range;
use crate::text::{one_line, visible};

/// How a document is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal.
    pub width: usize,
    /// Whether to say what tables show, after each.
    pub explain: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 110, explain: false }
    }
}

/// Characters of the small plots, and how many there are of them.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const PLOT: usize = 40;
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// The document as text that ends without a newline. Verdict and headings are bold, by ANSI sequences.
pub fn render(document: &Document, style: &Style) -> String {
    let mut out = String::new();
    for (i, sentence) in document.verdict.iter().enumerate() {
        let lines = filled(sentence, style, "");
        let _ = if i == 0 { writeln!(out, "{BOLD}{lines}{PLAIN}") } else { writeln!(out, "{lines}") };
    }
    if !document.facts.is_empty() {
        let _ = writeln!(out, "\n{}", facts(&document.facts, style));
    }
    let mut explained = true;
    for section in &document.sections {
        let several =
            section.parts.iter().filter(|p| matches!(p, Part::Table(grid) if !grid.rows.is_empty())).count() > 1;
        let parts: Vec<(String, &str)> = section.parts.iter().filter_map(|p| part(p, several, style)).collect();
        if parts.is_empty() && section.text.is_empty() {
            continue;
        }
        let _ = write!(out, "\n{}", heading(section));
        for paragraph in &section.text {
            let _ = writeln!(out, "{}", filled(paragraph, style, ""));
        }
        for (i, (text, caption)) in parts.into_iter().enumerate() {
            let _ = writeln!(out, "{}{text}", if i == 0 { "" } else { "\n" });
            if style.explain && !caption.is_empty() {
                let _ = writeln!(out, "{}", filled(caption, style, "  "));
            }
            explained &= caption.is_empty() || style.explain;
        }
    }
    if !explained {
        let _ = writeln!(out, "\n--explain says what the columns mean.");
    }
    out.trim_matches('\n').to_owned()
}

fn heading(section: &Section) -> String {
    if section.heading.is_empty() { String::new() } else { format!("{BOLD}{}{PLAIN}\n", one_line(&section.heading)) }
}

/// Text in lines that fit; `indent` stands before each.
fn filled(text: &str, style: &Style, indent: &str) -> String {
    let options = Options::new(style.width).initial_indent(indent).subsequent_indent(indent).break_words(false);
    textwrap::fill(&visible(text), options)
}

fn facts(facts: &[Fact], style: &Style) -> String {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) + 2;
    let indent = " ".repeat(width);
    let line = |(name, value): &Fact| {
        let first = format!("{:width$}", one_line(name));
        let options = Options::new(style.width).initial_indent(&first).subsequent_indent(&indent).break_words(false);
        textwrap::fill(&visible(value), options)
    };
    facts.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A part that can be shown in a terminal, and what it shows in words. Charts whose numbers are in a table are left out; of
/// several tables each has its title.
fn part<'a>(part: &'a Part, several: bool, style: &Style) -> Option<(String, &'a str)> {
    match part {
        Part::Table(grid) => (!grid.rows.is_empty()).then(|| {
            let title = if several { format!("{}\n", one_line(&grid.label)) } else { String::new() };
            (title + &table(grid, style), grid.caption.as_str())
        }),
        Part::Curves(panels) => Some((visible(&plots(panels)?), panels.caption.as_str())),
        Part::Facts(list) => (!list.is_empty()).then(|| (facts(list, style), "")),
        Part::Code(_, text) => (!text.is_empty()).then(|| (visible(text), "")),
        _ => None,
    }
}

/// The table; where it is too wide for the terminal its cells are wrapped.
fn table(grid: &Grid, style: &Style) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.width.clamp(20, 1000) as u16)
        .set_header(grid.columns.iter().map(|c| one_line(&c.heading)));
    for row in &grid.rows {
        table.add_row(row.iter().map(|cell| one_line(&plain(&words(cell)))));
    }
    for (column, described) in table.column_iter_mut().zip(&grid.columns) {
        column.set_padding((0, 2));
        if described.numbers {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A cell on one line: an interval in brackets, other remarks in parentheses.
fn words(cell: &Cell) -> String {
    match (cell_text(cell), cell) {
        (_, Cell::Arch(network)) if network.short != network.arch => format!("{network} {}", network.arch),
        ((text, small), _) if small.is_empty() => text,
        ((text, small), Cell::Estimate(..) | Cell::Difference(..)) => {
            format!("{text} [{}]", small.replace(" to ", ", "))
        }
        ((text, small), _) if small.starts_with('±') => format!("{text} {small}"),
        ((text, small), _) => format!("{text} ({small})"),
    }
}

/// Minus signs, dashes and spaces as programs read them.
fn plain(text: &str) -> String {
    text.replace(['−', '–'], "-").replace('\u{a0}', " ")
}

/// A small plot of every line, all on one scale; none without values.
fn plots(panels: &CurvePanels) -> Option<String> {
    let lines: Vec<&Line> = panels.lines.iter().chain(&panels.reference).collect();
    let values = || lines.iter().flat_map(|l| &l.points).map(|p| p.value.value).filter(|v| v.is_finite());
    let (low, high) = range(values());
    let (first, last) = range(lines.iter().flat_map(|l| &l.points).map(|p| p.at));
    if low > high {
        return None;
    }
    let width = lines.iter().map(|l| l.name.chars().count()).max().unwrap_or(0);
    let at = |i: usize| {
        let share = i as f64 / (PLOT - 1) as f64;
        if panels.logarithmic && first > 0.0 {
            first * (last / first).powf(share)
        } else {
            first + share * (last - first)
        }
    };
    let plot = |line: &Line| -> String {
        let bar = |i: usize| {
            // What holds until the next point.
            let reached = line.points.partition_point(|p| p.at <= at(i) * (1.0 + 1e-9));
            let value = reached.checked_sub(1).map(|k| line.points[k].value.value).filter(|v| v.is_finite());
            value.map_or(' ', |v| LEVELS[((v - low) / (high - low).max(1e-300) * 7.0).round() as usize])
        };
        (0..PLOT).map(bar).collect()
    };
    let number = |v: f64| plain(&fixed(v, panels.decimals));
    let mut text = format!(
        "{}, from {} ({}) to {} ({}), by {}\n",
        panels.up,
        number(low),
        LEVELS[0],
        number(high),
        LEVELS[7],
        panels.across
    );
    for line in lines {
        let _ = writeln!(text, "{:width$}  {}  {}", line.name, plot(line), line.note);
    }
    Some(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::{Estimate, LinePoint};

    fn document() -> Document {
        let columns = ["Proxy", "#Spearman", "#Time"];
        let row = |name: &str, rho: f64| {
            let estimate = Estimate::with_interval(rho, rho - 0.1, rho + 0.1);
            vec![Cell::text(name), Cell::Estimate(Some(estimate), 2), Cell::Seconds(Some(1.5))]
        };
        let rows = [row("naswot", 0.57), row("a_proxy_with_a_long_name", -0.25)];
        let grid = Grid::new("Correlations", &columns, "Spearman correlation with its interval.").with_rows(rows);
        Document {
            title: "A title".into(),
            verdict: vec!["naswot is worth using here.".into(), "A second sentence.".into()],
            facts: vec![("Space".into(), "nas-bench-201".into()), ("Seed".into(), "0".into())],
            sections: vec![Section::table("proxies", "Which proxies", grid)],
        }
    }

    fn unstyled(text: &str) -> String {
        text.replace(BOLD, "").replace(PLAIN, "")
    }

    #[test]
    fn the_verdict_comes_first_and_what_columns_mean_last() {
        let text = unstyled(&render(&document(), &Style { width: 80, explain: false }));
        let expected = "\
naswot is worth using here.
A second sentence.

Space  nas-bench-201
Seed   0

Which proxies
Proxy                                 Spearman   Time
naswot                       0.57 [0.47, 0.67]  1.5 s
a_proxy_with_a_long_name  -0.25 [-0.35, -0.15]  1.5 s

--explain says what the columns mean.";
        assert_eq!(text, expected);
        let explained = render(&document(), &Style { width: 80, explain: true });
        assert!(explained.ends_with("\n  Spearman correlation with its interval."), "{explained}");
    }

    #[test]
    fn nothing_is_wider_than_the_terminal() {
        for width in [30, 44, 60] {
            let text = unstyled(&render(&document(), &Style { width, explain: true }));
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
        }
    }

    #[test]
    fn curves_are_small_plots_on_one_scale() {
        let points = |values: &[f64]| {
            (1..).zip(values).map(|(i, v)| LinePoint { at: f64::from(i), value: Estimate::new(*v) }).collect()
        };
        let line = |name: &str, values: &[f64]| Line { name: name.into(), points: points(values), ..Line::default() };
        let panels = CurvePanels {
            across: "trainings".into(),
            up: "accuracy".into(),
            lines: vec![line("good", &[90.0, 94.0])],
            reference: Some(line("random", &[80.0, 80.0])),
            ..CurvePanels::default()
        };
        let text = plots(&panels).unwrap();
        assert!(text.starts_with("accuracy, from 80 (▁) to 94 (█), by trainings\n"), "{text}");
        let row = |name: &str| text.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
        assert!(row("good").ends_with('█') && row("random").ends_with('▁'), "{text}");
        assert_eq!(plots(&CurvePanels::default()), None);
    }
}
