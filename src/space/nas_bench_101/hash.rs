//! The module hash that NAS-Bench-101 was published with.

use super::module::Module;

/// The MD5 fingerprint of a pruned module, the same for isomorphic ones: every vertex starts from the hash of (out-degree,
/// in-degree, operation) and takes in the sorted hashes of its neighbours as many times as there are vertices; the
/// fingerprint is the hash of all, sorted. Tuples and lists are hashed as Python prints them. Ying et al. checked all
/// modules of the space: no two that are not isomorphic share a fingerprint.
pub(super) fn module_hash(module: &Module) -> u128 {
    let n = module.vertices();
    let label = |v: usize| match v {
        0 => -1,
        v if v + 1 == n => -2,
        v => i32::from(module.op(v)),
    };
    let sources = |v: usize| (0..v).filter(move |&w| module.has(w, v));
    let targets = |v: usize| (v + 1..n).filter(move |&w| module.has(v, w));
    let mut hashes: Vec<String> =
        (0..n).map(|v| hex(&format!("({}, {}, {})", targets(v).count(), sources(v).count(), label(v)))).collect();
    for _ in 0..n {
        let sorted = |neighbours: &mut dyn Iterator<Item = usize>| {
            let mut all: Vec<&str> = neighbours.map(|w| hashes[w].as_str()).collect();
            all.sort_unstable();
            all.concat()
        };
        let next = |v: usize| hex(&format!("{}|{}|{}", sorted(&mut sources(v)), sorted(&mut targets(v)), hashes[v]));
        hashes = (0..n).map(next).collect();
    }
    hashes.sort_unstable();
    u128::from_be_bytes(md5::compute(format!("['{}']", hashes.join("', '"))).0)
}

fn hex(text: &str) -> String {
    format!("{:x}", md5::compute(text))
}
