//! A small canvas for SVG charts: axes, marks, bars and lines. Colours come from the page's style sheet.

use maud::{Markup, PreEscaped, html};

use super::scale::Scale;
use crate::report::document::Role;

/// Size of a chart and the room around its plot, in user units: about one pixel each on a phone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

/// A coordinate as it is written.
pub(super) fn at(value: f64) -> String {
    format!("{value:.1}")
}

/// The outline of a mark, so that colour is never the only difference.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Dot,
    Circle,
    Diamond,
    Square,
    /// Around the mark of the network to take.
    Ring,
}

impl Shape {
    /// The shape of a network's points.
    pub(super) fn of(role: Role) -> Self {
        match role {
            Role::Labelled => Shape::Dot,
            Role::Control => Shape::Diamond,
            Role::Finalist => Shape::Circle,
        }
    }

    fn svg(self, x: f64, y: f64, class: &str, key: Option<String>, title: &str) -> Markup {
        let title = html! { @if !title.is_empty() { title { (title) } } };
        match self {
            Shape::Dot => html! { circle cx=(at(x)) cy=(at(y)) r="3.2" class=(class) data-k=[key] { (title) } },
            Shape::Circle => html! { circle cx=(at(x)) cy=(at(y)) r="4.6" class=(class) data-k=[key] { (title) } },
            Shape::Ring => html! { circle cx=(at(x)) cy=(at(y)) r="6" class=(class) { (title) } },
            Shape::Diamond => {
                let path = format!("M{x:.1} {:.1}l5.4 5.4-5.4 5.4-5.4-5.4z", y - 5.4);
                html! { path d=(path) class=(class) data-k=[key] { (title) } }
            }
            Shape::Square => html! {
                rect x=(at(x - 4.2)) y=(at(y - 4.2)) width="8.4" height="8.4" class=(class) data-k=[key] { (title) }
            },
        }
    }
}

/// What stands for a key in the page: 64-bit FNV-1a to base 32, short however long an architecture is written.
pub(super) fn short_key(key: &str) -> String {
    let mut hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut text = String::new();
    // 40 of its bits are enough for the networks of a page.
    for _ in 0..8 {
        text.push(char::from(b"0123456789abcdefghjkmnpqrstvwxyz"[(hash >> 59) as usize]));
        hash <<= 5;
    }
    text
}

/// [`short_key`] of what has a key.
fn linked(key: &str) -> Option<String> {
    (!key.is_empty()).then(|| short_key(key))
}

/// What is drawn and said for one thing: its colour class, what links it across figures if anything does, and its tooltip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark<'a> {
    pub(super) shape: Shape,
    pub(super) class: &'a str,
    pub(super) key: &'a str,
    pub(super) title: &'a str,
}

/// A chart under construction. Positions are in user units; [`Chart::x`] and [`Chart::y`] convert values to them.
pub(super) struct Chart {
    frame: Frame,
    x: Scale,
    y: Option<Scale>,
    body: String,
}

impl Chart {
    /// A chart with a value axis along the bottom and rows, which the caller places, above it.
    pub(super) fn rows(frame: Frame, x: Scale, x_label: &str) -> Self {
        let mut chart = Self { frame, x, y: None, body: String::new() };
        chart.draw_x_axis(x_label);
        chart
    }

    /// A chart with two value axes.
    pub(super) fn plane(frame: Frame, x: Scale, x_label: &str, y: Scale, y_label: &str) -> Self {
        let mut chart = Self { frame, x, y: Some(y), body: String::new() };
        chart.draw_y_axis(y_label);
        chart.draw_x_axis(x_label);
        chart
    }

    /// Position of a value on the horizontal axis.
    pub(super) fn x(&self, value: f64) -> f64 {
        let f = &self.frame;
        f.left + self.x.fraction(value) * (f.width - f.left - f.right)
    }

    /// Position of a value on the vertical axis.
    pub(super) fn y(&self, value: f64) -> f64 {
        let f = &self.frame;
        let fraction = self.y.as_ref().map_or(0.0, |y| y.fraction(value));
        f.height - f.bottom - fraction * (f.height - f.top - f.bottom)
    }

    /// Adds elements.
    pub(super) fn draw(&mut self, svg: Markup) {
        self.body.push_str(&svg.0);
    }

    /// Draws a point.
    pub(super) fn mark(&mut self, x: f64, y: f64, mark: Mark) {
        self.draw(mark.shape.svg(x, y, &format!("m {}", mark.class), linked(mark.key), mark.title));
    }

    /// Draws a ring around the mark of the network to take.
    pub(super) fn ring(&mut self, x: f64, y: f64) {
        self.draw(html! { circle cx=(at(x)) cy=(at(y)) r="9" class="ring" {} });
    }

    /// Draws a straight line, for bars and guides.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        self.draw(html! { line x1=(at(from.0)) y1=(at(from.1)) x2=(at(to.0)) y2=(at(to.1)) class=(class) {} });
    }

    /// Draws the line on which both axes have equal values, of which these are the ends.
    pub(super) fn diagonal(&mut self, (from, to): (f64, f64)) {
        self.line((self.x(from), self.y(from)), (self.x(to), self.y(to)), "diagonal");
    }

    /// Draws a line through points, linked by `key` to the marks of the same thing.
    pub(super) fn path(&mut self, points: &[(f64, f64)], class: &str, key: &str) {
        self.draw(html! { polyline points=(listed(points)) class=(class) data-k=[linked(key)] {} });
    }

    /// Fills the area inside points.
    pub(super) fn area(&mut self, points: &[(f64, f64)], class: &str) {
        self.draw(html! { polygon points=(listed(points)) class=(class) {} });
    }

    /// Writes text. The class sets its colour and, with "end" or "mid", which part of it stands at `x`.
    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, text: &str) {
        self.draw(html! { text x=(at(x)) y=(at(y)) class=(class) { (text) } });
    }

    /// The finished SVG element; `label` says in words what it shows.
    pub(super) fn finish(self, label: &str) -> Markup {
        svg(self.frame.width, self.frame.height, label, PreEscaped(self.body))
    }

    fn draw_x_axis(&mut self, label: &str) {
        let f = self.frame;
        let bottom = f.height - f.bottom;
        let labels = self.x.labels();
        // Where neighbours would touch, only every second, third, … tick is labelled, zero among them.
        let widest = labels.iter().map(|(_, text)| text.chars().count()).max().unwrap_or(0) as f64 * 7.0 + 8.0;
        let apart = (f.width - f.left - f.right) / (labels.len() - 1) as f64;
        let every = (widest / apart).ceil() as usize;
        let offset = labels.iter().position(|(tick, _)| *tick == 0.0).unwrap_or(0) % every;
        for (i, (tick, text)) in labels.iter().enumerate() {
            let x = self.x(*tick);
            self.line((x, f.top), (x, bottom), "grid");
            if i % every == offset {
                self.text(x, bottom + 18.5, "tick mid", text);
            }
        }
        if self.x.holds_zero() && self.y.is_none() {
            let x = self.x(0.0);
            self.line((x, f.top), (x, bottom), "axis");
        }
        self.line((f.left, bottom), (f.width - f.right, bottom), "axis");
        self.text((f.left + f.width - f.right) / 2.0, bottom + 34.0, "label mid", label);
    }

    // The label lies flat above the axis: turned text is hard to read on a phone.
    fn draw_y_axis(&mut self, label: &str) {
        let f = self.frame;
        for (tick, text) in self.y.as_ref().map(Scale::labels).unwrap_or_default() {
            let y = self.y(tick);
            self.line((f.left, y), (f.width - f.right, y), "grid");
            self.text(f.left - 6.0, y + 4.0, "tick end", &text);
        }
        self.text(2.0, f.top - 12.0, "label", label);
    }
}

fn listed(points: &[(f64, f64)]) -> String {
    points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// Corners between points from left to right, each of which holds until the next.
pub(super) fn stepped(places: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let corners = places.windows(2).flat_map(|two| [two[0], (two[1].0, two[0].1)]);
    corners.chain(places.last().copied()).collect()
}

/// An SVG element that is read out as `label`.
pub(super) fn svg(width: f64, height: f64, label: &str, body: Markup) -> Markup {
    html! { svg viewBox={ "0 0 " (width) " " (height) } role="img" aria-label=(label) { (body) } }
}

/// The small picture at the head of an entry of a legend.
pub(super) fn sample(svg: Markup, words: &str) -> Markup {
    html! { li { svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true" { (svg) } (words) } }
}

/// A legend from marks and their words; nothing without any.
pub(super) fn legend<S: AsRef<str>>(entries: &[(Shape, &str, S)]) -> Markup {
    html! {
        @if !entries.is_empty() {
            ul.legend {
                @for (shape, class, words) in entries { (sample(shape.svg(7.0, 7.0, class, None, ""), words.as_ref())) }
            }
        }
    }
}

/// A figure: a legend, one or several charts, a line that spells out the mark under the pointer, and a caption.
pub(super) fn figure(class: &str, legend: Markup, charts: Markup, caption: Markup) -> Markup {
    html! {
        figure class=(class) { div { (legend) (charts) output {} } figcaption { (caption) } }
    }
}

/// A figure of one chart, its caption at its side where there is room.
pub(super) fn single(legend: Markup, chart: Markup, caption: Markup) -> Markup {
    html! { div.single { (figure("chart", legend, chart, caption)) } }
}
