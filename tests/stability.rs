//! The noise of scores over seeds, through the command.

use std::path::Path;

use cli::{naslens, scores, summary};
use naslens::stats::spearman;
use serde_json::Value;

mod cli;

const PROXIES: &str = "params,synflow,jacov,l2_norm";

fn stability(args: &str, dirs: &[&Path]) -> Result<String, String> {
    let output = naslens(&format!("stability {args}")).args(dirs).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn row<'j>(json: &'j Value, name: &str) -> &'j Value {
    json["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn seeds_are_compared_on_the_networks_they_share() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.txt");
    let space = naslens::space::open("nas-bench-201").unwrap();
    let archs = |count: u64| (0..count).map(|i| space.format(&space.at(37 * i).unwrap()) + "\n").collect::<String>();
    let runs = ["a", "b", "c", "d"].map(|name| dir.path().join(name));
    for (seed, run) in runs.iter().enumerate() {
        // The last run has more networks and a proxy more.
        let (count, more) = if seed == 3 { (50, ",naswot") } else { (40, "") };
        std::fs::write(&list, archs(count)).unwrap();
        summary(run, &format!("--archs {} --seed {seed} --proxies {PROXIES}{more}", list.display()));
    }
    let dirs: Vec<&Path> = runs.iter().map(|run| run.as_path()).collect();
    let json: Value = serde_json::from_str(&stability("--json", &dirs).unwrap()).unwrap();
    assert_eq!(json["differences"]["seed"], serde_json::json!([0, 1, 2, 3]));
    assert_eq!(json["differences"].as_object().unwrap().len(), 1, "{}", json["differences"]);
    let networks = json["networks"].as_u64().unwrap();
    assert!((30..=40).contains(&networks) && json["not_in_all"].as_u64().unwrap() > 0);
    assert_eq!(json["proxies_not_in_all"], serde_json::json!(["naswot"]));

    // Counts depend on nothing random.
    let params = row(&json, "params");
    assert_eq!((&params["icc"], &params["spearman"]), (&1.0.into(), &1.0.into()));
    assert_eq!(params["top_overlap"], serde_json::json!([1.0, 1.0]));
    assert_eq!((&params["repeats_for_reliability"], &params["repeats_for_overlap"]), (&1.into(), &1.into()));
    let jacov = row(&json, "jacov");
    let icc = jacov["icc"].as_f64().unwrap();
    assert!(icc > 0.2 && icc < 1.0, "{jacov}");
    assert!((icc - jacov["spearman"].as_f64().unwrap()).abs() < 0.1, "{jacov}");
    assert!(jacov["networks"].as_u64().unwrap() < networks, "dead networks have no score in any run");

    // Two runs: Spearman's rho is that of the two columns.
    let json: Value = serde_json::from_str(&stability("--json --top 0.5", &dirs[..2]).unwrap()).unwrap();
    let columns = [0, 1].map(|run| scores(dirs[run]));
    let both: Vec<(f64, f64)> = {
        let [a, b] = [0, 1].map(|i: usize| columns[i].values("synflow").unwrap());
        let mut ids = std::collections::HashSet::new();
        let first = columns[0].arch_id.iter().map(|id| ids.insert(id));
        first.zip(a.into_iter().zip(b)).filter(|(first, _)| *first).filter_map(|(_, (a, b))| Some((a?, b?))).collect()
    };
    let (a, b): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
    let rho = row(&json, "synflow")["spearman"].as_f64().unwrap();
    assert!((rho - spearman(&a, &b).unwrap()).abs() < 1e-12);
    assert_eq!(row(&json, "synflow")["top_overlap"].as_array().unwrap().len(), 1);

    let text = stability("", &dirs).unwrap();
    for part in ["Runs      4", "seed      0, 1, 2, 3", "naswot (not in all runs)", "jacov", "top 90%"] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");

    // What cannot be compared is refused with the remedy.
    let error = |args: &str, dirs: &[&Path]| stability(args, dirs).unwrap_err();
    assert!(error("", &dirs[..1]).contains("at least two screens"));
    assert!(error("", &[dirs[0], dirs[0]]).contains("have the same settings"));
    assert!(error("", &[dirs[0], dir.path()]).contains("name the output folders of finished screens"));
    assert!(error("--top 0", &dirs).contains("between 0 and 1"));
    let other = dir.path().join("other");
    std::fs::write(&list, space.format(&space.at(2).unwrap())).unwrap();
    summary(&other, &format!("--archs {} --seed 9 --proxies params", list.display()));
    assert!(error("", &[dirs[0], &other]).contains("--archs FILE or --all"));
}
