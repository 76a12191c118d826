//! Ensembles: scores of a network among others, from the ranks of its proxies.
//!
//! A proxy looks at one network; an ensemble compares networks. Its members are proxies, its formula sees their ranks only,
//! and no accuracy goes in. So that nothing but the set of networks decides a value, the ranks are taken
//!
//! - once all scores are there, never inside a shard;
//! - over distinct networks ([`ArchId`](crate::space::ArchId)), so that many texts of one network weigh no more than one;
//! - over networks in which the input reaches the output: the others are `dead` here too, and a network that a cascade
//!   took out is `screened_out`;
//! - with missing scores of a member tied in the last place ([`missing_last`]).
//!
//! A run that is given more networks gets other values in these columns. Compare them within one table only.
//!
//! To add an ensemble: one file with its [`Ensemble`] constant, one line in [`ENSEMBLES`].
//!
//! ```
//! use naslens::proxy::Score;
//!
//! let vote = naslens::ensemble::find("vote")?;
//! // Three networks, which all members rank alike.
//! let members = vec![[1.0, 3.0, 2.0].map(Score::new).to_vec(); vote.proxies()?.len()];
//! let scores = vote.scores(members);
//! assert!(scores[1].value() > scores[2].value() && scores[2].value() > scores[0].value());
//! # Ok::<(), naslens::registry::Unknown>(())
//! ```

mod az_nas;
mod log_rank;
mod naslens;
mod vote;

use crate::proxy::{self, PROXIES, Proxy, Score, Status};
use crate::registry::{Entry, Registry, Unknown, one_line};
use crate::stats::{missing_last, ranks};

/// A score that needs all networks of a run. Higher scores mean better networks.
pub struct Ensemble {
    /// Name on the command line and column name; no proxy has it.
    pub name: &'static str,
    /// What it is, in one line.
    pub title: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// What is computed, with its symbols explained.
    pub formula: &'static str,
    /// What fixes the number beside the protocols of the members.
    pub protocol: &'static str,
    /// What is known to go wrong with it.
    pub limits: &'static str,
    /// Names of the proxies it is made of. They look at the live part, so that their scores belong to a network.
    pub members: &'static [&'static str],
    /// One value per network from the ranks of the members: `ranks[m][i]` is the average rank, from 1 for the worst to the
    /// number of networks for the best, of network `i` by member `m`.
    pub combine: &'static (dyn Fn(&[Vec<f64>]) -> Vec<f64> + Send + Sync),
}

impl Entry for Ensemble {
    const KIND: &'static str = "ensemble";

    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        let text = |detail, text| (detail, one_line(text));
        vec![
            ("members", self.members.join(", ")),
            text("formula", self.formula),
            text("protocol", self.protocol),
            text("limits", self.limits),
            text("paper", self.paper),
        ]
    }
}

/// All ensembles.
pub static ENSEMBLES: Registry<Ensemble> =
    Registry::new(&[&naslens::NASLENS, &az_nas::AZ_NAS, &log_rank::LOG_RANK, &vote::VOTE]);

/// What a name in a list of proxies stands for.
#[derive(Clone, Copy)]
pub enum Column {
    /// A proxy.
    Proxy(&'static Proxy),
    /// An ensemble of proxies.
    Ensemble(&'static Ensemble),
}

/// The proxy or ensemble called `name`.
pub fn find(name: &str) -> Result<Column, Unknown> {
    let proxy = PROXIES.find(name).map(Column::Proxy);
    proxy.or_else(|_| ENSEMBLES.find(name).map(Column::Ensemble)).map_err(|_| {
        let known = [PROXIES.names(), ENSEMBLES.names()].concat();
        Unknown::new(Proxy::KIND, name, &known)
    })
}

impl Column {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Column::Proxy(proxy) => proxy.name,
            Column::Ensemble(ensemble) => ensemble.name,
        }
    }

    /// The proxies it is computed from.
    pub fn proxies(self) -> Result<Vec<&'static Proxy>, Unknown> {
        match self {
            Column::Proxy(proxy) => Ok(vec![proxy]),
            Column::Ensemble(ensemble) => ensemble.members.iter().map(|name| proxy::find(name)).collect(),
        }
    }

    /// Its scores of all networks, given those of [`Column::proxies`] in the same order.
    pub fn scores(self, mut members: Vec<Vec<Score>>) -> Vec<Score> {
        match self {
            Column::Proxy(_) => members.pop().unwrap_or_default(),
            Column::Ensemble(ensemble) => ensemble.scores(&members),
        }
    }
}

impl Ensemble {
    /// The scores of all networks: `members[m][i]` is the score of network `i` by member `m`.
    ///
    /// A network that any member calls dead, over the limit or screened out has that status and is not ranked; one that no member scores
    /// has the status that the first member gives it.
    pub fn scores(&self, members: &[Vec<Score>]) -> Vec<Score> {
        let n = members.iter().map(Vec::len).min().unwrap_or(0);
        let reason = |i: usize| {
            let has = |status: &Status| members.iter().any(|m| m[i].get_status() == *status);
            match [Status::Dead, Status::OverLimit, Status::ScreenedOut].into_iter().find(has) {
                None if members.iter().all(|m| m[i].value().is_none()) => Some(members[0][i].get_status()),
                excluded => excluded,
            }
        };
        let reasons: Vec<Option<Status>> = (0..n).map(reason).collect();
        let population: Vec<usize> = (0..n).filter(|&i| reasons[i].is_none()).collect();
        let rank = |m: &Vec<Score>| ranks(&missing_last(&population.iter().map(|&i| m[i].value()).collect::<Vec<_>>()));
        let mut values = (self.combine)(&members.iter().map(rank).collect::<Vec<_>>()).into_iter();
        let score = |reason: Option<Status>| match reason {
            Some(status) => Score::status(status),
            None => values.next().map_or(Score::status(Status::Failed), Score::new),
        };
        reasons.into_iter().map(score).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::View;

    #[test]
    fn registry_is_sound() {
        crate::registry::testing::is_sound(&ENSEMBLES);
        for e in &ENSEMBLES {
            assert!(proxy::find(e.name).is_err(), "{} is a proxy too", e.name);
            for text in [e.title, e.paper, e.formula, e.protocol, e.limits] {
                assert!(text.len() > 10, "{} lacks documentation", e.name);
            }
            assert!(e.members.len() > 1, "{}", e.name);
            for member in Column::Ensemble(e).proxies().unwrap() {
                assert!(member.view == View::Live, "{}: {} is not one number per network", e.name, member.name);
            }
        }
        let err = find("naslans").err().unwrap().to_string();
        assert!(err.contains("did you mean `naslens`") && err.contains("synflow"), "{err}");
        assert_eq!(find("synflow").unwrap().name(), "synflow");
    }

    /// Better by every member is better by the ensemble; order and company in the list change nothing.
    #[test]
    fn ensembles_respect_agreement_and_forget_order() {
        let rows = [[5.0, 1.0, 9.0, 4.0, 2.0], [6.0, 2.0, 9.5, 5.0, 1.0], [7.0, 3.0, 10.0, 6.0, 0.5]];
        for e in &ENSEMBLES {
            let members: Vec<Vec<Score>> =
                (0..e.members.len()).map(|m| rows[m % 3].into_iter().map(Score::new).collect()).collect();
            let scores: Vec<f64> = e.scores(&members).iter().map(|s| s.value().unwrap()).collect();
            // Networks 2 > 0 > 3 > 1 by every member; 4 is last but for one.
            assert!(scores[2] > scores[0] && scores[0] > scores[3] && scores[3] > scores[1], "{} {scores:?}", e.name);
            let reversed: Vec<Vec<Score>> = members.iter().map(|m| m.iter().rev().copied().collect()).collect();
            let back: Vec<f64> = e.scores(&reversed).iter().rev().map(|s| s.value().unwrap()).collect();
            assert_eq!(scores, back, "{}", e.name);
        }
    }

    #[test]
    fn missing_scores_rank_last_and_the_dead_do_not_rank() {
        let sum = Ensemble {
            combine: &|ranks| {
                (0..ranks.first().map_or(0, Vec::len)).map(|i| ranks.iter().map(|r| r[i]).sum()).collect()
            },
            ..naslens::NASLENS
        };
        let (dead, out, singular) = (Status::Dead, Status::ScreenedOut, Status::Singular);
        let a = vec![Score::new(1.0), Score::status(dead), Score::new(3.0), Score::status(singular), Score::new(9.0)];
        let b = vec![
            Score::new(2.0),
            Score::new(5.0),
            Score::status(singular),
            Score::status(singular),
            Score::status(out),
        ];
        let scores = sum.scores(&[a, b]);
        assert_eq!(scores[..3], [Score::new(3.0), Score::status(dead), Score::new(3.0)]);
        assert_eq!(scores[3..], [Score::status(singular), Score::status(out)]);
        assert!(sum.scores(&[Vec::new(), Vec::new()]).is_empty() && sum.scores(&[]).is_empty());
    }
}
