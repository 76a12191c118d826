//! Accuracy over trainings.

use maud::{Markup, html};

use super::chart::{Chart, Frame, Mark, Shape, single};
use super::scale::Scale;
use super::{capitalized, dropped, role, role_legend};
use crate::report::document::{Learning, LearningCurve};
use crate::report::format::{count, fixed, plural, usable};

const FRAME: Frame = Frame { width: 400.0, height: 290.0, left: 36.0, right: 14.0, top: 30.0, bottom: 40.0 };

/// A line per training; none without a usable accuracy.
pub(super) fn figure(learning: &Learning) -> Option<Markup> {
    let known = |curve: &LearningCurve| -> Vec<(u64, f64)> {
        curve.points.iter().filter_map(|&(epoch, a)| Some((epoch, a.filter(|a| usable(*a))?))).collect()
    };
    let mut curves: Vec<_> = learning.curves.iter().map(|c| (c, known(c))).filter(|(_, p)| !p.is_empty()).collect();
    curves.sort_by_key(|(curve, _)| curve.role);
    let points = || curves.iter().flat_map(|(_, points)| points.iter().copied());
    let (x, y) =
        Scale::whole(points().map(|(epoch, _)| epoch as f64), 6).zip(Scale::nice(points().map(|(_, a)| a), 5))?;
    let accuracy = capitalized(&learning.accuracy);
    let mut chart = Chart::plane(FRAME, x, "epoch", y, &format!("{accuracy}, %"));
    for (curve, points) in &curves {
        let places: Vec<_> = points.iter().map(|(epoch, a)| (chart.x(*epoch as f64), chart.y(*a))).collect();
        chart.path(&places, &format!("curve {}", role(curve.role).0), &curve.arch);
    }
    for (curve, points) in &curves {
        let (epoch, last) = points[points.len() - 1];
        let seed = curve.seed.map(|s| format!(", seed {s}")).unwrap_or_default();
        let (class, called) = role(curve.role);
        let (arch, what) = (&curve.arch, &learning.accuracy);
        let title = format!("{arch} ({called}{seed}): {what} {} % after epoch {epoch}", fixed(last, 2));
        let mark = Mark { shape: Shape::Dot, class, key: arch, title: &title };
        chart.mark(chart.x(epoch as f64), chart.y(last), mark);
    }
    let svg = chart.finish(&format!("{accuracy} by epoch of {}.", plural(curves.len(), "training run")));
    let lost = learning.curves.iter().map(|c| c.points.len()).sum::<usize>() - points().count();
    let caption = html! {
        "Each line is one training run (n = " (count(curves.len() as u64)) "), with a point at its last epoch. Across: epoch. \
         Up: " (learning.accuracy) ", %." (dropped(lost))
    };
    Some(single(role_legend(curves.iter().map(|(curve, _)| curve.role)), svg, caption))
}
