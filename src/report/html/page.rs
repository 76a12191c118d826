//! Headline, verdict, facts, the list of contents and the frame of a section.

use maud::{Markup, PreEscaped, html};

use super::{capitalized, part};
use crate::report::document::{Document, Fact, Section};

/// Headline, verdict and facts.
pub(super) fn header(document: &Document) -> Markup {
    html! {
        header {
            h1 { (document.title) }
            @if !document.verdict.is_empty() {
                section.verdict aria-label="Verdict" {
                    @for sentence in &document.verdict { p { (prose(sentence)) } }
                }
            }
            @if !document.facts.is_empty() { (facts(&document.facts)) }
        }
    }
}

/// Names and values.
pub(super) fn facts(facts: &[Fact]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts {
                // A long list gets a row of its own rather than a narrow column.
                div.wide[value.chars().count() > 90] { dt { (name) } dd { (breakable(value)) } }
            }
        }
    }
}

/// A command or a file.
pub(super) fn code(title: &str, text: &str) -> Markup {
    html! {
        @if !title.is_empty() { h3 { (title) } }
        pre.command[title.is_empty()] { code { (text) } }
    }
}

/// A section with something to show.
pub(super) fn section(section: &Section) -> Option<(&Section, Markup)> {
    let parts: Vec<Markup> = section.parts.iter().filter_map(part).collect();
    let body = html! {
        section id=(section.id) {
            h2 { (section.heading) }
            @for paragraph in &section.text { p { (prose(paragraph)) } }
            @for part in &parts { div.part { (part) } }
        }
    };
    (!section.text.is_empty() || !parts.is_empty()).then_some((section, body))
}

/// Links to the sections; nothing for fewer than two.
pub(super) fn contents(sections: &[(&Section, Markup)]) -> Markup {
    let link = |section: &Section| match section.link.as_str() {
        "" => capitalized(&section.id.replace('-', " ")),
        link => link.to_owned(),
    };
    html! {
        @if sections.len() > 1 {
            nav aria-label="Contents" {
                ul { @for (section, _) in sections { li { a href={ "#" (section.id) } { (link(section)) } } } }
            }
        }
    }
}

/// Words longer than this may be broken.
const LONG: usize = 18;

/// Text whose long words, architectures for example, may break between their parts rather than anywhere.
pub(super) fn breakable(text: &str) -> Markup {
    let mut safe = String::with_capacity(text.len());
    for (i, word) in text.split(' ').enumerate() {
        safe.push_str(if i > 0 { " " } else { "" });
        let long = word.chars().count() > LONG;
        for c in word.chars() {
            safe.push_str(if long && matches!(c, '|' | '+') { "<wbr>" } else { "" });
            maud::Render::render_to(&c.to_string(), &mut safe);
            safe.push_str(if long && matches!(c, ',' | '/' | '_' | '.') { "<wbr>" } else { "" });
        }
    }
    PreEscaped(safe)
}

/// A sentence: numbers have true minus signs, and the two ends of an interval stay on one line.
pub(super) fn prose(sentence: &str) -> Markup {
    let letters: Vec<char> = sentence.chars().collect();
    let mut text = String::with_capacity(sentence.len());
    for (i, &c) in letters.iter().enumerate() {
        let (before, after) =
            (i.checked_sub(1).map_or(' ', |i| letters[i]), letters.get(i + 1).copied().unwrap_or(' '));
        let starts = matches!(before, ' ' | '(' | '[') && after.is_ascii_digit();
        let open = || letters[..i].iter().rev().find(|c| matches!(c, '[' | ']' | ' ')) == Some(&'[');
        match c {
            '-' if starts => text.push('−'),
            ' ' if before == ',' && open() => text.push('\u{a0}'),
            c => text.push(c),
        }
    }
    breakable(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_words_break_and_intervals_do_not() {
        assert_eq!(breakable("a,b |c|").0, "a,b |c|");
        assert_eq!(breakable("|skip_connect~0|+|none~0|").0, "<wbr>|skip_<wbr>connect~0<wbr>|<wbr>+<wbr>|none~0<wbr>|");
        assert_eq!(prose("rho -0.44 [-0.68, -0.16], so-so").0, "rho −0.44 [−0.68,\u{a0}−0.16], so-so");
        assert_eq!(prose("<b> & \"c\"").0, "&lt;b&gt; &amp; &quot;c&quot;");
    }
}
