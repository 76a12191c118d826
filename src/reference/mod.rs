//! The reference of proxies and ensembles: a page for each, made of its entry in the registry, for `docs/proxies/` and for
//! the terminal. What a page says is changed in the entry; `tests/pages.rs` writes the files.

pub mod measured;
mod page;

pub use page::{Block, Page};

use measured::{Measured, Published};

use crate::ensemble::{self, Column, ENSEMBLES, Ensemble};
use crate::proxy::{PROXIES, Proxy, Status, View};
use crate::registry::Unknown;

/// All pages, proxies first, each in the order of its registry.
pub fn pages() -> Vec<Page> {
    PROXIES.iter().map(of_proxy).chain(ENSEMBLES.iter().map(of_ensemble)).collect()
}

/// The page of the proxy or ensemble called `name`.
pub fn page(name: &str) -> Result<Page, Unknown> {
    Ok(match ensemble::find(name)? {
        Column::Proxy(proxy) => of_proxy(proxy),
        Column::Ensemble(ensemble) => of_ensemble(ensemble),
    })
}

/// The table of all pages as Markdown, with what was measured; links lead from the folder above the pages.
pub fn index() -> String {
    let head = "| proxy | what | NAS-Bench-201 | published | NAS-Bench-101 | fashion-cells | ms | agrees to |\n\
                |---|---|---|---|---|---|---|---|\n";
    let row = |page: Page| {
        let m = measured::of(page.name);
        let cell = |of: &dyn Fn(&Measured) -> String| m.map_or(String::new(), of);
        let published = |m: &Measured| match m.published {
            None => String::new(),
            Some(Published::AllStrings(r)) => decimals(r),
            Some(Published::SuiteZero(r)) => format!("{}*", decimals(r)),
        };
        format!(
            "| [{name}](proxies/{name}.md) | {} | {} | {} | {} | {} | {} | {} |\n",
            page.title,
            cell(&|m| spearman(m.nas_bench_201)),
            cell(&published),
            cell(&|m| spearman(m.nas_bench_101)),
            cell(&|m| spearman(m.fashion_cells)),
            cell(&|m| m.cost_ms.map_or(String::new(), |ms| ms.to_string())),
            cell(&|m| m.agreement.map_or(String::new(), |a| format!("{a:e}"))),
            name = page.name,
        )
    };
    pages().into_iter().map(row).fold(head.into(), |text, row| text + &row)
}

fn of_proxy(p: &Proxy) -> Page {
    let mut reads = vec![
        match p.view {
            View::Live => "the live part of the network: what lies on a path from the input to the output".to_owned(),
            View::Specified => "the network as specified, operations included that cannot reach the output".to_owned(),
        },
        format!("options that change it: {}", options(p)),
    ];
    reads.extend(p.passes.iter().map(|pass| pass.what().to_owned()));
    if p.min_batch > 1 {
        reads.push(format!("at least {} images that differ; otherwise status unsupported", p.min_batch));
    }
    if p.passes.iter().any(|pass| pass.normalised_together(1).is_some()) {
        reads.push(
            "at least three values wherever a normalisation is differentiated; otherwise status unsupported".into(),
        );
    }
    let sharing = |q: &&Proxy| q.name != p.name && !p.passes.is_empty() && q.passes == p.passes && q.view == p.view;
    let shares: Vec<&str> = PROXIES.iter().filter(sharing).map(|q| q.name).collect();
    if !shares.is_empty() {
        reads.push(format!("computed together, the same pass serves {}", shares.join(", ")));
    }
    let mut blocks = Vec::new();
    if p.baseline {
        blocks.push(Block::text("Baseline", "A trivial count, which every other proxy has to beat."));
    }
    blocks.extend([
        Block::code("Formula", p.formula),
        Block::list("Protocol", clauses(p.protocol)),
        Block::list("Reads", reads),
        Block::list("Statuses", statuses(p.statuses)),
    ]);
    let family = |name: &'static str| name.split('@').next().unwrap_or(name);
    let others: Vec<&Proxy> = PROXIES.iter().filter(|q| q.name != p.name && family(q.name) == family(p.name)).collect();
    if !others.is_empty() {
        blocks.push(Block::list("Variants", others.iter().map(|q| format!("`{}`: {}", q.name, q.title)).collect()));
    }
    finish(p.name, p.title, p.limits, p.paper, blocks)
}

fn of_ensemble(e: &Ensemble) -> Page {
    let title = |name: &&str| match ensemble::find(name) {
        Ok(Column::Proxy(p)) => format!("`{}`: {}", p.name, p.title),
        _ => (*name).to_owned(),
    };
    let blocks = vec![
        Block::list("Members", e.members.iter().map(title).collect()),
        Block::code("Formula", e.formula),
        Block::list("Protocol", clauses(e.protocol)),
        Block::list("Statuses", statuses(&[])),
    ];
    finish(e.name, e.title, e.limits, e.paper, blocks)
}

/// The page with what all have in common at its end.
fn finish(
    name: &'static str,
    title: &'static str,
    limits: &'static str,
    paper: &'static str,
    mut blocks: Vec<Block>,
) -> Page {
    if let Some(m) = measured::of(name) {
        blocks.push(Block::list("Measured", figures(m)));
    }
    blocks.extend([
        Block::text("Limits", limits),
        Block::text("Paper", paper),
        Block::code("Command", &format!("naslens screen --sample 100 --proxies params,{name} --out runs/{name}")),
    ]);
    Page { name, title, blocks }
}

fn figures(m: &Measured) -> Vec<String> {
    let mut list = vec![
        format!("NAS-Bench-201, CIFAR-10: Spearman {} over 500 strings", spearman(m.nas_bench_201)),
        format!("NAS-Bench-101, CIFAR-10: {} over 500 modules", spearman(m.nas_bench_101)),
        format!(
            "fashion-cells, four epochs on a reduced Fashion-MNIST: {} over 1,000 cells",
            spearman(m.fashion_cells)
        ),
    ];
    match m.published {
        Some(Published::AllStrings(r)) => {
            list.push(format!("published for NAS-Bench-201: {} over all 15,625 strings", decimals(r)));
        }
        Some(Published::SuiteZero(r)) => list.push(format!(
            "published for NAS-Bench-201: {} over the 9,445 strings of NAS-Bench-Suite-Zero",
            decimals(r)
        )),
        None => {}
    }
    list.extend(m.cost_ms.map(|ms| match ms {
        0.0 => "cost: none, nothing is run".to_owned(),
        ms => format!("cost: {ms} ms of processor time per NAS-Bench-201 network, computed alone"),
    }));
    list.extend(
        m.agreement
            .map(|a| format!("largest relative difference from the authors' code, equal weights and inputs: {a:e}")),
    );
    list.push("how it was measured: docs/proxies.md".to_owned());
    list
}

/// The options of `naslens screen` that change the number.
fn options(p: &Proxy) -> String {
    use crate::engine::Pass;
    let mut options = vec!["--image", "--init-channels", "--cells"];
    if !p.passes.is_empty() {
        options.extend(["--seed", "--init"]);
    }
    if p.passes.iter().any(|pass| pass.reads_batch()) {
        options.extend(["--data", "--class-balanced", "--batch-size"]);
    } else if p.passes.iter().any(|pass| matches!(pass, Pass::Expansion | Pass::BlockWise)) {
        options.push("--batch-size");
    }
    options.iter().map(|o| format!("`{o}`")).collect::<Vec<_>>().join(", ")
}

fn statuses(own: &[Status]) -> Vec<String> {
    let all = Status::ALL.iter().filter(|s| Status::COMMON.contains(s) || own.contains(s));
    all.map(|s| format!("`{s}`: {}", s.meaning())).collect()
}

/// The parts of a text between semicolons, leaving those inside brackets alone.
fn clauses(text: &str) -> Vec<String> {
    let (mut list, mut depth) = (vec![String::new()], 0);
    for c in text.chars() {
        match c {
            ';' if depth == 0 => {
                list.push(String::new());
                continue;
            }
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        list.last_mut().expect("never empty").push(c);
    }
    list.iter().map(|clause| clause.trim().to_owned()).collect()
}

fn spearman([r, low, high]: [f64; 3]) -> String {
    format!("{} [{}, {}]", decimals(r), decimals(low), decimals(high))
}

/// Three decimals without the zero before the point.
fn decimals(r: f64) -> String {
    format!("{r:.3}").replacen("0.", ".", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_has_figures_and_a_whole_page() {
        for page in pages() {
            assert!(measured::of(page.name).is_some(), "{} was not measured", page.name);
            let text = page.text(100);
            for heading in ["Formula", "Protocol", "Statuses", "Measured", "Limits", "Paper", "Command"] {
                assert!(text.contains(heading), "{} lacks {heading}", page.name);
            }
        }
        assert!(page("naswott").unwrap_err().to_string().contains("did you mean `naswot`"));
    }

    #[test]
    fn semicolons_in_brackets_stay() {
        assert_eq!(clauses("a; b (c; d); e"), ["a", "b (c; d)", "e"]);
        assert_eq!((decimals(-0.086), decimals(0.5)), ("-.086".into(), ".500".into()));
    }
}
