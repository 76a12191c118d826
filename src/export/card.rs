//! `README.md`: the model card.

use super::{Model, one_line};

/// Classes that are listed by name.
const LISTED: usize = 20;

/// The card, in the layout of Hugging Face.
pub(super) fn readme(model: &Model<'_>) -> String {
    let (image, [read_height, read_width]) = (model.network.input_shape(), model.statistics.size);
    let fact = |(what, value): (&str, String)| format!("- {what}: `{}`", one_line(&value));
    let mut classes: Vec<String> =
        model.classes.iter().take(LISTED).map(|name| format!("`{}`", one_line(name))).collect();
    if model.classes.len() > LISTED {
        classes.push(format!("and {} more", model.classes.len() - LISTED));
    }
    let row = |(what, value): &(String, String)| format!("| {} | {} |", cell(what), cell(value));
    let accuracy = model.accuracy.as_ref().map(|a| ("accuracy".to_owned(), format!("{:.2}% of {}", a.pct, a.images)));
    let rows = if model.evaluation.is_empty() { accuracy.as_slice() } else { &model.evaluation };
    let rows: Vec<String> = rows.iter().map(row).collect();
    let numbers = |values: &[f64]| values.iter().map(|v| format!("{v:.4}")).collect::<Vec<_>>().join(", ");
    let training = format!(
        "{}Images were read in {read_height}x{read_width} pixels (height x width) and resized to {}x{}, their channels, in 0 to 1, \
         standardised with the means {} and the standard deviations {}.",
        if model.accuracy.is_none() { "Not stated: the weights may be untrained. " } else { "" },
        image.height,
        image.width,
        numbers(&model.statistics.mean),
        numbers(&model.standard_deviations()),
    );
    format!(
        include_str!("templates/README.md.in"),
        metrics = if model.accuracy.is_some() { "metrics:\n- accuracy\n" } else { "" },
        title = one_line(&model.title()),
        facts = model.facts().into_iter().map(fact).collect::<Vec<_>>().join("\n"),
        channels = image.channels,
        height = image.height,
        width = image.width,
        read_height = read_height,
        read_width = read_width,
        training = training,
        outputs = model.network.classes(),
        evaluation = if rows.is_empty() {
            "Not measured.".into()
        } else {
            format!("| what | value |\n|---|---|\n{}", rows.join("\n"))
        },
        classes = classes.join(", "),
    )
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    one_line(&text).replace('|', "\\|")
}
