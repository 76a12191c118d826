//! The names that a pickle may use, and what becomes of a call.

use std::cell::Cell;
use std::rc::Rc;

use super::value::{DType, Node, Value};

/// All names that a pickle may use: module and attribute. Python 2 called `builtins` `__builtin__`; NumPy moved `core` to `_core`.
pub static ALLOWED: &[(&str, &str)] = &[
    ("collections", "OrderedDict"),
    ("builtins", "set"),
    ("builtins", "frozenset"),
    ("builtins", "list"),
    ("builtins", "tuple"),
    ("builtins", "dict"),
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_tensor"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch", "FloatStorage"),
    ("torch", "DoubleStorage"),
    ("torch", "HalfStorage"),
    ("torch", "BFloat16Storage"),
    ("torch", "LongStorage"),
    ("torch", "IntStorage"),
    ("torch", "ShortStorage"),
    ("torch", "CharStorage"),
    ("torch", "ByteStorage"),
    ("torch", "BoolStorage"),
    ("torch.storage", "UntypedStorage"),
];

/// Most numbers of one array.
const LONGEST_ARRAY: usize = 1 << 22;

/// The place of a name on the list.
pub(super) fn find(module: &str, attribute: &str) -> Option<u8> {
    let module = match module {
        "__builtin__" => "builtins",
        other => other,
    };
    let module = module.strip_prefix("numpy._core").map_or(module.into(), |rest| format!("numpy.core{rest}"));
    ALLOWED.iter().position(|(m, a)| *m == module && *a == attribute).map(|place| place as u8)
}

/// The value that a call of an allowed name stands for. Err says what is wrong with the arguments.
pub(super) fn call(global: u8, arguments: &Node, deepest: u8) -> Result<Value, String> {
    let (module, name) = ALLOWED[usize::from(global)];
    let arguments = arguments.items();
    let unfit = || format!("{module}.{name} is called with {} arguments that do not fit", arguments.len());
    match (name, arguments.as_slice()) {
        ("OrderedDict" | "dict", []) => Ok(Value::Dict(Node::new())),
        ("OrderedDict" | "dict", [pairs]) => {
            let node = Node::new();
            let pairs = pairs.as_sequence().ok_or_else(unfit)?;
            for pair in pairs.items().iter() {
                let pair = pair.as_sequence().ok_or_else(unfit)?.items();
                if pair.len() != 2 {
                    return Err(unfit());
                }
                node.extend(pair.iter().cloned(), deepest)?;
            }
            Ok(Value::Dict(node))
        }
        ("set" | "frozenset" | "list" | "tuple", [] | [_]) => {
            let node = Node::new();
            if let Some(items) = arguments.first() {
                let items = items.as_sequence().ok_or_else(unfit)?;
                node.extend(items.items().iter().cloned(), deepest)?;
            }
            Ok(match name {
                "list" => Value::List(node),
                "tuple" => Value::Tuple(node),
                _ => Value::Set(node),
            })
        }
        ("encode", [Value::Str(text), Value::Str(code)]) if matches!(&**code, "latin1" | "latin-1") => {
            let bytes: Result<Rc<[u8]>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
            bytes.map(Value::Bytes).map_err(|_| unfit())
        }
        ("dtype", [Value::Str(name), ..]) => match DType::parse(name) {
            Some(dtype) => Ok(Value::DType(Rc::new(Cell::new(dtype)))),
            None => Err(format!("the NumPy type `{name}` is not one of f4, f8, i1 to i8, u1 to u8, b1")),
        },
        ("scalar", [Value::DType(dtype), Value::Bytes(bytes)]) => dtype.get().number(bytes).ok_or_else(unfit),
        ("_reconstruct", [Value::Global(_), ..]) => Ok(Value::Array(Node::new())),
        ("_frombuffer", [Value::Bytes(bytes), Value::DType(dtype), Value::Tuple(shape), ..]) => {
            if shape.items().len() != 1 {
                return Err("a NumPy array has not one dimension".into());
            }
            let node = Node::new();
            fill(&node, dtype.get(), bytes, deepest)?;
            Ok(Value::List(node))
        }
        ("_rebuild_tensor_v2" | "_rebuild_tensor" | "_rebuild_parameter", _) => Ok(Value::Tensor),
        _ => Err(unfit()),
    }
}

/// Gives an object that a call made the state that follows it. Err says what is wrong.
pub(super) fn build(object: &Value, state: &Value, deepest: u8) -> Result<(), String> {
    match (object, state) {
        // (version, byte order, ...)
        (Value::DType(dtype), Value::Tuple(state)) => match state.items().get(1) {
            Some(Value::Str(order)) => {
                dtype.set(DType { big_endian: **order == *">", ..dtype.get() });
                Ok(())
            }
            _ => Err("the state of a NumPy type has no byte order".into()),
        },
        // (version, shape, type, Fortran order, bytes)
        (Value::Array(node), Value::Tuple(state)) => match state.items().as_slice() {
            [_, Value::Tuple(shape), Value::DType(dtype), _, Value::Bytes(bytes)] if shape.items().len() == 1 => {
                fill(node, dtype.get(), bytes, deepest)
            }
            _ => Err("a NumPy array has not one dimension, or does not hold numbers".into()),
        },
        // An ordered dictionary, a tensor: attributes of no interest.
        (Value::Dict(_) | Value::Tensor, _) => Ok(()),
        _ => Err(format!("{} has no state to be given", object.describe())),
    }
}

fn fill(node: &Node, dtype: DType, bytes: &[u8], deepest: u8) -> Result<(), String> {
    if bytes.len() > LONGEST_ARRAY * usize::from(dtype.size) {
        return Err(format!("a NumPy array has more than the {LONGEST_ARRAY} numbers that are read"));
    }
    let numbers: Option<Vec<Value>> = bytes.chunks(usize::from(dtype.size)).map(|chunk| dtype.number(chunk)).collect();
    let numbers = numbers.ok_or("the bytes of a NumPy array are not whole numbers of its type")?;
    Ok(node.extend(numbers.into_iter(), deepest)?)
}
