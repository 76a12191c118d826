//! Genes as ordinal numbers.

use ndarray::Array2;

use super::{Columns, EncodingEntry};
use crate::space::{Architecture, SearchSpace};

pub(super) static ENTRY: EncodingEntry = EncodingEntry {
    name: "categorical",
    title: "Genes as ordinal numbers",
    what: "one column per gene: its alternative as a number in [0, 1], equally spaced",
    paper: "White et al., A study on encodings for neural architecture search, NeurIPS 2020",
    encode: &encode,
};

/// Gene `g` of `c` alternatives becomes `g / (c - 1)`, in `[0, 1]`; zero if there is only one. Shape (architectures,
/// genes).
///
/// One column per gene instead of one per alternative, for predictors that split on thresholds, and for genes that have
/// an order, as channels do. It is the categorical adjacency encoding of White et al.; `one_hot` is their one-hot
/// adjacency encoding, since the genes of a graph space are the entries of its adjacency matrix and its operations.
fn encode(space: &dyn SearchSpace, archs: &[Architecture]) -> Columns {
    let choices = space.choices();
    let scale = |gene: u16, choices: u16| f64::from(gene) / f64::from(choices.saturating_sub(1).max(1));
    let values = Array2::from_shape_fn((archs.len(), choices.len()), |(i, g)| scale(archs[i].genes()[g], choices[g]));
    Columns { names: (0..choices.len()).map(|g| format!("gene {g}")).collect(), values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::open;

    #[test]
    fn genes_become_fractions() {
        let space = open("nats-size").unwrap();
        let archs = [space.parse("8:64:16:8:32").unwrap()];
        let columns = encode(space.as_ref(), &archs);
        assert_eq!(columns.values.row(0).to_vec(), [0.0, 1.0, 1.0 / 7.0, 0.0, 3.0 / 7.0]);
        assert_eq!(columns.names[4], "gene 4");
    }
}
