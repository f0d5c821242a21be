//! The kernels on the CPU, one thread at a time (`kernels/emulator.cpp`).

use std::alloc::{Layout, alloc, dealloc};
use std::ffi::{CString, c_int, c_uint, c_void};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use half::bf16;

use super::driver::{Driver, Product, ProductKind};
use crate::error::{Error, Result};
use crate::nn::kernels::matmul;
use crate::nn::precision::Precision;

/// A device whose memory is the CPU's.
#[derive(Debug)]
pub(super) struct Emulator {
    room: usize,
    used: AtomicUsize,
}

impl Emulator {
    /// One with so many bytes of memory.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            used: AtomicUsize::new(0),
        }
    }
}

unsafe extern "C" {
    /// 0 if the kernel ran, 1 if there is none of this name, 2 if it takes other arguments.
    fn caption_bench_emulate(
        name: *const std::ffi::c_char,
        grid_x: c_uint,
        grid_y: c_uint,
        arguments: *const *mut c_void,
        sizes: *const usize,
        count: usize,
    ) -> c_int;
}

const ALIGNMENT: usize = 256;

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, ALIGNMENT).expect("a size that can be allocated")
}

impl Driver for Emulator {
    fn name(&self) -> String {
        "the emulator".to_owned()
    }

    fn is_emulated(&self) -> bool {
        true
    }

    fn allocate(&self, bytes: usize) -> Result<Option<u64>> {
        if self.used.fetch_add(bytes, Relaxed) + bytes > self.room {
            self.used.fetch_sub(bytes, Relaxed);
            return Ok(None);
        }
        // SAFETY: the layout is valid, and arrays have no size of 0.
        let memory = unsafe { alloc(layout(bytes)) };
        Ok((!memory.is_null()).then_some(memory as u64))
    }

    fn memory(&self) -> Result<(usize, usize)> {
        Ok((self.room - self.used.load(Relaxed), self.room))
    }

    fn free(&self, address: u64, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
        // SAFETY: `allocate` gave this address for so many bytes.
        unsafe { dealloc(address as *mut u8, layout(bytes)) }
    }

    fn upload(&self, to: u64, bytes: &[u8]) -> Result<()> {
        self.copy(bytes.as_ptr() as u64, to, bytes.len())
    }

    fn download(&self, from: u64, bytes: &mut [u8]) -> Result<()> {
        self.copy(from, bytes.as_mut_ptr() as u64, bytes.len())
    }

    fn copy(&self, from: u64, to: u64, bytes: usize) -> Result<()> {
        // SAFETY: both lie in memory of `allocate` or in a slice of this length, and do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes) };
        Ok(())
    }

    fn fill(&self, at: u64, byte: u8, bytes: usize) -> Result<()> {
        // SAFETY: so many bytes of memory of `allocate`.
        unsafe { std::ptr::write_bytes(at as *mut u8, byte, bytes) };
        Ok(())
    }

    fn launch(
        &self,
        kernel: &str,
        grid: [u32; 2],
        arguments: &[(*mut c_void, usize)],
    ) -> Result<()> {
        let name = CString::new(kernel).expect("a name without zeros");
        let (pointers, sizes): (Vec<_>, Vec<_>) = arguments.iter().copied().unzip();
        // SAFETY: every argument points to as many bytes as it says, and what addresses among them point to
        // was checked against what the kernel reads and writes.
        let code = unsafe {
            caption_bench_emulate(
                name.as_ptr(),
                grid[0],
                grid[1],
                pointers.as_ptr(),
                sizes.as_ptr(),
                sizes.len(),
            )
        };
        match code {
            0 => Ok(()),
            1 => Err(Error::failed(format!("no kernel {kernel}"))),
            _ => Err(Error::failed(format!(
                "{kernel} takes other arguments than {sizes:?}"
            ))),
        }
    }

    fn wait(&self) -> Result<()> {
        Ok(())
    }

    fn product(&self, product: &Product) -> Result<()> {
        let &Product {
            kind,
            rows,
            inputs,
            outputs,
            ..
        } = product;
        let (x, w, y) = (rows * inputs, outputs * inputs, rows * outputs);
        let [a_len, b_len, c_len] = match kind {
            ProductKind::Forward => [x, w, y],
            ProductKind::InputGradient => [y, w, x],
            ProductKind::WeightGradient => [y, x, w],
        };
        let a = read(product.a, a_len, product.operands_are_bf16);
        let b = read(product.b, b_len, product.operands_are_bf16);
        let mut c = match product.adds {
            true => read(product.c, c_len, product.result_is_bf16),
            false => vec![0.0; c_len],
        };
        let precision = Precision::F32;
        match kind {
            ProductKind::Forward => matmul::forward(precision, &a, &b, &mut c, inputs, outputs),
            ProductKind::InputGradient => {
                matmul::input_gradient(precision, &a, &b, &mut c, inputs, outputs, product.adds);
            }
            ProductKind::WeightGradient => {
                matmul::weight_gradient(precision, &a, &b, &mut c, inputs, outputs, product.adds);
            }
        }
        write(product.c, &c, product.result_is_bf16);
        Ok(())
    }
}

fn read(address: u64, len: usize, is_bf16: bool) -> Vec<f32> {
    if is_bf16 {
        // SAFETY: a matrix of so many numbers of this type, as `Product` says.
        let values = unsafe { std::slice::from_raw_parts(address as *const bf16, len) };
        values.iter().map(|v| v.to_f32()).collect()
    } else {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts(address as *const f32, len) }.to_vec()
    }
}

fn write(address: u64, values: &[f32], is_bf16: bool) {
    if is_bf16 {
        // SAFETY: a matrix of so many numbers of this type, which nothing else looks at meanwhile.
        let to = unsafe { std::slice::from_raw_parts_mut(address as *mut bf16, values.len()) };
        to.iter_mut()
            .zip(values)
            .for_each(|(to, &v)| *to = bf16::from_f32(v));
    } else {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(address as *mut f32, values.len()) }
            .copy_from_slice(values);
    }
}
