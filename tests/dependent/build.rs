//! Where the tests find libtorch when they start; see the build script of naslens.

fn main() {
    if let Ok(lib) = std::env::var("DEP_NASLENS_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
        println!("cargo:rustc-link-arg=-Wl,--disable-new-dtags");
    }
}
