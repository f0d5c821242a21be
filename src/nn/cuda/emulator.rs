//! The kernels on the CPU, one thread at a time (`kernels/emulator.cpp`).

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::collections::HashSet;
use std::ffi::{CString, c_int, c_uint, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use half::bf16;

use super::device::asked;
use super::driver::{Done, Driver, Failure, Product, ProductKind};
use crate::error::Error;
use crate::nn::kernels::matmul;
use crate::nn::precision::Precision;

/// A device whose memory is the CPU's.
#[derive(Debug)]
pub(super) struct Emulator {
    room: usize,
    used: AtomicUsize,
    /// Bytes that a kernel needs from its first launch on, and those that have been launched.
    kernel: usize,
    launched: Mutex<HashSet<String>>,
    /// Whether products also do what may be asked for beside.
    fuses: bool,
    /// Copies ahead (from, to, bytes), which are made when they are awaited: as late as a device may make them.
    ahead: Mutex<Vec<(u64, u64, usize)>>,
}

impl Emulator {
    /// One with so many bytes of memory.
    pub fn new(room: usize) -> Self {
        Self {
            room,
            used: AtomicUsize::new(0),
            kernel: 0,
            launched: Mutex::default(),
            fuses: true,
            ahead: Mutex::default(),
        }
    }

    /// One of whose memory each kernel needs some from its first launch on.
    #[cfg(test)]
    pub fn with_kernels(room: usize, kernel: usize) -> Self {
        Self {
            kernel,
            ..Self::new(room)
        }
    }

    /// One whose products do nothing beside.
    #[cfg(test)]
    pub fn with_plain_products() -> Self {
        Self {
            fuses: false,
            ..Self::new(usize::MAX >> 1)
        }
    }

    /// Takes some of the memory, if there is so much.
    fn take(&self, bytes: usize, what: impl FnOnce() -> String) -> Done {
        if self.used.fetch_add(bytes, Relaxed) + bytes > self.room {
            self.used.fetch_sub(bytes, Relaxed);
            return Err(Failure::Memory(what()));
        }
        Ok(())
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

    fn allocate(&self, bytes: usize) -> Done<u64> {
        self.take(bytes, || asked(bytes))?;
        // SAFETY: the layout is valid, and arrays have no size of 0.
        let memory = unsafe { alloc(layout(bytes)) };
        match memory.is_null() {
            true => Err(Failure::Memory(asked(bytes))),
            false => Ok(memory as u64),
        }
    }

    fn memory(&self) -> Done<(usize, usize)> {
        Ok((self.room - self.used.load(Relaxed), self.room))
    }

    fn free(&self, address: u64, bytes: usize) {
        self.used.fetch_sub(bytes, Relaxed);
        // SAFETY: `allocate` gave this address for so many bytes.
        unsafe { dealloc(address as *mut u8, layout(bytes)) }
    }

    fn upload(&self, to: u64, bytes: &[u8]) -> Done {
        self.copy(bytes.as_ptr() as u64, to, bytes.len())
    }

    fn pin(&self, bytes: usize) -> Done<u64> {
        // SAFETY: the layout is valid, and nobody pins nothing.
        let memory = unsafe { alloc_zeroed(layout(bytes)) };
        match memory.is_null() {
            true => Err(Failure::Memory(asked(bytes))),
            false => Ok(memory as u64),
        }
    }

    fn unpin(&self, address: u64, bytes: usize) {
        // SAFETY: `pin` gave this address for so many bytes.
        unsafe { dealloc(address as *mut u8, layout(bytes)) }
    }

    fn hold_copies(&self) -> Done {
        Ok(())
    }

    fn copy_ahead(&self, from: u64, to: u64, bytes: usize) -> Done {
        let mut ahead = self.ahead.lock().expect("no thread panicked with it");
        ahead.push((from, to, bytes));
        Ok(())
    }

    fn await_copies(&self) -> Done {
        let mut ahead = self.ahead.lock().expect("no thread panicked with it");
        ahead
            .drain(..)
            .try_for_each(|(from, to, bytes)| self.copy(from, to, bytes))
    }

    fn wait_for_copies(&self) -> Done {
        self.await_copies()
    }

    fn download(&self, from: u64, bytes: &mut [u8]) -> Done {
        self.copy(from, bytes.as_mut_ptr() as u64, bytes.len())
    }

    fn copy(&self, from: u64, to: u64, bytes: usize) -> Done {
        // SAFETY: both lie in memory of `allocate` or in a slice of this length, and do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes) };
        Ok(())
    }

    fn fill(&self, at: u64, byte: u8, bytes: usize) -> Done {
        // SAFETY: so many bytes of memory of `allocate`.
        unsafe { std::ptr::write_bytes(at as *mut u8, byte, bytes) };
        Ok(())
    }

    fn launch(&self, kernel: &str, grid: [u32; 2], arguments: &[(*mut c_void, usize)]) -> Done {
        let mut launched = self.launched.lock().expect("no thread panicked with it");
        if !launched.contains(kernel) {
            self.take(self.kernel, || format!("loading {kernel}"))?;
            launched.insert(kernel.to_owned());
        }
        drop(launched);
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
            1 => Err(Failure::Other(Error::failed(format!("no kernel {kernel}")))),
            _ => Err(Failure::Other(Error::failed(format!(
                "{kernel} takes other arguments than {sizes:?}"
            )))),
        }
    }

    fn wait(&self) -> Done {
        Ok(())
    }

    fn product(&self, product: &Product) -> Done<bool> {
        let &Product {
            kind,
            rows,
            inputs,
            outputs,
            stride,
            ..
        } = product;
        let (bf16_in, bf16_out) = (product.operands_are_bf16, product.result_is_bf16);
        let x = |at, is_bf16| read(at, [rows, inputs], inputs, is_bf16);
        let w = |at, is_bf16| read(at, [outputs, inputs], inputs, is_bf16);
        let y = |at, is_bf16| read(at, [rows, outputs], stride, is_bf16);
        let (a, b, mut c) = match kind {
            ProductKind::Forward => (
                x(product.a, bf16_in),
                w(product.b, bf16_in),
                y(product.c, bf16_out),
            ),
            ProductKind::InputGradient => (
                y(product.a, bf16_in),
                w(product.b, bf16_in),
                x(product.c, bf16_out),
            ),
            ProductKind::WeightGradient => (
                y(product.a, bf16_in),
                x(product.b, bf16_in),
                w(product.c, bf16_out),
            ),
        };
        if !product.adds {
            c.fill(0.0);
        }
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
        let beside = product.beside.filter(|_| self.fuses);
        match (kind, beside) {
            (ProductKind::Forward, Some(bias)) => {
                let bias = read(bias, [1, outputs], outputs, bf16_out);
                for row in c.chunks_exact_mut(outputs) {
                    row.iter_mut().zip(&bias).for_each(|(y, b)| *y += b);
                }
            }
            (ProductKind::WeightGradient, Some(sums)) => {
                let sum = |column: usize| a[column..].iter().step_by(outputs).sum();
                let of_rows: Vec<f32> = (0..outputs).map(sum).collect();
                write(sums, &of_rows, outputs, outputs, bf16_out);
            }
            _ => {}
        }
        match kind {
            ProductKind::Forward => write(product.c, &c, outputs, stride, bf16_out),
            _ => write(product.c, &c, inputs, inputs, bf16_out),
        }
        Ok(beside.is_some())
    }
}

/// The numbers of a matrix whose rows begin so many numbers apart.
fn read(address: u64, [rows, columns]: [usize; 2], stride: usize, is_bf16: bool) -> Vec<f32> {
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| row * stride + column));
    if is_bf16 {
        let from = address as *const bf16;
        // SAFETY: a matrix of so many numbers of this type, as `Product` says.
        places.map(|i| unsafe { *from.add(i) }.to_f32()).collect()
    } else {
        let from = address as *const f32;
        // SAFETY: as above.
        places.map(|i| unsafe { *from.add(i) }).collect()
    }
}

/// Writes a matrix where [`read`] would read it.
fn write(address: u64, values: &[f32], columns: usize, stride: usize, is_bf16: bool) {
    for (row, values) in values.chunks_exact(columns).enumerate() {
        for (i, &value) in (row * stride..).zip(values) {
            // SAFETY: a matrix of so many numbers of this type, which nothing else looks at meanwhile.
            unsafe {
                match is_bf16 {
                    true => *(address as *mut bf16).add(i) = bf16::from_f32(value),
                    false => *(address as *mut f32).add(i) = value,
                }
            }
        }
    }
}
