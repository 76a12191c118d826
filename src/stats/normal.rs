//! The standard normal distribution.

use statrs::distribution::{ContinuousCDF, Normal};

/// The standard normal quantile `Φ⁻¹(p)`: `Φ⁻¹(0) = -∞`, `Φ⁻¹(1) = +∞`, NaN outside `[0, 1]`.
pub fn normal_quantile(p: f64) -> f64 {
    if (0.0..=1.0).contains(&p) { Normal::standard().inverse_cdf(p) } else { f64::NAN }
}

/// The standard normal distribution function `Φ(z) = erfc(-z / sqrt 2) / 2`. (That of `statrs` has eleven digits only.)
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / std::f64::consts::SQRT_2)
}

/// `E[max(f - best, 0)]` for `f ~ N(mean, std²)`: `std (u Φ(u) + φ(u))` with `u = (mean - best) / std` (Jones, Schonlau &
/// Welch, J. Global Optim. 13, 1998). `std` must be above 0.
pub fn expected_improvement(mean: f64, std: f64, best: f64) -> f64 {
    let u = (mean - best) / std;
    let density = (-0.5 * u * u).exp() / std::f64::consts::TAU.sqrt();
    if u < -5.0 {
        // u Φ(u) + φ(u) cancels out here; its expansion is φ(u) / u².
        return std * density / (u * u);
    }
    std * (u * normal_cdf(u) + density)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn matches_scipy() {
        // from scipy.stats import norm; [norm.ppf(p) for p in (1e-300, 1e-20, 1e-5, .025, .0750001, .3, .5, .8, .995)]
        let golden = [
            (1e-300, -37.0470962993612),
            (1e-20, -9.262340089798409),
            (1e-05, -4.264890793922825),
            (0.025, -1.9599639845400545),
            (0.0750001, -1.4395307645017301),
            (0.3, -0.5244005127080409),
            (0.5, 0.0),
            (0.8, 0.8416212335729143),
            (0.995, 2.5758293035489004),
        ];
        for (p, z) in golden {
            assert_relative_eq!(normal_quantile(p), z, max_relative = 1e-12);
        }
    }

    // from scipy.stats import norm; [norm.cdf(z) for z in (-37, -8, -1.5, .3, 5)]
    #[test]
    fn distribution_matches_scipy() {
        let golden = [
            (-37.0, 5.7255712225239266e-300),
            (-8.0, 6.22096057427174e-16),
            (-1.5, 0.06680720126885807),
            (0.3, 0.6179114221889526),
            (5.0, 0.9999997133484281),
        ];
        for (z, p) in golden {
            assert_relative_eq!(normal_cdf(z), p, max_relative = 1e-12);
        }
    }

    // from scipy.stats import norm; u = (mean - best) / std; std * (u * norm.cdf(u) + norm.pdf(u))
    #[test]
    fn improvement_matches_scipy() {
        for (mean, std, best, golden) in
            [(0.5, 1.0, 0.0, 0.6977965574013061), (-1.0, 0.5, 0.5, 0.00019107715852386374), (2.0, 0.1, 0.0, 2.0)]
        {
            assert_relative_eq!(expected_improvement(mean, std, best), golden, max_relative = 1e-9);
        }
        assert!(expected_improvement(-3.0, 0.5, 0.0) < expected_improvement(-2.4, 0.5, 0.0));
    }

    #[test]
    fn is_odd_and_defined_at_the_ends() {
        assert_eq!(normal_quantile(0.0), f64::NEG_INFINITY);
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
        assert!(normal_quantile(-0.1).is_nan() && normal_quantile(1.1).is_nan() && normal_quantile(f64::NAN).is_nan());
        for p in [0.03125, 0.25, 0.4375] {
            assert_eq!(normal_quantile(p), -normal_quantile(1.0 - p));
        }
    }
}
