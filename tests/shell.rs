//! Completion scripts load in their shells, manual pages are clean.

mod cli;

use std::process::Command;

use cli::{NASLENS, naslens};

fn output(args: &str) -> String {
    let output = naslens(args).output().unwrap();
    assert!(output.status.success(), "{args}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for the last of these words.
fn bash_offers(words: &[&str]) -> Vec<String> {
    let last = words.len() - 1;
    let script = format!(
        "source <({NASLENS} completions bash); COMP_WORDS=({}); COMP_CWORD={last}; \
         _naslens naslens {:?} {:?}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words[last],
        words[last - 1],
    );
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_subcommands_and_options() {
    assert_eq!(bash_offers(&["naslens", "scr"]), ["screen"]);
    assert_eq!(bash_offers(&["naslens", "screen", "--prox"]), ["--proxies"]);
    assert_eq!(bash_offers(&["naslens", "list", "prox"]), ["proxies"]);
}

#[test]
fn every_shell_gets_a_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(output(&format!("completions {shell}")).contains("stability"), "{shell}");
    }
}

#[test]
fn there_is_a_clean_manual_page_for_every_subcommand() {
    let dir = tempfile::tempdir().unwrap();
    output(&format!("man --dir {}", dir.path().display()));
    assert!(output("man").starts_with(".ie"), "roff");
    let pages: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().path()).collect();
    for name in ["naslens", "naslens-screen", "naslens-make-table", "naslens-man"] {
        assert!(pages.contains(&dir.path().join(format!("{name}.1"))), "{name}: {pages:?}");
    }
    if Command::new("groff").arg("--version").output().is_err() {
        return;
    }
    for page in pages {
        let lint = Command::new("groff").args(["-man", "-ww", "-z"]).arg(&page).output().unwrap();
        assert!(lint.stderr.is_empty(), "{}: {}", page.display(), String::from_utf8_lossy(&lint.stderr));
        let text = std::fs::read_to_string(&page).unwrap();
        assert!(text.contains("NAME") && text.contains("SYNOPSIS"), "{}", page.display());
    }
}
