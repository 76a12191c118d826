//! The stack machine.

use std::io::BufRead;
use std::rc::Rc;

use super::literal::{Outcome, escaped, fixed, long, number, quoted};
use super::memo::{Memo, TICK};
use super::opcode::{BINGET, BINPUT, GET, LONG_BINGET, LONG_BINPUT, MARK, MEMOIZE, PUT, STOP};
use super::value::{Node, Value};
use super::{Input, Limits, PickleError, Uses, globals};

/// Estimated bytes of a value on the stack or in a container, and of a container itself.
const VALUE_BYTES: u64 = size_of::<Value>() as u64;
const NODE_BYTES: u64 = size_of::<Node>() as u64 + 24;

/// Builds the value of one pickle.
pub struct Machine {
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: Memo,
    limits: Limits,
    /// Estimated bytes of what was built and not handed out.
    alive: u64,
    /// The items of the dictionary that are handed out.
    watched: Option<Watched>,
}

#[derive(Clone, Copy)]
struct Watched {
    /// Where the items start on the stack.
    start: usize,
    /// What was alive before them.
    alive: u64,
    /// What the memo held before them: containers, and bytes of everything else.
    kept: (usize, u64),
}

/// The dictionary whose items are handed out as they are complete. Its keys must be whole numbers and its values
/// dictionaries whose keys are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch<'a> {
    /// None.
    Nothing,
    /// The outermost.
    Root,
    /// The one under this key of the outermost.
    Under(&'a str),
}

impl Machine {
    /// Keeps every object that has a number until the end: for a pickle that fits in memory.
    pub fn new(limits: Limits) -> Self {
        Machine { stack: Vec::new(), marks: Vec::new(), memo: Memo::new(), limits, alive: 0, watched: None }
    }

    /// Keeps objects as long as they are needed, as a first reading found out.
    pub fn with_uses(limits: Limits, uses: Uses) -> Self {
        Machine { memo: Memo::needed(uses), ..Machine::new(limits) }
    }

    /// Reads to the end of the pickle. The items of the watched dictionary are given to `on_item` as they are complete, and
    /// it is left empty. `tick` is called now and then and may end the reading.
    pub fn run<R: BufRead, E: From<PickleError>>(
        mut self,
        input: &mut Input<R>,
        watch: Watch,
        on_item: &mut dyn FnMut(Value, Value) -> Result<(), E>,
        tick: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<Value, E> {
        let mut read = 0u32;
        loop {
            read = read.wrapping_add(1);
            if read.is_multiple_of(TICK) {
                tick()?;
            }
            let offset = input.offset();
            let (code, argument) = input.opcode()?;
            let argument = input.argument(argument, self.limits.string)?;
            let malformed = |reason| PickleError::Malformed { offset, reason };
            match code {
                STOP => return Ok(self.pop().map_err(malformed)?),
                MARK => {
                    self.marks.push(self.stack.len());
                    self.spend(8);
                    if self.opens(watch) {
                        let (start, alive, kept) = (self.stack.len(), self.alive, self.memo.kept());
                        self.watched = Some(Watched { start, alive, kept });
                    }
                }
                PUT | BINPUT | LONG_BINPUT | MEMOIZE => {
                    let Some(top) = self.stack.last() else {
                        return Err(malformed("there is nothing to be numbered".into()).into());
                    };
                    self.memo.put(code, argument, top, offset)?;
                    self.spend(VALUE_BYTES);
                }
                GET | BINGET | LONG_BINGET => {
                    let value = self.memo.get(code, argument, offset)?;
                    self.push(value);
                }
                b'c' | 0x93 => self.global(code, argument, offset)?,
                b'u' if self.watched.is_some_and(|watched| self.marks.last() == Some(&watched.start)) => {
                    self.hand_out(on_item)?;
                    self.watched = None;
                    self.apply(code, &[]).map_err(malformed)?;
                }
                _ => self.apply(code, argument).map_err(malformed)?,
            }
            if self.alive > self.limits.alive {
                let what = format!("values of more than {} MB at once", self.limits.alive >> 20);
                return Err(PickleError::Limit { offset, what, limit: self.limits.alive }.into());
            }
            // A whole number after a dictionary is the next key: a key of the dictionary itself would be text.
            if let Some(Watched { start, .. }) = self.watched
                && self.marks.last() == Some(&start)
                && let Some([Value::Int(_), Value::Dict(_), Value::Int(_)]) = self.stack.get(start..)
            {
                let next = self.stack.pop();
                self.hand_out(on_item)?;
                self.stack.extend(next);
            }
        }
    }

    /// Whether the mark just set opens the items of the watched dictionary.
    fn opens(&self, watch: Watch) -> bool {
        match (watch, self.marks.len(), self.stack.as_slice()) {
            (Watch::Root, 1, [Value::Dict(_)]) => true,
            (Watch::Under(key), 2, [Value::Dict(_), .., Value::Str(name), Value::Dict(_)]) => **name == *key,
            _ => false,
        }
    }

    fn hand_out<E>(&mut self, on_item: &mut dyn FnMut(Value, Value) -> Result<(), E>) -> Result<(), E> {
        if let Some(Watched { start, alive, kept }) = self.watched {
            let mut items = self.stack.drain(start..);
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                on_item(key, value)?;
            }
            // A container that is still to be named keeps everything in it alive.
            let (containers, bytes) = self.memo.kept();
            if containers <= kept.0 {
                self.alive = alive + bytes.saturating_sub(kept.1);
            }
        }
        Ok(())
    }

    fn spend(&mut self, bytes: u64) {
        self.alive += bytes;
    }

    fn push(&mut self, value: Value) {
        self.spend(VALUE_BYTES);
        self.stack.push(value);
    }

    fn push_node(&mut self, wrap: impl Fn(Rc<Node>) -> Value, items: Vec<Value>) -> Outcome {
        let node = Node::new();
        node.extend(items.into_iter(), self.limits.depth)?;
        self.spend(NODE_BYTES);
        self.push(wrap(node));
        Ok(())
    }

    fn push_text(&mut self, text: &str) {
        self.spend(text.len() as u64 + 16);
        self.push(Value::Str(text.into()));
    }

    fn push_bytes(&mut self, bytes: &[u8]) {
        self.spend(bytes.len() as u64 + 16);
        self.push(Value::Bytes(bytes.into()));
    }

    /// The top of the stack, above the last mark.
    fn pop(&mut self) -> Outcome<Value> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.len() > floor {
            true => Ok(self.stack.pop().unwrap_or(Value::None)),
            false => Err("a value is missing".into()),
        }
    }

    fn pop_n(&mut self, n: usize) -> Outcome<Vec<Value>> {
        let mut items = (0..n).map(|_| self.pop()).collect::<Outcome<Vec<_>>>()?;
        items.reverse();
        Ok(items)
    }

    /// Everything above the last mark, which is removed.
    fn pop_mark(&mut self) -> Outcome<Vec<Value>> {
        let start = self.marks.pop().ok_or("there is no mark")?;
        Ok(self.stack.split_off(start))
    }

    fn global(&mut self, code: u8, argument: &[u8], offset: u64) -> Result<(), PickleError> {
        let malformed = |reason: &str| PickleError::Malformed { offset, reason: reason.into() };
        let (module, name) = if code == b'c' {
            let text = std::str::from_utf8(argument).map_err(|_| malformed("a name is not text"))?;
            let (module, name) = text.split_once('\n').ok_or_else(|| malformed("a name has no module"))?;
            (module.into(), name.into())
        } else {
            match self.pop_n(2).map_err(|reason| malformed(&reason))?.as_slice() {
                [Value::Str(module), Value::Str(name)] => (module.to_string(), name.to_string()),
                _ => return Err(malformed("a name is not text")),
            }
        };
        match globals::find(&module, &name) {
            Some(place) => {
                self.push(Value::Global(place));
                Ok(())
            }
            None => {
                let name: String = format!("{module}.{name}").chars().take(200).collect();
                Err(PickleError::Global { name, offset })
            }
        }
    }

    /// All other opcodes.
    fn apply(&mut self, code: u8, argument: &[u8]) -> Outcome {
        match code {
            0x80 if argument[0] > 5 => return Err(format!("its protocol is {}, the latest known is 5", argument[0])),
            0x80 | 0x95 => {}
            b'0' => {
                // Python lets it remove a mark, too.
                if self.marks.last() == Some(&self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
            }
            b'1' => drop(self.pop_mark()?),
            b'2' => {
                let top = self.pop()?;
                self.push(top.clone());
                self.push(top);
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'K' | b'M' => self.push(Value::Int(argument.iter().rev().fold(0, |n, &b| n << 8 | i64::from(b)))),
            b'J' => self.push(Value::Int(i32::from_le_bytes(fixed(argument)?).into())),
            b'G' => self.push(Value::Float(f64::from_be_bytes(fixed(argument)?))),
            0x8a | 0x8b => self.push(long(argument)),
            b'I' | b'L' | b'F' => self.push(number(code, argument)?),
            b'S' => self.push_text(&quoted(argument)?),
            b'V' => self.push_text(&escaped(argument)?),
            b'X' | 0x8c | 0x8d => {
                self.push_text(std::str::from_utf8(argument).map_err(|_| "a text is not UTF-8")?);
            }
            // Strings of Python 2: text if they are ASCII, bytes otherwise.
            b'U' | b'T' => match std::str::from_utf8(argument) {
                Ok(text) if text.is_ascii() => self.push_text(text),
                _ => self.push_bytes(argument),
            },
            b'C' | b'B' | 0x8e | 0x96 => self.push_bytes(argument),
            b')' => self.push_node(Value::Tuple, Vec::new())?,
            b']' => self.push_node(Value::List, Vec::new())?,
            b'}' => self.push_node(Value::Dict, Vec::new())?,
            0x8f => self.push_node(Value::Set, Vec::new())?,
            0x85..=0x87 => {
                let items = self.pop_n(usize::from(code - 0x84))?;
                self.push_node(Value::Tuple, items)?;
            }
            b't' | b'l' | b'd' | 0x91 => {
                let items = self.pop_mark()?;
                match code {
                    b't' => self.push_node(Value::Tuple, items)?,
                    b'l' => self.push_node(Value::List, items)?,
                    0x91 => self.push_node(Value::Set, items)?,
                    _ if items.len() % 2 == 1 => return Err("a key has no value".into()),
                    _ => self.push_node(Value::Dict, items)?,
                }
            }
            b'a' | b's' | b'e' | b'u' | 0x90 => {
                let items = match code {
                    b'a' => self.pop_n(1)?,
                    b's' => self.pop_n(2)?,
                    _ => self.pop_mark()?,
                };
                self.extend(code, items)?;
            }
            b'R' => {
                let called = self.pop_n(2)?;
                let [Value::Global(global), Value::Tuple(arguments)] = called.as_slice() else {
                    return Err(format!("{} is called, which is not a name of the list", called[0].describe()));
                };
                let value = globals::call(*global, arguments, self.limits.depth)?;
                self.spend(NODE_BYTES + bytes_of(&value));
                self.push(value);
            }
            b'b' => {
                let state = self.pop()?;
                let object = self.pop()?;
                globals::build(&object, &state, self.limits.depth)?;
                self.spend(bytes_of(&object));
                self.push(object);
            }
            // A persistent id: the storage of a tensor.
            b'Q' => {
                self.pop()?;
                self.push(Value::Tensor);
            }
            _ => return Err(format!("opcode 0x{code:02x} does not belong here")),
        }
        Ok(())
    }

    fn extend(&mut self, code: u8, items: Vec<Value>) -> Outcome {
        let floor = self.marks.last().copied().unwrap_or(0);
        let node = match (code, self.stack[floor.min(self.stack.len())..].last()) {
            (b'a' | b'e', Some(Value::List(node)))
            | (b's' | b'u', Some(Value::Dict(node)))
            | (0x90, Some(Value::Set(node))) => node,
            (_, Some(other)) => {
                return Err(format!("items are added to {}, which does not take them", other.describe()));
            }
            (_, None) => return Err("items are added to nothing".into()),
        };
        if matches!(code, b's' | b'u') && items.len() % 2 == 1 {
            return Err("a key has no value".into());
        }
        Ok(node.extend(items.into_iter(), self.limits.depth)?)
    }
}

/// What a container that a call made holds, in bytes.
fn bytes_of(value: &Value) -> u64 {
    match value {
        Value::Bytes(bytes) => bytes.len() as u64,
        other => other.node().map_or(0, |node| VALUE_BYTES * node.items().len() as u64),
    }
}
