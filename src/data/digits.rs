//! `digits`: handwritten digits of 8 × 8 pixels, inside the program.

use super::embedded::Embedded;
use super::spec::options;
use super::{DataSpec, SourceInfo};

pub(super) const INFO: SourceInfo = SourceInfo {
    name: "digits",
    usage: "digits",
    title: "Optical Recognition of Handwritten Digits",
    what: "1,797 grey images of 8x8 pixels in 10 classes: the UCI test set, inside the program",
    origin: "Alpaydin & Kaynak 1998, UCI Machine Learning Repository, https://doi.org/10.24432/C50P49",
    licence: "CC BY 4.0",
    parse: |text| options("digits", text, &[]).map(|_| DataSpec::new(DIGITS)),
};

/// The 1,797 images, (1797, 1, 8, 8), in the order of the UCI file. The brightest pixel means that all 4 × 4 dots of the scan
/// that it stands for are on.
pub(super) const DIGITS: Embedded =
    Embedded { name: "digits", parquet: include_bytes!("../../benchmarks-data/digits.parquet"), side: 8, white: 16 };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Part;
    use approx::assert_abs_diff_eq;

    #[test]
    fn equals_the_copy_in_scikit_learn() {
        // d = sklearn.datasets.load_digits(); np.bincount(d.target); d.target[:12]; d.images[0, 2]
        // (d.images / 16).mean(), (d.images / 16).std()
        let digits = DIGITS.load().unwrap();
        let counts: Vec<usize> = digits.by_class(&digits.part(Part::Train)).iter().map(Vec::len).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(digits.labels()[..12], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]);
        let row: Vec<f32> = digits.images(&[0]).slice(ndarray::s![0, 0, 2, ..]).to_vec();
        assert_eq!(row, [0.0, 3.0, 15.0, 2.0, 0.0, 11.0, 8.0, 0.0].map(|v| v / 16.0));
        let all = digits.part(Part::Train);
        let stats = digits.stats(&all, 1).unwrap();
        assert_abs_diff_eq!(stats.mean[..], [0.30526028624095713], epsilon = 1e-14);
        assert_abs_diff_eq!(stats.std[..], [0.3760492217920148], epsilon = 1e-14);
        let three = digits.stats(&all, 3).unwrap();
        assert_eq!((three.mean, three.std), (vec![stats.mean[0]; 3], vec![stats.std[0]; 3]));
    }
}
