//! Small helpers for text that people read.

/// Serialises a type as the text that it is written and read as.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

/// A number that may end in k (1e3), M (1e6) or G (1e9); None for other text, and for what is not finite.
pub fn scaled(text: &str) -> Option<f64> {
    let text = text.trim();
    let scales = [('k', 1e3), ('M', 1e6), ('G', 1e9)];
    let suffixed = scales.into_iter().find_map(|(suffix, scale)| Some((text.strip_suffix(suffix)?, scale)));
    let (digits, scale) = suffixed.unwrap_or((text, 1.0));
    let number: f64 = digits.trim().parse().ok()?;
    Some(number * scale).filter(|number| number.is_finite())
}

/// ` (did you mean `x`?)` for the known name nearest to `name`, or nothing if none is near.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(&wanted, &k.to_lowercase()), k))
        .filter(|(similarity, _)| *similarity > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(String::new(), |(_, k)| format!(" (did you mean `{k}`?)"))
}

/// The text between backquotes, of a long one the first 100 characters: messages quote files, which can be of any length.
pub fn quoted(text: &str) -> String {
    format!("`{}`", excerpt(text))
}

/// A text of at most 100 characters: as it is, or its start.
pub fn excerpt(text: &str) -> String {
    const MOST: usize = 100;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Names for a message, of many the first 50.
pub fn list(names: &[String]) -> String {
    const MOST: usize = 50;
    let more = if names.len() > MOST { ", ..." } else { "" };
    names.iter().take(MOST).map(|name| excerpt(name)).collect::<Vec<_>>().join(", ") + more
}

/// The text with its control characters written out, as JSON writes them (`\\u001b`): files and file names must neither steer a
/// terminal nor reorder a line. Newlines and tabs stay.
pub fn visible(text: &str) -> String {
    escaped(text, |c| c == '\n' || c == '\t')
}

/// [`visible`] in one line: a name cannot begin a line of its own.
pub fn one_line(text: &str) -> String {
    escaped(text, |_| false)
}

fn escaped(text: &str, kept: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Line and paragraph separators, and the marks that set or override the direction of writing.
        let steers =
            matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c {
            c if kept(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || steers => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// A number with groups of thousands: `15,625`.
pub fn thousands(n: u64) -> String {
    group_digits(&n.to_string())
}

/// A string of digits with a comma before every third from the end.
pub fn group_digits(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Seconds for people.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 600.0 => format!("{s:.1} s"),
        s if s < 36_000.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Lines of a table, the first column flush left and the others flush right.
pub fn aligned<const N: usize>(header: [&str; N], rows: Vec<[String; N]>) -> Vec<String> {
    columns(header.map(str::to_owned).into(), rows.into_iter().map(Vec::from).collect())
}

/// [`aligned`] with a number of columns that is not known beforehand: that of the header, which every row has.
pub fn columns(header: Vec<String>, rows: Vec<Vec<String>>) -> Vec<String> {
    let shown = |row: Vec<String>| row.iter().map(|cell| one_line(cell)).collect::<Vec<String>>();
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).map(shown).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let cell = |(column, (text, &width)): (usize, (&String, &usize))| {
        if column == 0 { format!("{text:<width$}") } else { format!("{text:>width$}") }
    };
    let line = |row: &Vec<String>| row.iter().zip(&widths).enumerate().map(cell).collect::<Vec<_>>().join("  ");
    rows.iter().map(|row| line(row).trim_end().to_string()).collect()
}

/// The words of a text in lines of at most `width` characters, if no word is longer; all lines but the first are indented
/// by two spaces.
pub fn wrapped(text: &str, width: usize) -> String {
    let (mut out, mut used) = (String::new(), 0);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            out.push_str("\n  ");
            used = 2;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_near_names_only() {
        assert_eq!(did_you_mean("naswott", ["naswot", "synflow"]), " (did you mean `naswot`?)");
        assert_eq!(did_you_mean("zzz", ["naswot", "synflow"]), "");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(quoted(&"é".repeat(100)), format!("`{}`", "é".repeat(100)));
        assert_eq!(quoted(&"é".repeat(101)), format!("`{}...`", "é".repeat(100)));
    }

    #[test]
    fn control_characters_are_written_out() {
        let hostile = "a\u{1b}[2J\u{7}\u{85}\u{202e}\u{2028}\tb\nerror: c\r";
        assert_eq!(one_line(hostile), "a\\u001b[2J\\u0007\\u0085\\u202e\\u2028\\tb\\nerror: c\\r");
        assert_eq!(visible("a\tb\nc\u{9b}"), "a\tb\nc\\u009b");
        assert_eq!(visible("ü – 日本 😀"), "ü – 日本 😀");
        let json = serde_json::json!({ "name": hostile });
        let shown = visible(&json.to_string());
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), json, "JSON stays what it was");
    }

    #[test]
    fn groups_thousands() {
        assert_eq!([0, 999, 1000, 15625, 423624].map(thousands), ["0", "999", "1,000", "15,625", "423,624"]);
    }

    #[test]
    fn long_texts_are_wrapped() {
        assert_eq!(wrapped("a bc  def g", 5), "a bc\n  def\n  g");
        assert_eq!(wrapped("a bc", 4), "a bc");
        assert_eq!(wrapped("abcdef g", 3), "abcdef\n  g");
        assert_eq!(wrapped(" ", 3), "");
    }

    #[test]
    fn columns_line_up() {
        let lines =
            aligned(["proxy", "n"], vec![["a".into(), "1".into()], ["naswot@reference".into(), "15625".into()]]);
        assert_eq!(lines, ["proxy                 n", "a                     1", "naswot@reference  15625"]);
    }
}
