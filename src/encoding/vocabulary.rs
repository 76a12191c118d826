//! Columns that are found in the architectures: one per distinct word that an architecture can consist of.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

use ndarray::Array2;

use super::Columns;

/// The most columns of an encoding whose columns are found. All 423,624 architectures of NAS-Bench-101 then take 3.5 GB;
/// words beyond are so rare that few of the architectures a predictor learns from have them.
pub(super) const MOST: usize = 1_024;

/// How often each word occurs in each architecture; the words of one architecture must be sorted.
///
/// If there are more than `most` words, those that occur in the most architectures are kept, of equally frequent ones
/// the lower. Columns come in the order of the words, so neither they nor their order depend on the order of the
/// architectures.
pub(super) fn histogram<W: Ord + Hash>(rows: &[Vec<W>], most: usize, name: impl Fn(&W) -> String) -> Columns {
    let mut frequency: HashMap<&W, usize> = HashMap::new();
    for row in rows {
        row.chunk_by(|a, b| a == b).for_each(|same| *frequency.entry(&same[0]).or_insert(0) += 1);
    }
    let mut words: Vec<(&W, usize)> = frequency.into_iter().collect();
    words.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
    words.truncate(most);
    words.sort_unstable();
    let column: HashMap<&W, usize> = words.iter().enumerate().map(|(c, &(word, _))| (word, c)).collect();
    let mut values = Array2::zeros((rows.len(), words.len()));
    for (mut counts, row) in values.rows_mut().into_iter().zip(rows) {
        row.iter().filter_map(|word| column.get(word)).for_each(|&c| counts[c] += 1.0);
    }
    Columns { names: words.into_iter().map(|(word, _)| name(word)).collect(), values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_most_frequent_words_are_counted() {
        let rows = [vec!['a', 'a', 'c'], vec!['c', 'd'], vec!['b', 'b', 'b'], vec![]];
        let columns = histogram(&rows, 3, char::to_string);
        assert_eq!(columns.names, ["a", "b", "c"], "c is in two; of the others the lower");
        assert_eq!(columns.values, array![[2.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]]);
        assert_eq!(histogram(&rows, 9, char::to_string).names.len(), 4);
        assert_eq!(histogram::<u8>(&[], 9, u8::to_string).values.dim(), (0, 0));
    }
}
