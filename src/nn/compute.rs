//! What computes.

/// What computes: the CPU, or, in builds that have it, a device.
#[derive(Debug, Clone, Default)]
pub enum Compute {
    /// The CPU.
    #[default]
    Cpu,
    /// A device.
    #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
    Device(super::cuda::Device),
}
