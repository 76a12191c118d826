//! `naslens report`.

use std::path::PathBuf;

use naslens::pipeline::counts::RESAMPLES;
use naslens::pipeline::pages::{Beside, Loaded, PageOptions, beside, find, load, write_page};

use super::count;

/// Make an HTML page of anything that naslens wrote, or of several runs side by side.
///
/// RUN is the folder of a screen, run, confirmation, table, search, comparison or prediction, a file of `latency`, or a folder
/// with such folders inside. Each page goes into its folder as report.html. With --table and --target, screens are judged by
/// known accuracies, and searches are shown beside random search.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens report runs/demo
  naslens report runs/first --table benchmarks-data/fashion-cells.parquet --target test_acc_pct
  naslens report runs --compare --table benchmarks-data/fashion-cells.parquet --target test_acc_pct \\
    --out comparison.html")]
pub struct Args {
    /// Folders and files
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Parquet table with known accuracies
    #[arg(long, value_name = "FILE", requires = "target")]
    table: Option<PathBuf>,
    /// Its column with the accuracy in percent (or, if its name ends in _frac, as a fraction)
    #[arg(long, value_name = "COLUMN", requires = "table")]
    target: Option<String>,
    /// One page with all runs side by side
    #[arg(long)]
    compare: bool,
    /// The page [default: report.html in the folder; with --compare comparison.html here]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// With --compare, the comparison as a Parquet table too
    #[arg(long, value_name = "FILE", requires = "compare")]
    parquet: Option<PathBuf>,
    /// Bootstrap resamples behind each interval; fewer above 16,000 networks
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = count::<usize>(RESAMPLES))]
    resamples: usize,
    /// Seed of the resamples
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print as JSON: the comparison, or what the pages say
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let options = PageOptions { table: args.table, target: args.target, repeats: args.resamples, seed: args.seed };
    let mut paths = Vec::new();
    for run in &args.runs {
        paths.extend(find(run)?);
    }
    if args.out.is_some() && !args.compare && paths.len() > 1 {
        let runs = paths.len();
        anyhow::bail!(
            "--out names one page, but there are {runs} runs; add --compare to show them side by side, or leave out --out"
        );
    }
    if args.compare {
        let loaded = paths.iter().map(|path| load(path, &options)).collect::<Result<Vec<Loaded>, _>>()?;
        let comparison = beside(&loaded)?;
        let out = args.out.unwrap_or_else(|| PathBuf::from("comparison.html"));
        write_page(&comparison.page(), &out)?;
        if let Some(parquet) = &args.parquet {
            comparison.write(parquet)?;
        }
        let text = |c: &Beside| format!("{} runs side by side: {}", c.runs.len(), out.display());
        return super::output(args.json, &comparison, text);
    }
    let mut pages = Vec::new();
    for path in &paths {
        let loaded = load(path, &options)?;
        let out = args.out.clone().unwrap_or_else(|| loaded.default_page());
        let bytes = write_page(&loaded.contents.document, &out)?;
        match args.json {
            true => pages.push(
                serde_json::json!({ "kind": loaded.kind.name, "report": out, "document": loaded.contents.document }),
            ),
            false => super::print(&format!("{}: {} ({:.0} kB)", loaded.kind.name, out.display(), bytes as f64 / 1e3))?,
        }
    }
    if args.json {
        super::print(&serde_json::to_string_pretty(&pages)?)?;
    }
    Ok(())
}
