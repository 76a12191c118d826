//! Runs and confirmations: they keep what their page says in `report.json`, and the page is made from that again.

use std::path::Path;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Deserialize, Deserializer, IntoDeserializer, Visitor};
use serde_json::{Value, json};

use super::{Best, Contents, KindEntry, PageError, PageOptions, read};
use crate::files::{FileError, write_atomically};
use crate::report::html::model::RunReport;

const FILE: &str = "report.json";

pub(super) const RUN: KindEntry = KindEntry {
    name: "run",
    command: "naslens run",
    files: "run.toml, report.json",
    recognise: |path| path.join("run.toml").is_file(),
    read: |path, options| read(path, options, "run", "run.toml"),
};

pub(super) const CONFIRM: KindEntry = KindEntry {
    name: "confirmation",
    command: "naslens confirm",
    files: "confirm.toml, report.json",
    recognise: |path| path.join("confirm.toml").is_file(),
    read: |path, options| read(path, options, "confirm", "confirm.toml"),
};

/// Keeps what a page says in `report.json` of the folder.
pub(in crate::pipeline) fn save(page: &RunReport, dir: &Path) -> Result<(), FileError> {
    let value = json!({ "naslens": env!("CARGO_PKG_VERSION"), "page": page });
    write_atomically(&dir.join(FILE), |file| serde_json::to_writer(file, &value))
}

fn read(path: &Path, _: &PageOptions, what: &'static str, settings: &str) -> Result<Contents, PageError> {
    let file = path.join(FILE);
    if !file.is_file() {
        return Err(PageError::Unfinished { path: path.into(), what });
    }
    let value = read::json(&file)?;
    let page = RunReport::deserialize(NullIsNan(&value["page"]))
        .map_err(|e| PageError::Damaged { path: file, reason: e.to_string() })?;
    let settings = std::fs::read_to_string(path.join(settings)).ok().and_then(|text| toml::from_str(&text).ok());
    let best = page.top.iter().map(|network| Best {
        arch: network.arch.clone(),
        by: "predicted accuracy, %".into(),
        value: network.predicted,
        accuracy_pct: network.trained,
    });
    Ok(Contents { best: best.collect(), settings: settings.unwrap_or(Value::Null), page, traces: Vec::new() })
}

/// JSON, which has no word for what is not a number: where a number must be, null is read as one that is not.
#[derive(Clone, Copy)]
struct NullIsNan<'a>(&'a Value);

impl<'de> IntoDeserializer<'de, serde_json::Error> for NullIsNan<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> NullIsNan<'de> {
    fn entries(
        object: &'de serde_json::Map<String, Value>,
    ) -> MapDeserializer<'de, impl Iterator<Item = (&'de str, Self)>, serde_json::Error> {
        MapDeserializer::new(object.iter().map(|(name, value)| (name.as_str(), NullIsNan(value))))
    }
}

impl<'de> Deserializer<'de> for NullIsNan<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(NullIsNan))),
            Value::Object(object) => visitor.visit_map(Self::entries(object)),
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_null() { visitor.visit_f64(f64::NAN) } else { self.0.deserialize_f64(visitor) }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Object(object) => visitor.visit_enum(MapAccessDeserializer::new(Self::entries(object))),
            Value::String(text) => visitor.visit_enum(BorrowedStrDeserializer::new(text)),
            other => other.deserialize_enum(name, variants, visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
