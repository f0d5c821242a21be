//! What PyTorch and transformers make of the same weights and inputs.
//!
//! The fixtures lie in `$CAPTION_BENCH_REFERENCE/models`; without that variable these tests say
//! that they are skipped. Tolerances are those that an f64 run of the same fixtures allows:
//! losses, logits and activations 1e-5 of the tensor's largest value; gradients 1e-4 of theirs,
//! plus 1e-6 of the model's largest; parameters after three Adam steps 1e-5.

mod captioning;
mod contrast;
mod fixture;
mod steps;

/// Goes on only where the fixtures are.
macro_rules! reference_or_skip {
    () => {
        match crate::reference::fixture::root() {
            Some(root) => root,
            None => {
                println!("skipped: CAPTION_BENCH_REFERENCE is not set");
                return;
            }
        }
    };
}
use reference_or_skip;
