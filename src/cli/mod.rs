//! The command line: parses, calls the library, prints.

mod bench;
mod cascade;
mod compare;
mod completions;
mod confirm;
mod doctor;
mod evaluate;
#[cfg(test)]
mod examples_tests;
mod export;
mod import;
mod init;
mod latency;
mod limits;
mod list;
mod machine;
mod make_table;
mod man;
mod merge;
mod plan;
mod predict;
mod predict_images;
mod progress;
mod report;
mod run;
mod score;
mod screen;
mod search;
mod signals;
mod skeleton;
mod space;
mod stability;
mod train;

use std::ops::RangeInclusive;
use std::process::ExitCode;

use clap::builder::RangedU64ValueParser;
use clap::{Parser, Subcommand};
use naslens::data::{Skipped, listed_files};
use naslens::pipeline::{Retry, RunError};
use naslens::report::document::Document;
use naslens::report::terminal::{self, Style};
use naslens::text::{one_line, visible};
use signals::STOP;

const AFTER_HELP: &str = "\
A first look:
  naslens list proxies            # what can be computed; `naslens list proxies naswot`: one in full
  naslens screen --archs benchmarks-data/fashion-cells.parquet --data fashion --image 1x12x12 \\
    --init-channels 16 --cells 1 --proxies params,layers,synflow,naswot --out runs/first
  naslens evaluate runs/first --table benchmarks-data/fashion-cells.parquet --target test_acc_pct
  naslens run demo.toml           # screen, label, predict, confirm, report

`naslens SUBCOMMAND --help` ends with examples; docs/README.md has a guide per task.
Same seed, same scores: neither threads nor order nor interruption change a number.
Ctrl-C stops cleanly; the same command resumes.

Exit codes: 0 done; 1 failed; 2 not understood; 130 Ctrl-C; 143 SIGTERM;
75 try again later: the folder is in use, or other shards must score first;
78 refused, and trying again won't help: other settings, versions or images.";

/// Scores untrained networks, predicts their accuracy, and confirms the best by training.
#[derive(Parser)]
#[command(name = "naslens", version, about, after_help = AFTER_HELP, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Screen(screen::Args),
    Merge(merge::Args),
    Score(score::Args),
    Space(space::Args),
    Evaluate(evaluate::Args),
    Import(import::Args),
    Cascade(cascade::Args),
    Predict(predict::Args),
    Stability(stability::Args),
    Run(run::Args),
    Init(init::Args),
    Confirm(confirm::Args),
    MakeTable(make_table::Args),
    Search(search::Args),
    Compare(compare::Args),
    Plan(plan::Args),
    Report(report::Args),
    Export(export::Args),
    PredictImages(predict_images::Args),
    Latency(latency::Args),
    Bench(bench::Args),
    List(list::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Parses a number of repetitions within its bounds.
fn count<T: TryFrom<u64>>(bounds: RangeInclusive<u64>) -> RangedU64ValueParser<T> {
    RangedU64ValueParser::new().range(bounds)
}

pub fn main() -> ExitCode {
    naslens::engine::prepare_process();
    let cli = Cli::parse();
    if log::set_logger(&Warnings).is_ok() {
        log::set_max_level(log::LevelFilter::Warn);
    }
    signals::listen();
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            let style = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
            write_error(&format!("{style}error:{style:#} {}", one_line(&error.to_string())));
            // After a signal whatever ends the program was asked for.
            ExitCode::from(signals::exit_code().unwrap_or_else(|| exit_code(&error)))
        }
    }
}

/// What schedulers are told of a failure: 75 and 78 are EX_TEMPFAIL and EX_CONFIG of sysexits.h.
fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref().map(RunError::retry) {
        Some(Retry::Later) => 75,
        Some(Retry::Never) => 78,
        Some(Retry::Perhaps) | None => 1,
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Screen(args) => screen::run(args)?,
        Command::Merge(args) => merge::run(args)?,
        Command::Score(args) => score::run(args)?,
        Command::Space(args) => space::run(args)?,
        Command::Evaluate(args) => evaluate::run(args)?,
        Command::Import(args) => import::run(args)?,
        Command::Cascade(args) => cascade::run(args)?,
        Command::Predict(args) => predict::run(args)?,
        Command::Stability(args) => stability::run(args)?,
        Command::Run(args) => run::run(args)?,
        Command::Init(args) => init::run(args)?,
        Command::Confirm(args) => confirm::run(args)?,
        Command::MakeTable(args) => make_table::run(args)?,
        Command::Search(args) => search::run(args)?,
        Command::Compare(args) => compare::run(args)?,
        Command::Plan(args) => plan::run(args)?,
        Command::Report(args) => report::run(args)?,
        Command::Export(args) => export::run(args)?,
        Command::PredictImages(args) => predict_images::run(args)?,
        Command::Latency(args) => latency::run(args)?,
        Command::Bench(args) => bench::run(args)?,
        Command::List(args) => list::run(args)?,
        Command::Doctor(args) => return doctor::run(args),
        Command::Completions(args) => completions::run(args)?,
        Command::Man(args) => man::run(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what the library warns of.
struct Warnings;

impl log::Log for Warnings {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("naslens")
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            tell(&format!("warning: {}", one_line(&record.args().to_string())));
        }
    }

    fn flush(&self) {}
}

/// Prints to standard error, control characters written out.
fn tell(text: &str) {
    write_error(&visible(text));
}

/// Writes to standard error. If nobody can read it (a closed pipe, a full disk), the work goes on all the same.
fn write_error(text: &str) {
    use std::io::Write;
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Says which image files were left out.
fn tell_skipped(files: &[Skipped]) {
    if !files.is_empty() {
        let noun = if files.len() == 1 { "file" } else { "files" };
        tell(&format!("warning: left out {} {noun} that can't be decoded{}", files.len(), listed_files(files)));
    }
}

/// Prints a document, fitted to the width of the terminal; what its tables show only if asked for.
fn show(document: &Document, explain: bool) -> anyhow::Result<()> {
    use std::io::IsTerminal;
    let width = if std::io::stdout().is_terminal() { textwrap::termwidth() } else { Style::default().width };
    print_styled(&terminal::render(document, &Style { width, explain }))
}

/// Prints a result as JSON or in words.
fn output<T: serde::Serialize>(json: bool, result: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
    print(&if json { serde_json::to_string_pretty(result)? } else { text(result) })
}

/// Prints a study as JSON or as its document.
fn present<T: serde::Serialize>(
    study: &T,
    document: impl FnOnce(&T) -> Document,
    json: bool,
    explain: bool,
) -> anyhow::Result<()> {
    if json { print(&serde_json::to_string_pretty(study)?) } else { show(&document(study), explain) }
}

/// What a confirmation says, and where its report is.
fn verdict(sentences: &[String], report: &std::path::Path) -> String {
    [sentences, &[format!("report: {}", report.display())]].concat().join("\n")
}

/// Prints to standard output, control characters written out.
fn print(text: &str) -> anyhow::Result<()> {
    print_styled(&visible(text))
}

/// Prints text with ANSI styles, in which whatever comes from files has been made [`visible`]; a closed pipe
/// (`naslens … | head`) ends the program quietly.
fn print_styled(text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    match writeln!(anstream::stdout(), "{text}") {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
