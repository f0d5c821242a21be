//! NVIDIA devices, through the driver's own interface.

mod plan;
mod products;
mod staging;

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::sync::Mutex;

use cudarc::driver::{DriverError, result, sys};

use self::products::Products;
use self::staging::Staging;
use super::device::asked;
use super::driver::{Done, Driver, Failure, Product, THREADS};
use crate::error::{Error, Result};

/// The kernels as the compiler left them: code for several generations, of which the driver takes what fits.
static KERNELS: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/kernels.fatbin")));

/// What the driver reads structures from.
#[repr(C, align(16))]
struct Aligned<B: ?Sized>(B);

/// One device, with all work in one stream.
#[derive(Debug)]
pub(super) struct Gpu {
    name: String,
    device: sys::CUdevice,
    context: sys::CUcontext,
    stream: sys::CUstream,
    /// Copies ahead, and the events by which the streams wait for each other.
    copies: sys::CUstream,
    computed: sys::CUevent,
    copied: sys::CUevent,
    staging: Mutex<Staging>,
    module: sys::CUmodule,
    /// By name, as they are asked for.
    functions: Mutex<HashMap<String, Function>>,
    products: Products,
}

/// How streams wait for events.
const WAIT: sys::CUevent_wait_flags = sys::CUevent_wait_flags::CU_EVENT_WAIT_DEFAULT;

/// What the driver says when memory is short: for arrays, and for kernels that are loaded when they are first launched.
const OUT_OF_MEMORY: DriverError = DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY);

#[derive(Debug, Clone, Copy)]
struct Function(sys::CUfunction);

// SAFETY: handles of the driver, which any thread may use once it has made the context its own; every method
// does that first.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Send for Gpu {}
// SAFETY: as above; what changes is behind a lock.
unsafe impl Sync for Gpu {}

impl Gpu {
    /// Opens a device by its number.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no driver, no cuBLASLt or no device of that number, or it is too old for the
    /// kernels; [`Error::Failed`] if the driver refuses.
    pub fn open(ordinal: u32) -> Result<Self> {
        // SAFETY: opens libraries by name and looks no further.
        let [driver, products] = unsafe {
            [
                sys::is_culib_present(),
                cudarc::cublaslt::sys::is_culib_present(),
            ]
        };
        if !driver {
            return Err(Error::input(format!(
                "cuda:{ordinal}: no driver for CUDA here (libcuda.so)"
            )));
        }
        if !products {
            return Err(Error::input(format!(
                "cuda:{ordinal}: no cuBLASLt here (libcublasLt.so of CUDA 12 or 13, in LD_LIBRARY_PATH)"
            )));
        }
        let number = i32::try_from(ordinal).unwrap_or(i32::MAX);
        let opened = result::init().and_then(|()| result::device::get(number));
        let device =
            opened.map_err(|error| Error::input(format!("cuda:{ordinal}: {}", said(error))))?;
        let failed = |what: &'static str| {
            move |error| Error::failed(format!("cuda:{ordinal}: {what}: {}", said(error)))
        };
        let name = result::device::get_name(device).map_err(failed("its name"))?;
        // SAFETY: a device of `get`; the context is current when the module is loaded; the image is whole.
        unsafe {
            let context =
                result::primary_ctx::retain(device).map_err(failed("making a context"))?;
            result::ctx::set_current(context).map_err(failed("entering its context"))?;
            let stream = result::stream::create(result::stream::StreamKind::NonBlocking)
                .map_err(failed("making a stream"))?;
            let copies = result::stream::create(result::stream::StreamKind::NonBlocking)
                .map_err(failed("making a second stream"))?;
            let event = || result::event::create(sys::CUevent_flags::CU_EVENT_DISABLE_TIMING);
            let [computed, copied] = [event(), event()];
            let module = result::module::load_data(KERNELS.0.as_ptr().cast()).map_err(|error| {
                Error::failed(format!(
                    "cuda:{ordinal}: loading the kernels: {}; they need compute capability 8.0 or later and a \
                     driver no older than the toolkit that compiled them (this driver is of CUDA {})",
                    said(error),
                    driver_version()
                ))
            })?;
            Ok(Self {
                name,
                device,
                context,
                stream,
                copies,
                computed: computed.map_err(failed("making an event"))?,
                copied: copied.map_err(failed("making an event"))?,
                staging: Mutex::new(Staging::new().map_err(failed("pinning memory"))?),
                module,
                functions: Mutex::default(),
                products: Products::new()?,
            })
        }
    }

    /// Makes the context this thread's, and does something in it.
    fn enter<V>(&self, what: &str, work: impl FnOnce() -> Result<V, DriverError>) -> Done<V> {
        // SAFETY: the context lives as long as this.
        let entered = unsafe { result::ctx::set_current(self.context) };
        let done = entered.and_then(|()| work());
        done.map_err(|error| match error {
            OUT_OF_MEMORY => Failure::Memory(what.to_owned()),
            error => Failure::Other(Error::failed(format!(
                "{}: {what}: {}",
                self.name,
                said(error)
            ))),
        })
    }

    fn function(&self, name: &str) -> Result<Function, DriverError> {
        let mut functions = self.functions.lock().expect("no thread panicked with it");
        if let Some(&function) = functions.get(name) {
            return Ok(function);
        }
        let c_name = CString::new(name).expect("a name without zeros");
        // SAFETY: the module lives as long as this.
        let function = Function(unsafe { result::module::get_function(self.module, c_name) }?);
        functions.insert(name.to_owned(), function);
        Ok(function)
    }
}

/// The version of CUDA that the driver is of, as `13.0`.
fn driver_version() -> String {
    let mut version = 0;
    // SAFETY: the driver has been opened, and writes one number.
    let answer = unsafe { sys::cuDriverGetVersion(&raw mut version) };
    match answer.result() {
        Ok(()) => format!("{}.{}", version / 1000, version % 1000 / 10),
        Err(error) => said(error),
    }
}

/// What the driver calls an error.
fn said(error: DriverError) -> String {
    match (error.error_name(), error.error_string()) {
        (Ok(name), Ok(text)) => format!("{} ({})", text.to_string_lossy(), name.to_string_lossy()),
        _ => format!("error {:?}", error.0),
    }
}

impl Driver for Gpu {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn allocate(&self, bytes: usize) -> Done<u64> {
        // SAFETY: memory that is freed by `free` alone.
        self.enter(&asked(bytes), || unsafe { result::malloc_sync(bytes) })
    }

    fn memory(&self) -> Done<(usize, usize)> {
        self.enter("asking for its memory", result::mem_get_info)
    }

    fn free(&self, address: u64, _bytes: usize) {
        // SAFETY: `allocate` gave this address, and nothing uses it any more. An error here is one of an
        // earlier kernel, which has been told.
        let _ = self.enter("freeing", || unsafe { result::free_sync(address) });
    }

    fn upload(&self, to: u64, bytes: &[u8]) -> Done {
        let mut staging = self.staging.lock().expect("no thread panicked with it");
        self.enter("copying to it", || staging.upload(to, bytes, self.stream))
    }

    fn pin(&self, bytes: usize) -> Done<u64> {
        // SAFETY: memory that is freed by `unpin` alone.
        let pinned = self.enter("pinning memory", || unsafe {
            result::malloc_host(bytes, 0)
        });
        pinned.map(|address| address as u64)
    }

    fn unpin(&self, address: u64, _bytes: usize) {
        // SAFETY: `pin` gave this address, and nothing reads it any more. An error here is one of an earlier
        // kernel, which has been told.
        let _ = self.enter("unpinning memory", || unsafe {
            result::free_host(address as *mut c_void)
        });
    }

    fn hold_copies(&self) -> Done {
        // SAFETY: streams and events live as long as this.
        self.enter("holding copies", || unsafe {
            result::event::record(self.computed, self.stream)?;
            result::stream::wait_event(self.copies, self.computed, WAIT)
        })
    }

    fn copy_ahead(&self, from: u64, to: u64, bytes: usize) -> Done {
        // SAFETY: so many bytes of memory of `pin` and of `allocate`, which whoever pinned it leaves alone until
        // the copies have been awaited.
        self.enter("copying ahead", || unsafe {
            let from = std::slice::from_raw_parts(from as *const u8, bytes);
            result::memcpy_htod_async(to, from, self.copies)
        })
    }

    fn await_copies(&self) -> Done {
        // SAFETY: as above.
        self.enter("awaiting copies", || unsafe {
            result::event::record(self.copied, self.copies)?;
            result::stream::wait_event(self.stream, self.copied, WAIT)
        })
    }

    fn wait_for_copies(&self) -> Done {
        // SAFETY: the stream lives as long as this.
        self.enter("copying ahead", || unsafe {
            result::stream::synchronize(self.copies)
        })
    }

    fn download(&self, from: u64, bytes: &mut [u8]) -> Done {
        // SAFETY: so many bytes of memory of `allocate`, and the slice outlives the wait.
        self.enter("copying from it", || unsafe {
            result::memcpy_dtoh_async(bytes, from, self.stream)?;
            result::stream::synchronize(self.stream)
        })
    }

    fn copy(&self, from: u64, to: u64, bytes: usize) -> Done {
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: so many bytes of memory of `allocate` on both sides.
        self.enter("copying on it", || unsafe {
            result::memcpy_dtod_async(to, from, bytes, self.stream)
        })
    }

    fn fill(&self, at: u64, byte: u8, bytes: usize) -> Done {
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: so many bytes of memory of `allocate`.
        self.enter("filling memory", || unsafe {
            result::memset_d8_async(at, byte, bytes, self.stream)
        })
    }

    fn launch(&self, kernel: &str, grid: [u32; 2], arguments: &[(*mut c_void, usize)]) -> Done {
        let mut pointers: Vec<_> = arguments.iter().map(|argument| argument.0).collect();
        self.enter(kernel, || {
            let function = self.function(kernel)?;
            let (grid, block) = ((grid[0], grid[1], 1), (THREADS as u32, 1, 1));
            // SAFETY: every argument points to a value, whose sizes the emulator's tests compare with the
            // kernel's; what addresses among them point to was checked by `Launch`.
            unsafe { result::launch_kernel(function.0, grid, block, 0, self.stream, &mut pointers) }
        })
    }

    fn wait(&self) -> Done {
        // SAFETY: the stream lives as long as this.
        self.enter("computing", || unsafe {
            result::stream::synchronize(self.stream)
        })
    }

    fn product(&self, product: &Product) -> Done<bool> {
        self.enter("entering its context", || Ok(()))?;
        self.products.run(product, self.stream)
    }
}

impl Drop for Gpu {
    fn drop(&mut self) {
        // What fails here has no consequence: the process is done with the device.
        let _ = self.enter("leaving it", || {
            // SAFETY: all of it was made by `open`, and after the wait nothing uses it any more.
            unsafe {
                result::stream::synchronize(self.stream)?;
                result::stream::synchronize(self.copies)?;
                self.products.close();
                let staging = self.staging.lock().expect("no thread panicked with it");
                staging.close()?;
                result::module::unload(self.module)?;
                result::event::destroy(self.computed)?;
                result::event::destroy(self.copied)?;
                result::stream::destroy(self.copies)?;
                result::stream::destroy(self.stream)?;
                result::primary_ctx::release(self.device)
            }
        });
    }
}
