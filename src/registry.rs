//! Lists of what there is of a kind, such as proxies: those that are built in, and those that a program registers.
//!
//! ```
//! use naslens::proxy::{PROXIES, Proxy};
//!
//! let depth = Proxy { name: "depth", score: &|passes| Ok(passes.network.layers().count() as f64), ..*PROXIES.find("layers")? };
//! PROXIES.register(depth)?;
//! assert!(PROXIES.find("depth").is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::sync::{LazyLock, PoisonError, RwLock};

use crate::text::did_you_mean;

/// What can be registered: something with a name that people choose it by.
pub trait Entry: Send + Sync + 'static {
    /// What an entry is called in messages, such as `proxy`.
    const KIND: &'static str;

    /// Name on the command line and in files.
    fn name(&self) -> &'static str;

    /// Other names that are understood.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// What it is, in one line.
    fn title(&self) -> &'static str;

    /// What else there is to know, by headings of a word or two.
    fn details(&self) -> Vec<(&'static str, String)>;
}

/// Makes an [`Entry`] of a struct with a name and a title: what it is called in messages, and the fields that are its details.
macro_rules! entry {
    ($entry:ty, $kind:literal, $($detail:ident),+) => {
        impl $crate::registry::Entry for $entry {
            const KIND: &'static str = $kind;

            fn name(&self) -> &'static str {
                self.name
            }

            fn title(&self) -> &'static str {
                self.title
            }

            fn details(&self) -> Vec<(&'static str, String)> {
                vec![$((stringify!($detail), $crate::registry::one_line(self.$detail))),+]
            }
        }
    };
}
pub(crate) use entry;

/// No entry of that name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("unknown {kind} `{name}`{hint}; known: {known}")]
pub struct Unknown {
    /// What was looked for ([`Entry::KIND`]).
    pub kind: &'static str,
    /// The name asked for.
    pub name: String,
    /// ` (did you mean …?)` or nothing.
    pub hint: String,
    /// All names.
    pub known: String,
}

impl Unknown {
    /// The error for `name` where these names are known.
    pub fn new(kind: &'static str, name: &str, known: &[&str]) -> Self {
        let hint = did_you_mean(name, known.iter().copied());
        Unknown { kind, name: name.into(), hint, known: known.join(", ") }
    }
}

/// Why an entry cannot be registered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are what the messages name")]
pub enum RegisterError {
    /// Its name, or an alias, is taken.
    #[error("there is a {kind} called `{name}` already; choose another name")]
    Duplicate { kind: &'static str, name: &'static str },
    /// Its name would not survive a list on the command line.
    #[error("a {kind} cannot be called `{name}`: use letters, digits and `-_@.`")]
    Name { kind: &'static str, name: &'static str },
}

/// A text of several lines of source as one line.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All entries of a kind, in the order in which they are shown: the built-in ones, then the registered ones.
pub struct Registry<T: 'static> {
    built_in: &'static [&'static T],
    shipped: LazyLock<Vec<&'static T>>,
    registered: RwLock<Vec<&'static T>>,
}

impl<T: Entry> Registry<T> {
    /// A registry of these entries.
    pub const fn new(built_in: &'static [&'static T]) -> Self {
        Registry::with_shipped(built_in, Vec::new)
    }

    /// A registry of these entries and of those that are read from files of the source tree when they are first asked for.
    pub const fn with_shipped(built_in: &'static [&'static T], read: fn() -> Vec<&'static T>) -> Self {
        Registry { built_in, shipped: LazyLock::new(read), registered: RwLock::new(Vec::new()) }
    }

    fn known(&self) -> impl Iterator<Item = &'static T> {
        self.built_in.iter().chain(self.shipped.iter()).copied()
    }

    /// All entries there are now.
    pub fn iter(&self) -> std::vec::IntoIter<&'static T> {
        let registered = self.registered.read().unwrap_or_else(PoisonError::into_inner);
        self.known().chain(registered.iter().copied()).collect::<Vec<_>>().into_iter()
    }

    /// The names of all entries, without aliases.
    pub fn names(&self) -> Vec<&'static str> {
        self.iter().map(T::name).collect()
    }

    /// The entry with this name or alias.
    pub fn find(&self, name: &str) -> Result<&'static T, Unknown> {
        let called = |entry: &&'static T| entry.name() == name || entry.aliases().contains(&name);
        self.iter().find(called).ok_or_else(|| Unknown::new(T::KIND, name, &self.names()))
    }

    /// Adds an entry for the rest of the process. Register before the first run that uses it: names are looked up when a
    /// configuration is read.
    pub fn register(&self, entry: T) -> Result<&'static T, RegisterError> {
        let kind = T::KIND;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_@.".contains(c);
        let mut registered = self.registered.write().unwrap_or_else(PoisonError::into_inner);
        for &name in [entry.name()].iter().chain(entry.aliases()) {
            if name.is_empty() || !name.chars().all(allowed) {
                return Err(RegisterError::Name { kind, name });
            }
            let mut known = self.known().chain(registered.iter().copied());
            if known.any(|e| e.name() == name || e.aliases().contains(&name)) {
                return Err(RegisterError::Duplicate { kind, name });
            }
        }
        // An entry lives as long as the process, so its name can be part of any key.
        let entry: &'static T = Box::leak(Box::new(entry));
        registered.push(entry);
        Ok(entry)
    }
}

impl<T: Entry> IntoIterator for &Registry<T> {
    type Item = &'static T;
    type IntoIter = std::vec::IntoIter<&'static T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// What every registry keeps to: names are well formed, differ from one another and lead to their entries, nothing is
    /// left without a word, and a name with its first letter wrong is answered with the right one.
    pub fn is_sound<T: Entry>(registry: &Registry<T>) {
        let mut seen = std::collections::HashSet::new();
        for entry in registry {
            let name = entry.name();
            assert!(entry.title().len() > 5 && !name.is_empty(), "{name}");
            // Not everything has another name or was published.
            let told = |(heading, text): &(&str, String)| ["aliases", "paper"].contains(heading) || !text.is_empty();
            assert!(entry.details().iter().all(told), "{name}");
            for name in [name].iter().chain(entry.aliases()) {
                assert!(seen.insert(*name), "{name} is there twice");
                assert!(std::ptr::eq(registry.find(name).ok().unwrap(), entry));
            }
            let error = registry.find(&format!("{name}'")).err().unwrap();
            assert!(error.hint.contains("did you mean") && error.known.contains(name), "{error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fruit(&'static str, &'static [&'static str]);

    impl Entry for Fruit {
        const KIND: &'static str = "fruit";

        fn name(&self) -> &'static str {
            self.0
        }

        fn aliases(&self) -> &'static [&'static str] {
            self.1
        }

        fn title(&self) -> &'static str {
            "something sweet"
        }

        fn details(&self) -> Vec<(&'static str, String)> {
            Vec::new()
        }
    }

    static FRUITS: Registry<Fruit> = Registry::new(&[&Fruit("apple", &["pomme"]), &Fruit("pear", &[])]);

    #[test]
    fn entries_are_added_once_and_found_after_the_built_in_ones() {
        assert!(FRUITS.find("plum").is_err());
        assert_eq!(FRUITS.register(Fruit("plum", &["prune"])).ok().unwrap().name(), "plum");
        assert_eq!(FRUITS.names(), ["apple", "pear", "plum"]);
        assert_eq!(FRUITS.find("prune").ok().unwrap().name(), "plum");
        for taken in ["apple", "pomme", "plum", "prune"] {
            let error = FRUITS.register(Fruit(taken, &[])).err().unwrap();
            assert_eq!(error.to_string(), format!("there is a fruit called `{taken}` already; choose another name"));
        }
        assert!(matches!(FRUITS.register(Fruit("fig", &["pear"])), Err(RegisterError::Duplicate { name: "pear", .. })));
        for name in ["", "a,b", "a:b", "a b"] {
            assert!(matches!(FRUITS.register(Fruit(name, &[])), Err(RegisterError::Name { .. })), "{name}");
        }
        assert_eq!(FRUITS.iter().count(), 3);
        testing::is_sound(&FRUITS);
        let message = FRUITS.find("aple").err().unwrap().to_string();
        assert_eq!(message, "unknown fruit `aple` (did you mean `apple`?); known: apple, pear, plum");
    }
}
