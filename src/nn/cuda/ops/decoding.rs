//! Attention of captions that are being written: one query a row, to keys and values that are kept.

use std::sync::Arc;

use crate::nn::cuda::array::{Array, Element};
use crate::nn::cuda::device::Device;
use crate::nn::cuda::params::DeviceParams;
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::tape::Var;

use super::attention::MOST_COLUMNS;

/// Keys and values of tokens on a device, side by side: (places, 2·width).
#[derive(Debug)]
pub struct KeysAndValues {
    values: Arc<Array>,
    places: usize,
    width: usize,
}

impl KeysAndValues {
    /// Room for so many tokens.
    pub fn with_room(params: &DeviceParams, places: usize, width: usize) -> Self {
        let (device, precision) = (params.device(), params.precision());
        Self {
            values: Arc::new(device.array(precision.into(), places * 2 * width)),
            places,
            width,
        }
    }
}

/// The tokens that each row sees, by their places.
#[derive(Debug)]
pub struct Places {
    numbers: Array,
    rows: usize,
    seen: usize,
    run: bool,
    /// One more than the largest of them.
    end: usize,
}

impl Places {
    /// Of each row, equally many places.
    ///
    /// # Panics
    /// If there is no row, or if one has another number of places than the first.
    pub fn listed(device: &Device, rows: &[Vec<u32>]) -> Self {
        let seen = rows[0].len();
        assert!(rows.iter().all(|row| row.len() == seen), "rows of a length");
        let numbers = rows.concat();
        Self {
            end: end(&numbers, 1),
            numbers: device.uploaded(Element::U32, &numbers),
            rows: rows.len(),
            seen,
            run: false,
        }
    }

    /// Of each row, `seen` places from one on.
    pub fn runs(device: &Device, starts: &[u32], seen: usize) -> Self {
        Self {
            end: end(starts, seen),
            numbers: device.uploaded(Element::U32, starts),
            rows: starts.len(),
            seen,
            run: true,
        }
    }
}

/// The end of the last of these runs.
fn end(starts: &[u32], length: usize) -> usize {
    starts
        .iter()
        .max()
        .map_or(0, |&last| last as usize + length)
}

impl DeviceTape<'_> {
    /// Keeps the values of a matrix, (places, 2·width), as keys and values.
    pub fn keys_and_values(&self, x: Var) -> KeysAndValues {
        KeysAndValues {
            values: self.data(x),
            places: x.rows,
            width: x.cols / 2,
        }
    }

    /// softmax(q kᵀ / √(head width)) v, head by head, of one query a row, (rows, width).
    ///
    /// `x` is the queries, or (rows, 3·width): queries with the key and the value of each row's own token.
    /// Those are first put in the cache at the last of the row's places, which no other row may have.
    ///
    /// # Panics
    /// If sizes do not fit, or a place is not in the cache.
    pub fn attention_at(
        &mut self,
        x: Var,
        cache: &KeysAndValues,
        places: &Places,
        heads: usize,
    ) -> Var {
        let width = cache.width;
        let extends = x.cols == 3 * width;
        assert!(extends || x.cols == width, "queries as wide as the keys");
        assert!(width.is_multiple_of(heads) && width / heads <= MOST_COLUMNS);
        assert_eq!(x.rows, places.rows, "places for every row");
        assert!(places.seen > 0, "a token that is seen");
        assert!(places.end <= cache.places, "a place that is kept");
        let size = width / heads;
        let (data, out) = (self.data(x), self.activations(x.rows * width));
        let element = self.precision().into();
        self.device()
            .typed_kernel("attend_places", self.precision())
            .array(data.view(), element, x.rows * x.cols)
            .count(x.cols)
            .array(cache.values.view(), element, cache.places * 2 * width)
            .array(
                places.numbers.view(),
                Element::U32,
                places.rows * if places.run { 1 } else { places.seen },
            )
            .count(places.seen)
            .flag(places.run)
            .flag(extends)
            .array(out.view(), element, x.rows * width)
            .count(x.rows)
            .count(heads)
            .count(size)
            .value(1.0 / (size as f32).sqrt())
            .rows(x.rows, heads);
        self.push(x.rows, width, out)
    }
}
