//! Spaces that are written in files: published ones against their built-in twins, and what a user's file can do.

use std::collections::HashMap;
use std::fs;

mod cli;

use naslens::network::{Network, Op};
use naslens::space::{self, ArchId, SearchSpace, Task};

const TASK: fn() -> Task = || Task::classify("3x32x32".parse().unwrap(), 10);

fn layers(network: &Network) -> Vec<(String, Op)> {
    network.nodes().iter().map(|node| (node.name.clone(), node.op)).collect()
}

fn networks(space: &dyn SearchSpace, index: u64) -> (Network, String, ArchId) {
    let arch = space.at(index).unwrap();
    (space.build(&arch, &TASK()).unwrap(), space.format(&arch), space.arch_id(&arch))
}

/// On every architecture: layers with their names, shapes, blocks and hence parameters, operations and every score.
#[test]
fn a_written_nas_bench_201_is_the_built_in_one() {
    let written = space::open("tests/spaces/nas-bench-201.toml:channels=4,cells=1").unwrap();
    let built_in = space::open("nas-bench-201:channels=4,cells=1").unwrap();
    assert_eq!(written.size(), 15_625);
    let mut pairs: HashMap<ArchId, ArchId> = HashMap::new();
    let mut back: HashMap<ArchId, ArchId> = HashMap::new();
    for index in 0..15_625 {
        let (network, text, id) = networks(written.as_ref(), index);
        let arch = built_in.parse(&text).unwrap();
        let twin = built_in.build(&arch, &TASK()).unwrap();
        assert_eq!(layers(&network), layers(&twin), "{text}");
        assert_eq!(network, twin, "{text}");
        // The same architectures are the same network: 5,044 of them.
        let twin_id = built_in.arch_id(&arch);
        assert_eq!(*pairs.entry(id).or_insert(twin_id), twin_id, "{text}");
        assert_eq!(*back.entry(twin_id).or_insert(id), id, "{text}");
    }
    assert_eq!(pairs.len(), 5_044);
}

#[test]
fn a_written_size_space_is_the_built_in_one() {
    let written = space::open("tests/spaces/nats-size.toml").unwrap();
    let built_in = space::open("nats-size").unwrap();
    assert_eq!(written.size(), 32_768);
    for index in (0..32_768).step_by(7) {
        let (network, text, _) = networks(written.as_ref(), index);
        assert_eq!(network, built_in.build(&built_in.parse(&text).unwrap(), &TASK()).unwrap(), "{text}");
    }
}

/// A space of one's own through the whole program. What was found in it stays readable where its file is not.
#[test]
fn an_own_space_is_screened_searched_confirmed_and_exported() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.toml");
    fs::copy("examples/own_space.toml", &file).unwrap();
    let args = "--space own.toml:stem=4 --data digits --image 1x8x8 --batch-size 16 --sample 14 --device cpu --json";
    let mut screen = cli::naslens(&format!("screen {args} --proxies params,layers,naswot,synflow --out screen"));
    let summary = cli::json(screen.current_dir(dir.path()));
    assert_eq!(summary["scores"]["naswot"]["ok"].as_u64(), summary["distinct"].as_u64(), "{summary}");
    fs::remove_file(&file).unwrap();
    let table = cli::scores(&dir.path().join("screen"));
    assert!(table.arch.iter().all(|arch| arch.starts_with('w') && arch.contains("-k")), "{:?}", table.arch);

    fs::write(dir.path().join("recipe.toml"), "[train]\nimage = \"1x8x8\"\nsplit = [0.4, 0.2, 0.4]\nepochs = 1\n")
        .unwrap();
    let command = |args: &str| {
        let mut command = cli::naslens(args);
        command.current_dir(dir.path());
        command
    };
    let found = cli::json(&mut command(
        "search screen --strategy bayesian --queries 10 --config recipe.toml --device cpu --json",
    ));
    assert_eq!(found["trainings"].as_array().map(Vec::len).unwrap_or(10), 10, "{found}");
    assert!(table.arch.contains(&found["best"][0]["arch"].as_str().unwrap().to_owned()), "{found}");
    let found = cli::json(&mut command(
        "confirm screen --by naswot --top 2 --config recipe.toml --device cpu --json --out confirmed",
    ));
    assert!(table.arch.contains(&found["winner"]["arch"].as_str().unwrap().to_owned()), "{found}");
    assert!(dir.path().join("confirmed/winner/model.onnx").exists());
    // Another file of the same name is another space: its scores are not mixed with these.
    let other = fs::read_to_string("examples/own_space.toml").unwrap().replace("[3, 5]", "[3, 7]");
    fs::write(&file, other).unwrap();
    let message = cli::error(command(&format!("screen {args} --proxies params --out screen")).current_dir(dir.path()));
    assert!(message.contains("screen"), "{message}");
}

#[test]
fn a_space_is_checked_and_what_is_wrong_is_said_with_its_place() {
    let found = cli::json(&mut cli::naslens("space check examples/own_space.toml --sample 100 --json"));
    assert_eq!((found["architectures"].as_u64(), found["decisions"].as_u64()), (Some(3_840), Some(10)));
    assert!(found["params"][0].as_u64() < found["params"][1].as_u64() && found["dead"] == 0, "{found}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    let broken = fs::read_to_string("examples/own_space.toml").unwrap().replace("op = \"relu\"", "op = \"rellu\"");
    fs::write(&file, broken).unwrap();
    let mut check = cli::naslens("space check");
    let message = cli::error(check.arg(&file));
    assert!(message.contains("mine.toml: line 27, column 12:") && message.contains("did you mean `relu`"), "{message}");
    let message = cli::error(&mut cli::naslens("space check absent.toml"));
    assert!(message.contains("absent.toml") && message.contains("cannot be opened"), "{message}");
}
