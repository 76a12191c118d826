//! Ensembles and cascades through the command: what is scored, for whom, and in which order.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use cli::{computed, naslens, scores, summary};
use naslens::candidates::ScoreTable;
use naslens::ensemble::ENSEMBLES;
use naslens::proxy::{Score, Status};
use naslens::stats::ranks;
use serde_json::Value;

mod cli;

const SAMPLE: &str = "--sample 60";

fn column<'t>(table: &'t ScoreTable, name: &str) -> &'t [Score] {
    &table.proxies.iter().find(|(n, _)| n == name).unwrap_or_else(|| panic!("no {name}")).1
}

/// The scores of a column by distinct network.
fn by_network(table: &ScoreTable, name: &str) -> BTreeMap<String, Score> {
    let mut networks = BTreeMap::new();
    for (id, score) in table.arch_id.iter().zip(column(table, name)) {
        let before = networks.insert(id.clone(), *score);
        assert!(before.is_none_or(|before| before == *score), "{name} of {id}");
    }
    networks
}

fn screened(args: &str) -> ScoreTable {
    let dir = tempfile::tempdir().unwrap();
    summary(dir.path(), args);
    scores(dir.path())
}

#[test]
fn an_ensemble_brings_its_members_and_ranks_distinct_networks() {
    let names: Vec<&str> = ENSEMBLES.iter().map(|e| e.name).collect();
    let table = screened(&format!("{SAMPLE} --proxies {}", names.join(",")));
    let metadata = serde_json::json!(table.run);
    for e in &ENSEMBLES {
        let scores = by_network(&table, e.name);
        let members: Vec<BTreeMap<String, Score>> = e.members.iter().map(|m| by_network(&table, m)).collect();
        let alive: Vec<&String> = scores.iter().filter(|(_, s)| s.value().is_some()).map(|(id, _)| id).collect();
        assert!(alive.len() > 20 && alive.len() < table.arch.len(), "distinct: {}", alive.len());
        let dead = |m: &BTreeMap<String, Score>, id: &String| m[id].get_status() == Status::Dead;
        assert!(scores.keys().all(|id| alive.contains(&id) != members.iter().any(|m| dead(m, id))), "{}", e.name);
        let value = |m: &BTreeMap<String, Score>, id: &String| m[id].value().unwrap_or(f64::NEG_INFINITY);
        let ranked: Vec<Vec<f64>> =
            members.iter().map(|m| ranks(&alive.iter().map(|id| value(m, id)).collect::<Vec<_>>())).collect();
        let expected = (e.combine)(&ranked);
        for (id, expected) in alive.iter().zip(expected) {
            assert_eq!(scores[*id], Score::new(expected), "{} of {id}", e.name);
        }
        assert!(metadata["protocols"][e.name].as_str().is_some_and(|p| p.contains(e.members[0])), "{metadata}");
    }
}

#[test]
fn a_cascade_scores_the_best_and_can_be_completed() {
    let full = screened(&format!("{SAMPLE} --proxies log_rank,naswot@reference"));
    let dir = tempfile::tempdir().unwrap();
    let cascade = "--cascade synflow:0.5,naswot:5 --proxies log_rank,naswot@reference,params";
    assert!(computed(&summary(dir.path(), &format!("{SAMPLE} {cascade} --threads 2"))) > 0);
    let table = scores(dir.path());
    assert_eq!(table.arch, full.arch);

    // Stage by stage, from the scores of all networks.
    let best = |among: Vec<&String>, name: &str, keep: usize| -> Vec<String> {
        let scores = by_network(&full, name);
        let value = |id: &String| scores[id].value().unwrap_or(f64::NEG_INFINITY);
        let mut order: Vec<&String> = among.into_iter().filter(|id| scores[*id].get_status() != Status::Dead).collect();
        order.sort_by(|a, b| value(b).total_cmp(&value(a)).then(a.cmp(b)));
        order.into_iter().take(keep).cloned().collect()
    };
    let synflow = by_network(&full, "synflow");
    let alive = synflow.values().filter(|s| s.get_status() != Status::Dead).count();
    let half = best(synflow.keys().collect(), "synflow", alive.div_ceil(2));
    let five = best(half.iter().collect(), "naswot", 5);
    let covers = |name: &str, networks: Option<&[String]>| {
        for (id, score) in by_network(&table, name) {
            let dead = synflow[&id].get_status() == Status::Dead;
            let covered = dead || networks.is_none_or(|n| n.contains(&id));
            assert_eq!(score.get_status() != Status::ScreenedOut, covered, "{name} of {id}: {score:?}");
            if covered && name != "log_rank" {
                assert_eq!(score, by_network(&full, name)[&id], "{name} of {id}");
            }
        }
    };
    ["synflow", "flops@live", "layers"].iter().for_each(|name| covers(name, None));
    covers("naswot", Some(&half));
    ["jacov", "log_rank"].iter().for_each(|name| covers(name, Some(&five)));
    let reference = column(&table, "naswot@reference").iter().zip(&table.arch_id);
    assert!(reference.into_iter().all(|(s, id)| (s.get_status() == Status::ScreenedOut)
        != (five.contains(id) || synflow[id].get_status() == Status::Dead)));
    assert!(column(&table, "params").iter().all(|s| s.value().is_some()));
    let metadata = serde_json::json!(table.run);
    assert_eq!(metadata["cascade"][0]["kept"], half.len());
    assert_eq!((&metadata["cascade"][1]["entered"], &metadata["cascade"][1]["kept"]), (&half.len().into(), &5.into()));

    // The same again computes nothing; without the cascade the folder is completed to the full run.
    assert_eq!(computed(&summary(dir.path(), &format!("{SAMPLE} {cascade}"))), 0);
    assert_eq!(scores(dir.path()).proxies, table.proxies);
    assert!(computed(&summary(dir.path(), &format!("{SAMPLE} --proxies log_rank,naswot@reference"))) > 0);
    assert_eq!(cli::rows(&scores(dir.path())), cli::rows(&full));
}

fn replay(dir: &Path, args: &str) -> Value {
    let mut command = naslens("cascade");
    let output = command.arg(dir).args(args.split_whitespace()).arg("--json").output().unwrap();
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_replayed_cascade_finds_what_a_real_one_finds() {
    let (full, real) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    summary(full.path(), "--sample 80 --proxies log_rank");
    let told =
        replay(full.path(), "--goal log_rank --by synflow --cascade synflow:1.0 --cascade synflow:0.5,naswot:25");
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 8);
    let field = |row: usize, name: &str| rows[row][name].as_f64().unwrap();
    assert_eq!((field(6, "recall_at_10"), field(6, "recall_at_100")), (1.0, 1.0));
    assert_eq!(rows[6]["kept"], told["networks"]);
    // Keeping everybody saves nothing, keeping fewer saves more.
    assert!(field(6, "saved").abs() < 1e-9, "{told}");
    assert!((1..6).all(|i| field(i, "saved") <= field(i - 1, "saved") && field(i, "saved") > 0.0), "{told}");

    summary(real.path(), "--sample 80 --proxies log_rank --cascade synflow:0.5,naswot:25");
    let top = |dir: &Path| -> HashSet<String> {
        let scores = by_network(&scores(dir), "log_rank");
        let mut order: Vec<(&String, f64)> = scores.iter().filter_map(|(id, s)| Some((id, s.value()?))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
        order.into_iter().take(10).map(|(id, _)| id.clone()).collect()
    };
    let found = top(real.path()).intersection(&top(full.path())).count();
    assert_eq!(field(7, "recall_at_10"), found as f64 / 10.0);
    assert_eq!(rows[7]["kept"], 25);

    let refused = |dir: &Path, args: &str, part: &str| {
        let output = naslens("cascade").arg(dir).args(args.split_whitespace()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && stderr.contains(part), "{args}: {stderr}");
    };
    refused(real.path(), "--goal jacov --by synflow", "without --cascade");
    refused(full.path(), "--goal snip --by synflow", "--proxies snip");
    refused(full.path(), "--goal log_ranks --by synflow", "did you mean `log_rank`");
    refused(full.path(), "--goal jacov --cascade synflow", "SCORE:KEEP");
    refused(full.path(), "--goal jacov", "--by");
    refused(&full.path().join("shards"), "--goal jacov --by synflow", "finished screen");
}
