//! An order that puts like beside like.

/// An order of `0..n` in which items at small distance are neighbours: agglomerative clustering with average linkage
/// (Sokal & Michener, Univ. Kansas Sci. Bull. 38, 1958), and whenever two clusters join, the one of the four ways to lay
/// them end to end that brings the nearest ends together. Distances are symmetric; not-a-number counts as infinite. Ties
/// go to the earlier items. Time O(n³).
pub fn similarity_order(distances: &[Vec<f64>]) -> Vec<usize> {
    let distance = |a: usize, b: usize| if distances[a][b].is_nan() { f64::INFINITY } else { distances[a][b] };
    let mut clusters: Vec<Vec<usize>> = (0..distances.len()).map(|i| vec![i]).collect();
    let linkage = |a: &[usize], b: &[usize]| {
        let sum: f64 = a.iter().flat_map(|&i| b.iter().map(move |&j| distance(i, j))).sum();
        sum / (a.len() * b.len()) as f64
    };
    while clusters.len() > 1 {
        let pairs = (0..clusters.len()).flat_map(|j| (0..j).map(move |i| (i, j)));
        let nearest = pairs.min_by(|&(i, j), &(k, l)| {
            linkage(&clusters[i], &clusters[j]).total_cmp(&linkage(&clusters[k], &clusters[l]))
        });
        let Some((first, second)) = nearest else { break };
        let second = clusters.remove(second);
        let first = &mut clusters[first];
        *first = joined(std::mem::take(first), second, distance);
    }
    clusters.pop().unwrap_or_default()
}

/// Two rows of items laid end to end, either turned round if that brings nearer ends together.
fn joined(mut a: Vec<usize>, mut b: Vec<usize>, distance: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let ends = |v: &[usize]| (v[0], v[v.len() - 1]);
    let ((a_first, a_last), (b_first, b_last)) = (ends(&a), ends(&b));
    let ways =
        [distance(a_last, b_first), distance(a_last, b_last), distance(a_first, b_first), distance(a_first, b_last)];
    let best = (0..4).min_by(|&i, &j| ways[i].total_cmp(&ways[j])).unwrap_or(0);
    if best >= 2 {
        a.reverse();
    }
    if best % 2 == 1 {
        b.reverse();
    }
    a.extend(b);
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_place(places: &[f64]) -> Vec<usize> {
        let row = |a: &f64| places.iter().map(|b| (a - b).abs()).collect();
        similarity_order(&places.iter().map(row).collect::<Vec<_>>())
    }

    #[test]
    fn items_on_a_line_come_in_its_order() {
        let places = [5.0, 1.0, 9.0, 2.0, 7.0, 4.5];
        let mut order = by_place(&places);
        if order[0] != 1 {
            order.reverse();
        }
        assert_eq!(order, [1, 3, 5, 0, 4, 2]);
    }

    #[test]
    fn odd_input_still_gives_an_order() {
        assert!(similarity_order(&[]).is_empty());
        assert_eq!(by_place(&[3.0]), [0]);
        let mut order = similarity_order(&vec![vec![f64::NAN; 4]; 4]);
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3]);
    }
}
