//! `naslens list`.

use naslens::data::SOURCES;
use naslens::encoding::ENCODINGS;
use naslens::ensemble::ENSEMBLES;
use naslens::import::FORMATS;
use naslens::predictor::PREDICTORS;
use naslens::proxy::PROXIES;
use naslens::reference::page;
use naslens::registry::{Entry, Registry, one_line};
use naslens::space::SPACES;
use naslens::strategy::STRATEGIES;
use naslens::text::did_you_mean;
use serde_json::json;

/// List available components, or describe one in full: spaces, proxies, data, encodings, predictors, strategies, imports.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  naslens list proxies --long
  naslens list proxies naswot   # all that is known of one
  naslens list spaces nas-bench-101
  naslens list data --json")]
pub struct Args {
    /// What to list
    #[arg(value_enum)]
    kind: Kind,
    /// Describe this one in full
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print as JSON, with everything that is known
    #[arg(long)]
    json: bool,
    /// Print everything that is known: formulas, protocols, limits, papers
    #[arg(long, short)]
    long: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    Spaces,
    Proxies,
    Data,
    Encodings,
    Predictors,
    Strategies,
    Imports,
}

/// Characters in a line of a page.
const WIDTH: usize = 100;

/// A name, a title, and named details.
type Item = (&'static str, String, Vec<(&'static str, String)>);

fn all<T: Entry>(registry: &Registry<T>) -> Vec<Item> {
    registry.iter().map(|entry| (entry.name(), one_line(entry.title()), entry.details())).collect()
}

fn items(kind: Kind) -> Vec<Item> {
    match kind {
        Kind::Spaces => all(&SPACES),
        Kind::Proxies => [all(&PROXIES), all(&ENSEMBLES)].concat(),
        Kind::Data => all(&SOURCES),
        Kind::Encodings => all(&ENCODINGS),
        Kind::Predictors => all(&PREDICTORS),
        Kind::Strategies => all(&STRATEGIES),
        Kind::Imports => all(&FORMATS),
    }
}

pub fn run(args: Args) -> anyhow::Result<()> {
    let mut items = items(args.kind);
    if let Some(name) = &args.name {
        if !items.iter().any(|(known, ..)| known == name) {
            anyhow::bail!("nothing is called `{name}`{}", did_you_mean(name, items.iter().map(|(known, ..)| *known)));
        }
        items.retain(|(known, ..)| known == name);
    }
    if args.json {
        let list: Vec<_> = items
            .iter()
            .map(|(name, title, details)| {
                let mut object = json!({ "name": name, "title": title });
                details.iter().for_each(|(k, v)| object[*k] = json!(v));
                object
            })
            .collect();
        return super::print(&serde_json::to_string_pretty(&list)?);
    }
    if let (Kind::Proxies, Some(name)) = (args.kind, &args.name) {
        return super::print(page(name)?.text(WIDTH).trim_end());
    }
    let width = items.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
    let bold = anstyle::Style::new().bold();
    for (name, title, details) in items {
        super::print_styled(&format!("{bold}{name:width$}{bold:#}  {title}"))?;
        if args.long || args.name.is_some() {
            for (key, value) in details {
                super::print(&format!("{:width$}    {key}: {value}", ""))?;
            }
        }
    }
    Ok(())
}
