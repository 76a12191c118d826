//! Tables of cells of any kind.

use maud::{Markup, html};

use super::page::breakable;
use crate::report::document::{Cell, Grid, Tone};
use crate::report::format::cell_text;

/// The table with its caption; it scrolls sideways where it does not fit.
pub(super) fn table(grid: &Grid) -> Option<Markup> {
    let class = |numbers: bool| numbers.then_some("num");
    (!grid.rows.is_empty()).then(|| {
        html! {
            div.scroll role="region" tabindex="0" aria-label=(grid.label) {
                table {
                    thead {
                        tr {
                            @for column in &grid.columns { th scope="col" class=[class(column.numbers)] { (column.heading) } }
                        }
                    }
                    tbody {
                        @for row in &grid.rows {
                            tr.winner[row.iter().any(|c| matches!(c, Cell::Arch(network) if network.winner))] {
                                @for (i, (c, column)) in row.iter().zip(&grid.columns).enumerate() {
                                    (cell(c, column.numbers, i == 0))
                                }
                            }
                        }
                    }
                }
            }
            @if !grid.caption.is_empty() { p.caption { (grid.caption) } }
        }
    })
}

fn cell(cell: &Cell, numbers: bool, first: bool) -> Markup {
    let (text, small) = cell_text(cell);
    let body = html! {
        @match cell {
            Cell::Tone(tone) => span class={ "tag " (class(*tone)) } { (text) },
            Cell::Arch(network) => code.net title=(network.arch) { (breakable(&text)) },
            _ => (breakable(&text)),
        }
        @if !small.is_empty() { small { (small) } }
    };
    match cell {
        Cell::Arch(network) => html! {
            td.arch { (body) @if network.winner { small { "the network to take" } } }
        },
        _ if first && !numbers => html! { th scope="row" { (body) } },
        _ if numbers => html! { td.num { (body) } },
        _ => html! { td { (body) } },
    }
}

/// Class of a tone in the style sheet.
pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "proxy",
        Tone::Baseline => "baseline",
        Tone::Better => "better",
        Tone::Undecided => "undecided",
        Tone::Worse => "worse",
    }
}
