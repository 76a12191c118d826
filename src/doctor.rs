//! Is everything there that naslens needs?

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::path::Path;

use ndarray::array;
use ndarray_linalg::{Determinant, EigValsh, UPLO};
use serde::Serialize;
use tch::{Cuda, Kind, Tensor};

use crate::data;
use crate::engine::{CostModel, parse_device};

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: &'static str,
    /// Whether it works.
    pub ok: bool,
    /// What was found.
    pub detail: String,
}

/// Where libtorch is searched first.
const LIBTORCH_FOLDER: Option<&str> = option_env!("NASLENS_LIBTORCH_LIB");

/// Runs all checks.
pub fn checks() -> Vec<Check> {
    vec![libtorch(), linear_algebra(), matrix_products(), devices(), threads(), speed(), digits()]
}

fn libtorch() -> Check {
    let sum = Tensor::f_ones([3, 4], (Kind::Double, tch::Device::Cpu)).and_then(|t| t.f_sum(Kind::Double));
    let ok = sum.as_ref().is_ok_and(|s| s.double_value(&[]) == 12.0);
    let folder = LIBTORCH_FOLDER.unwrap_or("an unknown folder");
    Check { name: "libtorch", ok, detail: format!("{} in {folder}", crate::LIBTORCH_VERSION) }
}

/// What scoring will use where nothing else is said.
fn speed() -> Check {
    let name = "speed";
    match parse_device("auto").and_then(CostModel::of) {
        Ok(cost) => {
            let rate = cost
                .forward_gflops
                .map_or("not measured on a busy machine".into(), |rate| format!("{rate:.0} GFLOP/s in forward passes"));
            let detail = format!("{rate}; threads {}, populations of {}", cost.threads, cost.population);
            Check { name, ok: true, detail }
        }
        Err(error) => Check { name, ok: false, detail: error.to_string() },
    }
}

/// LAPACK symbols exist both in libtorch and in OpenBLAS; whichever was linked must compute.
fn linear_algebra() -> Check {
    let a = array![[2.0, 1.0], [1.0, 3.0]];
    let ok = a.det().is_ok_and(|d: f64| (d - 5.0).abs() < 1e-12)
        && a.eigvalsh(UPLO::Lower).is_ok_and(|v| (v[0] - (5.0 - 5f64.sqrt()) / 2.0).abs() < 1e-12);
    Check { name: "linear algebra", ok, detail: "LAPACK through ndarray-linalg (OpenBLAS), one thread".into() }
}

/// libtorch calls its own BLAS by exported names, so whichever library comes first in the search order serves it.
fn matrix_products() -> Check {
    let name = "matrix products";
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Check { name, ok: true, detail: "not checked on this system".into() };
    }
    let library = library_of(c"sgemm_").unwrap_or_default();
    let ok = library.contains("libtorch");
    let detail = if ok {
        "libtorch uses its own BLAS".into()
    } else {
        format!("libtorch would use the BLAS of {library}: libtorch must come before it in the link order")
    };
    Check { name, ok, detail }
}

/// Path of the library that serves a symbol.
fn library_of(symbol: &CStr) -> Option<String> {
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: the symbol is a C string, info is written by dladdr before it is read, and dli_fname is then a C string that
    // lives as long as the library.
    unsafe {
        let address = libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr());
        if address.is_null() || libc::dladdr(address, info.as_mut_ptr()) == 0 {
            return None;
        }
        let path = info.assume_init().dli_fname;
        (!path.is_null()).then(|| CStr::from_ptr(path).to_string_lossy().into_owned())
    }
}

fn devices() -> Check {
    let n = if Cuda::is_available() { Cuda::device_count() } else { 0 };
    let for_cuda = Path::new(LIBTORCH_FOLDER.unwrap_or_default()).join("libtorch_cuda.so").exists();
    let detail = match n {
        0 if for_cuda => "cpu; a CUDA build of libtorch, but no device: is the NVIDIA driver installed?".into(),
        0 => "cpu; no CUDA device (GPU: build with `make libtorch CUDA=1`)".into(),
        n => format!("cpu, cuda:0 to cuda:{}", n - 1),
    };
    Check { name: "devices", ok: true, detail }
}

fn threads() -> Check {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Check {
        name: "threads",
        ok: true,
        detail: format!("{cores} cores; one network per core, one libtorch thread each"),
    }
}

fn digits() -> Check {
    let found = data::open(&data::DataSpec::default()).and_then(|s| s.dataset().map(|d| (d.len(), d.shape())));
    match found {
        Ok((n, shape)) => {
            Check { name: "data", ok: true, detail: format!("digits: {n} images of {shape} pixels, built in") }
        }
        Err(error) => Check { name: "data", ok: false, detail: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_there_and_linked_in_order() {
        for check in checks() {
            assert!(check.ok, "{}: {}", check.name, check.detail);
        }
    }
}
