//! Names beside points without overlap.

/// A rectangle in user units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Box {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Box {
    /// The box around a point.
    pub(super) fn around(x: f64, y: f64, half: f64) -> Self {
        Box { left: x - half, top: y - half, right: x + half, bottom: y + half }
    }

    fn overlap(&self, other: &Box) -> f64 {
        let across = self.right.min(other.right) - self.left.max(other.left);
        let down = self.bottom.min(other.bottom) - self.top.max(other.top);
        across.max(0.0) * down.max(0.0)
    }
}

/// For each point, in order, the box of its name: of the places around it, nearer ones first, the first that is inside
/// `plot` and touches neither a name placed before it nor anything of `taken`; else the one that touches least.
/// `widths` are those of the names, all of them `height` tall.
pub(super) fn place(points: &[(f64, f64)], widths: &[f64], height: f64, plot: Box, taken: &[Box]) -> Vec<Box> {
    let mut taken = taken.to_vec();
    let mut placed = Vec::new();
    for (&(x, y), &width) in points.iter().zip(widths) {
        let candidates =
            [7.0, 12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 90.0, 110.0, 135.0, 160.0].into_iter().flat_map(|away| {
                (0..16).map(move |step| {
                    // Right first, then left, above, below, and between.
                    let turn = [0, 8, 12, 4, 15, 1, 9, 7, 14, 2, 10, 6, 13, 3, 11, 5][step] as f64 / 16.0;
                    let (sin, cos) = (turn * std::f64::consts::TAU).sin_cos();
                    let (cx, cy) = (x + cos * (away + width / 2.0), y + sin * (away + height / 2.0));
                    Box {
                        left: cx - width / 2.0,
                        top: cy - height / 2.0,
                        right: cx + width / 2.0,
                        bottom: cy + height / 2.0,
                    }
                })
            });
        let cost = |b: &Box| {
            let outside = (plot.left - b.left).max(0.0)
                + (b.right - plot.right).max(0.0)
                + (plot.top - b.top).max(0.0)
                + (b.bottom - plot.bottom).max(0.0);
            outside * 100.0 + taken.iter().map(|t| b.overlap(t)).sum::<f64>()
        };
        let mut best: Option<(f64, Box)> = None;
        for candidate in candidates {
            let cost = cost(&candidate);
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, candidate));
            }
            if cost == 0.0 {
                break;
            }
        }
        if let Some((_, chosen)) = best {
            taken.push(chosen);
            placed.push(chosen);
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_crowd_do_not_overlap() {
        let points: Vec<_> =
            (0..20).map(|i| (150.0 + 9.0 * f64::from(i % 5), 150.0 + 11.0 * f64::from(i / 5))).collect();
        let plot = Box { left: 0.0, top: 0.0, right: 400.0, bottom: 400.0 };
        let marks: Vec<_> = points.iter().map(|&(x, y)| Box::around(x, y, 4.0)).collect();
        let boxes = place(&points, &[50.0; 20], 14.0, plot, &marks);
        for (i, a) in boxes.iter().enumerate() {
            assert!(a.left >= 0.0 && a.right <= 400.0);
            assert!(boxes[..i].iter().chain(&marks).all(|b| a.overlap(b) == 0.0), "{i}");
        }
    }
}
