//! `bench doctor`: what this build and this machine can do.

use clap::Args;

use crate::Result;
use crate::models::weights::Hub;

/// Flags of `bench doctor`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  bench doctor --json")]
pub struct DoctorArgs {
    /// Print JSON instead of lines
    #[arg(long)]
    pub json: bool,
}

/// Prints the findings.
///
/// # Errors
/// None so far; the signature is every verb's.
pub fn run(args: DoctorArgs) -> Result<()> {
    let findings = findings();
    if args.json {
        let map: serde_json::Map<String, serde_json::Value> = findings
            .into_iter()
            .map(|(key, value)| (key.replace(' ', "_"), value.into()))
            .collect();
        println!("{}", serde_json::Value::Object(map));
    } else {
        for (key, value) in findings {
            println!("{key:<18} {value}");
        }
    }
    Ok(())
}

#[cfg(feature = "cuda")]
fn cuda() -> String {
    match crate::nn::cuda::Device::open(0) {
        Ok(device) => format!("compiled in; {} answers", device.name()),
        Err(error) => format!("compiled in, but no device answers: {}", error.message()),
    }
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> String {
    "not in this build; everything runs on the CPU".to_owned()
}

fn findings() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let hub = Hub::from_env(false);
    let access = match (hub.is_offline(), hub.has_token()) {
        (true, _) => "offline",
        (false, true) => "with a token",
        (false, false) => "without a token",
    };
    let cache = hub
        .cache()
        .map_or("no home".to_owned(), |cache| cache.display().to_string());
    vec![
        ("bench", env!("CARGO_PKG_VERSION").to_string()),
        ("cores", cores.to_string()),
        ("vector units", vector_units()),
        ("cuda", cuda()),
        ("hub", format!("{}, {access}", hub.endpoint())),
        ("model cache", cache),
        (
            "metrics",
            crate::metrics::keys().collect::<Vec<_>>().join(" "),
        ),
        ("recipes", crate::recipe::presets::NAMES.join(" ")),
    ]
}

#[cfg(target_arch = "x86_64")]
fn vector_units() -> String {
    let found: Vec<&str> = [
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
    ]
    .iter()
    .filter(|(_, present)| *present)
    .map(|(name, _)| *name)
    .collect();
    match found.is_empty() {
        true => "baseline only".into(),
        false => found.join(" "),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn vector_units() -> String {
    std::env::consts::ARCH.into()
}
