//! Pictures on their way into a chunk's memory.

use std::ops::Range;

use crate::models::batch::Pictures;
use crate::models::workspace::Shard;
use crate::nn::Buffer;
#[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
use crate::nn::Workers;

/// The pictures that chunks need, if they need any.
#[derive(Clone, Copy)]
pub(in crate::models) struct Read<'a> {
    pictures: Option<Pictures<'a>>,
    /// Numbers of a picture.
    pixels: usize,
}

impl<'a> Read<'a> {
    pub fn new(pictures: Pictures<'a>, pixels: usize) -> Self {
        Self {
            pictures: Some(pictures),
            pixels,
        }
    }

    /// For chunks that need none.
    pub fn none() -> Self {
        Self {
            pictures: None,
            pixels: 0,
        }
    }

    /// Reads some pictures, on this thread, into memory that may be used again.
    pub fn chunk<'m>(&self, range: Range<usize>, memory: &'m mut Option<Buffer>) -> &'m [f32] {
        let Some(pictures) = self.pictures else {
            return &[];
        };
        let values = Shard::pictures_of(memory, range.len() * self.pixels);
        for (i, picture) in range.zip(values.chunks_exact_mut(self.pixels)) {
            pictures(i, picture);
        }
        values
    }

    /// As [`Self::chunk`], with all threads.
    #[cfg(any(feature = "cuda", feature = "cuda-emulator"))]
    pub fn chunk_with<'m>(
        &self,
        workers: &Workers,
        range: Range<usize>,
        memory: &'m mut Option<Buffer>,
    ) -> &'m [f32] {
        let Some(pictures) = self.pictures else {
            return &[];
        };
        let values = Shard::pictures_of(memory, range.len() * self.pixels);
        workers.map(values.chunks_exact_mut(self.pixels), |i, picture| {
            pictures(range.start + i, picture);
        });
        values
    }
}
