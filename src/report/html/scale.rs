//! Scales with round ticks: linear, and by factors.

use crate::report::format::{fixed, usable};
use crate::stats::range;

/// A range of values that starts and ends on a tick, the ticks 1, 2 or 5 times a power of ten apart.
#[derive(Clone, Debug)]
pub(super) struct Scale {
    /// The ticks, ascending; the first and the last are the ends of the range. At least two.
    pub(super) ticks: Vec<f64>,
    step: f64,
    /// Whether equal factors are equally far apart.
    logarithmic: bool,
    /// Texts of the ticks, where they are not their numbers.
    texts: Option<Vec<String>>,
}

impl Scale {
    /// A scale that covers the usable values with about `target` steps; none when there are none.
    pub(super) fn nice(values: impl IntoIterator<Item = f64>, target: usize) -> Option<Self> {
        let (low, high) = range(values.into_iter().filter(|v| usable(*v)));
        (low <= high).then(|| Self::covering(low, high, target))
    }

    fn covering(low: f64, high: f64, target: usize) -> Self {
        let size = low.abs().max(high.abs());
        // A range of no width, or of one that rounding would swallow, is given one in proportion to its place.
        let (low, high) = if high - low > size * 1e-9 && high - low > 1e-290 {
            (low, high)
        } else {
            let pad = if size > 1e-280 { size * 0.01 } else { 1.0 };
            (low - pad, high + pad)
        };
        let step = round_step((high - low) / target.max(1) as f64);
        // Slack keeps 0.3 / 0.1 = 2.9999999999999996 from costing an empty step.
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let steps = (last - first).max(1.0) as usize;
        Self { ticks: (0..=steps).map(|i| (first + i as f64) * step).collect(), step, logarithmic: false, texts: None }
    }

    /// A scale of equal factors that covers the usable values above zero, its ticks at 1, 2 and 5 times powers of ten, or
    /// at powers of ten where they span more than two; none when there are none.
    pub(super) fn factors(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = range(values.into_iter().filter(|v| usable(*v) && *v > 1e-300));
        if low > high {
            return None;
        }
        let (first, last) = (low.log10().floor() as i32 - 1, high.log10().ceil() as i32 + 1);
        let mantissas: &[f64] = if high / low > 300.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let ticks: Vec<f64> =
            (first..=last).flat_map(|power| mantissas.iter().map(move |m| m * 10_f64.powi(power))).collect();
        // Slack for ticks that are themselves among the values.
        let start = ticks.iter().rposition(|t| *t <= low * (1.0 + 1e-9)).unwrap_or(0);
        let end = ticks.iter().position(|t| *t >= high * (1.0 - 1e-9)).unwrap_or(ticks.len() - 1).max(start + 1);
        Some(Self { ticks: ticks[start..=end].to_vec(), step: ticks[start], logarithmic: true, texts: None })
    }

    /// As [`Scale::nice`] for whole numbers: no tick between two of them.
    pub(super) fn whole(values: impl Iterator<Item = f64> + Clone, target: usize) -> Option<Self> {
        let (low, high) = range(values.clone());
        let range = if high > low { (high - low) as usize } else { 1 };
        // A single value would be padded by fractions of it.
        let pad = (high <= low).then_some(low + 1.0);
        Self::nice(values.chain(pad), target.min(range))
    }

    /// A scale of log₁₀ seconds that covers the values, which are log₁₀ seconds, with a tick at every power of ten.
    pub(super) fn decades(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = range(values.into_iter().filter(|v| usable(*v)));
        if low > high {
            return None;
        }
        let (first, last) = (low.floor(), high.ceil());
        let ticks: Vec<f64> = (0..=(last - first).clamp(1.0, 40.0) as usize).map(|i| first + i as f64).collect();
        let text = |power: f64| match power as i32 {
            p if p < -3 => format!("{} µs", fixed(10_f64.powi(p + 6), (-6 - p).max(0) as usize)),
            p if p < 0 => format!("{} ms", fixed(10_f64.powi(p + 3), 0)),
            p => format!("{} s", fixed(10_f64.powi(p), 0)),
        };
        let texts = Some(ticks.iter().map(|t| text(*t)).collect());
        Some(Self { ticks, step: 1.0, logarithmic: false, texts })
    }

    /// The first tick and the last.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.ticks[0], self.ticks[self.ticks.len() - 1])
    }

    /// Where a value lies between the first tick (0) and the last (1); values outside are put at the ends.
    pub(super) fn fraction(&self, value: f64) -> f64 {
        let (low, high) = self.ends();
        if self.logarithmic {
            return ((value.max(low) / low).ln() / (high / low).ln()).clamp(0.0, 1.0);
        }
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    }

    /// Whether zero is inside the range.
    pub(super) fn holds_zero(&self) -> bool {
        (self.ends().0..=self.ends().1).contains(&0.0)
    }

    /// The ticks with their labels, all in one unit and with the decimals that tell neighbours apart.
    pub(super) fn labels(&self) -> Vec<(f64, String)> {
        if self.logarithmic {
            let decimals = |tick: f64| (-(tick.log10() + 1e-9).floor()).max(0.0) as usize;
            let label = |tick: f64| match tick {
                t if (1e-4..1e4).contains(&t) => fixed(t, decimals(t)),
                t if (1e4..1e15).contains(&t) => {
                    crate::report::format::compact(t as u64).replace(".00", "").replace(".0", "")
                }
                t => format!("{t:e}"),
            };
            return self.ticks.iter().map(|&t| (t, label(t))).collect();
        }
        if let Some(texts) = &self.texts {
            return self.ticks.iter().copied().zip(texts.iter().cloned()).collect();
        }
        let largest = self.ticks.iter().fold(0.0_f64, |m, t| m.max(t.abs()));
        let thousands = (largest.log10() / 3.0).floor() as i32;
        let (power, suffix) = match thousands {
            _ if (1e-2..1e4).contains(&largest) => (0, String::new()),
            1..=4 => (3 * thousands, ["k", "M", "G", "T"][thousands as usize - 1].to_owned()),
            _ => (3 * thousands, format!("e{}", 3 * thousands)),
        };
        let decimals = (f64::from(power) - (self.step.log10() + 1e-9).floor()).max(0.0) as usize;
        let label = |tick: f64| match tick {
            // (first + i) × step is exactly zero where the tick is zero.
            0.0 => "0".to_owned(),
            tick => format!("{}{suffix}", fixed(tick / 10_f64.powi(power), decimals)),
        };
        self.ticks.iter().map(|&t| (t, label(t))).collect()
    }
}

/// The one of 1, 2 and 5 times a power of ten that is nearest in proportion.
fn round_step(raw: f64) -> f64 {
    let power = 10_f64.powf(raw.log10().floor());
    let factor = match raw / power {
        f if f < 2_f64.sqrt() => 1.0,
        f if f < 10_f64.sqrt() => 2.0,
        f if f < 50_f64.sqrt() => 5.0,
        _ => 10.0,
    };
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_cover_the_range_in_steps_of_one_two_or_five() {
        // A fixed walk over widths and places, 30 decades each.
        for i in 0..4000_u64 {
            let x = (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 53) as f64;
            let width = 10_f64.powf(x * 30.0 - 15.0);
            let low = width * ((i % 41) as f64 - 20.0) * 0.37;
            let scale = Scale::nice([low, low + width], 5).unwrap();
            let (first, last) = (scale.ticks[0], *scale.ticks.last().unwrap());
            let slack = scale.step * 1e-6;
            assert!(first <= low + slack && last >= low + width - slack, "{low} {width} {:?}", scale.ticks);
            assert!(first > low - scale.step && last < low + width + scale.step, "{low} {width} {:?}", scale.ticks);
            assert!((3..=10).contains(&scale.ticks.len()), "{low} {width} {:?}", scale.ticks);
            let mantissa = scale.step / 10_f64.powf((scale.step.log10() + 1e-9).floor());
            assert!([1.0, 2.0, 5.0].iter().any(|m| (mantissa - m).abs() < 1e-6), "{mantissa}");
            for pair in scale.ticks.windows(2) {
                assert!(((pair[1] - pair[0]) / scale.step - 1.0).abs() < 1e-6);
            }
            let mut labels: Vec<_> = scale.labels().into_iter().map(|(_, label)| label).collect();
            labels.dedup();
            assert_eq!(labels.len(), scale.ticks.len(), "{labels:?}");
        }
    }

    #[test]
    fn odd_ranges_still_make_a_scale() {
        for values in [[0.0, 0.0], [91.2, 91.2], [1e20, 1e20], [-1e299, 1e299], [0.0, 1e-310], [5e-324, 5e-324]] {
            let scale = Scale::nice(values, 5).unwrap();
            assert!(scale.ticks.iter().all(|t| t.is_finite()), "{values:?} {:?}", scale.ticks);
            assert!(scale.ticks.windows(2).all(|p| p[0] < p[1]), "{values:?} {:?}", scale.ticks);
            assert!(scale.fraction(values[0]).is_finite());
        }
        assert!(Scale::nice([f64::NAN, f64::INFINITY], 5).is_none());
        assert!(Scale::nice([], 5).is_none());
    }

    #[test]
    fn factors_cover_the_range() {
        let labels = |values: &[f64]| {
            let scale = Scale::factors(values.iter().copied()).unwrap();
            scale.labels().into_iter().map(|(_, l)| l).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(labels(&[1.0, 100.0]), "1 2 5 10 20 50 100");
        assert_eq!(labels(&[0.03, 0.4]), "0.02 0.05 0.1 0.2 0.5");
        assert_eq!(labels(&[3.0, 3.0]), "2 5");
        assert_eq!(labels(&[1.0, 2.0e6]), "1 10 100 1,000 10 k 100 k 1 M 10 M");
        let scale = Scale::factors([1.0, 100.0]).unwrap();
        assert_eq!([0.0, 1.0, 10.0, 100.0, 1e9].map(|v| scale.fraction(v)), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert!(Scale::factors([0.0, -1.0, f64::NAN]).is_none());
    }

    #[test]
    fn whole_numbers_have_no_ticks_between_them() {
        let ticks = |last: u64| Scale::whole((1..=last).map(|e| e as f64), 6).unwrap().ticks;
        assert_eq!([ticks(1), ticks(2)], [[1.0, 2.0]; 2]);
        assert_eq!(ticks(4), [1.0, 2.0, 3.0, 4.0]);
        assert!(ticks(200).iter().all(|t| t.fract() == 0.0));
    }

    #[test]
    fn decades_are_times() {
        let scale = Scale::decades([-5.3, -0.4]).unwrap();
        let labels: Vec<_> = scale.labels().into_iter().map(|(_, l)| l).collect();
        assert_eq!(labels, ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"]);
        assert!(Scale::decades([0.2, 0.3]).unwrap().ticks.len() > 1 && Scale::decades([]).is_none());
    }

    #[test]
    fn labels_carry_a_unit_and_enough_decimals() {
        let shown = |low, high| {
            let labels = Scale::nice([low, high], 4).unwrap().labels();
            labels.into_iter().map(|(_, l)| l).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(62.1, 88.0), "60 65 70 75 80 85 90");
        assert_eq!(shown(-0.2, 0.8), "−0.2 0 0.2 0.4 0.6 0.8");
        assert_eq!(shown(0.0, 2_000_000.0), "0 0.5M 1.0M 1.5M 2.0M");
        assert_eq!(shown(0.0, 4e21), "0 1e21 2e21 3e21 4e21");
        assert_eq!(shown(0.0, 4e-6), "0 1e-6 2e-6 3e-6 4e-6");
    }
}
