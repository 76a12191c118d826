//! An ensemble of small neural networks.

use ndarray::{Array2, ArrayView1, ArrayView2};
use tch::{Device, Kind, TchError, Tensor};

use super::fitted::ByRow;
use super::gaussian_process::labels::NormalScores;
use super::ridge::Standardiser;
use super::{FittedPredictor, Predictor, PredictorEntry, PredictorError, check, require};
use crate::seed::Stream;

pub(super) static ENTRY: PredictorEntry = PredictorEntry {
    name: "mlp-ensemble",
    title: "Ensemble of neural networks",
    what: "five small networks, each trained without a fifth of the labels; their spread and held-out error give the uncertainty",
    paper: "White et al., BANANAS, AAAI 2021; Lakshminarayanan et al., Deep ensembles, NeurIPS 2017; Krogh & Vedelsby, NeurIPS 1994",
    open: &|seed, _| Box::new(MlpEnsemble::new(seed)),
};

const MIN_LABELS: usize = 6;
/// Decay rates of the first and second moment, and the term that keeps the division finite, of Adam.
const BETAS: (f64, f64) = (0.9, 0.999);
const ADAM_EPSILON: f64 = 1e-8;

/// Ensemble of multilayer perceptrons on normal scores.
///
/// Columns are standardised to `x`; labels become normal scores `z` (their ranks as quantiles of the standard normal).
/// Member `m` of `M` has one hidden layer of width `h`, over `p` columns
///
/// ```text
/// f_m(x) = b + v·tanh(W x / √p + c) / √h        entries of W, c, v ~ N(0, 1), b = 0 at the start
/// ```
///
/// and is trained on the rows `R_m`, all but every `M`-th of a shuffled order, on which it minimises, by `steps` steps of
/// Adam (Kingma & Ba, ICLR 2015) on all of them at once,
///
/// ```text
/// Σ_{i in R_m} (z_i - f_m(x_i))² / |R_m| + κ (|W|² + |c|² + |v|²) / |R_m|
/// ```
///
/// (`κ` is `decay`: the noise variance under which this is the most probable network for N(0, 1) weights.) A prediction
/// has in the scale of `z`
///
/// ```text
/// mean = average of f_m        std² = V + max(0, average over rows i of e_i² - V_i)
/// ```
///
/// with `V` the variance between members (divisor `M - 1`) and `e_i` the error on row `i` of the one member that did not
/// see it. It is put back into the unit of the labels as in [`super::GaussianProcess`]. That one member's output is also the
/// held-out prediction of the row. As an average errs less than a single member, `std` is on the large side: on made-up data
/// `mean ± std` held 80% of new labels instead of 68%.
///
/// Initial weights are drawn from `Stream::named(seed, "mlp-ensemble.{m}")`, the order from `Stream::named(seed,
/// "mlp-ensemble")`. Needs 6 labels. In float64 on the CPU, all members at once: time `O(steps · M · n p h)`.
#[derive(Clone, Copy, Debug)]
pub struct MlpEnsemble {
    /// Number of networks `M`. At least 2; with fewer labels, one per label.
    pub members: usize,
    /// Width `h` of the hidden layer. At least 1.
    pub width: usize,
    /// Number of steps. At least 1.
    pub steps: usize,
    /// Step length of Adam. Positive and finite.
    pub learning_rate: f64,
    /// Weight decay `κ`. Zero or more, finite.
    pub decay: f64,
    /// Seed of weights and order.
    pub seed: u64,
}

impl MlpEnsemble {
    /// Five networks of width 16, 150 steps of 0.03, decay 0.15.
    pub fn new(seed: u64) -> Self {
        MlpEnsemble { members: 5, width: 16, steps: 150, learning_rate: 0.03, decay: 0.15, seed }
    }

    fn guard(&self) -> Result<(), PredictorError> {
        require(ENTRY.name, "members", self.members, self.members > 1, "at least 2")?;
        require(ENTRY.name, "width", self.width, self.width > 0, "at least 1")?;
        require(ENTRY.name, "steps", self.steps, self.steps > 0, "at least 1")?;
        let rate = self.learning_rate > 0.0 && self.learning_rate.is_finite();
        require(ENTRY.name, "learning_rate", self.learning_rate, rate, "positive and finite")?;
        let decay = self.decay >= 0.0 && self.decay.is_finite();
        require(ENTRY.name, "decay", self.decay, decay, "zero or more and finite")
    }

    /// 1 where a member (row) sees a label (column).
    fn seen(&self, n: usize) -> Array2<f64> {
        let mut order: Vec<usize> = (0..n).collect();
        Stream::named(self.seed, ENTRY.name).shuffle(&mut order);
        let members = self.members.min(n);
        let mut seen = Array2::ones((members, n));
        order.iter().enumerate().for_each(|(position, row)| seen[[position % members, *row]] = 0.0);
        seen
    }

    fn train(&self, x: &Array2<f64>, z: &[f64], seen: &Array2<f64>) -> Result<Vec<Network>, TchError> {
        let values: Vec<f64> = x.iter().copied().collect();
        let x = Tensor::f_from_slice(&values)?.f_reshape([1, x.nrows() as i64, x.ncols() as i64])?;
        let target = Tensor::f_from_slice(z)?.f_unsqueeze(0)?;
        let share: Vec<f64> = seen.rows().into_iter().flat_map(|row| row.mapv(|v| v / row.sum())).collect();
        let share = Tensor::f_from_slice(&share)?.f_reshape([seen.nrows() as i64, seen.ncols() as i64])?;
        // By member, as the mean over its rows is.
        let decay = share.f_amax([1i64], true)?.f_unsqueeze(2)?.f_mul_scalar(self.decay)?;
        let mut parameters = self.draw(seen.nrows(), x.size()[2])?;
        let zeros = || parameters.iter().map(Tensor::f_zeros_like).collect::<Result<Vec<_>, _>>();
        let (mut first, mut second) = (zeros()?, zeros()?);
        for step in 1..=self.steps {
            let misfit = outputs(&parameters, &x)?.f_sub(&target)?.f_square()?;
            let mut loss = misfit.f_mul(&share)?.f_sum(Kind::Double)?;
            for weights in &parameters[..3] {
                loss = loss.f_add(&weights.f_square()?.f_mul(&decay)?.f_sum(Kind::Double)?)?;
            }
            let gradients = Tensor::f_run_backward(&[loss], &parameters, false, false)?;
            let _no_grad = tch::no_grad_guard();
            let corrections = (1.0 - BETAS.0.powi(step as i32), 1.0 - BETAS.1.powi(step as i32));
            for (i, g) in gradients.iter().enumerate() {
                first[i] = first[i].f_mul_scalar(BETAS.0)?.f_add(&g.f_mul_scalar(1.0 - BETAS.0)?)?;
                second[i] = second[i].f_mul_scalar(BETAS.1)?.f_add(&g.f_square()?.f_mul_scalar(1.0 - BETAS.1)?)?;
                let scale = second[i].f_div_scalar(corrections.1)?.f_sqrt()?.f_add_scalar(ADAM_EPSILON)?;
                let change = first[i].f_div(&scale)?.f_mul_scalar(self.learning_rate / corrections.0)?;
                let _ = parameters[i].f_sub_(&change)?;
            }
        }
        let _no_grad = tch::no_grad_guard();
        (0..seen.nrows() as i64).map(|member| Network::of(&parameters, member)).collect()
    }

    /// `W` (M, p, h), `c` (M, 1, h), `v` (M, h, 1) and `b` (M, 1, 1) of all members at the start of training.
    fn draw(&self, members: usize, columns: i64) -> Result<Vec<Tensor>, TchError> {
        let (m, h) = (members as i64, self.width as i64);
        let shapes = [[m, columns, h], [m, 1, h], [m, h, 1]];
        let mut values: [Vec<f64>; 3] = Default::default();
        for member in 0..members {
            let mut stream = Stream::named(self.seed, &format!("{}.{member}", ENTRY.name));
            for (values, shape) in values.iter_mut().zip(shapes) {
                values.extend((0..shape[1] * shape[2]).map(|_| stream.normal()));
            }
        }
        let drawn = values.iter().zip(shapes).map(|(v, shape)| Tensor::f_from_slice(v)?.f_reshape(shape));
        let mut parameters = drawn.collect::<Result<Vec<_>, TchError>>()?;
        parameters.push(Tensor::f_zeros([m, 1, 1], (Kind::Double, Device::Cpu))?);
        parameters.iter().map(|p| p.f_set_requires_grad(true)).collect()
    }
}

/// `f_m` of all members at the rows of `x`, shape (1, n, p), as (M, n).
fn outputs(parameters: &[Tensor], x: &Tensor) -> Result<Tensor, TchError> {
    let [w, c, v, b] = parameters else { return Err(TchError::Torch("a network has four parameters".into())) };
    let (members, columns, width) = w.size3()?;
    let hidden = x.f_expand([members, -1, -1], false)?.f_bmm(w)?.f_div_scalar((columns as f64).sqrt())?;
    let hidden = hidden.f_add(c)?.f_tanh()?;
    hidden.f_bmm(v)?.f_div_scalar((width as f64).sqrt())?.f_add(b)?.f_squeeze_dim(2)
}

/// A trained member, without libtorch: its tensors cannot be shared between threads. The roots are in the weights.
struct Network {
    /// Shape (h, p).
    w: Array2<f64>,
    c: Vec<f64>,
    v: Vec<f64>,
    b: f64,
}

impl Network {
    fn of(parameters: &[Tensor], member: i64) -> Result<Self, TchError> {
        let values = |i: usize| -> Result<Vec<f64>, TchError> {
            let tensor = parameters[i].f_select(0, member)?.f_tr()?.f_contiguous()?;
            Vec::try_from(tensor.f_flatten(0, -1)?)
        };
        let (w, c, v, b) = (values(0)?, values(1)?, values(2)?, values(3)?);
        let (columns, width) = (w.len() / c.len(), c.len());
        let w = Array2::from_shape_vec((width, columns), w).map_err(|e| TchError::Torch(e.to_string()))?;
        let v = v.into_iter().map(|v| v / (width as f64).sqrt()).collect();
        Ok(Network { w: w / (columns as f64).sqrt(), c, v, b: b[0] })
    }

    /// `f_m(x)`.
    fn at(&self, x: ArrayView1<f64>) -> f64 {
        let unit = |((w, c), v): ((ArrayView1<f64>, &f64), &f64)| {
            v * (w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + c).tanh()
        };
        self.b + self.w.rows().into_iter().zip(&self.c).zip(&self.v).map(unit).sum::<f64>()
    }
}

fn failed(error: TchError) -> PredictorError {
    PredictorError::Numerical { predictor: ENTRY.name, reason: error.to_string() }
}

impl Predictor for MlpEnsemble {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn fit(&self, x: ArrayView2<f64>, y: ArrayView1<f64>) -> Result<Box<dyn FittedPredictor>, PredictorError> {
        self.guard()?;
        check(ENTRY.name, &x, &y, MIN_LABELS)?;
        let standardiser = Standardiser::new(x);
        let x = standardiser.apply(x);
        let (labels, z) = NormalScores::of(&y.to_vec());
        let seen = self.seen(z.len());
        // Tensors this small lose tenfold to a second thread, and one thread always adds in the same order.
        let threads = tch::get_num_threads();
        tch::set_num_threads(1);
        let trained = self.train(&x, &z, &seen);
        tch::set_num_threads(threads);
        let networks = trained.map_err(failed)?;
        let outputs: Vec<Vec<f64>> = x.rows().into_iter().map(|x| networks.iter().map(|f| f.at(x)).collect()).collect();
        let alone: Vec<f64> = outputs.iter().zip(seen.columns()).map(|(f, seen)| unseen(f, seen)).collect();
        let spread: Vec<f64> = outputs.iter().map(|f| moments_of(f).1).collect();
        let excess = z.iter().zip(&alone).zip(&spread).map(|((z, f), v)| (z - f).powi(2) - v);
        let noise = (excess.sum::<f64>() / z.len() as f64).max(0.0);
        let prediction = move |mean: f64, spread: f64| labels.prediction(mean, (spread + noise).sqrt());
        let held_out = Some(alone.iter().zip(&spread).map(|(f, v)| prediction(*f, *v)).collect());
        let predict = move |row: ArrayView1<f64>| {
            let x = standardiser.row(row);
            let (mean, spread) = moments_of(&networks.iter().map(|network| network.at(x.view())).collect::<Vec<_>>());
            prediction(mean, spread)
        };
        Ok(Box::new(ByRow { width: x.ncols(), held_out, predict }))
    }
}

/// The output of the first member that did not see the row; there is one.
fn unseen(outputs: &[f64], seen: ArrayView1<f64>) -> f64 {
    outputs.iter().zip(seen).find(|(_, seen)| **seen == 0.0).map_or(f64::NAN, |(f, _)| *f)
}

/// Mean and sample variance.
fn moments_of(values: &[f64]) -> (f64, f64) {
    let values = ArrayView1::from(values);
    (values.sum() / values.len() as f64, values.var(1.0))
}

#[cfg(test)]
mod tests {
    use super::super::ridge::tests::made_up;
    use super::*;
    use crate::stats::spearman;
    use approx::assert_relative_eq;
    use ndarray::{Array1, s};

    /// Accuracies crowded below a ceiling: a curved function of three of six features.
    fn skewed(n: usize, stream: &mut Stream) -> (Array2<f64>, Array1<f64>) {
        let x = Array2::from_shape_simple_fn((n, 6), || stream.normal());
        let height = |r: ArrayView1<f64>, noise: f64| r[0] + (1.5 * r[1]).sin() - 0.5 * r[2] * r[2] + 0.4 * noise;
        let y = x.rows().into_iter().map(|r| 94.0 - (-height(r, stream.normal())).exp()).collect();
        (x, y)
    }

    #[test]
    fn ranks_skewed_labels_and_covers_new_ones() {
        let (mut rho, mut rho_of_line, mut inside, mut alone) = (0.0, 0.0, 0, 0);
        for repeat in 0..5 {
            let (x, y) = skewed(300, &mut Stream::new(repeat));
            let (seen, new) = (s![..100, ..], s![100.., ..]);
            let labels = y.slice(s![100..]).to_vec();
            let by = |predictor: &dyn Predictor| {
                let fitted = predictor.fit(x.slice(seen), y.slice(s![..100])).unwrap();
                let predictions = fitted.predict(x.slice(new));
                let means: Vec<f64> = predictions.iter().map(|p| p.mean).collect();
                let rho = spearman(&means, &labels).unwrap();
                (rho, super::super::coverage(&predictions, &labels, 0.68).0, fitted.held_out())
            };
            let (found, covered, held_out) = by(&MlpEnsemble::new(repeat));
            (rho, inside) = (rho + found / 5.0, inside + covered);
            alone += super::super::coverage(&held_out.unwrap(), &y.to_vec(), 0.68).0;
            rho_of_line += by(&super::super::BaggedRidge::new(repeat)).0 / 5.0;
        }
        assert!(rho > rho_of_line + 0.03, "{rho} against {rho_of_line} of a line");
        assert!((600..860).contains(&inside), "68% intervals hold {inside} of 1000 new labels");
        assert!((300..420).contains(&alone), "68% intervals hold {alone} of 500 held-out labels");
    }

    #[test]
    fn training_reaches_the_minimum_and_keeps_the_held_out_rows_out() {
        // Without decay and with width to spare a network runs through the labels it sees, not through those it does not.
        let (x, y) = made_up(15, 3);
        let predictor = MlpEnsemble { decay: 0.0, steps: 1000, ..MlpEnsemble::new(2) };
        let z = Standardiser::new(x.view()).apply(x.view());
        let (_, scores) = NormalScores::of(&y.to_vec());
        let seen = predictor.seen(15);
        assert!(seen.columns().into_iter().all(|row| row.sum() == 4.0));
        tch::set_num_threads(1);
        let networks = predictor.train(&z, &scores, &seen).unwrap();
        for (network, seen) in networks.iter().zip(seen.rows()) {
            let errors = |value: f64| {
                let rows = (0..15).filter(move |i| seen[*i] == value);
                rows.map(|i| (network.at(z.row(i)) - scores[i]).abs()).fold(0.0, f64::max)
            };
            assert!(errors(1.0) < 0.05 && errors(0.0) > 0.1, "{} {}", errors(1.0), errors(0.0));
        }
        let other = MlpEnsemble { seed: 3, ..predictor }.train(&z, &scores, &seen).unwrap();
        assert!(other[0].b != networks[0].b);
    }

    #[test]
    fn heavy_decay_predicts_the_median() {
        let (x, y) = made_up(15, 3);
        let fitted = MlpEnsemble { decay: 1e4, steps: 1000, ..MlpEnsemble::new(2) }.fit(x.view(), y.view()).unwrap();
        let mut sorted = y.to_vec();
        sorted.sort_by(f64::total_cmp);
        let deviation = y.std(0.0);
        for prediction in fitted.predict(x.view()) {
            assert_relative_eq!(prediction.mean, sorted[7], epsilon = 0.2 * deviation);
            assert!(prediction.std > 0.5 * deviation);
        }
    }

    #[test]
    fn parameters_are_checked() {
        let (x, y) = made_up(8, 2);
        let good = MlpEnsemble::new(1);
        let bad = [
            ("members", MlpEnsemble { members: 1, ..good }),
            ("width", MlpEnsemble { width: 0, ..good }),
            ("steps", MlpEnsemble { steps: 0, ..good }),
            ("learning_rate", MlpEnsemble { learning_rate: f64::NAN, ..good }),
            ("decay", MlpEnsemble { decay: -1.0, ..good }),
        ];
        for (name, predictor) in bad {
            let error = predictor.fit(x.view(), y.view()).err().unwrap();
            assert!(matches!(error, PredictorError::Parameter { parameter, .. } if parameter == name), "{error}");
        }
    }
}
