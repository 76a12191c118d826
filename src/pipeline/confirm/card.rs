//! The winner as sections of a document: what it is and what it reaches, class by class, and what could be done next.

use super::assessment::{Assessment, Baseline, MAJORITY, RIDGE};
use super::{Measured, Trained, Winner};
use crate::candidates::{NetworkName, Role};
use crate::hardware::LimitSettings;
use crate::report::document::{
    Cell, Drawing, Estimate, Fact, Front, FrontPoint, Grid, IntervalRow, Intervals, Part, Rows, Section,
};
use crate::space::Picture;
use crate::stats::{ClassScore, Interval, pareto_front, wilson_interval};
use crate::text::thousands;

/// Training images below which a network that was trained on others often wins.
const FEW: usize = 5000;
/// Percentage points: a wider interval deserves more test images.
const WIDE: f64 = 10.0;

/// The winner on a page.
pub(in crate::pipeline) struct Card<'a> {
    pub winner: &'a Winner,
    pub picture: Option<Picture>,
    /// What it may cost.
    pub limits: &'a LimitSettings,
    /// Finalists and controls.
    pub trained: Vec<Contestant>,
    /// Mean test accuracy of the random controls with its interval.
    pub controls: Option<Estimate>,
    /// Images for training.
    pub training_images: usize,
}

/// A finalist or control and what it reached.
pub(in crate::pipeline) struct Contestant {
    name: NetworkName,
    role: Role,
    /// Mean validation and test accuracy over its trainings, percent.
    valid_pct: f64,
    test_pct: f64,
}

impl Contestant {
    /// Those of the trained networks of which a training converged.
    pub fn all(names: &[NetworkName], trained: &[Trained]) -> Vec<Self> {
        let one = |t: &Trained| {
            let name = names[t.candidate].clone();
            Some(Contestant { name, role: t.role, valid_pct: t.valid_pct()?, test_pct: t.mean_test_pct()? })
        };
        trained.iter().filter_map(one).collect()
    }
}

impl Card<'_> {
    /// What it is, against what needs no search, and against the other trained networks.
    pub fn section(&self) -> Section {
        let winner = self.winner;
        let drawing = self.picture.clone().map(|picture| Drawing {
            rank: 1,
            arch: winner.name(),
            caption: winner
                .assessment
                .as_ref()
                .map_or(String::new(), |a| format!("{:.2}% test accuracy", a.test.accuracy_pct.0)),
            picture,
        });
        let mut parts = vec![Part::Drawings(drawing.into_iter().collect()), Part::Facts(self.facts())];
        parts.extend(winner.assessment.iter().flat_map(|a| [self.compared(a), table(a)]));
        parts.extend(self.front());
        parts.push(self.contestants());
        Section::new("winner", "The network to take", parts).called("The network to take")
    }

    fn facts(&self) -> Vec<Fact> {
        let winner = self.winner;
        let fact = |name: &str, value: String| Some((name.to_owned(), value));
        let limit = self.limits.latency_ms().map_or(String::new(), |ms| format!(", limit {ms} ms"));
        let test = winner.assessment.as_ref().map(|a| &a.test);
        [
            fact("Network", format!("{}: {}", winner.name(), winner.arch)),
            winner.assessment.as_ref().and_then(|a| fact("Accuracy", a.accuracy())),
            test.and_then(|t| fact("Balanced accuracy", format!("{:.2}%", t.balanced_accuracy_pct))),
            test.and_then(|t| fact("Area under the ROC curve", format!("{:.3}", t.auroc?))),
            test.and_then(|t| fact("Calibration error", format!("{:.1} points (ECE)", t.ece_pct))),
            winner.latency_ms.and_then(|ms| fact("Latency", format!("{ms:.2} ms when measured{limit}"))),
            fact("Size", winner.size(self.limits)),
            fact("MACs", format!("{} for one image", thousands(winner.macs))),
            fact("Files", format!("{} (PyTorch, safetensors, ONNX)", winner.exported.display())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn compared(&self, assessment: &Assessment) -> Part {
        let row = |name: &str, estimate: Estimate| IntervalRow {
            name: name.to_owned(),
            estimates: vec![Some(estimate)],
            ..IntervalRow::default()
        };
        let of = |(value, interval): (f64, Interval)| Estimate::of(value, Some(interval));
        let mut rows = vec![row("network to take", of(assessment.test.accuracy_pct))];
        rows.extend(assessment.baselines.iter().map(|b| row(short(&b.name), of(b.accuracy_pct))));
        rows.extend(self.controls.map(|controls| row("random controls", controls)));
        rows.sort_by(|a, b| value(b).total_cmp(&value(a)));
        Part::Intervals(Intervals {
            across: "accuracy, %".into(),
            rows,
            caption: format!(
                "Accuracy on the same {}. Bars: 95% intervals, Wilson’s of a share, and of the mean over networks for the \
                 controls, which were judged on the test images. All networks were trained alike.{}",
                assessment.images(),
                match assessment.folds {
                    0 | 1 => "",
                    _ =>
                        " Each image was answered by a network that was not trained on it, of the architecture that was chosen \
                          with some of these images.",
                }
            ),
            ..Intervals::default()
        })
    }

    /// All that it was chosen from.
    fn contestants(&self) -> Part {
        let mut rows: Vec<&Contestant> = self.trained.iter().collect();
        rows.sort_by(|a, b| b.valid_pct.total_cmp(&a.valid_pct).then(b.name.winner.cmp(&a.name.winner)));
        let measured = &self.winner.measured;
        let ms = |t: &Contestant| measured.iter().find(|m| m.arch == t.name.arch).map(|m| m.measured_ms);
        let caption =
            "Finalists and controls, the highest validation accuracy first, by which the network to take is chosen.";
        let mut table = Rows::of("Trained networks", caption, rows)
            .column("Network", |t| Cell::Arch(t.name.clone()))
            .column("Trained as", |t| Cell::text(t.role.name()))
            .column("#Validation accuracy, %", |t| Cell::number(t.valid_pct, 2))
            .column("#Test accuracy, %", |t| Cell::number(t.test_pct, 2));
        if !measured.is_empty() {
            table = table.column("#Latency, ms", |t| Cell::number(ms(t), 2));
        }
        Part::Table(table.into())
    }

    /// Accuracy against latency of all that was measured.
    fn front(&self) -> Option<Part> {
        let trained = |m: &Measured| self.trained.iter().find(|t| t.name.arch == m.arch);
        let known: Vec<_> = self.winner.measured.iter().filter_map(|m| Some((m.measured_ms, trained(m)?))).collect();
        let ends: Vec<[f64; 2]> = known.iter().map(|(ms, t)| [-ms, t.test_pct]).collect();
        let front = pareto_front(&ends.iter().map(|end| &end[..]).collect::<Vec<_>>());
        let points: Vec<FrontPoint> = known
            .iter()
            .enumerate()
            .map(|(i, (ms, t))| FrontPoint { arch: t.name.clone(), x: *ms, y: t.test_pct, front: front.contains(&i) })
            .collect();
        // Where the limit is far away, the networks would be one dot.
        let slowest = points.iter().map(|p| p.x).fold(0.0, f64::max);
        let max_ms = self.limits.latency_ms();
        let limit = max_ms.filter(|&ms| ms <= 4.0 * slowest);
        let beyond = max_ms
            .filter(|_| limit.is_none())
            .map_or(String::new(), |ms| format!(" The limit, {ms} ms, is further right."));
        (points.len() > 1).then(|| {
            Part::Front(Front {
                across: "latency when measured, ms".into(),
                up: "test accuracy, %".into(),
                decimals: 2,
                points,
                limit,
                caption: format!(
                    "Finalists and controls. The network to take was chosen by validation accuracy.{beyond}"
                ),
                ..Front::default()
            })
        })
    }

    /// Class by class; none if it was not judged.
    pub fn classes(&self) -> Option<Section> {
        let assessment = self.winner.assessment.as_ref()?;
        let (names, test) = (&assessment.class_names, &assessment.test);
        let share = |k: usize, n: usize| {
            let interval = wilson_interval(k, n, 0.95);
            Cell::Estimate(interval.map(|i| Estimate::of(100.0 * k as f64 / n as f64, Some(i))), 1)
        };
        let row = |(name, class): (&String, &ClassScore)| {
            let recall = share(class.right, class.examples);
            vec![Cell::text(name), Cell::Count(class.examples as u64), recall, share(class.right, class.named)]
        };
        let by_class = Grid::new(
            "Classes",
            &["Class", "#Test images", "#Recall, %", "#Precision, %"],
            "Recall (sensitivity): the share of the images of a class that are recognised. Precision (positive predictive value): \
             the share of those named so that are. 95% intervals after Wilson. – is undefined.",
        )
        .with_rows(names.iter().zip(&test.classes).map(row));
        let headings: Vec<String> =
            std::iter::once("True class".to_owned()).chain(names.iter().map(|name| format!("#{name}"))).collect();
        let row = |(name, counts): (&String, &Vec<usize>)| {
            std::iter::once(Cell::text(name)).chain(counts.iter().map(|&n| Cell::Count(n as u64))).collect()
        };
        let confusion =
            Grid::new("Confusion matrix", &headings, "Test images by true class (rows) and named class (columns).")
                .with_rows(names.iter().zip(&test.confusion).map(row));
        let row = |bin: &crate::stats::Bin| {
            let right = (bin.accuracy_pct / 100.0 * bin.examples as f64).round() as usize;
            vec![Cell::Count(bin.examples as u64), Cell::number(bin.confidence_pct, 1), share(right, bin.examples)]
        };
        let reliability = Grid::new(
            "Reliability",
            &["#Test images", "#Mean probability, %", "#Right, %"],
            format!(
                "Test images by the probability of the class that was named, in tenths. Of a calibrated network as many are \
                 right as it says; the mean gap is {:.1} points (expected calibration error).",
                test.ece_pct
            ),
        )
        .with_rows(test.reliability.iter().map(row));
        let mistakes = Part::Images(self.winner.mistakes.clone());
        let parts = vec![Part::Table(by_class), Part::Table(confusion), Part::Table(reliability), mistakes];
        let text = match self.winner.mistakes.len() {
            0 => Vec::new(),
            _ => vec!["The images are those that were named wrongly with the highest probability.".to_owned()],
        };
        Some(Section::new("classes", "What it gets right, class by class", parts).called("Classes").with_text(text))
    }

    /// What could be done next; none if nothing comes to mind.
    pub fn next(&self) -> Option<Section> {
        let mut text = Vec::new();
        let winner = self.winner;
        if let Some(room) = &winner.room {
            text.push(format!(
                "The limit leaves room: the same network takes {:.2} ms with images of {}. Details that are lost at a smaller \
                 size may help; try --image {}.",
                room.latency_ms, room.image, room.image
            ));
        }
        if let Some(i) = winner.assessment.as_ref().map(|a| a.test.accuracy_pct.1).filter(|i| i.high - i.low > WIDE) {
            text.push(format!(
                "The accuracy is known to lie between {:.0} and {:.0}% only: four times the test images would halve that interval.",
                i.low, i.high
            ));
        }
        if self.training_images < FEW {
            text.push(format!(
                "With {} training images, a network that was trained on a large collection of other images and is fine-tuned on \
                 yours is often more accurate than any that starts from nothing: compare one before you deploy this.",
                thousands(self.training_images as u64)
            ));
        }
        (!text.is_empty()).then(|| Section::new("next", "What to do next", Vec::new()).with_text(text).called("Next"))
    }
}

/// The name of a baseline where there is little room.
fn short(name: &str) -> &str {
    match name {
        RIDGE => "ridge on pixels",
        MAJORITY => "majority class",
        _ => "ResNet-8",
    }
}

fn value(row: &IntervalRow) -> f64 {
    row.estimates.first().and_then(|e| *e).map_or(f64::NEG_INFINITY, |e| e.value)
}

/// The baselines next to the winner.
fn table(assessment: &Assessment) -> Part {
    let row = |b: &Baseline| {
        let (difference, interval) = b.difference_pct;
        vec![
            Cell::text(&b.name),
            Cell::Estimate(Some(Estimate::of(b.accuracy_pct.0, Some(b.accuracy_pct.1))), 1),
            Cell::number(b.balanced_accuracy_pct, 1),
            Cell::Difference(Some(Estimate::of(difference, Some(interval))), 1),
            Cell::PValue(Some(b.p_value)),
            Cell::Size(b.params),
            Cell::number(b.latency_ms, 2),
        ]
    };
    let columns = ["Without a search", "#Accuracy, %", "#Balanced, %", "#Winner less this", "#p", "#Parameters", "#ms"];
    let grid = Grid::new(
        "What needs no search",
        &columns,
        "Percentage points by which the network to take is better on the same images, with 95% intervals for paired shares \
         (Newcombe) and p-values of McNemar’s exact test. Balanced accuracy is the mean of the recalls.",
    );
    Part::Table(grid.with_rows(assessment.baselines.iter().map(row)))
}
