//! Numbers and text as documents show them.

use super::document::{Cell, Estimate, Interval};
use crate::text::{group_digits, thousands};

/// Stands for a value that is missing or not finite.
pub(super) const DASH: &str = "–";

/// Whether a value can be shown. Beyond 1e300 the width of a range could overflow, so such values count as infinite.
pub(super) fn usable(value: f64) -> bool {
    value.is_finite() && value.abs() < 1e300
}

/// A whole number with thousands separators: 12,345.
pub(super) fn count(value: u64) -> String {
    thousands(value)
}

/// A number with fixed decimals, thousands separators and a true minus sign: −1,234.50.
pub(super) fn fixed(value: f64, decimals: usize) -> String {
    if !usable(value) {
        return DASH.to_owned();
    }
    let text = format!("{:.decimals$}", value.abs());
    // "−0.00" would claim a sign that the shown digits do not support.
    let negative = value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{}{point}{fraction}", if negative { "−" } else { "" }, group_digits(whole))
}

/// As [`fixed`], with a plus sign on what is above zero.
pub(super) fn signed(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    if usable(value) && value > 0.0 { format!("+{text}") } else { text }
}

/// A number of things to three figures: 999, 1.46 M, 55.2 G.
pub(super) fn compact(value: u64) -> String {
    let (mut scaled, mut unit) = (value as f64, "");
    for next in ["k", "M", "G", "T", "P"] {
        // 999.5 would round to 1000 at three figures.
        if scaled < 999.5 {
            break;
        }
        (scaled, unit) = (scaled / 1000.0, next);
    }
    if unit.is_empty() {
        return value.to_string();
    }
    let decimals = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{} {unit}", fixed(scaled, decimals))
}

/// A score of unknown size to four figures, with an exponent where digits would run long.
pub(super) fn score(value: f64) -> String {
    if !usable(value) {
        return DASH.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.3e}").replacen('-', "−", usize::from(value < 0.0));
    }
    let digits_before = if size < 1.0 { 0 } else { size.log10() as usize + 1 };
    fixed(value, 4_usize.saturating_sub(digits_before))
}

/// A length of time: 850 ms, 12.3 s, 4 min 05 s, 2 h 03 min.
pub(crate) fn duration(seconds: f64) -> String {
    if !usable(seconds) || seconds < 0.0 {
        return DASH.to_owned();
    }
    let whole = seconds.round() as u64;
    match seconds {
        s if s < 5e-6 => "under 0.01 ms".to_owned(),
        s if s < 0.01 => format!("{} ms", fixed(s * 1e3, 2)),
        s if s < 0.9995 => format!("{} ms", fixed(s * 1e3, 0)),
        s if s < 59.95 => format!("{} s", fixed(s, 1)),
        _ if whole < 3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", count(whole / 3600), whole % 3600 / 60),
    }
}

/// A p-value under a heading that says so: "0.012", "< 0.001".
pub(super) fn p_number(p: f64) -> String {
    match p {
        p if !usable(p) => DASH.to_owned(),
        p if p < 0.001 => "<\u{a0}0.001".to_owned(),
        p => fixed(p, if p < 0.1 { 3 } else { 2 }),
    }
}

/// A count and its noun: "1 network", "12 networks".
pub(super) fn plural(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", count(n as u64), if n == 1 { "" } else { "s" })
}

/// Whether both ends of an interval can be drawn.
pub(super) fn drawable(interval: Interval) -> bool {
    usable(interval.low) && usable(interval.high)
}

/// A value and the ends of its interval, as far as they can be drawn: what an axis has to cover.
pub(super) fn extent(estimate: &Estimate) -> impl Iterator<Item = f64> + use<> {
    let interval = estimate.interval.filter(|i| drawable(*i));
    std::iter::once(estimate.value).chain(interval.into_iter().flat_map(|i| [i.low, i.high]))
}

/// An interval in words, to two decimals: "0.52 to 0.84".
pub(super) fn interval_text(interval: Interval, number: impl Fn(f64, usize) -> String) -> String {
    format!("{} to {}", number(interval.low, 2), number(interval.high, 2))
}

/// What a cell says, and what stands under it in small; empty if nothing does.
pub(super) fn cell_text(cell: &Cell) -> (String, String) {
    let known =
        |value: &Option<f64>, show: &dyn Fn(f64) -> String| value.filter(|v| usable(*v)).map_or(DASH.to_owned(), show);
    let estimate = |estimate: &Option<Estimate>, number: fn(f64, usize) -> String, decimals: usize| {
        let Some(e) = estimate.filter(|e| usable(e.value)) else { return (DASH.to_owned(), String::new()) };
        let range = e.interval.filter(|i| drawable(*i));
        let range = range.map(|i| format!("{} to {}", number(i.low, decimals), number(i.high, decimals)));
        (number(e.value, decimals), range.unwrap_or_default())
    };
    let text = match cell {
        Cell::Text(text) => text.clone(),
        Cell::Arch(network) => network.to_string(),
        Cell::Name(name, note) => return (name.clone(), note.clone()),
        Cell::Number(value, decimals, note) => return (known(value, &|v| fixed(v, *decimals)), note.clone()),
        Cell::Score(value) => known(value, &score),
        Cell::Count(n) => count(*n),
        Cell::Size(n) => n.map_or(DASH.to_owned(), compact),
        Cell::Seconds(seconds) => known(seconds, &duration),
        Cell::Estimate(value, decimals) => return estimate(value, fixed, *decimals),
        Cell::Difference(value, decimals) => return estimate(value, signed, *decimals),
        Cell::PValue(p) => known(p, &p_number),
        Cell::Tone(tone) => tone.words().to_owned(),
    };
    (text, String::new())
}

/// Width of a text of this font size in user units, on the generous side: fonts differ.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let em = |c: char| match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | '|' | '\'' | ' ' | '\u{a0}' => 0.36,
        'f' | 't' | 'r' | '(' | ')' | '-' | '[' | ']' => 0.46,
        'm' | 'w' | 'M' | 'W' | '%' => 0.98,
        c if c.is_uppercase() => 0.72,
        _ => 0.63,
    };
    size * text.chars().map(em).sum::<f64>()
}

/// A name short enough for the margin of a chart.
pub(crate) fn shortened(name: &str) -> String {
    if name.chars().count() <= 18 { name.to_owned() } else { name.chars().take(17).chain(['…']).collect() }
}

/// An operation in few words: `nor_conv_3x3` is "conv 3×3".
pub(crate) fn operation(name: &str) -> String {
    let spaced = name.trim_start_matches("nor_").replace("_connect", "").replace('_', " ");
    // Older names run the word and the kernel together: conv3x3.
    let words = spaced.replace("conv1x", "conv 1x").replace("conv3x", "conv 3x").replace("pool3x", "pool 3x");
    let words = words.replace("maxpool", "max pool");
    ["1", "3", "5", "7"].iter().fold(words, |text, k| text.replace(&format!("{k}x{k}"), &format!("{k}×{k}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_thousands() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(fixed(-1234.5, 2), "−1,234.50");
        assert_eq!(fixed(-0.001, 2), "0.00");
        assert_eq!(signed(1.5, 1), "+1.5");
        assert_eq!(signed(-1.5, 1), "−1.5");
    }

    #[test]
    fn keeps_three_figures() {
        let shown = [999, 1_000, 9_996, 999_600, 1_460_000, 55_200_000_000].map(compact);
        assert_eq!(shown, ["999", "1.00 k", "10.0 k", "1.00 M", "1.46 M", "55.2 G"]);
    }

    #[test]
    fn writes_scores_of_any_size() {
        assert_eq!([0.0, 0.12345, 12.3456, 123_456.7].map(score), ["0.0000", "0.1235", "12.35", "123,457"]);
        assert_eq!([-2.5e30, 1.5e-7].map(score), ["−2.500e30", "1.500e-7"]);
    }

    #[test]
    fn picks_units_of_time() {
        let shown = [0.0, 0.0042, 0.85, 12.34, 59.97, 245.0, 7_380.0].map(duration);
        assert_eq!(shown, ["under 0.01 ms", "4.20 ms", "850 ms", "12.3 s", "1 min 00 s", "4 min 05 s", "2 h 03 min"]);
    }

    #[test]
    fn shows_a_dash_for_what_is_not_finite() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
            assert_eq!([fixed(value, 2), signed(value, 2), score(value), duration(value)], [DASH; 4]);
        }
        assert_eq!([f64::NAN, 1e-9, 0.0123].map(p_number), ["–", "<\u{a0}0.001", "0.012"]);
    }

    #[test]
    fn shortens_by_letters_not_bytes() {
        assert_eq!(shortened("synflow"), "synflow");
        assert_eq!(shortened(&"é".repeat(30)).chars().count(), 18);
    }

    #[test]
    fn operations_read_as_words() {
        let names = ["nor_conv_3x3", "skip_connect", "avg_pool_3x3", "conv1x1", "maxpool3x3", "input", "k3_e6"];
        let words = ["conv 3×3", "skip", "avg pool 3×3", "conv 1×1", "max pool 3×3", "input", "k3 e6"];
        assert_eq!(names.map(operation), words.map(String::from));
    }
}
