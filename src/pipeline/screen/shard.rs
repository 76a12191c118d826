//! Which networks are whose when several processes share a screen.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64;

use crate::pipeline::RunError;

/// One of `count` parts of a screen: the networks whose key has the hash `index` modulo `count`. So equal networks are in one
/// part, and neither more networks nor another order move any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    // The order of shards is that of these fields.
    count: u32,
    index: u32,
}

impl Shard {
    /// Part `index` of `count`, counted from 0. The error says what is wrong with the numbers.
    pub fn new(index: u32, count: u32) -> Result<Self, String> {
        match count.checked_sub(1) {
            None => Err("a screen has at least one shard; count them from 0, as in 0/4".into()),
            Some(last) if index > last => Err(format!(
                "there is no shard {index} of {count}: shards are counted from 0, so the last is {last}/{count}"
            )),
            Some(_) => Ok(Shard { count, index }),
        }
    }

    /// The part of `count` that a network with this key is in.
    pub fn of(key: &str, count: u32) -> Self {
        let count = count.max(1);
        Shard { count, index: (xxh3_64(key.as_bytes()) % u64::from(count)) as u32 }
    }

    /// Whether a network with this key is in this part.
    pub fn holds(&self, key: &str) -> bool {
        Shard::of(key, self.count) == *self
    }

    /// Its number, from 0 on.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The name of its folder, `03of16`.
    pub(super) fn folder(&self) -> String {
        let width = (self.count - 1).max(1).to_string().len().max(2);
        format!("{:0width$}of{}", self.index, self.count)
    }

    /// The shard whose folder has this name.
    pub(super) fn of_folder(name: &str) -> Option<Self> {
        let (index, count) = name.split_once("of")?;
        Shard::new(index.parse().ok()?, count.parse().ok()?).ok().filter(|shard| shard.folder() == name)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// Variables in which schedulers tell the tasks of an array their numbers: of Slurm, Kubernetes and PBS.
const TASK_NUMBERS: [&str; 3] = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "PBS_ARRAY_INDEX"];

/// A shard as it is asked for: `3/16`, or `auto/16`, where the scheduler says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardChoice {
    /// This one.
    Given(Shard),
    /// One of this many; the scheduler's environment variable says which.
    Auto(u32),
}

impl ShardChoice {
    /// The shard, with the environment's variables if they are needed.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Result<Shard, RunError> {
        let count = match self {
            ShardChoice::Given(shard) => return Ok(shard),
            ShardChoice::Auto(count) => count,
        };
        let Some((name, text)) = TASK_NUMBERS.into_iter().find_map(|name| Some((name, variable(name)?))) else {
            return Err(RunError::Mismatch(format!(
                "--shard auto/{count} takes the number of the shard from {}, and none of them is set; run it as a task of an \
                 array, or say the number, as in --shard 0/{count}",
                TASK_NUMBERS.join(", ")
            )));
        };
        let shard = text.trim().parse().map_err(|_| format!("{name} is `{text}`, which is no number"));
        shard
            .and_then(|index| Shard::new(index, count).map_err(|error| format!("{name} is {index}, but {error}")))
            .map_err(|error| {
                let last = count - 1;
                RunError::Mismatch(format!("{error}; number the tasks of the array from 0 to {last}"))
            })
    }
}

impl FromStr for ShardChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = || format!("`{text}` is not a shard: give I/N, such as 3/16, or auto/16");
        let (index, count) = text.split_once('/').ok_or_else(usage)?;
        let count: u32 = count.parse().map_err(|_| usage())?;
        match index {
            "auto" => Shard::new(0, count).map(|_| ShardChoice::Auto(count)),
            index => Shard::new(index.parse().map_err(|_| usage())?, count).map(ShardChoice::Given),
        }
    }
}

/// The most shards that a message names.
const NAMED: usize = 20;

/// Which of `count` shards networks with these keys are in: `shard 2` or `shards 2, 5`.
pub(super) fn shards_of<'a>(keys: impl IntoIterator<Item = &'a String>, count: u32) -> String {
    let mut shards: BTreeMap<u32, usize> = BTreeMap::new();
    keys.into_iter().for_each(|key| *shards.entry(Shard::of(key, count).index).or_default() += 1);
    let named: Vec<String> = shards.keys().take(NAMED).map(u32::to_string).collect();
    let noun = if shards.len() == 1 { "shard" } else { "shards" };
    let more = shards.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{noun} {}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn shards_are_disjoint_and_complete_and_keep_equal_networks_together(
            keys in proptest::collection::vec("[0-9a-f]{32}|[|~a-z0-9+]{1,40}", 1..60),
            count in 1u32..40,
        ) {
            let shards: Vec<Shard> = (0..count).map(|index| Shard::new(index, count).unwrap()).collect();
            for key in &keys {
                let holders: Vec<&Shard> = shards.iter().filter(|shard| shard.holds(key)).collect();
                prop_assert_eq!(holders.len(), 1);
                prop_assert_eq!(*holders[0], Shard::of(&key.clone(), count));
            }
        }
    }

    #[test]
    fn shares_are_about_equal() {
        let of = |shard: Shard| (0..16_000).filter(|i| shard.holds(&format!("{i:032x}"))).count();
        assert!((0..16).all(|i| (850..1150).contains(&of(Shard::new(i, 16).unwrap()))));
    }

    #[test]
    fn folders_are_named_for_their_shard() {
        let shard = |index, count| Shard::new(index, count).unwrap();
        let shards = [shard(3, 16), shard(0, 1), shard(99, 100), shard(7, 1000)];
        assert_eq!(shards.map(|s| s.folder()), ["03of16", "00of1", "99of100", "007of1000"]);
        assert!(shards.iter().all(|s| Shard::of_folder(&s.folder()) == Some(*s)));
        assert!(["3of16", "16of16", "of", "03of", "aof2", "00of0"].iter().all(|name| Shard::of_folder(name).is_none()));
        assert!(shard(15, 16) < shard(0, 100), "fewer shards come first");
    }

    #[test]
    fn a_choice_says_what_is_wrong_with_it() {
        assert_eq!("3/16".parse(), Ok(ShardChoice::Given(Shard::new(3, 16).unwrap())));
        for (text, part) in
            [("16/16", "last is 15/16"), ("0/0", "at least one"), ("3", "I/N"), ("x/4", "I/N"), ("-1/4", "I/N")]
        {
            let error = text.parse::<ShardChoice>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let auto: ShardChoice = "auto/4".parse().unwrap();
        let set =
            |name: &'static str, value: &'static str| auto.resolve(move |n| (n == name).then(|| value.to_string()));
        for name in TASK_NUMBERS {
            assert_eq!(set(name, "3").unwrap().to_string(), "3/4");
        }
        for (name, value, part) in [
            ("X", "1", "none of them is set; run it as a task"),
            ("SLURM_ARRAY_TASK_ID", "4", "from 0 to 3"),
            ("PBS_ARRAY_INDEX", "one", "no number"),
        ] {
            let error = set(name, value).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn shards_are_named_in_messages() {
        let keys: Vec<String> = (0..500).map(|i| i.to_string()).collect();
        assert_eq!(shards_of(&keys[..1], 1), "shard 0");
        assert_eq!(shards_of(&keys, 3), "shards 0, 1, 2");
        assert!(shards_of(&keys, 40).ends_with(" and 20 more"), "{}", shards_of(&keys, 40));
    }
}
