//! The standard normal quantile function.

/// The standard normal quantile `Φ⁻¹(p)`: `Φ⁻¹(0) = -∞`, `Φ⁻¹(1) = +∞`, NaN outside `[0, 1]`.
///
/// Rational approximations of Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Appl.
/// Stat. 37 (1988), routine PPND16: relative error about 1e-16. The three ranges and the coefficients, rounded to
/// double precision, are those of the paper.
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&CENTRE, 0.180_625 - q * q);
    }
    let tail = p.min(1.0 - p);
    if tail == 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-tail.ln()).sqrt();
    let z = if r <= 5.0 { ratio(&TAIL, r - 1.6) } else { ratio(&FAR_TAIL, r - 5.0) };
    z.copysign(q)
}

/// Numerator and denominator, lowest power first.
type Rational = [[f64; 8]; 2];

fn ratio([numerator, denominator]: &Rational, x: f64) -> f64 {
    let horner = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(numerator) / horner(denominator)
}

const CENTRE: Rational = [
    [
        3.387_132_872_796_366_5,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_3e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_7e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_854e3,
    ],
];

const TAIL: Rational = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_4e-2,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_8e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];

const FAR_TAIL: Rational = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_7e-1,
        2.653_218_952_657_612_4e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_7e-15,
    ],
];

/// The standard normal distribution function `Φ(z) = erfc(-z / sqrt 2) / 2`.
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
            assert_relative_eq!(normal_quantile(p), z, max_relative = 2e-15);
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
