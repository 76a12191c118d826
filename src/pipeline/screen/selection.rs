//! Which architectures are scored.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::ScreenConfig;
use crate::benchmark::Table;
use crate::import::naslib_tuple;
use crate::network::Network;
use crate::pipeline::RunError;
use crate::seed::Stream;
use crate::space::{ArchId, Architecture, SearchSpace, SpaceError, Task};

/// Most architectures that one screen takes; they are held in memory.
const MAX_SELECTED: u64 = 10_000_000;

/// Which architectures are scored.
#[derive(Clone, Debug)]
pub enum Selection {
    /// This many, drawn uniformly without replacement from what the space lists with the run's seed.
    Sample(u64),
    /// All that the space lists.
    All,
    /// These, in this order; the text says where they come from.
    Listed(Vec<Architecture>, String),
}

/// The selected architectures, and a sentence that says how they were selected.
pub(super) fn select(
    space: &dyn SearchSpace,
    selection: &Selection,
    seed: u64,
) -> Result<(Vec<Architecture>, String), RunError> {
    let nothing = |why: String| Err(RunError::Refused(format!("no architecture to score: {why}")));
    let (size, name, listed) = (space.size(), space.entry().name, space.entry().listed);
    match selection {
        Selection::Sample(0) => nothing("the sample size is 0".into()),
        Selection::Sample(n) if u128::from(*n) > size => {
            Err(RunError::Refused(format!("{n} architectures were asked for, but {name} has {size}; use --all")))
        }
        Selection::Sample(n) if *n > MAX_SELECTED => Err(too_large(name, *n)),
        Selection::Sample(n) => {
            let sampler = format!("uniform without replacement, {n} of {size} {name} {listed}, seed {seed}");
            Ok((sample(space, *n, Stream::named(seed, "sample")), sampler))
        }
        Selection::All if size > u128::from(MAX_SELECTED) => Err(too_large(name, size)),
        Selection::All => {
            Ok(((0..size as u64).filter_map(|i| space.at(i)).collect(), format!("all {size} {name} {listed}")))
        }
        Selection::Listed(archs, origin) if archs.is_empty() => nothing(format!("{origin} lists none")),
        Selection::Listed(archs, origin) => {
            archs.iter().try_for_each(|a| space.check(a))?;
            Ok((archs.clone(), format!("{} architectures listed in {origin}", archs.len())))
        }
    }
}

fn too_large(space: &str, asked: impl Into<u128>) -> RunError {
    RunError::Refused(format!(
        "{} architectures of {space} are too many for one screen, which takes up to {MAX_SELECTED}; draw fewer with --sample \
         N, or list some with --archs FILE",
        asked.into()
    ))
}

/// `n` different architectures of the space, `n` at most its size.
fn sample(space: &dyn SearchSpace, n: u64, mut rng: Stream) -> Vec<Architecture> {
    if let Ok(size) = u64::try_from(space.size()) {
        return rng.sample_indices(size, n).into_iter().filter_map(|i| space.at(i)).collect();
    }
    // Too many to number: what was drawn before is drawn again, which is rare among so many.
    let (mut seen, mut drawn) = (HashSet::new(), Vec::new());
    while (drawn.len() as u64) < n {
        let arch = space.sample(&mut rng);
        if seen.insert(arch.clone()) {
            drawn.push(arch);
        }
    }
    drawn
}

/// Draws give up after so many times the networks asked for.
const PATIENCE: usize = 100;

/// `n` distinct live networks, each by its representative, as specified; fewer if the space seems to have no more. They are drawn
/// uniformly from the text forms, and the first `m` of `n` are those of `m`.
pub(in crate::pipeline) fn draw_live(
    space: &dyn SearchSpace,
    task: &Task,
    n: usize,
    mut stream: Stream,
) -> Result<Vec<(Architecture, ArchId, Network)>, SpaceError> {
    let (mut seen, mut drawn) = (HashSet::new(), Vec::new());
    for _ in 0..n.saturating_mul(PATIENCE) {
        if drawn.len() == n {
            break;
        }
        let arch = space.sample(&mut stream);
        let id = space.arch_id(&arch);
        if seen.insert(id) {
            let arch = space.representative(&arch);
            let network = space.build(&arch, task)?;
            if network.live().is_some() {
                drawn.push((arch, id, network));
            }
        }
    }
    Ok(drawn)
}

/// Longest text file, in bytes.
const LONGEST: u64 = 2 << 30;

/// Reads one architecture per line, or the column `arch` of a Parquet table; empty lines and what follows `#` are ignored.
/// An architecture may be in quotes, with a comma after it, and of NAS-Bench-101 and 201 a tuple of NASLib. Repeated
/// architectures stay.
pub fn read_arch_list(config: &ScreenConfig, path: &Path) -> Result<Selection, RunError> {
    let space = config.space.open()?;
    let lines: Vec<String> = if path.extension().is_some_and(|e| e == "parquet") {
        Table::open(path)?.string_column("arch")?.into_iter().map(Option::unwrap_or_default).collect()
    } else {
        text(path)?.lines().map(str::to_owned).collect()
    };
    let mut archs = Vec::new();
    for (line, content) in (1..).zip(&lines) {
        let content = content.split('#').next().unwrap_or_default().trim().trim_end_matches(',');
        let content = content.trim_matches(['"', '\'']).trim();
        if !content.is_empty() {
            let parsed = naslib_tuple(&*space, content).map_or_else(|| space.parse(content), Ok);
            archs.push(parsed.map_err(|e| RunError::Refused(format!("{}, line {line}: {e}", path.display())))?);
        }
    }
    Ok(Selection::Listed(archs, path.display().to_string()))
}

/// The text of a file, without a byte order mark.
fn text(path: &Path) -> Result<String, RunError> {
    const TAKES: &str = "text file with one architecture per line, or a Parquet table with a column arch";
    let refuse = |e| RunError::Refused(format!("cannot read {}: {e}; --archs takes a {TAKES}", path.display()));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)).map_err(refuse)?;
    let not_text =
        |reason: String| RunError::Refused(format!("{}: {reason}; --archs takes a UTF-8 {TAKES}", path.display()));
    if bytes.len() as u64 > LONGEST {
        return Err(not_text(format!("it has more than the {LONGEST} bytes that are read")));
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(not_text("it is UTF-16".into()));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| not_text(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to())))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space;

    fn drawn(space: &str, n: u64) -> (Vec<Architecture>, String) {
        let space = space::open(space).unwrap();
        let (archs, sampler) = select(space.as_ref(), &Selection::Sample(n), 3).unwrap();
        archs.iter().for_each(|arch| space.check(arch).unwrap());
        (archs, sampler)
    }

    #[test]
    fn spaces_without_an_order_are_sampled_without_repeats() {
        for (space, what) in [
            ("nb101", "300 of 423624 nas-bench-101 distinct modules, seed 3"),
            ("fbnet", "300 of 984770902183611232881 fbnet strings, seed 3"),
        ] {
            let (archs, sampler) = drawn(space, 300);
            assert_eq!(sampler, format!("uniform without replacement, {what}"));
            assert_eq!(archs.iter().collect::<HashSet<_>>().len(), 300);
            assert_eq!(drawn(space, 300).0, archs, "the seed decides");
        }
        let space = space::open("nb101").unwrap();
        let ids: HashSet<_> = drawn("nb101", 300).0.iter().map(|arch| space.arch_id(arch)).collect();
        assert_eq!(ids.len(), 300, "each module is another network");
    }

    #[test]
    fn what_is_too_large_is_refused_with_the_remedy() {
        let space = space::open("fbnet").unwrap();
        for selection in [Selection::All, Selection::Sample(MAX_SELECTED + 1)] {
            let err = select(space.as_ref(), &selection, 0).unwrap_err().to_string();
            assert!(err.contains("too many for one screen") && err.contains("--archs FILE"), "{err}");
        }
        let space = space::open("nb101").unwrap();
        let (archs, sampler) = select(space.as_ref(), &Selection::All, 0).unwrap();
        assert_eq!((archs.len(), sampler.as_str()), (423_624, "all 423624 nas-bench-101 distinct modules"));
    }

    /// Byte order marks, line ends of Windows, quotes, commas of a Python list, NASLib's tuples.
    #[test]
    fn lists_are_read_as_people_write_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.txt");
        let cell = "|avg_pool_3x3~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|nor_conv_1x1~0|nor_conv_3x3~1|nor_conv_1x1~2|";
        let text = format!(
            "\u{feff}{cell}\r\n\"{cell}\",\r\n\r\n'{cell}' # the same\r\n(4, 3, 3, 3, 2, 3)\r\n\"(4,3,3,3,2,3)\""
        );
        std::fs::write(&path, text).unwrap();
        let Ok(Selection::Listed(archs, _)) = read_arch_list(&ScreenConfig::default(), &path) else {
            panic!("all are architectures")
        };
        assert!(archs.len() == 5 && archs.iter().all(|arch| *arch == archs[0]), "{archs:?}");
        let refused = |content: &[u8]| {
            std::fs::write(&path, content).unwrap();
            read_arch_list(&ScreenConfig::default(), &path).unwrap_err().to_string()
        };
        assert!(refused(b"\xff\xfe|\0").contains("it is UTF-16; --archs takes a UTF-8 text file"));
        assert!(refused(b"caf\xe9").contains("byte 3 is not UTF-8"));
        assert!(refused(b"(4, 3, 3, 3, 2, 9)").contains("line 1"));
        let long = refused("x".repeat(50_000_000).as_bytes());
        assert!(long.len() < 1000, "{} bytes", long.len());
    }

    #[test]
    fn a_table_lists_its_networks() {
        let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("benchmarks-data/fashion-cells.parquet");
        let Ok(Selection::Listed(archs, _)) = read_arch_list(&ScreenConfig::default(), &table) else {
            panic!("the table has a column arch")
        };
        assert_eq!(archs.len(), 1000);
        let digits = table.with_file_name("digits.parquet");
        let err = read_arch_list(&ScreenConfig::default(), &digits).unwrap_err().to_string();
        assert!(err.contains("has no column `arch`"), "{err}");
    }
}
