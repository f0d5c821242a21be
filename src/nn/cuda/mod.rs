//! The operations of `nn` on an NVIDIA device.
//!
//! * A [`Device`] has memory, runs kernels by name and multiplies matrices; what it runs on is a `Driver`. With
//!   the feature `cuda-emulator` that may be the CPU ([`Device::emulated`]): the kernels themselves, block by
//!   block, with barriers and shuffles, for tests where there is no device.
//! * [`DeviceParams`] and [`DeviceGradients`] are a model's parameters and their gradients there.
//! * [`DeviceMoments`] is the optimizer's memory, which [`DeviceParams::update`] updates parameters by.
//! * [`DevicePictures`] are a step's pictures, copied while the device computes the step before.
//! * [`DeviceTape`] is what [`Tape`](super::Tape) is on the CPU: the same operations for the same models,
//!   with activations of f32 or bf16.
//!
//! The kernels are in `kernels/`, a file an operation or so. Nothing is launched before its arguments' types and
//! lengths are checked (`launch.rs`).

mod array;
mod device;
mod driver;
#[cfg(feature = "cuda-emulator")]
mod emulator;
#[cfg(feature = "cuda")]
mod gpu;
mod launch;
mod ops;
mod optimizer;
mod params;
mod pictures;
mod rate;
mod tape;

pub use device::Device;
pub use ops::{KeysAndValues, Logits, Places};
pub use optimizer::DeviceMoments;
pub use params::{DeviceGradients, DeviceParams};
pub use pictures::DevicePictures;
pub use tape::DeviceTape;
