//! How architectures are written: a template with a place for every decision.

use std::collections::HashSet;
use std::ops::Range;

use super::decisions::{Decisions, Part, Template};
use super::expr::Fault;
use crate::text::{did_you_mean, quoted};

/// One way to write architectures.
pub(super) struct TextForm {
    tokens: Vec<Token>,
}

enum Token {
    Literal(String),
    Gene(usize),
}

impl TextForm {
    /// The form that a template stands for. Its places name decisions; every decision has one.
    pub(super) fn new(template: &Template, at: &Range<usize>, decisions: &Decisions) -> Result<Self, Fault> {
        let mut tokens = Vec::new();
        for part in &template.parts {
            let expr = match part {
                Part::Literal(text) => {
                    tokens.push(Token::Literal(text.to_string()));
                    continue;
                }
                Part::Expr(expr) => expr,
            };
            let names = expr.names();
            let [(name, index)] = names[..] else {
                return Err(Fault::new(at, "a place of the text names one decision, such as {width}"));
            };
            let Some(decision) = decisions.find(name) else {
                let known = decisions.list.iter().map(|d| d.name.as_str());
                return Err(Fault::new(at, format!("there is no decision `{name}`{}", did_you_mean(name, known))));
            };
            let genes = match index {
                None => decision.genes(),
                Some(i) => match usize::try_from(i).ok().filter(|&i| i < decision.count.unwrap_or(0)) {
                    Some(i) => decision.first + i..decision.first + i + 1,
                    None => return Err(Fault::new(at, format!("there is no decision `{name}[{i}]`"))),
                },
            };
            for gene in genes.clone() {
                if gene > genes.start && !decision.join.is_empty() {
                    tokens.push(Token::Literal(decision.join.clone()));
                }
                tokens.push(Token::Gene(gene));
            }
        }
        let form = TextForm { tokens };
        match (0..decisions.choices.len()).find(|&gene| form.places(gene) != 1) {
            None => Ok(form),
            Some(gene) => {
                let name = decisions.name_of(gene);
                Err(Fault::new(at, format!("the text has {} places for `{name}`, not one", form.places(gene))))
            }
        }
    }

    /// The form of a space that does not say how its architectures are written: the values, joined by `_`.
    pub(super) fn plain(decisions: &Decisions) -> Self {
        let genes = 0..decisions.choices.len();
        let tokens = genes.flat_map(|gene| {
            let join = (gene > 0).then(|| Token::Literal("_".into()));
            join.into_iter().chain([Token::Gene(gene)])
        });
        TextForm { tokens: tokens.collect() }
    }

    fn places(&self, gene: usize) -> usize {
        self.tokens.iter().filter(|t| matches!(t, Token::Gene(g) if *g == gene)).count()
    }

    pub(super) fn write(&self, genes: &[u16], decisions: &Decisions) -> String {
        let part = |token: &Token| match token {
            Token::Literal(text) => text.clone(),
            Token::Gene(gene) => decisions.written(*gene)[usize::from(genes[*gene])].clone(),
        };
        self.tokens.iter().map(part).collect()
    }

    /// The genes that a text writes down, or what is wrong with it.
    pub(super) fn read(&self, text: &str, decisions: &Decisions) -> Result<Vec<u16>, String> {
        let mut reader = Reader {
            form: self,
            decisions,
            text,
            genes: vec![0; decisions.choices.len()],
            failed: HashSet::new(),
            furthest: (0, 0),
        };
        match reader.read(0, 0) {
            true => Ok(reader.genes),
            false => Err(reader.reason()),
        }
    }
}

struct Reader<'a> {
    form: &'a TextForm,
    decisions: &'a Decisions,
    text: &'a str,
    genes: Vec<u16>,
    /// Pairs of token and place that lead nowhere.
    failed: HashSet<(usize, usize)>,
    /// The furthest place that was reached, and the token that does not fit there.
    furthest: (usize, usize),
}

impl Reader<'_> {
    /// Whether the text from `place` on fits the tokens from `token` on. Longer alternatives are tried first.
    fn read(&mut self, mut token: usize, mut place: usize) -> bool {
        loop {
            if place >= self.furthest.0 {
                self.furthest = (place, token);
            }
            let rest = &self.text[place..];
            match self.form.tokens.get(token) {
                None => return rest.is_empty(),
                Some(Token::Literal(literal)) if rest.starts_with(literal.as_str()) => place += literal.len(),
                Some(Token::Literal(_)) => return false,
                Some(&Token::Gene(gene)) => {
                    let written = self.decisions.written(gene);
                    let mut fitting: Vec<usize> =
                        (0..written.len()).filter(|&i| rest.starts_with(written[i].as_str())).collect();
                    fitting.sort_by_key(|&i| std::cmp::Reverse(written[i].len()));
                    if let [only] = fitting[..] {
                        self.genes[gene] = only as u16;
                        place += written[only].len();
                    } else {
                        if !self.failed.insert((token, place)) {
                            return false;
                        }
                        return fitting.into_iter().any(|i| {
                            self.genes[gene] = i as u16;
                            let end = place + self.decisions.written(gene)[i].len();
                            self.read(token + 1, end)
                        });
                    }
                }
            }
            token += 1;
        }
    }

    fn reason(&self) -> String {
        let (place, token) = self.furthest;
        let rest = &self.text[place..];
        let found = if rest.is_empty() { "the end".into() } else { quoted(rest) };
        let at = self.text[..place].chars().count() + 1;
        match self.form.tokens.get(token) {
            None => format!("{found} at character {at} is left over"),
            Some(Token::Literal(literal)) => format!("{found} at character {at} should be {}", quoted(literal)),
            Some(&Token::Gene(gene)) => {
                let (name, written) = (self.decisions.name_of(gene), self.decisions.written(gene));
                format!("{found} at character {at} is not a `{name}`, which is one of {}", written.join(", "))
            }
        }
    }
}
