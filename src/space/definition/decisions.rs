//! What is decided: alternatives, what may not stand together, and how the architectures are counted.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::expr::{Expr, Fault, Names, Value};

/// A decision, or several with the same alternatives.
pub(super) struct Decision {
    pub(super) name: String,
    pub(super) alternatives: Vec<Value>,
    /// How each alternative is written in an architecture's text.
    pub(super) written: Vec<String>,
    /// How many decisions there are; None for a single one, whose name needs no position.
    pub(super) count: Option<usize>,
    /// What stands between them in an architecture's text.
    pub(super) join: String,
    /// The gene of the first.
    pub(super) first: usize,
}

impl Decision {
    pub(super) fn genes(&self) -> std::ops::Range<usize> {
        self.first..self.first + self.count.unwrap_or(1)
    }
}

/// A condition that every architecture meets.
pub(super) struct Constraint {
    pub(super) holds: Expr,
    /// Why, in the author's words.
    pub(super) because: Option<String>,
}

/// Genes that depend on one another by constraints, and the combinations that meet these. Genes without constraints are
/// groups of their own, whose combinations need no list.
struct Group {
    genes: Vec<usize>,
    /// In lexicographic order.
    valid: Option<Vec<Box<[u16]>>>,
    count: u128,
}

/// All decisions of a space.
pub(super) struct Decisions {
    pub(super) list: Vec<Decision>,
    by_name: HashMap<String, usize>,
    pub(super) constraints: Vec<Constraint>,
    /// Alternatives of each gene.
    pub(super) choices: Vec<u16>,
    groups: Vec<Group>,
}

/// Combinations of constrained decisions that are tried one by one.
const MOST_COMBINATIONS: u128 = 1_000_000;

/// The values of genes, and of options.
pub(super) struct Genes<'a> {
    pub(super) decisions: &'a Decisions,
    pub(super) options: &'a [(&'static str, i64)],
    pub(super) genes: &'a [u16],
    /// Notes which genes are looked at.
    pub(super) read: Option<&'a RefCell<Vec<bool>>>,
}

impl Names for Genes<'_> {
    fn value(&self, name: &str, index: Option<i64>) -> Result<Value, String> {
        if let Some((_, value)) = self.options.iter().find(|(option, _)| *option == name) {
            return match index {
                None => Ok(Value::Number(*value)),
                Some(_) => Err(format!("`{name}` is one number, without a position")),
            };
        }
        let decision = self.decisions.find(name).ok_or_else(|| self.unknown(name))?;
        let gene = match (index, decision.count) {
            (None, None) => decision.first,
            (Some(i), Some(count)) if (0..count as i64).contains(&i) => decision.first + i as usize,
            (Some(i), Some(count)) => return Err(format!("`{name}[{i}]` is not among its {count} decisions from 0")),
            (None, Some(count)) => return Err(format!("`{name}` are {count} decisions; write `{name}[0]`")),
            (Some(_), None) => return Err(format!("`{name}` is one decision, without a position")),
        };
        self.read.iter().for_each(|read| read.borrow_mut()[gene] = true);
        Ok(decision.alternatives[usize::from(self.genes[gene])].clone())
    }
}

impl Genes<'_> {
    fn unknown(&self, name: &str) -> String {
        let known = self.decisions.list.iter().map(|d| d.name.as_str()).chain(self.options.iter().map(|o| o.0));
        format!("there is no `{name}`{}", crate::text::did_you_mean(name, known))
    }
}

impl Decisions {
    /// The decisions with their constraints; a fault if these cannot be decided.
    pub(super) fn new(
        list: Vec<Decision>,
        constraints: Vec<Constraint>,
        options: &[(&'static str, i64)],
    ) -> Result<Self, Fault> {
        let choices: Vec<u16> =
            list.iter().flat_map(|d| std::iter::repeat_n(d.alternatives.len() as u16, d.count.unwrap_or(1))).collect();
        let by_name = list.iter().enumerate().map(|(i, d)| (d.name.clone(), i)).collect();
        let mut decisions = Decisions { list, by_name, constraints, choices, groups: Vec::new() };
        decisions.groups = decisions.group(options)?;
        Ok(decisions)
    }

    pub(super) fn find(&self, name: &str) -> Option<&Decision> {
        self.by_name.get(name).map(|&i| &self.list[i])
    }

    /// The genes that a constraint reads.
    fn read_by(&self, constraint: &Constraint) -> Vec<usize> {
        let mut genes: Vec<usize> = constraint
            .holds
            .names()
            .into_iter()
            .filter_map(|(name, index)| Some((self.find(name)?, index)))
            .flat_map(|(decision, index)| match index.and_then(|i| usize::try_from(i).ok()) {
                Some(i) if i < decision.genes().len() => decision.first + i..decision.first + i + 1,
                _ => decision.genes(),
            })
            .collect();
        genes.sort_unstable();
        genes.dedup();
        genes
    }

    fn group(&self, options: &[(&'static str, i64)]) -> Result<Vec<Group>, Fault> {
        let mut group_of: Vec<usize> = (0..self.choices.len()).collect();
        let read: Vec<Vec<usize>> = self.constraints.iter().map(|c| self.read_by(c)).collect();
        for genes in &read {
            for pair in genes.windows(2) {
                let (from, to) = (group_of[pair[1]], group_of[pair[0]]);
                let (keep, drop) = (from.min(to), from.max(to));
                group_of.iter_mut().filter(|g| **g == drop).for_each(|g| *g = keep);
            }
        }
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        group_of.iter().enumerate().for_each(|(gene, &group)| members.entry(group).or_default().push(gene));
        let constants = self.constraints.iter().zip(&read).filter(|(_, genes)| genes.is_empty());
        for (constraint, _) in constants {
            let names = Genes { decisions: self, options, genes: &[], read: None };
            if !constraint.holds.holds(&names)? {
                return Err(Fault::new(&constraint.holds.at, "it never holds, so the space is empty"));
            }
        }
        members.into_values().map(|genes| self.count_group(genes, &read, options)).collect()
    }

    fn count_group(
        &self,
        genes: Vec<usize>,
        read: &[Vec<usize>],
        options: &[(&'static str, i64)],
    ) -> Result<Group, Fault> {
        let count = genes.iter().fold(1u128, |count, &g| count.saturating_mul(self.choices[g].into()));
        let constraints: Vec<&Constraint> = self
            .constraints
            .iter()
            .zip(read)
            .filter(|(_, read)| read.iter().any(|g| genes.contains(g)))
            .map(|(constraint, _)| constraint)
            .collect();
        let Some(first) = constraints.first() else {
            return Ok(Group { genes, valid: None, count });
        };
        if count > MOST_COMBINATIONS {
            let reason = format!(
                "constraints tie decisions together that have {count} combinations, more than the {MOST_COMBINATIONS} that can \
                 be counted; constrain fewer decisions at once"
            );
            return Err(Fault::new(&first.holds.at, reason));
        }
        let mut all = vec![0u16; self.choices.len()];
        let mut valid = Vec::new();
        for combination in 0..count {
            let mut rest = combination;
            for &gene in genes.iter().rev() {
                let alternatives = u128::from(self.choices[gene]);
                all[gene] = (rest % alternatives) as u16;
                rest /= alternatives;
            }
            let names = Genes { decisions: self, options, genes: &all, read: None };
            let mut holds = true;
            for constraint in &constraints {
                holds = holds && constraint.holds.holds(&names)?;
            }
            if holds {
                valid.push(genes.iter().map(|&g| all[g]).collect());
            }
        }
        match valid.len() {
            0 => Err(Fault::new(&first.holds.at, "no combination of decisions meets it, so the space is empty")),
            n => Ok(Group { genes, valid: Some(valid), count: n as u128 }),
        }
    }

    /// Number of architectures.
    pub(super) fn size(&self) -> u128 {
        self.groups.iter().fold(1u128, |size, group| size.saturating_mul(group.count))
    }

    /// The genes at a position: mixed radix over the groups, the last one fastest.
    pub(super) fn at(&self, index: u64) -> Vec<u16> {
        let mut genes = vec![0; self.choices.len()];
        let mut rest = u128::from(index);
        for group in self.groups.iter().rev() {
            group.write(rest % group.count, &self.choices, &mut genes);
            rest /= group.count;
        }
        genes
    }

    /// Where valid genes stand.
    pub(super) fn index_of(&self, genes: &[u16]) -> Option<u64> {
        let position = |position: u128, group: &Group| {
            let own: Vec<u16> = group.genes.iter().map(|&g| genes[g]).collect();
            let within = match &group.valid {
                Some(valid) => valid.binary_search_by(|v| v[..].cmp(&own[..])).ok()? as u128,
                None => group.genes.iter().fold(0, |p, &g| p * u128::from(self.choices[g]) + u128::from(genes[g])),
            };
            Some(position * group.count + within)
        };
        if self.size() > 1 << 63 {
            return None;
        }
        self.groups.iter().try_fold(0, position).map(|position| position as u64)
    }

    /// Genes drawn uniformly from all valid ones.
    pub(super) fn sample(&self, rng: &mut crate::seed::Stream) -> Vec<u16> {
        let mut genes = vec![0; self.choices.len()];
        for group in &self.groups {
            match &group.valid {
                Some(valid) => group.write(rng.below(valid.len() as u64).into(), &self.choices, &mut genes),
                None => {
                    group.genes.iter().for_each(|&g| genes[g] = rng.below(u64::from(self.choices[g])) as u16);
                }
            }
        }
        genes
    }

    /// The first constraint that genes do not meet.
    pub(super) fn broken(&self, genes: &[u16], options: &[(&'static str, i64)]) -> Option<&Constraint> {
        let names = Genes { decisions: self, options, genes, read: None };
        self.constraints.iter().find(|c| !c.holds.holds(&names).unwrap_or(false))
    }

    /// The decision of a gene, with its position where there are several.
    pub(super) fn name_of(&self, gene: usize) -> String {
        let decision = self.list.iter().find(|d| d.genes().contains(&gene));
        decision.map_or_else(String::new, |d| match d.count {
            None => d.name.clone(),
            Some(_) => format!("{}[{}]", d.name, gene - d.first),
        })
    }

    /// The alternatives of a gene as texts.
    pub(super) fn written(&self, gene: usize) -> &[String] {
        self.list.iter().find(|d| d.genes().contains(&gene)).map_or(&[], |d| &d.written)
    }
}

impl Group {
    fn write(&self, position: u128, choices: &[u16], genes: &mut [u16]) {
        if let Some(valid) = &self.valid {
            self.genes.iter().zip(&valid[position as usize]).for_each(|(&g, &value)| genes[g] = value);
            return;
        }
        let mut rest = position;
        for &gene in self.genes.iter().rev() {
            genes[gene] = (rest % u128::from(choices[gene])) as u16;
            rest /= u128::from(choices[gene]);
        }
    }
}

/// A text with expressions in braces.
#[derive(Clone)]
pub(super) struct Template {
    pub(super) parts: Vec<Part>,
}

#[derive(Clone)]
pub(super) enum Part {
    Literal(Arc<str>),
    Expr(Expr),
}

impl Template {
    pub(super) fn parse(text: &str, at: &std::ops::Range<usize>) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                parts.push(Part::Literal(rest[..open].into()));
            }
            let close = rest.find('}').filter(|&close| close > open);
            let close = close.ok_or_else(|| Fault::new(at, format!("`{text}`: a `{{` has no `}}`")))?;
            parts.push(Part::Expr(Expr::parse(&rest[open + 1..close], at)?));
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.into()));
        }
        Ok(Template { parts })
    }

    /// The text with the values of its expressions.
    pub(super) fn fill(&self, names: &dyn Names) -> Result<String, Fault> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Expr(expr) => text.push_str(&expr.eval(names)?.to_string()),
            }
        }
        Ok(text)
    }
}
