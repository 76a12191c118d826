//! Parameters of a network whose batch normalisations are folded into its convolutions.

use super::norm::{BN_EPS, NormTensors};
use super::parameters::Parameters;
use super::weights::{LayerTensors, VectorTensors, Weights};
use crate::network::{Folded, Network};

impl Parameters {
    /// The network without the normalisations that can be folded ([`Network::folded`]), with parameters such that its logits
    /// are the same up to rounding: with `k = scale / sqrt(variance + 1e-5)` per output channel the weights become `k w` and
    /// the bias `k (b - mean) + shift`.
    pub fn folded(&self, network: &Network) -> Result<(Network, Parameters), tch::TchError> {
        let Folded { network: folded, origin } = network.folded();
        let mut layers = Vec::with_capacity(origin.len());
        let (mut norms, mut vectors) = (Vec::with_capacity(origin.len()), Vec::with_capacity(origin.len()));
        for (id, taken) in origin {
            let layer = self.layers.get(id);
            let norm = taken.and_then(|norm| self.norms[norm].as_ref());
            layers.push(match (layer, norm) {
                (Some(layer), Some(norm)) => Some(fold(layer, norm)?),
                (Some(layer), None) => Some(layer.share()),
                (None, _) => None,
            });
            norms.push(self.norms[id].as_ref().map(NormTensors::share));
            vectors.push(self.layers.vectors(id).map(VectorTensors::share));
        }
        Ok((folded, Parameters { layers: Weights::new(layers, vectors), norms }))
    }
}

fn fold(layer: &LayerTensors, norm: &NormTensors) -> Result<LayerTensors, tch::TchError> {
    let k = norm.scale.f_div(&norm.variance.f_add_scalar(BN_EPS)?.f_sqrt()?)?;
    let offset = match &layer.bias {
        Some(bias) => bias.f_sub(&norm.mean)?,
        None => norm.mean.f_neg()?,
    };
    Ok(LayerTensors {
        weight: layer.weight.f_mul(&k.f_reshape([-1, 1, 1, 1])?)?,
        bias: Some(offset.f_mul(&k)?.f_add(&norm.shift)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Conv2d, NetworkBuilder, Op, Shape};
    use tch::Tensor;
    use tch::{Device, Kind};

    #[test]
    fn a_folded_network_computes_the_same() {
        let mut b = NetworkBuilder::new(Shape::new(3, 8, 8));
        let x = b.conv("stem", 0, Conv2d::same(3, 6, 3, 1)).unwrap();
        let x = b.batch_norm(x).unwrap();
        let y = b.relu(x).unwrap();
        let y = b.conv("deep", y, Conv2d { groups: 6, bias: true, ..Conv2d::same(6, 6, 3, 1) }).unwrap();
        let y = b.batch_norm(y).unwrap();
        let sum = b.add(&[x, y]).unwrap();
        let sum = b.batch_norm(sum).unwrap();
        let pooled = b.apply(Op::GlobalAvgPool, sum).unwrap();
        let logits = b.linear("classifier", pooled, 5).unwrap();
        let network = b.finish(logits);
        let mut parameters = Parameters::init(&network, 3, Device::Cpu).unwrap();
        for (i, norm) in parameters.norms.iter_mut().flatten().enumerate() {
            let ramp = Tensor::arange(6, (Kind::Float, Device::Cpu));
            norm.scale = &ramp * 0.2 + 0.5;
            norm.shift = &ramp * 0.1 - 0.3 * i as f64;
            norm.mean = &ramp * -0.05 + 0.1;
            norm.variance = ramp + 0.4;
        }
        let (folded, folded_parameters) = parameters.folded(&network).unwrap();
        assert_eq!(folded.nodes().len(), network.nodes().len() - 2);
        let images = Tensor::arange(2 * 3 * 64, (Kind::Float, Device::Cpu)).reshape([2, 3, 8, 8]).sin();
        let (a, b) =
            (parameters.logits(&network, &images).unwrap(), folded_parameters.logits(&folded, &images).unwrap());
        let gap = f64::try_from((a - b).abs().max()).unwrap();
        assert!(gap < 1e-5, "{gap}");
    }
}
