//! How well predictions rank, by number of labels.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::pipeline::RunError;
use crate::stats::correlation_of_top_overlap;

/// What counts as the top, whose overlap says how well predictions rank.
pub const TOP: f64 = 0.1;

/// Correlation of predictions with quality after `n` labels, as far as choosing the best goes:
/// `r(n) = limit - (limit - start) half / (half + n)`, which is halfway between its ends at `half` labels.
///
/// A rank correlation over all networks says too much: it is mostly earned by telling bad networks from good ones. So the
/// correlation is that of two normal variables whose top tenths overlap as much as those of predictions and truth do
/// ([`correlation_of_top_overlap`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LearningCurve {
    /// Without labels: that of a label-free score.
    pub start: f64,
    /// With any number of labels.
    pub limit: f64,
    /// Labels at which half of the way is done.
    pub half: f64,
    /// Where it comes from.
    pub origin: String,
}

impl Default for LearningCurve {
    /// An assumption: rounded from a Gaussian process on NAS-Bench-201 whose prior is a label-free ensemble.
    fn default() -> Self {
        LearningCurve {
            start: 0.65,
            limit: 0.98,
            half: 40.0,
            origin: "assumed; measure it with naslens predict".into(),
        }
    }
}

/// Candidates for `half`, 1 to 1,000.
fn halves() -> impl Iterator<Item = f64> {
    (0..=60).map(|i| 10f64.powf(f64::from(i) / 20.0))
}

impl LearningCurve {
    /// The correlation after `labels` labels, in `[0, 0.999]`.
    pub fn correlation(&self, labels: usize) -> f64 {
        let rest = self.half / (self.half + labels as f64);
        (self.limit - (self.limit - self.start) * rest).clamp(0.0, 0.999)
    }

    /// The curve nearest to measured (labels, correlation) by least squares: `half` by trial of 61 values from 1 to 1,000, the
    /// ends in closed form. With points at a single number of labels it is flat; with two, `half` is 50. None without
    /// points.
    pub fn fit(points: &[(usize, f64)], origin: String) -> Option<Self> {
        let mut numbers: Vec<usize> = points.iter().map(|p| p.0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let candidates: Vec<f64> = match numbers.len() {
            0 => return None,
            1 => {
                let mean = points.iter().map(|p| p.1).sum::<f64>() / points.len() as f64;
                return Some(LearningCurve { start: mean, limit: mean, half: 50.0, origin });
            }
            2 => vec![50.0],
            _ => halves().collect(),
        };
        let fits = candidates.into_iter().filter_map(|half| {
            let (start, limit) = ends(points, half)?;
            let curve = LearningCurve { start, limit, half, origin: String::new() };
            let error = |&(n, r): &(usize, f64)| {
                let rest = half / (half + n as f64);
                (r - (limit - (limit - start) * rest)).powi(2)
            };
            Some((points.iter().map(error).sum::<f64>(), curve))
        });
        let (_, best) = fits.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(LearningCurve { origin, ..best })
    }

    /// Reads the report of `naslens predict`: the overlap of the prior's top tenth with the true one at no label, and that of `predictor` (of the
    /// one that is best at its largest number of labels if None) at each number of labels.
    pub fn read(path: &Path, predictor: Option<&str>) -> Result<Self, RunError> {
        let refuse = |reason: String| {
            let path = path.display();
            RunError::Refused(format!(
                "`{path}` gives no learning curve: {reason}; name the curves.json of naslens predict"
            ))
        };
        let text = std::fs::read_to_string(path).map_err(|e| refuse(e.to_string()))?;
        let report: Value = serde_json::from_str(&text).map_err(|e| refuse(e.to_string()))?;
        let curves: Vec<(&str, &str, usize, f64)> = report["curves"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|c| {
                let overlap = c["measures"]["precision_at_10pct"]["mean"].as_f64()?;
                let correlation = correlation_of_top_overlap(overlap, TOP).unwrap_or(0.0);
                Some((c["kind"].as_str()?, c["name"].as_str()?, c["labels"].as_u64()? as usize, correlation))
            })
            .collect();
        let predictors = || curves.iter().filter(|c| c.0 == "predictor");
        let best = predictors().max_by(|a, b| a.2.cmp(&b.2).then(a.3.total_cmp(&b.3))).map(|c| c.1);
        let name = predictor.or(best).ok_or_else(|| refuse("it has no precision_at_10pct of a predictor".into()))?;
        let mut points: Vec<(usize, f64)> = predictors().filter(|c| c.1 == name).map(|c| (c.2, c.3)).collect();
        if points.is_empty() {
            let mut known: Vec<&str> = predictors().map(|c| c.1).collect();
            known.dedup();
            return Err(refuse(format!("it has no predictor `{name}`; it has {}", known.join(", "))));
        }
        let prior: Vec<f64> = curves.iter().filter(|c| c.0 == "prior").map(|c| c.3).collect();
        if !prior.is_empty() {
            points.push((0, prior.iter().sum::<f64>() / prior.len() as f64));
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        Self::fit(&points, format!("{name} in {file}")).ok_or_else(|| refuse("its points are all alike".into()))
    }
}

/// The least-squares `start` and `limit` for a given `half`.
fn ends(points: &[(usize, f64)], half: f64) -> Option<(f64, f64)> {
    let (mut aa, mut ab, mut bb, mut ar, mut br) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &(n, r) in points {
        let a = half / (half + n as f64);
        let b = 1.0 - a;
        (aa, ab, bb, ar, br) = (aa + a * a, ab + a * b, bb + b * b, ar + a * r, br + b * r);
    }
    let determinant = aa * bb - ab * ab;
    (determinant > 1e-12).then(|| ((ar * bb - br * ab) / determinant, (br * aa - ar * ab) / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::normal_top_overlap;
    use approx::assert_relative_eq;
    use serde_json::json;

    #[test]
    fn a_fit_finds_the_curve_that_made_the_points() {
        let truth = LearningCurve { start: 0.7, limit: 0.96, half: 10f64.powf(1.5), origin: "x".into() };
        let points: Vec<(usize, f64)> = [0, 10, 25, 50, 100, 400].map(|n| (n, truth.correlation(n))).into();
        let found = LearningCurve::fit(&points, "x".into()).unwrap();
        assert_relative_eq!(found.start, truth.start, max_relative = 1e-9);
        assert_relative_eq!(found.limit, truth.limit, max_relative = 1e-9);
        assert_relative_eq!(found.half, truth.half, max_relative = 1e-9);
        assert_eq!(LearningCurve::fit(&points[..1], "x".into()).unwrap().correlation(1_000), 0.7);
        assert_relative_eq!(LearningCurve::fit(&points[..2], "x".into()).unwrap().correlation(10), points[1].1);
        assert_eq!(LearningCurve::fit(&[], "x".into()), None);
    }

    #[test]
    fn reads_what_predict_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("curves.json");
        let curve = |kind: &str, name: &str, labels: usize, mean: f64| json!({ "kind": kind, "name": name, "labels": labels, "measures": { "precision_at_10pct": { "mean": mean } } });
        let curves = json!({ "curves": [
            curve("predictor", "a", 10, 0.8), curve("predictor", "a", 100, 0.9),
            curve("predictor", "b", 10, 0.7), curve("predictor", "b", 100, 0.95),
            curve("prior", "naslens", 10, 0.6), curve("prior", "naslens", 100, 0.6),
        ] });
        std::fs::write(&path, curves.to_string()).unwrap();
        let best = LearningCurve::read(&path, None).unwrap();
        assert_eq!(best.origin, "b in curves.json");
        let overlap = |labels| normal_top_overlap(best.correlation(labels), TOP);
        assert!((overlap(100) - 0.95).abs() < 0.05 && (overlap(0) - 0.6).abs() < 0.05, "{best:?}");
        assert!(LearningCurve::read(&path, Some("c")).unwrap_err().to_string().contains("it has a, b"));
        std::fs::write(&path, "{}").unwrap();
        assert!(LearningCurve::read(&path, None).is_err());
        assert!(LearningCurve::read(&dir.path().join("none"), None).is_err());
    }
}
