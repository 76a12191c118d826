use std::cell::RefCell;

use proptest::prelude::*;

use super::samples::{EVERYTHING_HEX, NUMPY_HEX, STREAM_HEX};
use super::*;

fn value(bytes: &[u8]) -> Result<Value, PickleError> {
    read(bytes, Limits::default())
}

fn message(bytes: &[u8]) -> String {
    value(bytes).unwrap_err().to_string()
}

/// A value as Python would print it.
fn shown(value: &Value) -> String {
    let list = |node: &Node| node.items().iter().map(shown).collect::<Vec<_>>().join(", ");
    match value {
        Value::None => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => format!("{x:?}"),
        Value::Str(text) => format!("'{text}'"),
        Value::Bytes(bytes) => format!("b{bytes:?}"),
        Value::List(node) | Value::Array(node) => format!("[{}]", list(node)),
        Value::Tuple(node) => format!("({})", list(node)),
        Value::Set(node) => format!("set({})", list(node)),
        Value::Dict(node) => {
            let items = node.items();
            let pairs = items.chunks(2).map(|pair| format!("{}: {}", shown(&pair[0]), shown(&pair[1])));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        other => other.describe(),
    }
}

/// `pickle.dumps(value, protocol).hex()` for protocols 0 to 5, of
/// `{'a': [1, -2, 70000, 2**40, -2**40, True, None], 'b': (1.5, 'ä€', b'\x00\xff'), 3: {7}, 'c': ((), (1,), [])}`.
const EVERYTHING: [&str; 6] = EVERYTHING_HEX;
const EVERYTHING_SHOWN: &str = "{'a': [1, -2, 70000, 1099511627776, -1099511627776, True, None], 'b': (1.5, 'ä€', b[0, 255]), \
                                3: set(7), 'c': ((), (1), [])}";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn all_protocols_say_the_same() {
    for (protocol, hex) in EVERYTHING.iter().enumerate() {
        assert_eq!(shown(&value(&bytes(hex)).unwrap()), EVERYTHING_SHOWN, "protocol {protocol}");
    }
}

/// `numpy` 1 and 2: scalars f4, f8, i4, i8, u1, bool; arrays f8 and big-endian i4, by protocols 2, 4 and 5.
#[test]
fn numpy_numbers_are_numbers() {
    for hex in NUMPY_HEX {
        let expected = "[1.5, 0.1, -7, 1099511627776, 255, True, [0.25, -0.0], [1, -2], {'k': 1}]";
        assert_eq!(shown(&value(&bytes(hex)).unwrap()), expected);
    }
}

#[test]
fn names_that_are_not_data_are_refused_before_anything_happens() {
    // What os.system("touch pwned") looks like in protocols 0 and 4, and other ways to run things.
    assert_eq!(
        message(b"cos\nsystem\n(S'touch pwned'\ntR."),
        "global os.system is not allowed (byte 0); nothing was run"
    );
    let stacked = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x05touch\x85R.";
    assert_eq!(message(stacked), "global posix.system is not allowed (byte 17); nothing was run");
    for (module, name) in
        [("builtins", "eval"), ("builtins", "getattr"), ("__builtin__", "exec"), ("numpy", "load"), ("", "")]
    {
        let text = message(format!("c{module}\n{name}\n.").as_bytes());
        assert!(text.starts_with(&format!("global {module}.{name} is not allowed")), "{text}");
    }
    assert!(message(b"(ios\nsystem\n.").contains("byte 1 is 0x69 (INST)"));
    assert!(message(b"\x80\x02)\x81.").contains("byte 3 is 0x81 (NEWOBJ)"));
    assert!(message(b"\x80\x04\x92.").contains("(NEWOBJ_EX)"));
    assert!(message(b"\x82\x01.").contains("(EXT)"));
    // Allowed names are data, not functions: they cannot be called with what is not theirs.
    assert!(message(b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.").contains("do not fit"));
    assert!(message(b"ccollections\nOrderedDict\n]R.").contains("is called, which is not a name of the list"));
    assert!(message(b"cnumpy\ndtype\n(S'O8'\ntR.").contains("the NumPy type `O8`"));
    for &(module, name) in ALLOWED {
        assert!(!["os", "sys", "subprocess", "posix", "importlib", "pickle"].contains(&module), "{module}.{name}");
    }
}

#[test]
fn damage_is_named_with_its_place() {
    assert_eq!(message(b""), "it ends at byte 0, in the middle of the pickle");
    assert_eq!(message(b"\x80\x04]"), "it ends at byte 3, in the middle of the pickle");
    assert!(message(b"\x80\x09.").contains("protocol is 9"));
    assert!(message(b"\xff").contains("byte 0 is 0xff"));
    assert!(message(b".").contains("byte 0: a value is missing"));
    assert!(message(b"h\x05.").contains("names an object that has not come"));
    assert!(message(b"]r\xff\xff\xff\x7f.").contains("object number 2147483647 comes after only 0 objects"));
    assert!(message(b"Na.").contains("a value is missing") || message(b"Na.").contains("nothing"));
    assert!(message(b"(K\x01d.").contains("a key has no value"));
    assert!(message(b"t.").contains("there is no mark"));
    assert!(message(b"F1,5\n.").contains("`1,5` is not a number"));
}

#[test]
fn memory_has_limits() {
    // A string that says it has 4 exabytes.
    let text = message(b"\x8d\x00\x00\x00\x00\x00\x00\x00\x40");
    assert!(text.contains("a string of 4611686018427387904 bytes, more than the 16777216"), "{text}");
    // Nesting beyond what recursion could bear.
    let deep = [vec![b']'; 100_000], vec![b'a'; 99_999], vec![b'.']].concat();
    assert!(message(&deep).contains("nested too deeply"));
    // A list in itself, and a chain that is lengthened from within.
    assert!(message(b"]q\x00h\x00a.").contains("a recursive structure"));
    assert!(message(b"]q\x00]q\x01h\x00a0h\x00]a.").contains("a recursive structure"));
    // Ten lists of ten of ten ... are shared, not copied.
    let mut laughs = b"]q\x00".to_vec();
    for level in 0..20 {
        laughs.extend([b"](".to_vec(), [b'h', level].repeat(10), vec![b'e', b'q', level + 1]].concat());
    }
    laughs.push(b'.');
    assert!(value(&laughs).is_ok());
    // More values than may be alive.
    let many = [vec![b']'], vec![b'('], vec![b'N'; 10_000], vec![b'e', b'.']].concat();
    let limits = Limits { alive: 100_000, ..Limits::default() };
    assert!(matches!(read(&many[..], limits), Err(PickleError::Limit { .. })));
}

/// The items that a streaming reading hands out, and what is left.
fn streamed(bytes: &[u8], watch: Watch) -> Result<(Vec<String>, String), PickleError> {
    let limits = Limits::default();
    let uses = Uses::scan::<_, PickleError>(&mut Input::new(bytes), limits, &mut || Ok(()))?;
    let items = RefCell::new(Vec::new());
    let rest = Machine::with_uses(limits, uses).run::<_, PickleError>(
        &mut Input::new(bytes),
        watch,
        &mut |key, value| {
            items.borrow_mut().push(format!("{}: {}", shown(&key), shown(&value)));
            Ok(())
        },
        &mut || Ok(()),
    )?;
    Ok((items.into_inner(), shown(&rest)))
}

/// `s = 'shared'; {'meta': [s], 'infos': {0: {'a': s}, 1: OrderedDict(b=[s, 2]), 2: {'c': {3: 4}, 'd': s}}, 'end': s}`, and the inner
/// dictionary alone, by protocols 2 and 4.
#[test]
fn items_are_handed_out_as_they_come() {
    let items = ["0: {'a': 'shared'}", "1: {'b': ['shared', 2]}", "2: {'c': {3: 4}, 'd': 'shared'}"];
    for (under, root) in STREAM_HEX {
        let (found, rest) = streamed(&bytes(under), Watch::Under("infos")).unwrap();
        assert_eq!(found, items);
        assert_eq!(rest, "{'meta': ['shared'], 'infos': {}, 'end': 'shared'}");
        let (found, rest) = streamed(&bytes(root), Watch::Root).unwrap();
        assert_eq!((found, rest.as_str()), (items.map(String::from).to_vec(), "{}"));
        let (found, rest) = streamed(&bytes(root), Watch::Nothing).unwrap();
        assert_eq!((found, rest), (vec![], format!("{{{}}}", items.join(", "))));
    }
}

#[test]
fn records_that_were_handed_out_do_not_count() {
    // 1,000 records of 100 floats in one series, with room for 20.
    let mut bytes = b"}(".to_vec();
    for i in 0..1000u16 {
        bytes.push(b'M');
        bytes.extend(i.to_le_bytes());
        bytes.extend(b"}(");
        for j in 0..100 {
            bytes.extend([b'K', j, b'G', 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        bytes.push(b'u');
    }
    bytes.extend(b"u.");
    let limits = Limits { alive: 20 * 200 * 40, ..Limits::default() };
    assert!(matches!(read(&bytes[..], limits), Err(PickleError::Limit { .. })));
    let uses = Uses::scan::<_, PickleError>(&mut Input::new(&bytes[..]), limits, &mut || Ok(())).unwrap();
    let mut n = 0;
    let machine = Machine::with_uses(limits, uses);
    let on_item = &mut |_, _| {
        n += 1;
        Ok::<_, PickleError>(())
    };
    machine.run(&mut Input::new(&bytes[..]), Watch::Root, on_item, &mut || Ok(())).unwrap();
    assert_eq!(n, 1000);
}

#[test]
fn every_truncation_is_named() {
    for hex in EVERYTHING.iter().chain(&NUMPY_HEX).chain(STREAM_HEX.iter().map(|(under, _)| under)) {
        let whole = bytes(hex);
        for cut in 0..whole.len() {
            let error = value(&whole[..cut]).unwrap_err();
            let at_the_end = matches!(error, PickleError::Truncated { offset } if offset <= cut as u64);
            assert!(at_the_end, "{cut} of {hex}: {error}");
            assert!(streamed(&whole[..cut], Watch::Under("infos")).is_err());
        }
    }
}

/// Small limits, so that an allocation that escapes them shows.
const TIGHT: Limits = Limits { depth: 16, string: 1 << 12, alive: 1 << 16 };

/// Reads in all ways; whatever comes of it, it must come quickly, within the limits, and without a panic.
fn try_all(bytes: &[u8]) {
    let _ = read(bytes, TIGHT);
    for watch in [Watch::Root, Watch::Under("infos")] {
        if let Ok(uses) = Uses::scan::<_, PickleError>(&mut Input::new(bytes), TIGHT, &mut || Ok(())) {
            let machine = Machine::with_uses(TIGHT, uses);
            let _ = machine.run::<_, PickleError>(&mut Input::new(bytes), watch, &mut |_, _| Ok(()), &mut || Ok(()));
        }
    }
}

fn known_pickle() -> impl Strategy<Value = Vec<u8>> {
    let streams = STREAM_HEX.iter().flat_map(|(under, root)| [*under, *root]);
    let all: Vec<Vec<u8>> = EVERYTHING.into_iter().chain(NUMPY_HEX).chain(streams).map(bytes).collect();
    prop::sample::select(all)
}

/// Bytes that are mostly opcodes.
fn opcodes() -> impl Strategy<Value = Vec<u8>> {
    let codes: Vec<u8> = (0..=255).filter(|&code| opcode::argument(code).is_some()).collect();
    prop::collection::vec(prop_oneof![3 => prop::sample::select(codes), 1 => 0..4u8], 0..200)
}

proptest! {
    #[test]
    fn random_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        try_all(&bytes);
    }

    #[test]
    fn random_programs_are_read_or_refused(bytes in opcodes()) {
        try_all(&bytes);
    }

    #[test]
    fn mutations_are_read_or_refused(
        mut bytes in known_pickle(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..6),
    ) {
        for (place, byte, kind) in edits {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ if bytes.len() > 1 => drop(bytes.remove(place)),
                _ => {}
            }
        }
        try_all(&bytes);
    }
}
