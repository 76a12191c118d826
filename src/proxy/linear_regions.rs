//! Number of linear regions that the images fall into.

use super::{Proxy, Score, Status, View};
use crate::engine::{CodeKernel, Pass};

/// Number of images that no earlier image shares all its ReLU bits with.
///
/// Networks of ordinary size tell all images of a batch apart, and so do most networks of a single channel
/// (`--init-channels 1 --cells 1`): TE-NAS counts over thousands of images of a few pixels.
pub static LINEAR_REGIONS: Proxy = Proxy {
    name: "linear_regions",
    title: "Number of linear regions that the images of a batch fall into",
    paper: "Chen, Gong & Wang, Neural architecture search on ImageNet in four GPU hours (TE-NAS), ICLR 2021, \
            arXiv:2102.11535",
    formula: "number of distinct rows of the matrix of bits [z > 0], images x ReLU inputs z",
    protocol: "train-mode batch normalisation, one batch, PyTorch's default initialisation, live ReLUs; all images \
               distinct, as in every network of ordinary size: status saturated; no ReLU: status unsupported",
    view: View::Live,
    baseline: false,
    passes: &[Pass::Codes],
    score: |passes| match &passes.codes {
        Some(codes) if codes.neurons() == 0 => Score::status(Status::Unsupported),
        Some(codes) => match distinct(codes) {
            regions if regions == codes.samples() => Score::status(Status::Saturated),
            regions => Score::new(regions as f64),
        },
        None => Score::status(Status::Failed),
    },
};

fn distinct(codes: &CodeKernel) -> usize {
    (0..codes.samples()).filter(|&i| (0..i).all(|j| codes.agreeing(i, j) < codes.neurons())).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    #[test]
    fn equal_codes_are_one_region() {
        let mut codes = CodeKernel::new(4);
        codes.add(&Tensor::from_slice(&[1f32, -1., 2., -3., -1., -1., 1., -9.]).reshape([4, 2])).unwrap();
        assert_eq!(distinct(&codes), 2);
    }
}
