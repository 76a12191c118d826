//! How proxies and ensembles fared where accuracies are known: the figures of docs/proxies.md, which says how each was
//! measured. Change them together with that text.

use Published::{AllStrings, SuiteZero};

/// A Spearman correlation with accuracy, and the bounds of its 95% interval.
pub type Spearman = [f64; 3];

/// What others report for NAS-Bench-201 on CIFAR-10 with images of CIFAR-10.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Published {
    /// Over all 15,625 strings: FreeREA, or AZ-NAS for its own ensemble.
    AllStrings(f64),
    /// Over the 9,445 strings of NAS-Bench-Suite-Zero, which leaves out cells with unreachable operations.
    SuiteZero(f64),
}

/// The figures of one proxy or ensemble.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Its name.
    pub name: &'static str,
    /// 500 strings of NAS-Bench-201, CIFAR-10, digits as input.
    pub nas_bench_201: Spearman,
    /// What others report for the same space and accuracy.
    pub published: Option<Published>,
    /// 500 modules of NAS-Bench-101, CIFAR-10, digits as input.
    pub nas_bench_101: Spearman,
    /// The 1,000 cells of `fashion-cells.parquet`, four epochs on a reduced Fashion-MNIST.
    pub fashion_cells: Spearman,
    /// Milliseconds of processor time per NAS-Bench-201 network when it is computed alone; None for ensembles.
    pub cost_ms: Option<f64>,
    /// Largest relative difference from the authors' own function, 20 networks, equal weights and inputs.
    pub agreement: Option<f64>,
}

const fn row(
    name: &'static str,
    nas_bench_201: Spearman,
    published: Option<Published>,
    nas_bench_101: Spearman,
    fashion_cells: Spearman,
    cost_ms: Option<f64>,
    agreement: Option<f64>,
) -> Measured {
    Measured { name, nas_bench_201, published, nas_bench_101, fashion_cells, cost_ms, agreement }
}

/// The figures of the proxy or ensemble called `name`, if it was measured.
pub fn of(name: &str) -> Option<&'static Measured> {
    MEASURED.iter().find(|m| m.name == name)
}

/// All figures.
#[rustfmt::skip]
static MEASURED: &[Measured] = &[
    row("params", [0.772, 0.733, 0.808], Some(AllStrings(0.753)), [0.424, 0.349, 0.501], [0.316, 0.255, 0.372], Some(0.0), None),
    row("params@live", [0.837, 0.802, 0.863], None, [0.424, 0.349, 0.501], [0.316, 0.255, 0.372], Some(0.0), None),
    row("flops", [0.772, 0.733, 0.808], Some(SuiteZero(0.770)), [0.423, 0.349, 0.499], [0.316, 0.255, 0.372], Some(0.0), None),
    row("flops@live", [0.837, 0.802, 0.863], None, [0.423, 0.349, 0.499], [0.316, 0.255, 0.372], Some(0.0), None),
    row("layers", [0.766, 0.719, 0.805], None, [0.595, 0.530, 0.654], [0.484, 0.433, 0.532], Some(0.0), None),
    row("activations", [0.766, 0.719, 0.805], None, [0.313, 0.231, 0.393], [0.484, 0.433, 0.532], Some(0.0), None),
    row("l2_norm", [0.743, 0.694, 0.787], Some(SuiteZero(0.746)), [0.421, 0.343, 0.497], [0.490, 0.436, 0.538], Some(1.0), None),
    row("synflow", [0.799, 0.755, 0.833], Some(AllStrings(0.769)), [0.370, 0.291, 0.446], [0.385, 0.324, 0.438], Some(2.2), Some(6e-9)),
    row("synflow@bn", [0.170, 0.083, 0.259], None, [-0.383, -0.473, -0.292], [0.116, 0.050, 0.174], Some(13.0), Some(6e-16)),
    row("logsynflow", [0.825, 0.787, 0.854], Some(AllStrings(0.826)), [0.383, 0.307, 0.462], [0.373, 0.311, 0.427], Some(12.0), None),
    row("naswot", [0.816, 0.776, 0.850], Some(AllStrings(0.793)), [0.307, 0.220, 0.389], [0.571, 0.524, 0.615], Some(43.0), None),
    row("naswot@reference", [0.810, 0.766, 0.844], Some(AllStrings(0.793)), [0.307, 0.220, 0.389], [0.571, 0.524, 0.615], Some(51.0), Some(5e-7)),
    row("grad_norm", [0.624, 0.555, 0.685], Some(SuiteZero(0.600)), [-0.322, -0.400, -0.236], [-0.303, -0.361, -0.243], Some(147.0), Some(2e-4)),
    row("grad_norm@global", [0.531, 0.455, 0.597], None, [-0.374, -0.447, -0.292], [-0.555, -0.602, -0.504], Some(146.0), None),
    row("snip", [0.621, 0.549, 0.683], Some(SuiteZero(0.603)), [-0.294, -0.373, -0.206], [-0.285, -0.344, -0.224], Some(146.0), Some(3e-4)),
    row("plain", [-0.131, -0.234, -0.037], Some(SuiteZero(-0.352)), [-0.387, -0.462, -0.307], [-0.292, -0.356, -0.236], Some(145.0), Some(2e-2)),
    row("jacov", [0.792, 0.745, 0.828], Some(SuiteZero(0.799)), [0.284, 0.199, 0.362], [0.563, 0.512, 0.614], Some(120.0), Some(1e-4)),
    row("epe_nas", [0.778, 0.732, 0.815], Some(SuiteZero(0.772)), [0.178, 0.091, 0.262], [0.549, 0.498, 0.602], Some(119.0), None),
    row("fisher", [0.484, 0.399, 0.560], Some(SuiteZero(0.552)), [-0.394, -0.469, -0.314], [-0.647, -0.686, -0.603], Some(120.0), Some(2e-3)),
    row("grasp", [0.598, 0.532, 0.661], Some(SuiteZero(0.537)), [0.220, 0.129, 0.301], [-0.598, -0.639, -0.556], Some(849.0), Some(8e-4)),
    row("zico", [0.794, 0.753, 0.826], None, [0.583, 0.519, 0.642], [0.438, 0.380, 0.487], Some(139.0), Some(8e-3)),
    row("gradsign", [0.713, 0.653, 0.764], None, [0.421, 0.347, 0.498], [0.232, 0.168, 0.292], Some(367.0), Some(4e-5)),
    row("meco", [0.929, 0.913, 0.942], None, [0.527, 0.455, 0.595], [0.469, 0.414, 0.518], Some(60.0), Some(1e-5)),
    row("zen", [0.459, 0.363, 0.540], Some(SuiteZero(0.114)), [0.531, 0.458, 0.598], [0.455, 0.402, 0.503], Some(115.0), Some(7e-7)),
    row("swap", [0.776, 0.723, 0.818], None, [0.347, 0.262, 0.421], [0.525, 0.473, 0.573], Some(30.0), Some(4e-5)),
    row("ntk_cond", [0.600, 0.525, 0.662], None, [0.115, 0.022, 0.195], [0.538, 0.492, 0.583], Some(380.0), Some(6e-3)),
    row("linear_regions", [0.702, 0.653, 0.742], None, [0.191, 0.107, 0.274], [0.393, 0.320, 0.449], Some(24.0), None),
    row("az_expressivity", [0.776, 0.732, 0.816], None, [0.694, 0.644, 0.738], [0.478, 0.422, 0.530], Some(294.0), Some(5e-5)),
    row("az_progressivity", [0.673, 0.606, 0.733], None, [0.484, 0.409, 0.550], [0.454, 0.398, 0.507], Some(301.0), Some(5e-5)),
    row("az_trainability", [0.464, 0.387, 0.541], None, [0.444, 0.369, 0.509], [-0.152, -0.216, -0.091], Some(299.0), Some(5e-5)),
    row("vkdnw", [0.805, 0.767, 0.835], None, [0.616, 0.553, 0.672], [0.484, 0.430, 0.530], Some(150.0), None),
    row("vkdnw@entropy", [-0.086, -0.177, 0.010], None, [0.060, -0.032, 0.142], [-0.108, -0.171, -0.046], Some(148.0), None),
    row("naslens", [0.943, 0.931, 0.953], None, [0.840, 0.810, 0.863], [0.350, 0.290, 0.405], None, None),
    row("az_nas", [0.917, 0.895, 0.934], Some(AllStrings(0.913)), [0.765, 0.724, 0.801], [0.350, 0.292, 0.406], None, None),
    row("log_rank", [0.904, 0.883, 0.920], None, [0.451, 0.376, 0.522], [0.522, 0.468, 0.568], None, None),
    row("vote", [0.883, 0.851, 0.907], None, [0.148, 0.063, 0.234], [0.306, 0.244, 0.363], None, None),
];
