//! Tables and values of a TOML document, with their places.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::decisions::Template;
use super::expr::{Expr, Fault, Value};
use crate::text::did_you_mean;

pub(super) type Item<'a> = Spanned<DeValue<'a>>;

/// The keys of a table, each of which is taken once; what is left is unknown.
pub(super) struct Fields<'a> {
    pub(super) table: &'a DeTable<'a>,
    pub(super) at: Range<usize>,
    what: String,
    pub(super) taken: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(table: &'a DeTable<'a>, at: &Range<usize>, what: &str) -> Self {
        Fields { table, at: at.clone(), what: what.into(), taken: Vec::new() }
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<&'a Item<'a>> {
        self.taken.push(key);
        self.table.iter().find(|(k, _)| k.get_ref() == key).map(|(_, value)| value)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<(String, Range<usize>)>, Fault> {
        self.take(key).map(text_of).transpose()
    }

    pub(super) fn expr(&mut self, key: &'static str) -> Result<Option<Expr>, Fault> {
        self.take(key).map(expr).transpose()
    }

    pub(super) fn table(&mut self, key: &'static str) -> Result<Option<Fields<'a>>, Fault> {
        self.take(key).map(|value| fields_of(value, key)).transpose()
    }

    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&'a Item<'a>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        self.take(key).map_or(Ok(Vec::new()), |value| array(value)?.iter().map(read).collect())
    }

    /// The entries in the order of the file.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a Spanned<Cow<'a, str>>, &'a Item<'a>)> + use<'a> {
        let mut entries: Vec<_> = self.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries.into_iter()
    }

    /// The entries that no key took: parameters of a call.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&'a Spanned<Cow<'a, str>>, &'a Item<'a>)> {
        self.entries().filter(|(key, _)| !self.taken.contains(&key.get_ref().as_ref()))
    }

    pub(super) fn missing(&self, key: &str) -> Fault {
        Fault::new(&self.at, format!("{} has no `{key}`", self.what))
    }

    pub(super) fn finish(self) -> Result<(), Fault> {
        match self.rest().next() {
            None => Ok(()),
            Some((key, _)) => {
                let hint = did_you_mean(key.get_ref(), self.taken.iter().copied());
                let known = self.taken.join(", ");
                let reason = format!("{} has no key `{}`{hint}; it has {known}", self.what, key.get_ref());
                Err(Fault::new(&key.span(), reason))
            }
        }
    }
}

pub(super) fn fields_of<'a>(value: &'a Item<'a>, what: &str) -> Result<Fields<'a>, Fault> {
    match value.get_ref() {
        DeValue::Table(table) => Ok(Fields::new(table, &value.span(), &format!("`{what}`"))),
        other => Err(Fault::new(&value.span(), format!("`{what}` is a table, not a {}", other.type_str()))),
    }
}

pub(super) fn array<'a>(value: &'a Item<'a>) -> Result<&'a [Item<'a>], Fault> {
    match value.get_ref() {
        DeValue::Array(items) => Ok(items),
        other => Err(Fault::new(&value.span(), format!("a list is needed here, not a {}", other.type_str()))),
    }
}

pub(super) fn one_or_many<'a>(value: &'a Item<'a>) -> Vec<&'a Item<'a>> {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    }
}

pub(super) fn text_of(value: &Item<'_>) -> Result<(String, Range<usize>), Fault> {
    match value.get_ref() {
        DeValue::String(text) => Ok((text.to_string(), value.span())),
        other => Err(Fault::new(&value.span(), format!("a text is needed here, not a {}", other.type_str()))),
    }
}

pub(super) fn integer(value: &Item<'_>) -> Option<i64> {
    let number = value.get_ref().as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

pub(super) fn usize_of(value: &Item<'_>, range: std::ops::RangeInclusive<usize>) -> Result<usize, Fault> {
    let number = integer(value).and_then(|n| usize::try_from(n).ok()).filter(|n| range.contains(n));
    let (least, most) = (range.start(), range.end());
    number.ok_or_else(|| Fault::new(&value.span(), format!("a whole number from {least} to {most} is needed here")))
}

/// A number, or a text that is an expression.
pub(super) fn expr(value: &Item<'_>) -> Result<Expr, Fault> {
    match (value.get_ref(), integer(value)) {
        (DeValue::String(text), _) => Expr::parse(text, &value.span()),
        (DeValue::Boolean(b), _) => Ok(Expr::constant(Value::Number(i64::from(*b)), value.span())),
        (_, Some(n)) => Ok(Expr::constant(Value::Number(n), value.span())),
        (other, _) => {
            let reason = format!("a whole number or an expression is needed here, not a {}", other.type_str());
            Err(Fault::new(&value.span(), reason))
        }
    }
}

pub(super) fn template(value: &Item<'_>) -> Result<(Template, Range<usize>), Fault> {
    let (text, at) = text_of(value)?;
    Ok((Template::parse(&text, &at)?, at))
}
