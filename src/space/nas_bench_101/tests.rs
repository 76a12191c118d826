use super::*;
use crate::network::Shape;
use proptest::prelude::*;
use std::collections::HashSet;

const TASK: Task = Task::classify(Shape::new(3, 32, 32), 10);

fn space() -> NasBench101 {
    NasBench101::default()
}

#[test]
fn the_inception_like_module_of_the_published_readme() {
    // The published record says trainable_parameters 2694282.
    let arch = space().parse(ENTRY.example).unwrap();
    assert_eq!(space().build(&arch, &TASK).unwrap().params(), 2_694_282);
    assert_eq!(space().build(&space().representative(&arch), &TASK).unwrap().params(), 2_694_282);
}

#[test]
fn all_modules_are_listed_once() {
    let all = Module::all();
    assert_eq!(all.len(), 423_624);
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(all.iter().step_by(997).all(|m| m.representative() == *m && m.pruned() == Some(*m)));
    let ids: HashSet<ArchId> = (0..423_624).step_by(211).map(|i| space().arch_id(&space().at(i).unwrap())).collect();
    assert_eq!(ids.len(), 2_008);
}

#[test]
fn channels_are_shared_as_published() {
    // 128 channels over three vertices: 43, 43, 42; vertex 1 feeds vertex 2 and has as many.
    let arch = space().parse("conv1x1:0/conv3x3:1/conv3x3:1/conv1x1:1/output:234").unwrap();
    let module = specified(&arch).pruned().unwrap();
    assert_eq!(module.channels(128, 128), [128, 43, 43, 43, 42, 128]);
    let network = space().build(&arch, &TASK).unwrap();
    assert!(network.nodes().iter().any(|n| n.op == Op::Narrow { channels: 42 }));
    assert_eq!(network.blocks().len(), 10);
    assert_eq!(network.live().unwrap(), network, "nothing is dead in a pruned module");
}

#[test]
fn bad_text_is_refused_with_the_reason() {
    for (text, reason) in [
        ("", "has no colon"),
        ("conv3x3:0", "`output` is the last vertex"),
        ("output:0/output:1", "`output` is the last vertex"),
        ("conv3x3:0/output:", "does not reach"),
        ("conv5x5:0/output:1", "unknown operation `conv5x5`"),
        ("conv3x3:1/output:1", "vertex 1 cannot be fed by `1`"),
        ("conv3x3:0/output:11", "names vertex 1 twice"),
        ("conv3x3:0/conv3x3:01/conv3x3:012/conv3x3:12/output:34", "10 edges"),
        ("conv3x3:0/conv3x3:/conv3x3:/conv3x3:/conv3x3:/conv3x3:/output:1", "7 vertices"),
    ] {
        let err = space().parse(text).unwrap_err().to_string();
        assert!(err.contains(reason) && err.contains(ENTRY.example), "{err}");
    }
    assert_eq!(space().parse("conv1x1-bn-relu:0/output:1").unwrap(), space().parse("conv1x1:0/output:1").unwrap());
}

proptest! {
    #[test]
    fn genes_survive_text_and_isomorphic_modules_are_one(edges in 0u32..1 << 21, ops in prop::array::uniform5(0u8..3)) {
        let arch = genes(&Module::new(edges, &ops));
        let Ok(module) = valid(&arch) else {
            prop_assert!(space().check(&arch).is_err() && space().parse(&space().format(&arch)).is_err());
            return Ok(());
        };
        prop_assert_eq!(space().parse(&space().format(&arch)).unwrap(), arch.clone());
        prop_assert_eq!(module.pruned(), Some(module));
        let representative = space().representative(&arch);
        prop_assert!(Module::all().binary_search(&module.representative()).is_ok());
        prop_assert_eq!(space().arch_id(&representative), space().arch_id(&arch));
        prop_assert!(space().build(&arch, &TASK).is_ok());
    }
}
