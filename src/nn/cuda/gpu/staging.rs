//! Copies from memory that the caller may change right after.

use std::ffi::c_void;

use cudarc::driver::{DriverError, result, sys};

/// Bytes of pinned memory: enough for hundreds of steps' lists, few enough for the weights to pass through quickly.
const ROOM: usize = 16 << 20;
/// What places in it are multiples of.
const ALIGNMENT: usize = 64;

/// A piece of pinned memory that uploads go through, one after the other and from its start again. Nothing here relies
/// on how the driver copies from other memory, which on some systems the device reads when it comes to it.
#[derive(Debug)]
pub(super) struct Staging {
    memory: *mut c_void,
    /// Where the next bytes go.
    next: usize,
}

// SAFETY: the memory is this structure's alone.
unsafe impl Send for Staging {}

impl Staging {
    /// In the current context.
    pub fn new() -> Result<Self, DriverError> {
        Ok(Self {
            // SAFETY: freed by `close` alone.
            memory: unsafe { result::malloc_host(ROOM, 0) }?,
            next: 0,
        })
    }

    /// Copies to the device, in the order of this stream, in which all such copies are made.
    pub fn upload(
        &mut self,
        to: u64,
        bytes: &[u8],
        stream: sys::CUstream,
    ) -> Result<(), DriverError> {
        let mut to = to;
        for piece in bytes.chunks(ROOM) {
            if self.next + piece.len() > ROOM {
                // SAFETY: a stream of the current context. After this no copy reads the memory any more.
                unsafe { result::stream::synchronize(stream) }?;
                self.next = 0;
            }
            // SAFETY: so many bytes of this memory, which no copy reads, and of the device's.
            unsafe {
                let staged = self.memory.cast::<u8>().add(self.next);
                let staged = std::slice::from_raw_parts_mut(staged, piece.len());
                staged.copy_from_slice(piece);
                result::memcpy_htod_async(to, staged, stream)?;
            }
            self.next = (self.next + piece.len()).next_multiple_of(ALIGNMENT);
            to += piece.len() as u64;
        }
        Ok(())
    }

    /// Gives the memory back, which no copy reads any more.
    pub fn close(&self) -> Result<(), DriverError> {
        // SAFETY: made by `new`, and used by nothing from now on.
        unsafe { result::free_host(self.memory) }
    }
}
