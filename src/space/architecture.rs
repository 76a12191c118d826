//! A point of a search space, and the identity of what it computes.

use std::fmt;

/// A point of a search space: one number, the *gene*, per decision. Each space defines what its genes mean.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Architecture(Vec<u16>);

impl Architecture {
    /// The architecture with these genes. Whether a space has it, [`super::SearchSpace::check`] says.
    pub fn new(genes: impl Into<Vec<u16>>) -> Self {
        Architecture(genes.into())
    }

    /// One number per decision, from 0 to one less than its alternatives ([`super::SearchSpace::choices`]).
    pub fn genes(&self) -> &[u16] {
        &self.0
    }

    /// Number of genes in which two architectures differ (Hamming distance).
    pub fn distance(&self, other: &Architecture) -> usize {
        self.0.iter().zip(&other.0).filter(|(a, b)| a != b).count()
    }
}

/// Identity of the function family that an architecture computes: two architectures of a space have the same id if and
/// only if their networks are the same up to renumbering, dead operations and exact algebraic identities
/// ([`super::SpaceEntry::identity`] says what that is in each space). 128-bit XXH3 of the space's name and the canonical
/// form, or the hash that the space was published with; written as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArchId(pub u128);

impl ArchId {
    /// The id of a canonical form within a space.
    pub fn new(space: &str, canonical: &[u8]) -> Self {
        let mut bytes = space.as_bytes().to_vec();
        bytes.push(0);
        bytes.extend_from_slice(canonical);
        ArchId(xxhash_rust::xxh3::xxh3_128(&bytes))
    }

    /// The id of genes that are canonical: [`ArchId::new`] of their LEB128 form, one byte for each gene below 128.
    pub fn of_genes(space: &str, genes: &[u16]) -> Self {
        let mut bytes = Vec::with_capacity(genes.len());
        for &gene in genes {
            let mut rest = gene;
            while rest >= 1 << 7 {
                bytes.push(rest as u8 | 1 << 7);
                rest >>= 7;
            }
            bytes.push(rest as u8);
        }
        ArchId::new(space, &bytes)
    }
}

impl fmt::Display for ArchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What the network of this id is called for short: `net-` and the first six digits.
pub fn short_name(arch_id: &str) -> String {
    format!("net-{arch_id:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_genes_are_those_of_their_bytes_and_differ_beyond() {
        assert_eq!(ArchId::of_genes("s", &[0, 8, 127]), ArchId::new("s", &[0, 8, 127]));
        // LEB128 of 624,485 starts e5 8e (https://en.wikipedia.org/wiki/LEB128); its low 14 bits are 1,893.
        assert_eq!(ArchId::of_genes("s", &[300]), ArchId::new("s", &[0xac, 0x02]));
        assert_ne!(ArchId::of_genes("s", &[128, 1]), ArchId::of_genes("s", &[0, 1, 1]));
    }
}
