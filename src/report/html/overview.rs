//! The parts made of words and tables: headline, verdict, facts, best networks, how to run it again.

use super::format::{DASH, compact, count, duration, escape, fixed};
use super::model::{Overview, RunReport, TopNetwork};
use super::{accuracy_name, as_section, capitalized, number_cell, table};

/// Headline, verdict and the facts of the run.
pub(super) fn header(run: &RunReport) -> String {
    let verdict: String = run.verdict.iter().map(|s| format!("<p>{}</p>\n", breakable(s))).collect();
    let verdict = if verdict.is_empty() {
        verdict
    } else {
        format!("<section class=\"verdict\" aria-label=\"Verdict\">\n{verdict}</section>\n")
    };
    format!("<header>\n<h1>{}</h1>\n{verdict}{}</header>\n", escape(&run.title), facts(&run.overview))
}

fn facts(overview: &Overview) -> String {
    let networks = match (overview.scored, overview.asked) {
        (Some(scored), Some(asked)) => format!("{} distinct, of {} asked for", count(scored), count(asked)),
        (Some(scored), None) => format!("{} distinct", count(scored)),
        (None, Some(asked)) => format!("{} asked for", count(asked)),
        (None, None) => String::new(),
    };
    let seconds = overview.scoring_seconds.filter(|s| s.is_finite());
    let scoring = match (seconds, overview.scored) {
        (Some(seconds), Some(n)) if n > 0 => {
            format!("{}, {} a network", duration(seconds), duration(seconds / n as f64))
        }
        (Some(seconds), _) => duration(seconds),
        (None, _) => String::new(),
    };
    // A seed is an identifier, not a quantity: no separators.
    let seed = overview.seed.map(|s| format!("seed {s}")).unwrap_or_default();
    let sampler: Vec<_> = [overview.sampler.as_str(), seed.as_str()].into_iter().filter(|s| !s.is_empty()).collect();
    let items = [
        ("Search space", overview.space.as_str()),
        ("Networks scored", &networks),
        ("Scoring time", &scoring),
        ("Sampler", &sampler.join(", ")),
        ("Data set", &overview.dataset),
        ("Device", &overview.device),
        ("naslens", &overview.version),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| definition(name, value))
    .chain(overview.more.iter().map(|(name, value)| definition(name, value)))
    .collect::<String>();
    if items.is_empty() { items } else { format!("<dl class=\"facts\">\n{items}</dl>\n") }
}

fn definition(name: &str, value: &str) -> String {
    // A long list gets a row of its own rather than a narrow column.
    let class = if value.chars().count() > 90 { " class=\"wide\"" } else { "" };
    // Names of columns are long words: they break between their parts rather than anywhere.
    let long = value.split_whitespace().any(|word| word.len() > 18);
    let value = if long { escape(value).replace('_', "_<wbr>") } else { escape(value) };
    format!("<div{class}><dt>{}</dt><dd>{value}</dd></div>\n", escape(name))
}

/// Identifiers of sections and what they are called in the list of contents, in the order of the page.
const CONTENTS: [(&str, &str); 11] = [
    ("worth", "Worth"),
    ("comparison", "Finalists"),
    ("proxies", "Proxies"),
    ("scatter", "Scatter"),
    ("cost", "Cost"),
    ("correlations", "Likeness"),
    ("preferences", "Preferences"),
    ("predictions", "Predictions"),
    ("top", "Best networks"),
    ("curves", "Learning curves"),
    ("reproduce", "Run it again"),
];

/// Links to the sections that are in `body`; nothing for fewer than two. Sections that are told part by part are called by
/// their identifier.
pub(super) fn contents(run: &RunReport, body: &str) -> String {
    let (before, after) = CONTENTS.split_at(CONTENTS.iter().position(|(id, _)| *id == "predictions").unwrap_or(0));
    let named = |(id, name): &(&str, &str)| ((*id).to_owned(), (*name).to_owned());
    let told = run.sections.iter().map(|s| (s.id.clone(), capitalized(&s.id.replace('-', " "))));
    let links: Vec<String> = before
        .iter()
        .map(named)
        .chain(told)
        .chain(after.iter().map(named))
        .map(|(id, name)| (escape(&id), escape(&name)))
        .filter(|(id, _)| body.contains(&format!("<section id=\"{id}\">")))
        .map(|(id, name)| format!("<li><a href=\"#{id}\">{name}</a></li>"))
        .collect();
    match links.len() {
        0 | 1 => String::new(),
        _ => format!("<nav aria-label=\"Contents\"><ul>{}</ul></nav>\n", links.concat()),
    }
}

/// The pictures and the table of the best networks by prediction.
pub(super) fn top_section(run: &RunReport) -> String {
    let pictures = super::drawing::figures(run);
    if run.top.is_empty() {
        return if pictures.is_empty() { pictures } else { as_section("top", "Best networks", &pictures) };
    }
    let trained = format!("{}, %", escape(&capitalized(accuracy_name(run))));
    let headings = [
        ("num", "Rank"),
        ("", "Architecture"),
        ("num", "Parameters"),
        ("num", "MACs"),
        ("num", "Predicted, %"),
        ("num", trained.as_str()),
    ];
    let rows: String = run.top.iter().map(top_row).collect();
    let body = format!(
        "{pictures}{}<p class=\"caption\">Predicted accuracy ± standard deviation of the prediction. MACs are \
         multiply-accumulate operations of one forward pass on one input. {DASH} means not measured.</p>\n",
        table("Best networks by prediction", &headings, &rows)
    );
    as_section("top", "Best networks by prediction", &body)
}

fn top_row(network: &TopNetwork) -> String {
    let percent = |value: Option<f64>| value.map_or(DASH.to_owned(), |v| fixed(v, 2));
    let size = |value: Option<u64>| value.map_or(DASH.to_owned(), compact);
    let spread = network.std.filter(|s| s.is_finite()).map(|s| format!(" ± {}", fixed(s, 2))).unwrap_or_default();
    let numbers = [
        size(network.params),
        size(network.macs),
        format!("{}{spread}", percent(network.predicted)),
        percent(network.trained),
    ];
    format!(
        "<tr>{}<td class=\"arch\"><code>{}</code></td>{}</tr>\n",
        number_cell(&count(network.rank)),
        breakable(&network.arch),
        numbers.iter().map(|n| number_cell(n)).collect::<String>()
    )
}

/// Escaped text that may break between the parts of an architecture rather than anywhere.
pub(super) fn breakable(arch: &str) -> String {
    let mut text = escape(arch);
    for mark in ["|", "+", ",", "/"] {
        text = text.replace(mark, &format!("<wbr>{mark}"));
    }
    text
}

/// Command, facts and configuration needed to run this again.
pub(super) fn reproduction_section(run: &RunReport) -> String {
    let part = &run.reproduction;
    let mut body = String::new();
    if !part.command.is_empty() {
        body.push_str(&format!("<pre class=\"command\"><code>{}</code></pre>\n", escape(&part.command)));
    }
    if !part.facts.is_empty() {
        let items: String = part.facts.iter().map(|(name, value)| definition(name, value)).collect();
        body.push_str(&format!("<dl class=\"facts\">\n{items}</dl>\n"));
    }
    if !part.config.is_empty() {
        body.push_str(&format!("<h3>Resolved configuration</h3>\n<pre><code>{}</code></pre>\n", escape(&part.config)));
    }
    if body.is_empty() { body } else { as_section("reproduce", "Run it again", &body) }
}
