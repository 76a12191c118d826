//! The objects of a pickle that later ones can name by number.

use std::collections::HashMap;
use std::io::BufRead;

use super::opcode::{BINGET, BINPUT, GET, LONG_BINGET, LONG_BINPUT, MEMOIZE, PUT, STOP};
use super::{Input, Limits, PickleError, Value};

/// Most objects with a number.
const MOST: usize = 400_000_000;
/// Between two calls of the function that may end a long reading, so many opcodes.
pub(super) const TICK: u32 = 1 << 16;

/// How often each object is named, by its number; 255 stands for as often or more.
pub struct Uses(Vec<u8>);

impl Uses {
    /// Reads a pickle to its end without building anything. `tick` is called now and then and may end it.
    pub fn scan<R: BufRead, E: From<PickleError>>(
        input: &mut Input<R>,
        limits: Limits,
        tick: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let (mut counts, mut puts, mut read) = (Vec::new(), 0, 0u32);
        loop {
            read = read.wrapping_add(1);
            if read.is_multiple_of(TICK) {
                tick()?;
            }
            let offset = input.offset();
            let (code, argument) = input.opcode()?;
            let argument = input.argument(argument, limits.string)?;
            match code {
                STOP => return Ok(Uses(counts)),
                PUT | BINPUT | LONG_BINPUT | MEMOIZE => {
                    let place = place(code, argument, puts, offset)?;
                    puts += 1;
                    if counts.len() <= place {
                        counts.resize(place + 1, 0);
                    }
                }
                GET | BINGET | LONG_BINGET => match counts.get_mut(number(code, argument, offset)?) {
                    Some(count) => *count = count.saturating_add(1),
                    None => return Err(unset(offset).into()),
                },
                _ => {}
            }
        }
    }
}

/// The objects that have a number.
pub(super) enum Memo {
    /// All of them.
    All { objects: Vec<Option<Value>>, puts: usize },
    /// Those that are still to be named.
    Needed { left: Vec<u8>, objects: HashMap<usize, Value>, puts: usize, kept: (usize, u64) },
}

impl Memo {
    pub fn new() -> Self {
        Memo::All { objects: Vec::new(), puts: 0 }
    }

    pub fn needed(uses: Uses) -> Self {
        Memo::Needed { left: uses.0, objects: HashMap::new(), puts: 0, kept: (0, 0) }
    }

    pub fn put(&mut self, code: u8, argument: &[u8], value: &Value, offset: u64) -> Result<(), PickleError> {
        match self {
            Memo::All { objects, puts } => {
                let place = place(code, argument, *puts, offset)?;
                *puts += 1;
                if objects.len() <= place {
                    objects.resize(place + 1, None);
                }
                objects[place] = Some(value.clone());
            }
            Memo::Needed { left, objects, puts, kept } => {
                let place = place(code, argument, *puts, offset)?;
                *puts += 1;
                if left.get(place).is_some_and(|&count| count > 0) {
                    weigh(kept, value, true);
                    objects.insert(place, value.clone()).iter().for_each(|old| weigh(kept, old, false));
                }
            }
        }
        Ok(())
    }

    /// What is held for later naming: containers, and estimated bytes of everything else.
    pub fn kept(&self) -> (usize, u64) {
        if let Memo::Needed { kept, .. } = self { *kept } else { (0, 0) }
    }

    pub fn get(&mut self, code: u8, argument: &[u8], offset: u64) -> Result<Value, PickleError> {
        let place = number(code, argument, offset)?;
        match self {
            Memo::All { objects, .. } => objects.get(place).cloned().flatten(),
            Memo::Needed { left, objects, kept, .. } => match left.get_mut(place) {
                Some(1) => {
                    left[place] = 0;
                    let last = objects.remove(&place);
                    last.iter().for_each(|value| weigh(kept, value, false));
                    last
                }
                Some(count) => {
                    *count -= u8::from((2..255).contains(count));
                    objects.get(&place).cloned()
                }
                None => None,
            },
        }
        .ok_or_else(|| unset(offset))
    }
}

/// Counts an object in or out: a container as one, anything else by its bytes.
fn weigh(kept: &mut (usize, u64), value: &Value, more: bool) {
    let bytes = match value {
        Value::Str(text) => 64 + text.len() as u64,
        Value::Bytes(bytes) => 64 + bytes.len() as u64,
        _ => 64,
    };
    match (value.node().is_some(), more) {
        (true, true) => kept.0 += 1,
        (true, false) => kept.0 -= 1,
        (false, true) => kept.1 += bytes,
        (false, false) => kept.1 -= bytes,
    }
}

/// The number that the next object gets: the one that is named, which may skip at most one, or the next.
fn place(code: u8, argument: &[u8], puts: usize, offset: u64) -> Result<usize, PickleError> {
    let place = if code == MEMOIZE { puts } else { number(code, argument, offset)? };
    if place > puts + 1 {
        let reason = format!("object number {place} comes after only {puts} objects");
        return Err(PickleError::Malformed { offset, reason });
    }
    if place >= MOST {
        return Err(PickleError::Limit { offset, what: "more objects with a number".into(), limit: MOST as u64 });
    }
    Ok(place)
}

fn number(code: u8, argument: &[u8], offset: u64) -> Result<usize, PickleError> {
    if code == GET || code == PUT {
        let text = std::str::from_utf8(argument).ok().and_then(|text| text.trim().parse().ok());
        return text
            .ok_or_else(|| PickleError::Malformed { offset, reason: "an object number is not a number".into() });
    }
    Ok(argument.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte)))
}

fn unset(offset: u64) -> PickleError {
    PickleError::Malformed { offset, reason: "it names an object that has not come".into() }
}
