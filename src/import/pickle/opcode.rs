//! The opcodes of pickles, and what follows each.

/// What follows an opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    /// So many bytes.
    Fixed(u8),
    /// A length of so many bytes, little-endian, and as many bytes as it says.
    Counted(u8),
    /// Text to the end of the line, so many times.
    Lines(u8),
}

pub(super) const MARK: u8 = b'(';
pub(super) const STOP: u8 = b'.';
pub(super) const GET: u8 = b'g';
pub(super) const BINGET: u8 = b'h';
pub(super) const LONG_BINGET: u8 = b'j';
pub(super) const PUT: u8 = b'p';
pub(super) const BINPUT: u8 = b'q';
pub(super) const LONG_BINPUT: u8 = b'r';
pub(super) const MEMOIZE: u8 = 0x94;

/// What follows the opcode `code`, None if it is not an opcode that plain data needs.
pub(super) fn argument(code: u8) -> Option<Argument> {
    use Argument::{Counted, Fixed, Lines};
    Some(match code {
        MARK | STOP | MEMOIZE | 0x85..=0x89 | 0x8f..=0x91 | 0x93 => Fixed(0),
        _ if b"012NRQabdelstu)}]".contains(&code) => Fixed(0),
        b'K' | BINGET | BINPUT | 0x80 => Fixed(1),
        b'M' => Fixed(2),
        b'J' | LONG_BINGET | LONG_BINPUT => Fixed(4),
        b'G' | 0x95 => Fixed(8),
        b'U' | b'C' | 0x8a | 0x8c => Counted(1),
        b'T' | b'X' | b'B' | 0x8b => Counted(4),
        0x8d | 0x8e | 0x96 => Counted(8),
        b'F' | b'I' | b'L' | b'S' | b'V' | GET | PUT => Lines(1),
        b'c' => Lines(2),
        _ => return None,
    })
}

/// Name of an opcode that makes objects or calls, for the message that refuses it.
pub(super) fn refused_name(code: u8) -> &'static str {
    match code {
        b'i' => " (INST)",
        b'o' => " (OBJ)",
        b'P' => " (PERSID)",
        0x81 => " (NEWOBJ)",
        0x82..=0x84 => " (EXT)",
        0x92 => " (NEWOBJ_EX)",
        0x97 | 0x98 => " (BUFFER)",
        _ => "",
    }
}
