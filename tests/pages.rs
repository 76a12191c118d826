//! The pages in docs/proxies say what the registry says. `NASLENS_BLESS=1 cargo test --test pages` writes them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use naslens::reference::{index, pages};

const START: &str = "<!-- table from the registry: start -->\n";
const END: &str = "<!-- table from the registry: end -->\n";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn bless() -> bool {
    std::env::var_os("NASLENS_BLESS").is_some_and(|v| v == "1")
}

/// Fails if the file holds something else; writes it if asked to.
fn must_hold(path: &Path, expected: &str) {
    if bless() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{} is stale; run NASLENS_BLESS=1 cargo test --test pages", path.display());
}

#[test]
fn every_entry_has_its_page_and_no_page_is_left_over() {
    let folder = docs().join("proxies");
    let pages = pages();
    pages.iter().for_each(|page| must_hold(&folder.join(format!("{}.md", page.name)), &page.markdown()));
    let names: BTreeSet<String> = pages.iter().map(|page| format!("{}.md", page.name)).collect();
    for file in fs::read_dir(&folder).unwrap().map(|f| f.unwrap()) {
        if !names.contains(file.file_name().to_str().unwrap()) {
            assert!(bless(), "{} has no entry", file.path().display());
            fs::remove_file(file.path()).unwrap();
        }
    }
}

#[test]
fn the_index_lists_what_was_measured() {
    let path = docs().join("proxies.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(START).expect("docs/proxies.md has the mark at which its table starts");
    let (_, after) = rest.split_once(END).expect("docs/proxies.md has the mark at which its table ends");
    must_hold(&path, &format!("{before}{START}\n{}\n{END}{after}", index()));
}
