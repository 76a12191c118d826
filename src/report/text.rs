//! Text widths and label shortening for charts.

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
