//! What the winner said of each image that it was judged on.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::assessment::Answered;
use crate::benchmark::columns::{integer, number, text, write};
use crate::data::Dataset;
use crate::pipeline::RunError;
use crate::report::document::Image;
use crate::stats::named_classes;

/// Wrong answers that are shown.
const SHOWN: usize = 12;

/// Writes one row per image: `image` (its file or position), `class`, `named`, `right` (1 or 0), `probability` of the class that
/// was named, and `p_CLASS` of every class; probabilities are between 0 and 1.
pub(super) fn write_answers(path: &Path, answered: &Answered, dataset: &Dataset) -> Result<(), RunError> {
    let (classes, named) = (dataset.class_names(), named_classes(answered.probabilities.view()));
    let probability = |i: usize, class: usize| f64::from(answered.probabilities[[i, class]]);
    let rows = || 0..answered.images.len();
    let of_class: Vec<String> = classes.iter().map(|name| format!("p_{name}")).collect();
    let mut columns = vec![
        ("image", text(rows().map(|i| dataset.image_name(answered.images[i])))),
        ("class", text(rows().map(|i| classes[answered.labels[i]].clone()))),
        ("named", text(rows().map(|i| classes[named[i]].clone()))),
        ("right", integer(rows().map(|i| i64::from(named[i] == answered.labels[i])))),
        ("probability", number(rows().map(|i| probability(i, named[i])))),
    ];
    for (class, name) in of_class.iter().enumerate() {
        columns.push((name, number(rows().map(|i| probability(i, class)))));
    }
    Ok(write(path, columns)?)
}

/// The images that were answered wrongly with the highest probability.
pub(super) fn worst_mistakes(answered: &Answered, dataset: &Dataset) -> Vec<Image> {
    let named = named_classes(answered.probabilities.view());
    let sure = |i: usize| answered.probabilities[[i, named[i]]];
    let mut wrong: Vec<usize> = (0..named.len()).filter(|&i| named[i] != answered.labels[i]).collect();
    wrong.sort_by(|&a, &b| sure(b).total_cmp(&sure(a)).then(a.cmp(&b)));
    let classes = dataset.class_names();
    let image = |i: usize| {
        Some(Image {
            png: BASE64_STANDARD.encode(dataset.png(answered.images[i])?),
            name: dataset.image_name(answered.images[i]),
            caption: format!("{}, named {} ({:.0}%)", classes[answered.labels[i]], classes[named[i]], 100.0 * sure(i)),
        })
    };
    wrong.into_iter().take(SHOWN).filter_map(image).collect()
}
