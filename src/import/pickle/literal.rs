//! Numbers and texts as the opcodes write them.

use super::Value;

/// What is wrong, apart from where.
pub(super) type Outcome<T = ()> = Result<T, String>;

/// The bytes of a number of fixed length.
pub(super) fn fixed<const N: usize>(argument: &[u8]) -> Outcome<[u8; N]> {
    argument.try_into().map_err(|_| "a number has another length".into())
}

/// A whole number in two's complement, little-endian, as short as possible.
pub(super) fn long(bytes: &[u8]) -> Value {
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    if bytes.len() > 8 {
        return Value::BigInt;
    }
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}

/// Numbers of protocol 0.
pub(super) fn number(code: u8, argument: &[u8]) -> Outcome<Value> {
    let text = std::str::from_utf8(argument).map_err(|_| "a number is not text")?.trim();
    let unfit = || format!("`{}` is not a number", text.chars().take(40).collect::<String>());
    match (code, text) {
        (b'I', "00") => Ok(Value::Bool(false)),
        (b'I', "01") => Ok(Value::Bool(true)),
        (b'F', _) => text.parse().map(Value::Float).map_err(|_| unfit()),
        _ => match text.trim_end_matches('L').parse() {
            Ok(n) => Ok(Value::Int(n)),
            Err(error) => match error.kind() {
                std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow => Ok(Value::BigInt),
                _ => Err(unfit()),
            },
        },
    }
}

/// A string literal of Python 2 without escapes.
pub(super) fn quoted(argument: &[u8]) -> Outcome<String> {
    let text = std::str::from_utf8(argument).map_err(|_| "a text is not ASCII")?.trim_end();
    let inner = ['\'', '"'].iter().find_map(|&q| text.strip_prefix(q)?.strip_suffix(q));
    match inner {
        Some(inner) if inner.is_ascii() && !inner.contains('\\') => Ok(inner.into()),
        _ => Err("a string literal has no quotes or has escapes".into()),
    }
}

/// Text of protocol 0, whose backslashes, line ends and characters beyond Latin-1 are escaped.
pub(super) fn escaped(argument: &[u8]) -> Outcome<String> {
    let (mut text, mut rest) = (String::new(), argument);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let width = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                continue;
            }
        };
        let digits = after.get(1..=width).and_then(|digits| std::str::from_utf8(digits).ok());
        let character = digits.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
        text.push(character.ok_or("a character is not escaped as Python does")?);
        rest = &after[width + 1..];
    }
    Ok(text)
}
