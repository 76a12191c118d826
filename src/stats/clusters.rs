//! Which items belong together, so that resampling treats them as one observation.

/// Items grouped by the network that they are: several strings of a search space may be written for one network, and their
/// scores are copies, not independent observations. The clusters are numbered from 0 without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters {
    /// The cluster of each item.
    of_item: Vec<u32>,
    count: usize,
}

impl Clusters {
    /// Every item a cluster of its own, in the order of the items.
    pub fn singletons(items: usize) -> Self {
        Clusters { of_item: (0..items as u32).collect(), count: items }
    }

    /// Items of equal keys together. Clusters are numbered by ascending key, so that a resample does not depend on the
    /// order in which the items come.
    pub fn by_key<K: Ord>(keys: &[K]) -> Self {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_unstable_by_key(|&i| &keys[i]);
        let (mut of_item, mut count) = (vec![0; keys.len()], 0);
        for same in order.chunk_by(|&i, &j| keys[i] == keys[j]) {
            same.iter().for_each(|&i| of_item[i] = count);
            count += 1;
        }
        Clusters { of_item, count: count as usize }
    }

    /// The clusters of these items alone, in the same order among each other.
    pub fn of(&self, items: &[usize]) -> Self {
        Clusters::by_key(&items.iter().map(|&i| self.of_item[i]).collect::<Vec<_>>())
    }

    /// The cluster of each item.
    pub fn of_items(&self) -> &[u32] {
        &self.of_item
    }

    /// How many clusters there are: the independent observations.
    pub fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_keys_not_the_order() {
        let clusters = Clusters::by_key(&["b", "a", "b", "c"]);
        assert_eq!((clusters.of_items(), clusters.count()), ([1, 0, 1, 2].as_slice(), 3));
        assert_eq!(Clusters::by_key(&["c", "b", "a", "b"]).of_items(), [2, 1, 0, 1]);
        let some = clusters.of(&[3, 0, 2]);
        assert_eq!((some.of_items(), some.count()), ([1, 0, 0].as_slice(), 2));
        assert_eq!(Clusters::singletons(3), Clusters::by_key(&[1, 2, 3]));
        assert_eq!(Clusters::by_key::<u8>(&[]).count(), 0);
    }
}
