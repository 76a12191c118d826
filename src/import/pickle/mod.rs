//! A reader of Python's pickle format that builds plain data and never runs anything.
//!
//! A pickle is a program for a small stack machine, and Python's own reader lets that program call any function. This one
//! knows the opcodes of protocols 0 to 5 that plain data needs, and a short list of names ([`ALLOWED`]) that stand for data:
//! ordered dictionaries, sets, NumPy scalars and arrays, tensors. Every other name is refused as soon as it is read, before
//! anything is made of it. Tensors and their storages are kept as a mark that they were there; their numbers are not read.
//!
//! Memory is bounded by [`Limits`]: of nesting, of a single string, and of everything alive. A container that was put into
//! another may no longer change, so a value is a tree with shared branches, never a cycle.
//!
//! A file of many gigabytes is one dictionary of records. [`Machine::run`] hands out the items of that dictionary as they are complete and forgets
//! them. Nearly every object of a pickle has a number by which later ones can name it;
//! [`Uses::scan`] reads the file once and counts the namings, so that the second reading keeps an object exactly as long as it is
//! needed.

mod globals;
mod input;
mod literal;
mod machine;
mod memo;
mod opcode;
mod value;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use std::io::BufRead;

pub use globals::ALLOWED;
pub use input::Input;
pub use machine::{Machine, Watch};
pub use memo::Uses;
pub use value::{Node, Value};

/// Why a pickle was refused. Offsets are bytes from the start of the (decompressed) pickle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum PickleError {
    /// The bytes end in the middle.
    #[error("it ends at byte {offset}, in the middle of the pickle")]
    Truncated { offset: u64 },
    /// A byte that is not an opcode, or an opcode that plain data does not need. `name` is that of Python, in parentheses,
    /// or nothing.
    #[error("byte {offset} is 0x{code:02x}{name}, which no file of plain data has")]
    Opcode { offset: u64, code: u8, name: String },
    /// A name that is not on the list. Nothing was run.
    #[error("global {name} is not allowed (byte {offset}); nothing was run")]
    Global { name: String, offset: u64 },
    /// A well-formed opcode that does not fit what came before.
    #[error("byte {offset}: {reason}")]
    Malformed { offset: u64, reason: String },
    /// More than the limits allow.
    #[error("byte {offset}: {what}, more than the {limit} that are read")]
    Limit { offset: u64, what: String, limit: u64 },
    /// The system could not read the file, or its compression is damaged.
    #[error("it cannot be read beyond byte {offset}: {reason}")]
    Unreadable { offset: u64, reason: String },
}

/// Bounds on what a pickle may build.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Containers within containers.
    pub depth: u8,
    /// Bytes of one string.
    pub string: u64,
    /// Estimated bytes of all values alive at once.
    pub alive: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 64, string: 16 << 20, alive: 512 << 20 }
    }
}

/// Reads a pickle that is small enough to be held in memory as a whole; bytes after its end are left unread.
pub fn read(bytes: impl BufRead, limits: Limits) -> Result<Value, PickleError> {
    read_next(&mut Input::new(bytes), limits)
}

/// Reads the next of several pickles that follow one another.
pub fn read_next<R: BufRead>(input: &mut Input<R>, limits: Limits) -> Result<Value, PickleError> {
    Machine::new(limits).run(input, Watch::Nothing, &mut |_, _| Ok(()), &mut || Ok(()))
}
