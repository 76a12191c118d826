//! Commands that help texts and documents show are understood as they stand.

use std::fs;
use std::path::Path;

use clap::{CommandFactory, Parser};

use super::Cli;

/// The commands of a text: lines that begin with `naslens`, continued where they end in a backslash. Those with the variable
/// of a loop are left out.
fn commands(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().map(|line| line.trim().trim_start_matches("$ "));
    lines.filter(|line| line.starts_with("naslens ") && !line.contains(" $")).map(str::to_owned).collect()
}

/// Words as a shell would split them, up to a comment, a pipe or a redirection.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut quote) = (vec![String::new()], None);
    for c in command.chars() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    let words = words.into_iter().filter(|word| !word.is_empty());
    words.take_while(|word| !["#", "|", ">", "&&"].contains(&word.as_str())).collect()
}

/// What stands between the fences of a document.
fn fenced(document: &str) -> String {
    document.split("```").skip(1).step_by(2).collect()
}

fn understood(place: &str, text: &str) -> usize {
    let commands = commands(text);
    for command in &commands {
        if let Err(error) = Cli::try_parse_from(words(command)) {
            let shown = [clap::error::ErrorKind::DisplayHelp, clap::error::ErrorKind::DisplayVersion];
            assert!(shown.contains(&error.kind()), "{place}: {command}\n{error}");
        }
    }
    commands.len()
}

#[test]
fn every_subcommand_shows_examples_that_are_understood() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.starts_with("Examples:\n"), "{} has no examples", command.get_name());
        let shown = understood(command.get_name(), &help);
        assert!(shown > 0, "{}", command.get_name());
    }
    understood("naslens", super::AFTER_HELP);
}

#[test]
fn commands_in_documents_are_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["", "docs", "docs/proxies"].map(|f| root.join(f));
    let files = folders.iter().flat_map(|f| fs::read_dir(f).unwrap()).map(|f| f.unwrap().path());
    let documents: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "md")).collect();
    let found: usize =
        documents.iter().map(|f| understood(&f.display().to_string(), &fenced(&fs::read_to_string(f).unwrap()))).sum();
    assert!(found > 40, "{found}");
}

#[test]
fn words_are_split_as_in_a_shell() {
    assert_eq!(words("naslens a --b 'c d' | e"), ["naslens", "a", "--b", "c d"]);
    assert_eq!(commands("x\n  naslens a \\\n   b\n$ naslens c"), ["naslens a     b", "naslens c"]);
}
