//! Pretrained models by their id: what is downloaded, and what is not. The hub is on loopback.

mod bench;
mod broken;
mod model;
mod refused;
mod server;
#[allow(dead_code, reason = "shared with tests that need all of it")]
#[path = "../small_run/mod.rs"]
mod small_run;
mod together;
mod whole;
