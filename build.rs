//! Compiles the CUDA kernels: by nvcc for devices, by a C++ compiler for the emulator.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const KERNELS: &str = "src/nn/cuda/kernels";
/// What a kernel's thread may spill without a warning, in bytes.
const FEW_BYTES: usize = 16;

fn main() {
    println!("cargo::rerun-if-changed={KERNELS}");
    for variable in ["CUDA_HOME", "CUDA_PATH"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    if env::var_os("CARGO_FEATURE_CUDA").is_some() {
        device_code();
    }
    if env::var_os("CARGO_FEATURE_CUDA_EMULATOR").is_some() {
        emulator();
    }
}

/// Code for compute capability 8.0 and 9.0, and what a driver compiles for later ones, in one file; beside it
/// what the compiler says of registers and memory.
fn device_code() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let home = ["CUDA_HOME", "CUDA_PATH"].into_iter().find_map(env::var_os);
    let nvcc = home.map_or("nvcc".into(), |home| Path::new(&home).join("bin/nvcc"));
    let compiled = Command::new(&nvcc)
        .args(["-std=c++17", "-O3", "--ptxas-options=-v", "--fatbin"])
        .args(["-gencode", "arch=compute_80,code=sm_80"])
        .args(["-gencode", "arch=compute_90,code=sm_90"])
        .args(["-gencode", "arch=compute_90,code=compute_90"])
        .arg("-o")
        .arg(out.join("kernels.fatbin"))
        .arg(Path::new(KERNELS).join("kernels.cu"))
        .output();
    let compiled = compiled.unwrap_or_else(|error| {
        panic!(
            "{} does not start ({error}): the feature `cuda` needs CUDA's compiler, in CUDA_HOME or PATH",
            nvcc.display()
        )
    });
    let report = String::from_utf8_lossy(&compiled.stderr);
    assert!(compiled.status.success(), "{}: {report}", nvcc.display());
    for line in report.lines() {
        if spilled(line).is_some_and(|bytes| bytes > FEW_BYTES) {
            println!(
                "cargo::warning=a kernel that does not fit its registers: {}",
                line.trim()
            );
        }
    }
    std::fs::write(out.join("kernels.report"), &*report).expect("OUT_DIR can be written");
}

/// How many bytes a thread stores outside its registers, in the compiler's line that says so.
fn spilled(line: &str) -> Option<usize> {
    let (before, _) = line.split_once(" bytes spill stores")?;
    before.rsplit(' ').next()?.parse().ok()
}

/// The kernels as C++ for the CPU.
fn emulator() {
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .opt_level(2)
        .warnings(true)
        .extra_warnings(true)
        .flag("-Wno-unknown-pragmas")
        .file(Path::new(KERNELS).join("emulator.cpp"))
        .compile("caption_bench_emulator");
}
