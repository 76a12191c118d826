//! What a network is called.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::benchmark::{Table, TableError};
use crate::space::short_name;

/// A network: its short name, and how its space writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct NetworkName {
    /// `net-` and the first six digits of its id ([`crate::space::ArchId`]); the architecture where the id is not known.
    pub short: String,
    /// The architecture.
    pub arch: String,
    /// Whether it is the network to take.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub winner: bool,
}

/// As files have it: version 0.1.0 wrote the architecture alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Architecture(String),
    Name {
        #[serde(default)]
        short: String,
        arch: String,
        #[serde(default)]
        winner: bool,
    },
}

impl From<Written> for NetworkName {
    fn from(written: Written) -> Self {
        match written {
            Written::Architecture(arch) => arch.into(),
            Written::Name { short, arch, .. } if short.is_empty() => arch.into(),
            Written::Name { short, arch, winner } => NetworkName { short, arch, winner },
        }
    }
}

impl From<String> for NetworkName {
    fn from(arch: String) -> Self {
        NetworkName { short: arch.clone(), arch, winner: false }
    }
}

impl NetworkName {
    /// The network of this id, which is empty where it is not known.
    pub fn new(arch: impl Into<String>, arch_id: impl fmt::Display) -> Self {
        let (arch, id) = (arch.into(), arch_id.to_string());
        if id.is_empty() { arch.into() } else { NetworkName { short: short_name(&id), arch, winner: false } }
    }

    /// The names of the rows of a table.
    pub fn of_rows(table: &Table) -> Result<Vec<Self>, TableError> {
        let archs = table.string_column("arch")?;
        let ids = if table.has("arch_id") { table.string_column("arch_id")? } else { vec![None; archs.len()] };
        let text = Option::unwrap_or_default;
        Ok(archs.into_iter().zip(ids).map(|(arch, id)| NetworkName::new(text(arch), text(id))).collect())
    }
}

impl fmt::Display for NetworkName {
    /// The short name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_start_of_the_id_and_older_files_are_read() {
        let name = NetworkName::new("|none~0|", crate::space::ArchId(0x4247_2000 << 96));
        assert_eq!((name.to_string().as_str(), name.arch.as_str()), ("net-424720", "|none~0|"));
        let json = serde_json::to_string(&name).unwrap();
        assert_eq!(json, r#"{"short":"net-424720","arch":"|none~0|"}"#);
        assert_eq!(serde_json::from_str::<NetworkName>(&json).unwrap(), name);
        assert_eq!(serde_json::from_str::<NetworkName>("\"a\"").unwrap(), NetworkName::from("a".to_owned()));
    }
}
