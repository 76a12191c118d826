use super::model::Problem;
use super::*;
use crate::encoding::Group;
use crate::seed::Stream;
use crate::stats::{kendall_tau, spearman};
use approx::assert_relative_eq;
use ndarray::{Array1, s};

fn made_up() -> (Array2<f64>, Layout) {
    let x = Array2::from_shape_fn((9, 3), |(i, j)| ((1 + 3 * i + 7 * j * j + i * j) as f64).sin());
    let group = |columns| Group { name: String::new(), columns };
    let scale = x.columns().into_iter().map(|c| (c.mean().unwrap(), c.std(0.0))).collect();
    (x, Layout { groups: vec![group(0..2), group(2..3)], prior: Some(2), scale })
}

const Y: [f64; 6] = [93.0, 90.0, 10.0, 94.0, 91.0, 89.0];

// import numpy as np; from scipy.stats import norm, rankdata
// i, j = np.arange(9)[:, None], np.arange(3)[None]; x = np.sin(1 + 3 * i + 7 * j * j + i * j)
// z = norm.ppf((rankdata([93, 90, 10, 94, 91, 89]) - .5) / 6); t = (x - x.mean(0)) / x.std(0)
// groups, M = [t[:, :2] / 2 ** .5, t[:, 2:]], np.c_[np.ones(9), x[:, 2]]
// def k(a, b):
//     out = (M[a] * [.04, .0225]) @ M[b].T
//     for X in groups:
//         d = np.linalg.norm(X[a][:, None] - X[b][None], axis=2) * 5 ** .5 / 1.2
//         out += .25 * (1 + d + d * d / 3) * np.exp(-d)
//     return out
// a, b = np.arange(6), np.arange(6, 9); K = k(a, a) + (.16 + 1e-6) * np.eye(6); r = z - .8 * x[:6, 2]; S = k(b, a)
// m = .8 * x[6:, 2] + S @ np.linalg.solve(K, r); v = np.diag(k(b, b) - S @ np.linalg.solve(K, S.T)); m, v ** .5
const GOLDEN: [(f64, f64); 3] = [
    (-0.24518217191887526, 0.41813406068160075),
    (-0.38750872754107757, 0.43538709202517967),
    (0.40832464921325573, 0.3405819571736564),
];

#[test]
fn posterior_matches_numpy() {
    let (x, layout) = made_up();
    let inputs = Inputs::new(&layout, x.view(), x.view());
    let (_, z) = NormalScores::of(&Y);
    let typical = Hyperparameters::typical(2);
    let model = Model::fit_with(inputs.select(&[0, 1, 2, 3, 4, 5]), &z, typical).unwrap();
    let new = inputs.select(&[6, 7, 8]);
    let (latent, noise) = model.predict(&new);
    assert_relative_eq!(noise, 0.16 + 1e-6, max_relative = 1e-12);
    let covariance = model.posterior_covariance(&new);
    for (i, ((mean, std), golden)) in latent.into_iter().zip(GOLDEN).enumerate() {
        assert_relative_eq!(mean, golden.0, max_relative = 1e-9);
        assert_relative_eq!(std, golden.1, max_relative = 1e-9);
        assert_relative_eq!(covariance[[i, i]], std * std, max_relative = 1e-9);
    }
}

#[test]
fn leaving_one_out_is_fitting_without_it() {
    let (x, layout) = made_up();
    let inputs = Inputs::new(&layout, x.view(), x.view());
    let (_, z) = NormalScores::of(&Y);
    let typical = Hyperparameters::typical(2);
    let all = Model::fit_with(inputs.select(&[0, 1, 2, 3, 4, 5]), &z, typical.clone()).unwrap().leave_one_out(&z);
    let without = Model::fit_with(inputs.select(&[0, 1, 3, 4, 5]), &[z[0], z[1], z[3], z[4], z[5]], typical).unwrap();
    let (latent, noise) = without.predict(&inputs.select(&[2]));
    assert_relative_eq!(all[2].0, latent[0].0, max_relative = 1e-9);
    assert_relative_eq!(all[2].1, (latent[0].1.powi(2) + noise).sqrt(), max_relative = 1e-9);
}

#[test]
fn the_gradient_of_the_posterior_is_its_slope() {
    let (x, layout) = made_up();
    let inputs = Inputs::new(&layout, x.view(), x.view()).select(&[0, 1, 2, 3, 4, 5]);
    let problem = Problem::new(&inputs, &NormalScores::of(&Y).1);
    let mut h = Hyperparameters::typical(2);
    h.0.iter_mut().zip([0.3, -0.2, 0.1, 0.4, -0.3]).for_each(|(v, d)| *v += d);
    let (_, gradient) = problem.log_posterior(&h).unwrap();
    for (i, slope) in gradient.into_iter().enumerate() {
        let at = |step: f64| {
            let mut moved = h.clone();
            moved.0[i] += step;
            problem.log_posterior(&moved).unwrap().0
        };
        assert_relative_eq!(slope, (at(1e-5) - at(-1e-5)) / 2e-5, max_relative = 1e-5, epsilon = 1e-7);
    }
    let best = problem.maximise(h.clone(), 60).unwrap();
    let (value, gradient) = problem.log_posterior(&best).unwrap();
    assert!(value >= problem.log_posterior(&h).unwrap().0);
    assert!(gradient.iter().all(|g| g.abs() < 0.05), "{gradient:?}");
}

/// Features in two groups; the label depends on a prior column, bent by one feature of each group, and is skewed.
fn population(n: usize, seed: u64) -> (Array2<f64>, Array1<f64>, Layout) {
    let mut rng = Stream::new(seed);
    let x = Array2::from_shape_simple_fn((n, 8), || rng.normal());
    let label = |row: ArrayView1<f64>| -> f64 {
        let z = row[0] + 0.6 * (2.0 * row[1]).sin() - 0.5 * row[5] * row[5] + 0.2 * rng.normal();
        95.0 - (0.3 - z).exp()
    };
    let y = x.rows().into_iter().map(label).collect();
    let group = |columns| Group { name: String::new(), columns };
    let layout = Layout { groups: vec![group(0..4), group(4..8)], prior: Some(0), scale: vec![(0.0, 1.0); 8] };
    (x, y, layout)
}

#[test]
fn starts_from_the_prior_and_learns() {
    let taus: Vec<f64> = [2, 10, 40, 160]
        .map(|n| {
            let of_repeat = |repeat| {
                let (x, y, layout) = population(n + 200, repeat);
                let fitted = GaussianProcess { layout }.fit(x.slice(s![..n, ..]), y.slice(s![..n])).unwrap();
                let means: Vec<f64> = fitted.predict(x.slice(s![n.., ..])).iter().map(|p| p.mean).collect();
                kendall_tau(&means, &y.slice(s![n..]).to_vec()).unwrap()
            };
            (0..5).map(of_repeat).sum::<f64>() / 5.0
        })
        .into();
    let (x, y, _) = population(1000, 9);
    let of_prior = kendall_tau(&x.column(0).to_vec(), &y.to_vec()).unwrap();
    assert!(taus[0] > of_prior - 0.08, "two labels: {taus:?}, prior {of_prior}");
    assert!(taus.windows(2).all(|t| t[1] > t[0]) && taus[3] > of_prior + 0.15, "{taus:?}, prior {of_prior}");
}

#[test]
fn a_useless_prior_is_given_up() {
    let (mut x, y, layout) = population(400, 3);
    let mut rng = Stream::new(4);
    x.column_mut(0).mapv_inplace(|_| rng.normal());
    let fitted = GaussianProcess { layout }.fit(x.slice(s![..150, ..]), y.slice(s![..150])).unwrap();
    let means: Vec<f64> = fitted.predict(x.slice(s![150.., ..])).iter().map(|p| p.mean).collect();
    let (of_labels, of_prior) = (
        spearman(&means, &y.slice(s![150..]).to_vec()).unwrap(),
        spearman(&means, &x.slice(s![150.., 0]).to_vec()).unwrap(),
    );
    assert!(of_labels > of_prior.abs(), "labels {of_labels}, prior {of_prior}");
}

#[test]
fn more_rows_than_a_piece_are_predicted_alike() {
    let (x, y, layout) = population(9000, 5);
    let fitted = GaussianProcess { layout }.fit(x.slice(s![..20, ..]), y.slice(s![..20])).unwrap();
    let all = fitted.predict(x.view());
    let few = fitted.predict(x.slice(s![8990.., ..]));
    for (a, b) in all[8990..].iter().zip(&few) {
        assert_relative_eq!(a.mean, b.mean, max_relative = 1e-12);
        assert_relative_eq!(a.std, b.std, max_relative = 1e-9);
    }
}

#[test]
fn too_many_labels_are_refused_at_once() {
    let (x, y, layout) = population(MAX_LABELS + 1, 6);
    let error = GaussianProcess { layout }.fit(x.view(), y.view()).err().unwrap().to_string();
    assert!(error.contains("takes at most 2000 labels, it has 2001; choose random-forest"), "{error}");
}
