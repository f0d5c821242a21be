//! `bench gate` and `bench baseline`, driven as a user and a CI would.

mod baselines;
mod bench;
mod comparable;
mod files;
mod outputs;
mod planted;
mod verdicts;
