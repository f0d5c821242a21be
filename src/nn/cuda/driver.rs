//! What a device can do: memory, kernels by name, and matrix products.

use std::ffi::c_void;
use std::fmt::Debug;

use crate::error::Error;

/// Threads of a block, for every kernel (`THREADS` in `kernels/platform.cuh`).
pub(super) const THREADS: usize = 128;
/// Warps of a block.
pub(super) const WARPS: usize = 4;
/// Threads of a warp.
pub(super) const LANES: usize = THREADS / WARPS;

/// Why a device did not do what was asked of it.
#[derive(Debug)]
pub(super) enum Failure {
    /// It had too little memory. What was asked for has had no effect, and may be asked for again.
    Memory(String),
    Other(Error),
}

/// What comes of asking a device.
pub(super) type Done<V = ()> = Result<V, Failure>;

/// A device, in its own terms. What is asked for runs in the order in which it was asked for; only
/// [`Self::download`] and [`Self::wait`] wait. What is copied ahead has an order of its own.
///
/// Addresses and sizes come checked, from [`super::launch`] and [`super::array`].
pub(super) trait Driver: Debug + Send + Sync {
    /// What the device is called.
    fn name(&self) -> String;
    /// Whether it is the CPU that computes.
    fn is_emulated(&self) -> bool {
        false
    }
    /// New memory.
    fn allocate(&self, bytes: usize) -> Done<u64>;
    /// Bytes that are free, and all of them.
    fn memory(&self) -> Done<(usize, usize)>;
    /// Gives memory back.
    fn free(&self, address: u64, bytes: usize);
    /// Copies to the device; has read the bytes when it returns.
    fn upload(&self, to: u64, bytes: &[u8]) -> Done;
    /// Memory of this machine that [`Self::copy_ahead`] reads.
    fn pin(&self, bytes: usize) -> Done<u64>;
    /// Gives such memory back, which nothing reads any more.
    fn unpin(&self, address: u64, bytes: usize);
    /// What is copied ahead from now on waits for what was asked for so far.
    fn hold_copies(&self) -> Done;
    /// Copies pinned memory to the device, beside what that computes.
    fn copy_ahead(&self, from: u64, to: u64, bytes: usize) -> Done;
    /// What is asked for from now on waits for what has been copied ahead.
    fn await_copies(&self) -> Done;
    /// Waits, here, for what has been copied ahead.
    fn wait_for_copies(&self) -> Done;
    /// Waits for all that was asked for, and copies from the device.
    fn download(&self, from: u64, bytes: &mut [u8]) -> Done;
    /// Copies on the device, between places that do not overlap.
    fn copy(&self, from: u64, to: u64, bytes: usize) -> Done;
    /// Fills memory with a byte.
    fn fill(&self, at: u64, byte: u8, bytes: usize) -> Done;
    /// Runs a kernel in blocks of [`THREADS`] threads; each argument's address and size.
    fn launch(&self, kernel: &str, grid: [u32; 2], arguments: &[(*mut c_void, usize)]) -> Done;
    /// Waits for all that was asked for.
    fn wait(&self) -> Done;
    /// Multiplies matrices. Returns whether it also did what [`Product::beside`] asks for, which it may not be
    /// able to.
    fn product(&self, product: &Product) -> Done<bool>;
}

/// One of the products of a linear map, of matrices that lie row by row, x and w without gaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub kind: ProductKind,
    pub rows: usize,
    pub inputs: usize,
    pub outputs: usize,
    /// Numbers from a row of y, or of dy, to the next.
    pub stride: usize,
    pub a: u64,
    pub b: u64,
    pub c: u64,
    /// Whether a and b are bf16; otherwise they are f32. Sums are f32 in either case.
    pub operands_are_bf16: bool,
    /// Whether c is bf16.
    pub result_is_bf16: bool,
    /// Whether c is added to.
    pub adds: bool,
    /// `outputs` numbers of c's type: with [`ProductKind::Forward`] what is added to each row of y, with
    /// [`ProductKind::WeightGradient`] where the sum of dy's rows is written.
    pub beside: Option<u64>,
}

/// Which product: its operands a and b, and its result c.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ProductKind {
    /// y (rows, outputs) of x (rows, inputs) and w (outputs, inputs): x wᵀ.
    Forward,
    /// dx (rows, inputs) of dy (rows, outputs) and w: dy w.
    InputGradient,
    /// dw (outputs, inputs) of dy and x: dyᵀ x.
    WeightGradient,
}
