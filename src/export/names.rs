//! Names of layers that Python accepts.

use std::collections::HashSet;

use crate::network::{Network, Node, Op};

/// What no attribute of a `torch.nn.Module` may be called: `keyword.kwlist` and the module's own public attributes.
const RESERVED: &str = "False None True and as assert async await break class continue def del elif else except finally \
    for from global if import in is lambda nonlocal not or pass raise return try while with yield \
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval \
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia \
    named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer \
    register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook \
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter \
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory \
    state_dict to to_empty train training type xpu zero_grad";

/// A distinct Python identifier for every node with parameters, None for the others. `cells.0.edge.0-1.conv` becomes
/// `cells_0_edge_0_1_conv`, and the normalisation of its output `cells_0_edge_0_1_conv_bn`; any other normalisation is
/// `bn`, of its pixels or groups `norm`. What is taken gets a number.
pub(super) fn identifiers(network: &Network) -> Vec<Option<String>> {
    let mut taken: HashSet<String> = RESERVED.split_whitespace().map(str::to_owned).collect();
    let nodes = network.nodes();
    let wanted = |id: usize, node: &Node| match node.op {
        Op::BatchNorm => match node.inputs.first().map(|&i| &nodes[i].name) {
            Some(layer) if !layer.is_empty() => Some(identifier(layer) + "_bn"),
            _ => Some("bn".to_owned()),
        },
        op if op.weight(network.operand_shape(id)).is_some() => Some(identifier(&node.name)),
        op if op.vectors(network.operand_shape(id)).is_empty() => None,
        Op::PRelu { .. } => Some("prelu".to_owned()),
        Op::Affine(_) => Some("scale".to_owned()),
        _ => Some("norm".to_owned()),
    };
    let mut distinct = |name: String| {
        let numbered = (2..).map(|k| format!("{name}_{k}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|n| !taken.contains(n)).unwrap_or(name);
        taken.insert(free.clone());
        free
    };
    let wanted: Vec<_> = nodes.iter().enumerate().map(|(id, node)| wanted(id, node)).collect();
    wanted.into_iter().map(|name| name.map(&mut distinct)).collect()
}

fn identifier(name: &str) -> String {
    let text: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    // A leading underscore would be private, a leading digit no identifier.
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) { text } else { format!("layer_{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::tests::{any_network, small};
    use crate::network::{Conv2d, NetworkBuilder, Shape};
    use proptest::prelude::*;

    fn is_identifier(name: &str) -> bool {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !RESERVED.split_whitespace().any(|word| word == name)
    }

    #[test]
    fn names_follow_those_of_the_layers() {
        let names: Vec<String> = identifiers(&small()).into_iter().flatten().collect();
        assert_eq!(names, ["stem_conv", "stem_conv_bn", "cells_0_expand", "cells_0_depthwise", "bn", "classifier"]);
    }

    #[test]
    fn whatever_layers_are_called() {
        let mut b = NetworkBuilder::new(Shape::new(3, 4, 4));
        let mut x = 0;
        for name in ["a.b", "a-b", "a_b_2", "", "3x3", "class", "train", "äé", "_x", "a.b_bn"] {
            x = b.conv(name, x, Conv2d::same(3, 3, 1, 1)).unwrap();
            x = b.batch_norm(x).unwrap();
        }
        let names: Vec<String> = identifiers(&b.finish(x)).into_iter().flatten().collect();
        assert!(names.iter().all(|n| is_identifier(n)), "{names:?}");
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), 20, "{names:?}");
        let layers: Vec<&str> = names.iter().step_by(2).map(String::as_str).collect();
        let expected = ["a_b", "a_b_2", "a_b_2_2", "layer_", "layer_3x3", "class_2", "train_2", "layer___", "layer__x"];
        assert_eq!(layers[..9], expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn identifiers_are_valid_and_distinct(network in any_network()) {
            let names: Vec<String> = identifiers(&network).into_iter().flatten().collect();
            prop_assert!(names.iter().all(|n| is_identifier(n)), "{:?}", names);
            prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        }
    }
}
