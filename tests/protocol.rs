//! `--protocol quick`: networks are run on fewer and smaller images, and everything that is counted stays as it is.

mod cli;

use std::path::Path;

use cli::{naslens, scores};
use naslens::proxy::Score;

const FULL: &str = "--init-channels 4 --cells 1 --image 3x64x40 --batch-size 64";

fn screen(out: &Path, args: &str) {
    let args = format!(
        "screen --sample 8 --seed 2 --device cpu --proxies params@live,activations,naswot,synflow {args} --out"
    );
    let output = naslens(&args).arg(out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn column(out: &Path, name: &str) -> Vec<Score> {
    scores(out).proxies.into_iter().find(|(column, _)| column == name).unwrap().1
}

#[test]
fn quick_scores_are_those_of_small_images_and_counts_those_of_the_network() {
    let dir = tempfile::tempdir().unwrap();
    let [full, quick, small] = ["full", "quick", "small"].map(|name| dir.path().join(name));
    screen(&full, FULL);
    screen(&quick, &format!("{FULL} --protocol quick"));
    screen(&small, "--init-channels 4 --cells 1 --image 3x32x20 --batch-size 16");
    for name in ["naswot", "synflow"] {
        assert_eq!(column(&quick, name), column(&small, name), "{name}");
        assert_ne!(column(&quick, name), column(&full, name), "{name}");
    }
    for name in ["params@live", "activations", "layers"] {
        assert_eq!(column(&quick, name), column(&full, name), "{name}");
    }
    assert_eq!((scores(&quick).params, scores(&quick).macs), (scores(&full).params, scores(&full).macs));
    assert_eq!(scores(&quick).run.config["protocol"], "quick", "the metadata says so");

    // Neither folder is taken for the other.
    let args = format!("screen --sample 8 --seed 2 --device cpu {FULL} --out");
    let output = naslens(&args).arg(&quick).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && message.contains("protocol"), "{message}");
    let output = naslens("screen --sample 1 --protocol quik --out").arg(dir.path().join("no")).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `quick`"));
}
