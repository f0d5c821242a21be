//! Matrix products by cuBLASLt.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::c_void;
use std::fmt::Display;
use std::ptr::from_ref;
use std::sync::Mutex;

use cudarc::cublaslt::{result, sys};
use cudarc::driver::result as driver;

use super::super::driver::{Done, Failure, Product};
use super::plan::{Key, NOT_SUPPORTED, Plan, WORKSPACE};
use crate::error::{Error, Result};

/// Free memory with which a kernel of cuBLASLt's can surely be loaded.
const ROOM_FOR_KERNELS: usize = 64 << 20;
/// cuBLASLt, and how it makes each product that was asked for before.
#[derive(Debug)]
pub(super) struct Products {
    handle: sys::cublasLtHandle_t,
    workspace: u64,
    /// None where cuBLASLt has no way, as for some products with something beside.
    plans: Mutex<HashMap<Key, Option<Plan>>>,
}

impl Products {
    /// Opens cuBLASLt in the current context.
    pub fn new() -> Result<Self> {
        let handle = result::create_handle().map_err(|e| failed("opening it", e.0))?;
        // SAFETY: freed by `close` alone.
        let workspace = unsafe { driver::malloc_sync(WORKSPACE) }
            .map_err(|e| failed("its workspace", super::said(e)))?;
        Ok(Self {
            handle,
            workspace,
            plans: Mutex::default(),
        })
    }

    /// Asks for a product in a stream of the current context. Returns whether what is beside it is done too.
    pub fn run(&self, product: &Product, stream: cudarc::driver::sys::CUstream) -> Done<bool> {
        let key = Key::of(product);
        // No preference says how the numbers beside lie, and kernels may read 16 bytes of them at once.
        let aligned = product.beside.is_some_and(|address| address % 16 == 0);
        if aligned && self.try_run(key, product, stream)? {
            return Ok(true);
        }
        let plain = key.without_beside();
        match self.try_run(plain, product, stream)? {
            true => Ok(false),
            false => Err(Failure::Other(failed(
                format!("{plain:?}"),
                "no way to make it",
            ))),
        }
    }

    /// Returns whether there was a way.
    fn try_run(
        &self,
        key: Key,
        product: &Product,
        stream: cudarc::driver::sys::CUstream,
    ) -> Done<bool> {
        let mut plans = self
            .plans
            .lock()
            .expect("no thread panicked with the plans");
        let plan = match plans.entry(key) {
            Entry::Occupied(plan) => plan.into_mut(),
            Entry::Vacant(place) => {
                place.insert(match Plan::new(self.handle, key, product.beside) {
                    Ok(plan) => Some(plan),
                    Err(NOT_SUPPORTED) => None,
                    // However it is refused: a kernel will do it.
                    Err(_) if key.beside => None,
                    Err(error) => return Err(failure(key, error)),
                })
            }
        };
        let Some(plan) = plan else {
            return Ok(false);
        };
        if key.beside {
            plan.put_beside(product.beside)
                .map_err(|error| failure(key, error))?;
        }
        let (one, zero) = (1.0f32, 0.0f32);
        let beta = if key.adds { &one } else { &zero };
        let [a, b, c] = [product.a, product.b, product.c].map(|address| address as *mut c_void);
        while let Some(way) = plan.ways.last() {
            // SAFETY: matrices of these sizes, as `Device::product` has checked; the plan and its parts live as
            // long as this. Row by row is what cuBLASLt calls the transpose column by column: cᵀ = bᵀ aᵀ.
            let made = unsafe {
                result::matmul(
                    self.handle,
                    plan.description,
                    from_ref(&one).cast(),
                    from_ref(beta).cast(),
                    b,
                    plan.layouts[0],
                    a,
                    plan.layouts[1],
                    c,
                    plan.layouts[2],
                    c,
                    plan.layouts[2],
                    way,
                    self.workspace as *mut c_void,
                    WORKSPACE,
                    stream.cast(),
                )
            };
            match made {
                Ok(()) => return Ok(true),
                // Refused before anything ran: there may be another way.
                Err(NOT_SUPPORTED | INVALID_VALUE | ARCH_MISMATCH)
                    if plan.ways.len() > 1 || key.beside =>
                {
                    plan.ways.pop();
                }
                Err(error) => return Err(failure(key, error)),
            }
        }
        Ok(false)
    }

    /// Gives everything back, in the context it was opened in.
    pub fn close(&self) {
        let mut plans = self
            .plans
            .lock()
            .expect("no thread panicked with the plans");
        plans.clear();
        // SAFETY: made by `new`; nothing is asked for any more.
        unsafe {
            let _ = result::destroy_handle(self.handle);
            let _ = driver::free_sync(self.workspace);
        }
    }
}

const INVALID_VALUE: result::CublasError =
    result::CublasError(sys::cublasStatus_t::CUBLAS_STATUS_INVALID_VALUE);
const ARCH_MISMATCH: result::CublasError =
    result::CublasError(sys::cublasStatus_t::CUBLAS_STATUS_ARCH_MISMATCH);

fn failure(key: Key, error: result::CublasError) -> Failure {
    use sys::cublasStatus_t as Status;
    let is_memory = match error.0 {
        Status::CUBLAS_STATUS_ALLOC_FAILED => true,
        // What a kernel says that cannot be loaded, among other things.
        Status::CUBLAS_STATUS_NOT_INITIALIZED
        | Status::CUBLAS_STATUS_EXECUTION_FAILED
        | Status::CUBLAS_STATUS_INTERNAL_ERROR => {
            driver::mem_get_info().is_ok_and(|(free, _)| free < ROOM_FOR_KERNELS)
        }
        _ => false,
    };
    match is_memory {
        true => Failure::Memory(format!("cuBLASLt: {key:?}")),
        false => Failure::Other(failed(format!("{key:?}"), error.0)),
    }
}

fn failed(what: impl Display, said: impl std::fmt::Debug) -> Error {
    Error::failed(format!("cuBLASLt: {what}: {said:?}"))
}
