//! Limits on the size of networks, in every command that proposes some.

mod cli;

use std::fs;
use std::path::Path;

use cli::{error, json};
use naslens::proxy::Status;
use naslens::space;
use naslens::space::Task;

const SPACE: &str = "nas-bench-201:channels=4,cells=1";

/// Parameters and megabytes of what would be exported of an architecture; None if it is dead.
fn size(arch: &str, image: &str, classes: usize) -> Option<(u64, f64)> {
    let space = space::open(SPACE).unwrap();
    let arch = space.representative(&space.parse(arch).unwrap());
    let network = space.build(&arch, &Task::classify(image.parse().unwrap(), classes)).unwrap().live()?;
    Some((network.params(), network.state_bytes() as f64 / 1e6))
}

#[test]
fn nothing_over_a_limit_on_size_is_scored_trained_or_taken() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("screen");
    let base = "--sample 40 --proxies params,naswot";
    cli::summary(&out, base);
    let sizes: Vec<_> = cli::scores(&out).arch.iter().map(|arch| size(arch, "3x8x8", 10)).collect();
    let mut params: Vec<u64> = sizes.iter().flatten().map(|s| s.0).collect();
    params.sort_unstable();
    let limit = params[params.len() / 2];
    let summary = cli::summary(&out, &format!("{base} --max-params {limit}"));
    assert_eq!(cli::computed(&summary), 0, "a limit changes no score");
    let table = cli::scores(&out);
    let naswot = &table.proxies.iter().find(|(name, _)| name == "naswot").unwrap().1;
    for (score, size) in naswot.iter().zip(&sizes) {
        let over = size.is_some_and(|s| s.0 > limit);
        assert_eq!(score.get_status() == Status::OverLimit, over, "{size:?}, limit {limit}");
    }
    assert!(summary["over_limit"].as_u64() > Some(5));

    // 0.5k is 500; what nothing meets says what the smallest is.
    let message = error(&mut cli::screen(&out, &format!("{base} --max-params 0.5k")));
    let least = format!("the smallest has {} parameters (limit 500)", naslens::text::thousands(params[0]));
    assert!(message.contains(&least) && message.contains("raise the limit"), "{message}");
    for (option, part) in [("--max-params many", "500k"), ("--max-params 0", "500k"), ("--max-model-mb 0", "megabytes")]
    {
        let message = error(&mut cli::screen(&out, &format!("{base} {option}")));
        assert!(message.contains(part), "{message}");
    }

    // The same in a search and in a confirmation of a screen without a limit.
    cli::summary(&out, base);
    let recipe = dir.path().join("recipe.toml");
    fs::write(&recipe, "[train]\nimage = \"1x8x8\"\nsplit = [0.4, 0.2, 0.4]\nepochs = 1\n").unwrap();
    let mut mb: Vec<f64> = sizes.iter().flatten().map(|s| s.1).collect();
    mb.sort_by(f64::total_cmp);
    let limit = mb[mb.len() / 2];
    let command = |args: &str| {
        let mut command = cli::naslens(&format!("{args} --device cpu --max-model-mb {limit} --json --config"));
        command.arg(&recipe).current_dir(dir.path());
        command
    };
    let under = |arch: &str| size(arch, "1x8x8", 10).unwrap().1 <= limit;
    let found = json(&mut command("search screen --strategy regularised_evolution --queries 6"));
    assert!(found["best"].as_array().unwrap().iter().all(|found| under(found["arch"].as_str().unwrap())), "{found}");
    assert!(found["population"]["infeasible"].as_u64() > Some(5), "{found}");
    let found = json(&mut command("confirm screen --by naswot --top 3"));
    assert!(under(found["winner"]["arch"].as_str().unwrap()), "{found}");
    assert_eq!(found["winner"]["model_mb"], size(found["winner"]["arch"].as_str().unwrap(), "1x8x8", 10).unwrap().1);
    let said = found["verdict"].to_string();
    assert!(said.contains(&format!("(limit: {limit} MB)")), "{said}");
    let mut tight = cli::naslens("confirm screen --by naswot --top 3 --device cpu --max-model-mb 0.001");
    let message = error(tight.current_dir(dir.path()));
    assert!(message.contains("the smallest takes") && message.contains("limit 0.001 MB"), "{message}");
}

#[test]
fn a_run_keeps_to_its_configured_limits() {
    let dir = tempfile::tempdir().unwrap();
    let text = cli::naslens("init --data digits").output().unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("\n# max_params = 500000\n"), "{text}");
    let text = text.replace("# max_params = 500000", "max_params = 6000");
    fs::write(dir.path().join("mine.toml"), text).unwrap();
    let small = "--space nas-bench-201:channels=4,cells=1 --sample 60 --labels 5 --top 2 --steps 10 --folds 0 --json";
    let mut run = cli::naslens(&format!("run mine.toml {small} --device cpu --threads 2"));
    let found = json(run.current_dir(dir.path()));
    assert!(found["winner"]["params"].as_u64() <= Some(6000), "{found}");
    let page = fs::read_to_string(dir.path().join("runs/mine/report.html")).unwrap();
    assert!(page.contains("(limit: 6,000 parameters)"));
    let message = error(
        cli::naslens(&format!(
            "run mine.toml {small} --max-params 100 --device cpu --out {}",
            Path::new("tight").display()
        ))
        .current_dir(dir.path()),
    );
    assert!(message.contains("the smallest has") && message.contains("(limit 100)"), "{message}");
}
