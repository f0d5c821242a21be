//! Kernels by name, with arguments that are checked before anything runs.

use std::ffi::c_void;

use bytemuck::NoUninit;

use super::array::{Element, View};
use super::device::Device;
use super::driver::{THREADS, WARPS};
use crate::nn::precision::Precision;

/// A kernel and its arguments, in their order.
pub(super) struct Launch<'d> {
    device: &'d Device,
    kernel: String,
    arguments: Vec<Argument>,
}

/// The bytes of an argument, which is a number, an address or a small structure.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Argument {
    bytes: [u8; 48],
    size: usize,
}

impl Device {
    /// A kernel that there is one of.
    pub(super) fn kernel(&self, name: &str) -> Launch<'_> {
        Launch {
            device: self,
            kernel: name.to_owned(),
            arguments: Vec::with_capacity(16),
        }
    }

    /// A kernel that there is one of for each type of activations.
    pub(super) fn typed_kernel(&self, name: &str, precision: Precision) -> Launch<'_> {
        self.kernel(&format!("{name}_{precision}"))
    }
}

impl Launch<'_> {
    /// An array's address, which the kernel takes `len` numbers of this type from.
    pub fn array(self, view: View, element: Element, len: usize) -> Self {
        let kernel = &self.kernel;
        assert_eq!(
            view.element,
            element,
            "argument {} of {kernel}",
            self.arguments.len()
        );
        assert!(
            len <= view.len,
            "argument {} of {kernel}: {len} numbers of {}",
            self.arguments.len(),
            view.len
        );
        self.value(view.address)
    }

    /// An array that may be left out.
    pub fn optional(self, view: Option<View>, element: Element, len: usize) -> Self {
        match view {
            Some(view) => self.array(view, element, len),
            None => self.value(0u64),
        }
    }

    /// A number or a structure.
    pub fn value<V: NoUninit>(mut self, value: V) -> Self {
        let mut argument = Argument {
            bytes: [0; 48],
            size: size_of::<V>(),
        };
        argument.bytes[..size_of::<V>()].copy_from_slice(bytemuck::bytes_of(&value));
        self.arguments.push(argument);
        self
    }

    /// A count, as kernels take it.
    pub fn count(self, count: usize) -> Self {
        let count = u32::try_from(count).expect("fewer rows and columns than 2³²");
        self.value(count)
    }

    /// Whether or not, as kernels take it.
    pub fn flag(self, flag: bool) -> Self {
        self.value(u32::from(flag))
    }

    /// Runs it with a thread for each of so many things.
    pub fn threads(self, count: usize) {
        self.run([count.div_ceil(THREADS), 1]);
    }

    /// Runs it with a thread for each 16 bytes of so many numbers of this type.
    pub fn packs(self, element: Element, count: usize) {
        self.threads(count.div_ceil(16 / element.bytes()));
    }

    /// Runs it with a warp for each row, and so many times over.
    pub fn rows(self, rows: usize, times: usize) {
        self.run([rows.div_ceil(WARPS), times]);
    }

    /// Runs it with a thread for each column, and blocks for so many parts of the rows.
    pub fn columns(self, columns: usize, parts: usize) {
        self.run([columns.div_ceil(THREADS), parts]);
    }

    /// Runs it in so many blocks, so many times over.
    pub fn grid(self, blocks: usize, times: usize) {
        self.run([blocks, times]);
    }

    /// Runs it in so many blocks.
    pub fn blocks(self, blocks: usize) {
        self.run([blocks, 1]);
    }

    fn run(mut self, grid: [usize; 2]) {
        if grid.contains(&0) {
            return;
        }
        let grid = grid.map(|size| u32::try_from(size).expect("fewer blocks than 2³²"));
        assert!(grid[1] <= 65_535, "{} times {}", grid[1], self.kernel);
        let arguments: Vec<(*mut c_void, usize)> = self
            .arguments
            .iter_mut()
            .map(|argument| (argument.bytes.as_mut_ptr().cast(), argument.size))
            .collect();
        self.device
            .run(|driver| driver.launch(&self.kernel, grid, &arguments));
    }
}
