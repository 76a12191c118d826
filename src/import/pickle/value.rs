//! What a pickle can say.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

/// A value of a pickle. Cloning is cheap: containers and strings are shared.
#[derive(Clone, Debug)]
pub enum Value {
    /// Python's None.
    None,
    /// A truth value.
    Bool(bool),
    /// A whole number of up to 64 bits, NumPy's too.
    Int(i64),
    /// A whole number beyond 64 bits, of which only this is kept.
    BigInt,
    /// A float, NumPy's too; single precision is widened.
    Float(f64),
    /// Text.
    Str(Rc<str>),
    /// Bytes.
    Bytes(Rc<[u8]>),
    /// A list.
    List(Rc<Node>),
    /// A tuple.
    Tuple(Rc<Node>),
    /// A dictionary, ordered or not: key, value, key, value.
    Dict(Rc<Node>),
    /// A set.
    Set(Rc<Node>),
    /// A NumPy array of one dimension.
    Array(Rc<Node>),
    /// The type of NumPy numbers.
    DType(Rc<Cell<DType>>),
    /// A name of the list, by its place there.
    Global(u8),
    /// A tensor or the storage of one, whose numbers are not read.
    Tensor,
}

/// Type of a NumPy number: kind as NumPy writes it (`f`, `i`, `u`, `b`), bytes, byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DType {
    pub(super) kind: u8,
    pub(super) size: u8,
    pub(super) big_endian: bool,
}

/// The items of a container.
#[derive(Debug, Default)]
pub struct Node {
    items: RefCell<Vec<Value>>,
    /// Containers on the longest way down, this one included.
    depth: Cell<u8>,
    /// Inside another container, and therefore final.
    sealed: Cell<bool>,
}

impl Node {
    pub(super) fn new() -> Rc<Self> {
        Rc::new(Node { depth: Cell::new(1), ..Node::default() })
    }

    /// The items; of a dictionary keys and values in turn.
    pub fn items(&self) -> Ref<'_, Vec<Value>> {
        self.items.borrow()
    }

    /// Appends items. Err says why not.
    pub(super) fn extend(&self, items: impl Iterator<Item = Value>, deepest: u8) -> Result<(), &'static str> {
        for item in items {
            // First the item, so that a container is refused as an item of itself.
            if let Some(node) = item.node() {
                node.sealed.set(true);
                self.depth.set(self.depth.get().max(node.depth.get().saturating_add(1)));
            }
            if self.sealed.get() {
                return Err(
                    "a container changes after it was put into another (a recursive structure), which plain data never does",
                );
            }
            if self.depth.get() > deepest {
                return Err("containers are nested too deeply");
            }
            self.items.borrow_mut().push(item);
        }
        Ok(())
    }

    /// The value of a dictionary under a key that is text; the last one counts, as in Python.
    pub fn get(&self, key: &str) -> Option<Value> {
        let items = self.items();
        let found = items.chunks_exact(2).rev().find(|pair| matches!(&pair[0], Value::Str(name) if **name == *key));
        found.map(|pair| pair[1].clone())
    }
}

impl Value {
    pub(super) fn node(&self) -> Option<&Rc<Node>> {
        match self {
            Value::List(node) | Value::Tuple(node) | Value::Dict(node) | Value::Set(node) | Value::Array(node) => {
                Some(node)
            }
            _ => None,
        }
    }

    /// The items of a dictionary.
    pub fn as_dict(&self) -> Option<&Rc<Node>> {
        if let Value::Dict(node) = self { Some(node) } else { None }
    }

    /// The items of a list, tuple or array.
    pub fn as_sequence(&self) -> Option<&Rc<Node>> {
        if let Value::List(node) | Value::Tuple(node) | Value::Array(node) = self { Some(node) } else { None }
    }

    /// Text.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(text) = self { Some(text) } else { None }
    }

    /// A whole number.
    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(n) = self { Some(*n) } else { None }
    }

    /// Any number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(n) => Some(*n as f64),
            Value::Float(x) => Some(*x),
            _ => None,
        }
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        match self {
            Value::None => "None".into(),
            Value::Bool(b) => format!("the truth value {b}"),
            Value::Int(n) => format!("the number {n}"),
            Value::BigInt => "a number beyond 64 bits".into(),
            Value::Float(x) => format!("the number {x}"),
            Value::Str(text) => format!("the text `{}`", text.chars().take(60).collect::<String>()),
            Value::Bytes(_) => "bytes".into(),
            Value::List(_) | Value::Array(_) => "a list".into(),
            Value::Tuple(_) => "a tuple".into(),
            Value::Dict(_) => "a dictionary".into(),
            Value::Set(_) => "a set".into(),
            Value::DType(_) => "a NumPy type".into(),
            Value::Global(_) => "a Python name".into(),
            Value::Tensor => "a tensor".into(),
        }
    }
}

impl DType {
    /// The type called `f8`, `<i4`, `b1`, ...
    pub(super) fn parse(name: &str) -> Option<Self> {
        let bare = name.trim_start_matches(['<', '>', '|', '=']);
        let (kind, size) = bare.split_at_checked(1)?;
        let dtype = DType { kind: kind.as_bytes()[0], size: size.parse().ok()?, big_endian: name.starts_with('>') };
        matches!((dtype.kind, dtype.size), (b'f', 4 | 8) | (b'i' | b'u', 1 | 2 | 4 | 8) | (b'b', 1)).then_some(dtype)
    }

    /// One number.
    pub(super) fn number(self, bytes: &[u8]) -> Option<Value> {
        if bytes.len() != usize::from(self.size) {
            return None;
        }
        let mut wide = [0; 8];
        for (i, &byte) in bytes.iter().enumerate() {
            wide[if self.big_endian { bytes.len() - 1 - i } else { i }] = byte;
        }
        let raw = u64::from_le_bytes(wide);
        let unused = 64 - 8 * u32::from(self.size);
        Some(match (self.kind, self.size) {
            (b'f', 4) => Value::Float(f32::from_bits(raw as u32).into()),
            (b'f', _) => Value::Float(f64::from_bits(raw)),
            (b'b', _) => Value::Bool(raw != 0),
            (b'u', _) => i64::try_from(raw).map_or(Value::BigInt, Value::Int),
            _ => Value::Int((raw << unused) as i64 >> unused),
        })
    }
}
