//! `naslens import`.

use std::path::PathBuf;

use naslens::import::{FORMATS, ImportConfig, Mapping, Setting, detect, import};

use super::progress::Reporter;

/// Turn official benchmark files into one Parquet table.
///
/// SOURCE is recognised by its name and content; see `naslens list imports`. --out has a row per measurement, --wide a row per
/// architecture with means over seeds, whose columns are what --target of other commands takes. Costs that say "not measured" in
/// a number, such as a latency of -1, are left empty and counted; accuracies outside 0 to 100 are refused. Published files are
/// read in less than 1 GiB of memory, whatever their size. Pickles are read as data; nothing in them is run.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens import NATS-tss-v1_0-3ffb9-simple --out tss.parquet --wide tss-wide.parquet
  naslens import mine.csv --wide mine.parquet --set space=nas-bench-201 --set dataset=mine \\
    --map arch=cell --map 'accuracy_pct[split=test,epochs=50]=acc*100'")]
pub struct Args {
    /// Official file or folder
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// Parquet file with a row per measurement
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Parquet file with a row per architecture
    #[arg(long, value_name = "FILE")]
    wide: Option<PathBuf>,
    /// Format [default: recognised]; see `naslens list imports`
    #[arg(long, value_name = "NAME")]
    format: Option<String>,
    /// Every epoch that was recorded, not only the last of each training
    #[arg(long)]
    curves: bool,
    /// Of a CSV or Parquet table: FIELD=COLUMN, COLUMN*FACTOR, or FIELD[dataset=cifar10,split=test,epochs=200]=COLUMN
    #[arg(long, value_name = "FIELD=COLUMN")]
    map: Vec<Mapping>,
    /// Of a CSV or Parquet table: a field that is the same in all rows, such as space=nas-bench-201
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<Setting>,
    /// Records read side by side [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let format = match &args.format {
        Some(name) => FORMATS.find(name)?,
        None => detect(&args.source)?,
    };
    let config = ImportConfig {
        source: args.source,
        out: args.out,
        wide: args.wide,
        format: Some(format.name.into()),
        curves: args.curves,
        maps: args.map,
        sets: args.set,
        threads: args.threads.map(usize::from),
    };
    let mut reporter = Reporter::new(format.unit);
    let summary = import(&config, &super::STOP, &mut |p| {
        reporter.update(p.done as usize, p.total as usize, 0, p.seconds);
    });
    drop(reporter);
    super::output(args.json, &summary?, |summary| summary.to_text())
}
