//! A device, its free memory and the first thing that went wrong on it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::array::{Array, Element};
use super::driver::{Done, Driver, Failure};
use crate::error::{Error, Result};

/// A device that computes.
///
/// Operations do not say whether they succeeded: after the first failure the device does nothing more, and
/// [`Self::check`], which ends every step, returns that failure.
#[derive(Clone)]
pub struct Device(Arc<Inner>);

struct Inner {
    driver: Box<dyn Driver>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Memory to be used again, by size.
    free: HashMap<usize, Vec<u64>>,
    /// Bytes that arrays have, and the most that they ever had.
    used: usize,
    peak: usize,
    /// Of all products.
    operations: f64,
    failure: Option<Error>,
    /// Whether memory ran out.
    exhausted: bool,
}

impl Device {
    /// The device of this number, counted from 0.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no driver, no cuBLASLt or no such device; [`Error::Failed`] if the driver
    /// refuses.
    #[cfg(feature = "cuda")]
    pub fn open(ordinal: u32) -> Result<Self> {
        super::gpu::Gpu::open(ordinal).map(Self::new)
    }

    /// The kernels run on the CPU, thread by thread: exact and slow, for tests.
    #[cfg(feature = "cuda-emulator")]
    pub fn emulated() -> Self {
        Self::emulated_with(usize::MAX >> 1)
    }

    /// The same with so many bytes of memory.
    #[cfg(feature = "cuda-emulator")]
    pub(crate) fn emulated_with(room: usize) -> Self {
        Self::new(super::emulator::Emulator::new(room))
    }

    /// The same, of which each kernel needs so many bytes from its first launch on.
    #[cfg(all(test, feature = "cuda-emulator"))]
    pub(crate) fn emulated_with_kernels(room: usize, kernel: usize) -> Self {
        Self::new(super::emulator::Emulator::with_kernels(room, kernel))
    }

    /// One whose products do nothing beside.
    #[cfg(all(test, feature = "cuda-emulator"))]
    pub(crate) fn emulated_with_plain_products() -> Self {
        Self::new(super::emulator::Emulator::with_plain_products())
    }

    /// What tests run on: the device that `CAPTION_BENCH_DEVICE` names (`cuda:N`), in builds that have any, one
    /// for all tests; otherwise the emulator.
    #[cfg(all(test, feature = "cuda-emulator"))]
    pub(crate) fn of_tests() -> Self {
        #[cfg(feature = "cuda")]
        if let Ok(name) = std::env::var("CAPTION_BENCH_DEVICE") {
            static DEVICE: std::sync::OnceLock<Device> = std::sync::OnceLock::new();
            let number = name.strip_prefix("cuda:").and_then(|n| n.parse().ok());
            let number = number.expect("CAPTION_BENCH_DEVICE is cuda:N");
            let open = || Self::open(number).expect("the device that tests are to run on");
            return DEVICE.get_or_init(open).clone();
        }
        Self::emulated()
    }

    fn new(driver: impl Driver + 'static) -> Self {
        Self(Arc::new(Inner {
            driver: Box::new(driver),
            state: Mutex::default(),
        }))
    }

    /// What the device is called.
    pub fn name(&self) -> String {
        self.0.driver.name()
    }

    /// Whether it is the CPU that computes.
    pub fn is_emulated(&self) -> bool {
        self.0.driver.is_emulated()
    }

    /// The most memory that arrays have had at a time, in bytes.
    pub fn peak_memory(&self) -> usize {
        self.state().peak
    }

    /// Operations of matrix products so far, two for each multiplication with its addition.
    pub fn operations(&self) -> f64 {
        self.state().operations
    }

    /// Waits for all that was asked for.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn wait(&self) -> Result<()> {
        self.run(|driver| driver.wait());
        self.check()
    }

    /// Counts the operations of a product.
    pub(super) fn count(&self, [rows, inputs, outputs]: [usize; 3]) {
        self.state().operations += 2.0 * rows as f64 * inputs as f64 * outputs as f64;
    }

    /// The first failure since the last call.
    ///
    /// # Errors
    /// [`Error::Failed`] with what the device said: out of memory, and how much was asked for and free; or a
    /// kernel or a copy that failed.
    pub fn check(&self) -> Result<()> {
        match self.state().failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// An array of unspecified values.
    pub(super) fn array(&self, element: Element, len: usize) -> Array {
        let bytes = size_class(len * element.bytes());
        let recycled = {
            let mut state = self.state();
            state.used += bytes;
            state.peak = state.peak.max(state.used);
            state.free.get_mut(&bytes).and_then(Vec::pop)
        };
        let allocate = || self.run(|driver| driver.allocate(bytes));
        let address = recycled.or_else(allocate).unwrap_or(0);
        if cfg!(test) && address != 0 {
            // NaN in every floating-point type: whoever reads before writing is found out.
            self.run(|driver| driver.fill(address, 0xff, bytes));
        }
        Array::new(self.clone(), address, bytes, element, len)
    }

    /// What failed before would fail again; that memory ran out before means nothing from now on.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(crate) fn ready(&self) -> Result<()> {
        self.ran_out_of_memory();
        self.check()
    }

    /// Whether memory ran out since the last call.
    pub fn ran_out_of_memory(&self) -> bool {
        std::mem::take(&mut self.state().exhausted)
    }

    /// Gives pinned memory back, once no copy ahead reads it any more.
    pub(super) fn unpin(&self, address: u64, bytes: usize) {
        // As of arrays: an error here is an earlier one.
        let _ = self.0.driver.wait_for_copies();
        self.0.driver.unpin(address, bytes);
    }

    /// Takes the memory of an array back.
    pub(super) fn recycle(&self, address: u64, bytes: usize) {
        let mut state = self.state();
        state.used -= bytes;
        if address != 0 {
            state.free.entry(bytes).or_default().push(address);
        }
    }

    /// Does something on the device, unless something failed before. If memory is short for it, memory that waits to be
    /// used again is given back first.
    pub(super) fn run<V>(&self, mut work: impl FnMut(&dyn Driver) -> Done<V>) -> Option<V> {
        if self.state().failure.is_some() {
            return None;
        }
        let mut done = work(&*self.0.driver);
        if matches!(done, Err(Failure::Memory(_))) {
            let waiting = std::mem::take(&mut self.state().free);
            self.0.free(waiting);
            done = work(&*self.0.driver);
        }
        let failure = match done {
            Ok(value) => return Some(value),
            Err(Failure::Memory(what)) => {
                self.state().exhausted = true;
                self.out_of_memory(&what)
            }
            Err(Failure::Other(failure)) => failure,
        };
        self.state().failure.get_or_insert(failure);
        None
    }

    fn out_of_memory(&self, what: &str) -> Error {
        let mb = |bytes: usize| bytes.div_ceil(1 << 20);
        let room = self.0.driver.memory();
        let room = room.map_or_else(
            |_| String::new(),
            |(free, all)| format!(", {} of {} MB free", mb(free), mb(all)),
        );
        Error::failed(format!("{} is out of memory: {what}{room}", self.name()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0
            .state
            .lock()
            .expect("no thread panicked with the device's state")
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.driver.fmt(f)
    }
}

impl Inner {
    /// Gives memory back to the device, once nothing that was asked for before can use it.
    fn free(&self, memory: HashMap<usize, Vec<u64>>) {
        // An error here is one of an earlier kernel; whoever waits or copies next is told of it again.
        let _ = self.driver.wait();
        for (bytes, addresses) in memory {
            for address in addresses {
                self.driver.free(address, bytes);
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        let state = state.expect("no thread panicked with the device's state");
        let waiting = std::mem::take(&mut state.free);
        self.free(waiting);
    }
}

/// How a device says what memory it was asked for.
pub(super) fn asked(bytes: usize) -> String {
    format!("{} MB asked for", bytes.div_ceil(1 << 20))
}

/// The sizes that memory comes in: powers of two and three steps between two of them, so that arrays of
/// changing length find their memory again.
fn size_class(bytes: usize) -> usize {
    const SMALLEST: usize = 512;
    let step = (bytes.max(SMALLEST).next_power_of_two() / 8).max(SMALLEST / 4);
    bytes.max(SMALLEST).next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "cuda-emulator")]
    use crate::nn::precision::Precision;

    #[test]
    fn sizes_waste_less_than_a_quarter() {
        for bytes in 1..100_000 {
            let size = size_class(bytes);
            assert!(
                size >= bytes && size.is_multiple_of(128),
                "{bytes} in {size}"
            );
            assert!(bytes < 512 || size * 3 < bytes * 4, "{bytes} in {size}");
            assert_eq!(size_class(size), size);
        }
    }

    #[cfg(feature = "cuda-emulator")]
    #[test]
    fn memory_that_waits_is_given_back_before_any_is_refused() {
        let device = Device::emulated_with(10_000);
        drop(device.array(Element::F32, 2_000));
        let array = device.array(Element::F32, 1_500);
        device.check().expect("8,000 bytes given back for 6,000");
        let too_much = device.array(Element::F32, 2_000);
        assert_eq!(device.downloaded::<f32>(too_much.view()), [0.0; 2_000]);
        assert!(device.ran_out_of_memory() && !device.ran_out_of_memory());
        let error = device.check().unwrap_err();
        assert!(
            error.message().contains("out of memory: 1 MB asked for"),
            "{error}"
        );
        drop((array, too_much));
        let _fits = device.array(Element::F32, 2_000);
        device.check().expect("what failed has been told");
    }

    #[cfg(feature = "cuda-emulator")]
    #[test]
    fn a_kernel_that_has_no_room_is_memory_that_ran_out() {
        let launch = |device: &Device, array: &Array| {
            device
                .typed_kernel("add", Precision::F32)
                .array(array.view(), Element::F32, 1_500)
                .array(array.view(), Element::F32, 1_500)
                .value(1_500usize)
                .packs(Element::F32, 1_500);
        };
        let device = Device::emulated_with_kernels(16_000, 4_000);
        let array = device.array(Element::F32, 1_500);
        drop(device.array(Element::F32, 1_500));
        launch(&device, &array);
        device
            .check()
            .expect("memory that waited is given back for a kernel");
        let device = Device::emulated_with_kernels(16_000, 4_000);
        let arrays = [(); 2].map(|()| device.array(Element::F32, 1_500));
        launch(&device, &arrays[0]);
        assert!(device.ran_out_of_memory());
        let error = device.check().unwrap_err();
        assert!(error.message().contains("add_f32"), "{error}");
    }
}
