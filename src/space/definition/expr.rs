//! Expressions of space files: whole numbers, texts, names, and what can be computed with them.
//!
//! `a if c else b`, `or`, `and`, `not`, `== != < <= > >=`, `+ - * / %` (division rounds down), `name[index]`, `min(a, b)`,
//! `max(a, b)` and `round_to(a, n)`, in Python's order of precedence. Truth is 1 or 0.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What an expression gives.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Number(i64),
    Text(Arc<str>),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Value::Text(text.into())
    }

    pub(super) fn number(&self) -> Result<i64, String> {
        match self {
            Value::Number(n) => Ok(*n),
            Value::Text(t) => Err(format!("`{t}` is a text where a number is needed")),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(n) => n.fmt(f),
            Value::Text(t) => t.fmt(f),
        }
    }
}

/// Why an expression cannot be read or has no value, and where in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) reason: String,
}

impl Fault {
    pub(super) fn new(at: &Range<usize>, reason: impl Into<String>) -> Self {
        Fault { at: at.clone(), reason: reason.into() }
    }
}

/// What names mean.
pub(super) trait Names {
    /// The value of a name, at a position where it has several; why it has none otherwise.
    fn value(&self, name: &str, index: Option<i64>) -> Result<Value, String>;
}

/// An expression and its place in the file.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    node: Node,
    pub(super) at: Range<usize>,
}

#[derive(Clone, Debug)]
enum Node {
    Constant(Value),
    Name(Arc<str>, Option<Box<Node>>),
    Call(&'static str, Vec<Node>),
    Not(Box<Node>),
    Negative(Box<Node>),
    Binary(&'static str, Box<Node>, Box<Node>),
    Choice { condition: Box<Node>, yes: Box<Node>, no: Box<Node> },
}

impl Expr {
    pub(super) fn constant(value: Value, at: Range<usize>) -> Self {
        Expr { node: Node::Constant(value), at }
    }

    /// Reads an expression that stands at `at`.
    pub(super) fn parse(text: &str, at: &Range<usize>) -> Result<Self, Fault> {
        let mut parser = Parser { tokens: tokens(text).map_err(|reason| Fault::new(at, reason))?, next: 0, depth: 0 };
        let node = parser.choice().and_then(|node| match parser.peek() {
            None => Ok(node),
            Some(token) => Err(format!("`{token}` was not expected")),
        });
        let node = node.map_err(|reason| Fault::new(at, format!("`{text}`: {reason}")))?;
        Ok(Expr { node, at: at.clone() })
    }

    pub(super) fn eval(&self, names: &dyn Names) -> Result<Value, Fault> {
        self.node.eval(names).map_err(|reason| Fault::new(&self.at, reason))
    }

    pub(super) fn number(&self, names: &dyn Names) -> Result<i64, Fault> {
        self.node.number(names).map_err(|reason| Fault::new(&self.at, reason))
    }

    pub(super) fn holds(&self, names: &dyn Names) -> Result<bool, Fault> {
        Ok(self.number(names)? != 0)
    }

    /// The names that occur, with their position where it is a constant.
    pub(super) fn names(&self) -> Vec<(&str, Option<i64>)> {
        let mut names = Vec::new();
        self.node.collect(&mut names);
        names
    }
}

impl Node {
    fn number(&self, names: &dyn Names) -> Result<i64, String> {
        self.eval(names)?.number()
    }

    fn eval(&self, names: &dyn Names) -> Result<Value, String> {
        let truth = |b: bool| Value::Number(b.into());
        Ok(match self {
            Node::Constant(value) => value.clone(),
            Node::Name(name, index) => {
                let index = index.as_ref().map(|index| index.number(names)).transpose()?;
                names.value(name, index)?
            }
            Node::Call(function, arguments) => {
                let (a, b) = (arguments[0].number(names)?, arguments[1].number(names)?);
                Value::Number(match *function {
                    "min" => a.min(b),
                    "max" => a.max(b),
                    _ => round_to(a, b)?,
                })
            }
            Node::Not(a) => truth(a.number(names)? == 0),
            Node::Negative(a) => Value::Number(a.number(names)?.checked_neg().ok_or("the number is too large")?),
            Node::Choice { condition, yes, no } => match condition.number(names)? {
                0 => no.eval(names)?,
                _ => yes.eval(names)?,
            },
            Node::Binary("and", a, b) => truth(a.number(names)? != 0 && b.number(names)? != 0),
            Node::Binary("or", a, b) => truth(a.number(names)? != 0 || b.number(names)? != 0),
            Node::Binary("==", a, b) => truth(a.eval(names)? == b.eval(names)?),
            Node::Binary("!=", a, b) => truth(a.eval(names)? != b.eval(names)?),
            Node::Binary(op, a, b) => {
                let (a, b) = (a.number(names)?, b.number(names)?);
                let number = match *op {
                    "<" => return Ok(truth(a < b)),
                    "<=" => return Ok(truth(a <= b)),
                    ">" => return Ok(truth(a > b)),
                    ">=" => return Ok(truth(a >= b)),
                    "+" => a.checked_add(b),
                    "-" => a.checked_sub(b),
                    "*" => a.checked_mul(b),
                    _ if b == 0 => return Err(format!("{a} {op} 0 is not defined")),
                    "/" => a.checked_div_euclid(b),
                    _ => a.checked_rem_euclid(b),
                };
                Value::Number(number.ok_or_else(|| format!("{a} {op} {b} is too large"))?)
            }
        })
    }

    fn collect<'a>(&'a self, names: &mut Vec<(&'a str, Option<i64>)>) {
        match self {
            Node::Constant(_) => {}
            Node::Name(name, index) => {
                let constant = match index.as_deref() {
                    Some(Node::Constant(Value::Number(n))) => Some(*n),
                    _ => None,
                };
                names.push((name, constant));
                index.iter().for_each(|index| index.collect(names));
            }
            Node::Call(_, nodes) => nodes.iter().for_each(|node| node.collect(names)),
            Node::Not(a) | Node::Negative(a) => a.collect(names),
            Node::Binary(_, a, b) => [a, b].into_iter().for_each(|node| node.collect(names)),
            Node::Choice { condition, yes, no } => [condition, yes, no].into_iter().for_each(|n| n.collect(names)),
        }
    }
}

/// The multiple of `n` nearest to `a` that is at least `n` and at least nine tenths of `a`: how MobileNets round channels.
fn round_to(a: i64, n: i64) -> Result<i64, String> {
    if n < 1 || !(0..=1 << 40).contains(&a) {
        return Err(format!("round_to({a}, {n}) is not defined"));
    }
    let near = ((a + n / 2) / n * n).max(n);
    Ok(if near * 10 < a * 9 { near + n } else { near })
}

pub(super) const WORDS: [&str; 5] = ["if", "else", "and", "or", "not"];
const SYMBOLS: [&str; 16] = ["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ","];
/// Nesting that no space needs, and no stack can be made to overflow by.
const DEEPEST: usize = 40;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(i64),
    Text(String),
    Name(String),
    /// A symbol or a word of the language.
    Fixed(&'static str),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Number(n) => n.fmt(f),
            Token::Text(t) => write!(f, "'{t}'"),
            Token::Name(name) => name.fmt(f),
            Token::Fixed(word) => word.fmt(f),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    let name_part = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first.is_ascii_digit() {
            let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest[..length].parse().map_err(|_| format!("{} is too large", &rest[..length]))?;
            (Token::Number(number), length)
        } else if name_part(first) {
            let length = rest.find(|c| !name_part(c)).unwrap_or(rest.len());
            let word = WORDS.into_iter().find(|word| *word == &rest[..length]);
            (word.map_or_else(|| Token::Name(rest[..length].into()), Token::Fixed), length)
        } else if first == '\'' {
            let length = rest[1..].find('\'').ok_or_else(|| format!("{rest} has no closing quotation mark"))?;
            (Token::Text(rest[1..=length].into()), length + 2)
        } else {
            let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
            let symbol = symbol.ok_or_else(|| format!("`{first}` in `{text}` means nothing here"))?;
            (Token::Fixed(symbol), symbol.len())
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    /// The next token if it is one of these.
    fn take(&mut self, fixed: &[&'static str]) -> Option<&'static str> {
        let found = fixed.iter().find(|f| self.peek() == Some(&Token::Fixed(f))).copied();
        self.next += usize::from(found.is_some());
        found
    }

    fn expect(&mut self, fixed: &'static str) -> Result<(), String> {
        match self.take(&[fixed]) {
            Some(_) => Ok(()),
            None => Err(match self.peek() {
                Some(token) => format!("`{fixed}` was expected, not `{token}`"),
                None => format!("`{fixed}` is missing at the end"),
            }),
        }
    }

    fn choice(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".into());
        }
        let yes = self.binary(0)?;
        let node = match self.take(&["if"]) {
            None => yes,
            Some(_) => {
                let condition = self.binary(0)?;
                self.expect("else")?;
                let no = self.choice()?;
                Node::Choice { condition: condition.into(), yes: yes.into(), no: no.into() }
            }
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Operators of a level and those that bind more tightly.
    fn binary(&mut self, level: usize) -> Result<Node, String> {
        const LEVELS: [&[&str]; 6] =
            [&["or"], &["and"], &["not"], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];
        let Some(&operators) = LEVELS.get(level) else { return self.unary() };
        if operators == ["not"] {
            return match self.take(operators) {
                Some(_) => self.nested(|p| Ok(Node::Not(p.binary(level)?.into()))),
                None => self.binary(level + 1),
            };
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = self.take(operators) {
            left = Node::Binary(operator, left.into(), self.binary(level + 1)?.into());
        }
        Ok(left)
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Node, String>) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("it is nested too deeply".into());
        }
        let node = read(self);
        self.depth -= 1;
        node
    }

    fn unary(&mut self) -> Result<Node, String> {
        if self.take(&["-"]).is_some() {
            return self.nested(|p| Ok(Node::Negative(p.unary()?.into())));
        }
        if self.take(&["("]).is_some() {
            let inner = self.choice()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let token = self.peek().cloned();
        self.next += 1;
        match token {
            Some(Token::Number(n)) => Ok(Node::Constant(Value::Number(n))),
            Some(Token::Text(t)) => Ok(Node::Constant(Value::text(&t))),
            Some(Token::Name(name)) if self.take(&["("]).is_some() => {
                let function = ["min", "max", "round_to"].into_iter().find(|f| *f == name);
                let function = function
                    .ok_or_else(|| format!("there is no function `{name}`; there are min, max and round_to"))?;
                let first = self.choice()?;
                self.expect(",")?;
                let second = self.choice()?;
                self.expect(")")?;
                Ok(Node::Call(function, vec![first, second]))
            }
            Some(Token::Name(name)) => {
                let index = match self.take(&["["]) {
                    None => None,
                    Some(_) => {
                        let index = self.choice()?;
                        self.expect("]")?;
                        Some(index.into())
                    }
                };
                Ok(Node::Name(name.as_str().into(), index))
            }
            Some(Token::Fixed(word)) => Err(format!("`{word}` was not expected")),
            None => Err("it ends where a value is needed".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Letters;

    impl Names for Letters {
        fn value(&self, name: &str, index: Option<i64>) -> Result<Value, String> {
            match (name, index) {
                ("a", None) => Ok(Value::Number(7)),
                ("op", None) => Ok(Value::text("skip")),
                ("list", Some(i)) => Ok(Value::Number(10 * i)),
                _ => Err(format!("there is no `{name}`")),
            }
        }
    }

    fn eval(text: &str) -> Result<Value, String> {
        Expr::parse(text, &(0..1)).and_then(|e| e.eval(&Letters)).map_err(|fault| fault.reason)
    }

    #[test]
    fn values_are_those_of_python() {
        for (text, value) in [
            ("1 + 2 * 3", 7),
            ("(1 + 2) * 3 - -1", 10),
            ("7 / 2 * 2", 6),
            ("-7 / 2", -4),
            ("-7 % 3", 2),
            ("2 if a < 7 else 3 if a == 7 else 4", 3),
            ("not a == 7 or 1 and 0", 0),
            ("list[a - 5] + list[1]", 30),
            ("max(min(a, 3), 2)", 3),
            ("op == 'skip' and op != 'skips'", 1),
            ("round_to(18, 8)", 24),
            ("round_to(3, 8)", 8),
            ("round_to(90, 8)", 88),
        ] {
            assert_eq!(eval(text), Ok(Value::Number(value)), "{text}");
        }
        assert_eq!(eval("'x' if a > 8 else op"), Ok(Value::text("skip")));
    }

    #[test]
    fn faults_say_what_is_wrong() {
        for (text, part) in [
            ("1 +", "ends where a value is needed"),
            ("(1", "`)` is missing"),
            ("1 2", "`2` was not expected"),
            ("b", "no `b`"),
            ("a / 0", "not defined"),
            ("9223372036854775807 * 2", "too large"),
            ("99999999999999999999", "too large"),
            ("a $ 2", "`$`"),
            ("op + 1", "where a number is needed"),
            ("'x", "closing quotation mark"),
            ("sqrt(2, 1)", "no function `sqrt`"),
            ("", "ends where a value"),
        ] {
            let reason = eval(text).unwrap_err();
            assert!(reason.contains(part), "{text}: {reason}");
        }
        let deep = "(".repeat(100_000) + "1";
        assert!(eval(&deep).unwrap_err().contains("nested too deeply"));
        assert!(eval(&("-".repeat(100_000) + "1")).unwrap_err().contains("nested too deeply"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z0-9 ()\\[\\]+*/%<>=',.-]{0,40}") {
            let _ = eval(&text);
        }
    }
}
