//! `fashion`: Fashion-MNIST reduced to 8,000 images of 12 x 12 pixels, inside the program.

use super::embedded::Embedded;
use super::spec::options;
use super::{DataSpec, SourceInfo};

pub(super) const INFO: SourceInfo = SourceInfo {
    name: "fashion",
    usage: "fashion",
    title: "Fashion-MNIST, reduced",
    what: "grey images of 12x12 pixels in 10 classes (2,000 to train, 1,000 valid, 5,000 test): inside the program",
    origin: "Xiao, Rasul & Vollgraf 2017, https://arxiv.org/abs/1708.07747",
    licence: "MIT",
    parse: |text| options("fashion", text, &[]).map(|_| DataSpec::new(FASHION)),
};

/// The images, (8000, 1, 12, 12), with their parts.
pub(super) const FASHION: Embedded = Embedded {
    name: "fashion",
    parquet: include_bytes!("../../benchmarks-data/fashion.parquet"),
    side: 12,
    white: 255,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Part;
    use approx::assert_abs_diff_eq;

    #[test]
    fn has_the_images_of_the_file() {
        // x = pixels of pyarrow.parquet.read_table("benchmarks-data/fashion.parquet"), as uint8:
        // x[part == "train"].mean() / 255, .std() / 255; labels[:12]; x[0].reshape(12, 12)[6]
        let data = FASHION.load().unwrap();
        let sizes = [Part::Train, Part::Valid, Part::Test].map(|part| data.part(part).len());
        assert_eq!(sizes, [2000, 1000, 5000]);
        for part in [Part::Train, Part::Valid, Part::Test] {
            let counts: Vec<usize> = data.by_class(&data.part(part)).iter().map(Vec::len).collect();
            assert_eq!(counts, vec![counts[0]; 10]);
        }
        assert_eq!(data.labels()[..12], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9]);
        let row: Vec<f32> = data.images(&[0]).slice(ndarray::s![0, 0, 6, ..]).to_vec();
        assert_eq!(row, [1, 2, 10, 27, 91, 209, 217, 217, 218, 222, 229, 92].map(|v| v as f32 / 255.0));
        let stats = data.stats(&data.part(Part::Train), 1).unwrap();
        assert_abs_diff_eq!(stats.mean[..], [0.2864303513071895], epsilon = 1e-14);
        assert_abs_diff_eq!(stats.std[..], [0.3215595240040397], epsilon = 1e-14);
    }
}
