//! Compiles the functions of libtorch that tch does not bind, links libtorch and OpenBLAS, and gives the binaries of this
//! package a run path to libtorch, so that they start without LD_LIBRARY_PATH.
//!
//! Crates that depend on naslens link the same libraries, but Cargo gives a run path to no package but its own. Their build
//! script finds the folder of libtorch in `DEP_NASLENS_LIBTORCH_LIB`: `cargo:rustc-link-arg=-Wl,-rpath,…`.

use std::env;
use std::path::{Path, PathBuf};

const SHIMS: [&str; 2] = ["src/engine/convolution_backward.cpp", "src/engine/device_memory.cpp"];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    // torch-sys publishes the directory it linked against to its direct dependents.
    let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") else {
        println!(
            "cargo:warning=torch-sys reported no libtorch directory; run `make libtorch` or set LIBTORCH, then build again"
        );
        return;
    };
    let include = env::var("LIBTORCH_INCLUDE")
        .map(|root| Path::new(&root).join("include"))
        .unwrap_or_else(|_| Path::new(&lib).parent().map_or_else(PathBuf::new, |root| root.join("include")));
    SHIMS.iter().for_each(|shim| println!("cargo:rerun-if-changed={shim}"));
    println!("cargo:rerun-if-env-changed=LIBTORCH_INCLUDE");
    // libtorch_cpu.so is looked up where torch-sys found it; the shims add no search path of their own.
    cc::Build::new().cpp(true).std("c++17").warnings(false).include(include).files(SHIMS).compile("naslens_shim");
    println!("cargo:rustc-env=NASLENS_LIBTORCH_LIB={lib}");
    // Libraries are searched at run time in the order of the link line. libtorch and OpenBLAS both export BLAS and LAPACK;
    // libtorch must come first, or its own matrix products would silently be OpenBLAS's. `naslens doctor` checks the order.
    println!("cargo:rustc-link-search=native={lib}");
    for library in ["torch_cpu", "openblas"] {
        println!("cargo:rustc-link-lib=dylib={library}");
    }
    println!("cargo:libtorch_lib={lib}");
    let os = env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    if os == "linux" {
        // An old-style run path also serves the libraries that libtorch itself needs.
        println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags");
        // No symbol of naslens refers to libtorch_cuda: without --no-as-needed the linker drops it, and CUDA is then
        // silently absent at run time.
        if Path::new(&lib).join("libtorch_cuda.so").exists() {
            println!("cargo:rustc-link-arg=-Wl,--no-as-needed");
            println!("cargo:rustc-link-arg=-ltorch_cuda");
            println!("cargo:rustc-link-arg=-Wl,--as-needed");
        }
    }
}
