//! Attributes of nodes.

use super::Reason;
use super::proto::{AttributeProto, NodeProto, TensorProto};

/// The attributes of a node by name.
pub(super) struct Attributes<'a>(pub &'a NodeProto);

impl Attributes<'_> {
    fn get(&self, name: &str) -> Option<&AttributeProto> {
        self.0.attribute.iter().find(|a| a.name.as_deref() == Some(name))
    }

    /// A whole number.
    pub fn int(&self, name: &str, default: i64) -> i64 {
        self.get(name).and_then(|a| a.i).unwrap_or(default)
    }

    /// A real number.
    pub fn float(&self, name: &str, default: f32) -> f32 {
        self.get(name).and_then(|a| a.f).unwrap_or(default)
    }

    /// Whole numbers, if the attribute is there.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.get(name).map(|a| a.ints.as_slice())
    }

    /// Text, or `default`.
    pub fn text(&self, name: &str, default: &str) -> String {
        let text = self.get(name).and_then(|a| a.s.as_ref()).map(|s| String::from_utf8_lossy(s).into_owned());
        text.unwrap_or_else(|| default.to_owned())
    }

    /// A tensor.
    pub fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.get(name).and_then(|a| a.t.as_ref())
    }

    /// Real numbers.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        self.get(name).map(|a| a.floats.as_slice()).filter(|f| !f.is_empty())
    }

    /// `N` sizes that are not negative; `default` where the attribute is missing.
    pub fn sizes<const N: usize>(&self, name: &str, default: [usize; N]) -> Result<[usize; N], Reason> {
        let Some(ints) = self.ints(name) else { return Ok(default) };
        let sizes: Option<Vec<usize>> =
            ints.iter().map(|&n| usize::try_from(n).ok().filter(|&n| n < 1 << 20)).collect();
        let sizes = sizes.and_then(|sizes| <[usize; N]>::try_from(sizes).ok());
        sizes.ok_or_else(|| format!("its {name} are {ints:?}; {N} sizes are read"))
    }
}
