//! `bench gate` and `bench baseline`, driven as a user and a CI would.

mod baselines;
mod bench;
mod comparable;
mod files;
mod hazards;
mod outputs;
mod planted;
mod verdicts;

use bench::{Bench, PLAIN, VAE};

/// A folder with the run `before` saved as the baseline `ci`.
fn saved() -> Bench {
    let bench = Bench::new();
    bench.write_run("before", &[PLAIN, VAE]);
    let text = bench.exits(0, "baseline save ci --run before");
    assert!(text.contains("10 scores of 2 rows"), "{text}");
    bench
}
