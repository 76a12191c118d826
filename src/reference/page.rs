//! A page and its two forms.

use crate::text::wrapped;

/// What is known of one proxy or ensemble.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it measures, in one line.
    pub title: &'static str,
    /// Parts of the page, in order.
    pub blocks: Vec<Block>,
}

/// A part of a page: a heading and what is below it.
#[derive(Clone, Debug)]
pub struct Block {
    heading: &'static str,
    body: Body,
}

#[derive(Clone, Debug)]
enum Body {
    Text(String),
    /// Formulas and commands, in which no character means anything to Markdown.
    Code(String),
    List(Vec<String>),
}

/// Characters in a line of code of a Markdown page.
const CODE_WIDTH: usize = 110;

impl Block {
    /// A paragraph.
    pub(super) fn text(heading: &'static str, text: &str) -> Self {
        Block { heading, body: Body::Text(text.into()) }
    }

    /// A formula or command.
    pub(super) fn code(heading: &'static str, text: &str) -> Self {
        Block { heading, body: Body::Code(text.into()) }
    }

    /// A list.
    pub(super) fn list(heading: &'static str, items: Vec<String>) -> Self {
        Block { heading, body: Body::List(items) }
    }
}

impl Page {
    /// As a Markdown file.
    pub fn markdown(&self) -> String {
        let mut out = format!(
            "<!-- Made from the registry by `NASLENS_BLESS=1 cargo test --test pages`. -->\n# {}\n\n{}.\n",
            self.name, self.title
        );
        for Block { heading, body } in &self.blocks {
            out += &format!("\n## {heading}\n\n");
            out += &match body {
                Body::Text(text) => format!("{text}\n"),
                Body::Code(text) => format!("```\n{}\n```\n", wrapped(text, CODE_WIDTH)),
                Body::List(items) => items.iter().map(|item| format!("- {item}\n")).collect(),
            };
        }
        out
    }

    /// For a terminal of `width` characters.
    pub fn text(&self, width: usize) -> String {
        let mut out = format!("{}: {}\n", self.name, self.title);
        for Block { heading, body } in &self.blocks {
            out += &format!("\n{heading}\n");
            let lines = match body {
                Body::Text(text) | Body::Code(text) => vec![text.clone()],
                Body::List(items) => items.iter().map(|item| format!("- {}", item.replace('`', ""))).collect(),
            };
            lines.iter().for_each(|line| out += &format!("  {}\n", wrapped(line, width - 2).replace('\n', "\n  ")));
        }
        out
    }
}
