//! Genes as indicator columns.

use ndarray::Array2;

use super::{Columns, EncodingEntry};
use crate::space::Architecture;

pub(super) static ENTRY: EncodingEntry = EncodingEntry {
    name: "one_hot",
    title: "One-hot genes",
    what: "one indicator per gene and alternative; for graph spaces this is the adjacency matrix with its operations",
    paper: "White et al., A study on encodings for neural architecture search, NeurIPS 2020",
    encode: &|space, archs| Columns { names: one_hot_names(space.choices()), values: one_hot(space.choices(), archs) },
};

/// Genes as indicator columns: row `i` has a one at column `choices[0] + … + choices[g - 1] + gene g` for each gene `g`
/// of architecture `i`, zeros elsewhere. Shape `(archs.len(), Σ choices)`; [`one_hot_names`] names the columns.
///
/// A gene that is missing or not one of its alternatives has zeros in all of its columns.
pub fn one_hot(choices: &[u16], archs: &[Architecture]) -> Array2<f64> {
    let width = choices.iter().map(|&c| usize::from(c)).sum();
    let mut values = Array2::zeros((archs.len(), width));
    for (mut row, arch) in values.rows_mut().into_iter().zip(archs) {
        let mut offset = 0;
        for (&choice, &gene) in choices.iter().zip(arch.genes()) {
            if gene < choice {
                row[offset + usize::from(gene)] = 1.0;
            }
            offset += usize::from(choice);
        }
    }
    values
}

/// Names of the columns of [`one_hot`]: `gene 0 = 0`, `gene 0 = 1`, …
pub fn one_hot_names(choices: &[u16]) -> Vec<String> {
    let of_gene = |(gene, &c): (usize, &u16)| (0..c).map(move |value| format!("gene {gene} = {value}"));
    choices.iter().enumerate().flat_map(of_gene).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn genes_become_indicators() {
        let archs = [Architecture::new(vec![1, 0]), Architecture::new(vec![0, 2]), Architecture::new(vec![9])];
        let expected = array![[0.0, 1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]];
        assert_eq!(one_hot(&[2, 3], &archs), expected);
        assert_eq!(one_hot_names(&[2, 1]), ["gene 0 = 0", "gene 0 = 1", "gene 1 = 0"]);
        assert_eq!(one_hot(&[], &archs).dim(), (3, 0));
    }
}
