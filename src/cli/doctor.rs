//! `naslens doctor`.

use std::process::ExitCode;

use naslens::doctor::checks;
use naslens::text::visible;

/// Check the installation: libtorch, linear algebra, devices, threads, data.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens doctor --json")]
pub struct Args {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let checks = checks();
    if args.json {
        super::print(&serde_json::to_string_pretty(&checks)?)?;
    } else {
        for check in &checks {
            let colour = if check.ok { anstyle::AnsiColor::Green } else { anstyle::AnsiColor::Red };
            let style = anstyle::Style::new().fg_color(Some(colour.into()));
            let mark = if check.ok { "ok  " } else { "FAIL" };
            super::print_styled(&format!("{style}{mark}{style:#}  {:14} {}", check.name, visible(&check.detail)))?;
        }
    }
    Ok(if checks.iter().all(|c| c.ok) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
