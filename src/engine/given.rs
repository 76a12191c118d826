//! Networks with weights that somebody else has given them.

use tch::TchError;

use super::parameters::Parameters;
use super::weights::{LayerTensors, VectorTensors, Weights};
use crate::network::{Affine, Network, NetworkBuilder, NodeId, Op};

impl Parameters {
    /// The network with these weights as passes run it: they normalise batches with scale 1 and shift 0, so that the learned scale
    /// and shift of every batch normalisation become an operation of their own behind it.
    pub fn with_separate_scales(&self, network: &Network) -> Result<(Network, Weights), TchError> {
        let refused = |e: crate::network::NetworkError| TchError::Torch(e.to_string());
        let mut b = NetworkBuilder::new(network.input_shape());
        let (mut layers, mut vectors) = (vec![None], vec![None]);
        let mut moved: Vec<NodeId> = vec![0];
        for (id, node) in network.nodes().iter().enumerate().skip(1) {
            let inputs = node.inputs.iter().map(|&i| moved[i]).collect();
            let mut new = b.push(node.name.clone(), node.op, inputs).map_err(refused)?;
            layers.push(self.layers.get(id).map(LayerTensors::share));
            vectors.push(self.layers.vectors(id).map(VectorTensors::share));
            if let Some(norm) = &self.norms[id] {
                let learned = Affine { learned_scale: true, learned_shift: true, ..Affine::scale(1.0) };
                new = b.push(String::new(), Op::Affine(learned), vec![new]).map_err(refused)?;
                layers.push(None);
                let (scale, shift) = (Some(norm.scale.shallow_clone()), Some(norm.shift.shallow_clone()));
                vectors.push(Some(VectorTensors { scale, shift }));
            }
            moved.push(new);
        }
        network.blocks().iter().for_each(|&block| b.end_block(moved[block]));
        Ok((b.finish(moved[network.output()]), Weights::new(layers, vectors)))
    }
}
