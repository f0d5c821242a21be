//! Scaled dot-product attention over several heads.

use std::sync::Arc;

use bytemuck::NoUninit;

use crate::nn::cuda::array::{Array, Element, View};
use crate::nn::cuda::device::Device;
use crate::nn::cuda::launch::Launch;
use crate::nn::cuda::tape::{Backward, DeviceTape};
use crate::nn::ops::{Attention, Cols, Mask as Seen};
use crate::nn::precision::Precision;
use crate::nn::spans::Spans;
use crate::nn::tape::Var;

use super::elementwise::Mask;

/// The most keys a query may see, the most queries that see a key, and the most columns of a head
/// (`kernels/attention_shape.cuh`).
const MOST_KEYS: usize = 1024;
pub(super) const MOST_COLUMNS: usize = 128;

/// Heads of these sizes are multiplied on tensor cores, in bf16 (`kernels/attention_tiles.cuh`).
const SIZES_IN_TILES: [usize; 2] = [32, 64];
/// Rows of a block there, and the numbers that say which (`Span` there).
const ROWS: usize = 64;
const NUMBERS: usize = 5;

/// Which keys the queries see, as the device has been told.
#[derive(Debug)]
pub(in crate::nn::cuda) struct SpansOnDevice {
    queries: Spans,
    keys: Spans,
    seen: Seen,
    /// Of each query the first key and the number of keys it sees.
    of_queries: Array,
    /// Of each key the first query that sees it, the number of those, and the key's place in its sample.
    of_keys: Array,
    /// Blocks of queries against the keys of their sample, and of keys against the queries (`Span` in
    /// `kernels/attention_tiles.cuh`).
    query_blocks: Array,
    key_blocks: Array,
}

/// The blocks of `rows`, each of at most [`ROWS`] rows of a sample.
fn blocks(rows: &Spans, others: &Spans) -> Vec<u32> {
    let mut blocks = Vec::new();
    for (rows, others) in rows.iter().zip(others.iter()) {
        for place in (0..rows.len()).step_by(ROWS) {
            let count = ROWS.min(rows.len() - place);
            let block: [usize; NUMBERS] =
                [rows.start + place, count, place, others.start, others.len()];
            blocks.extend(block.map(|number| number as u32));
        }
    }
    blocks
}

/// Columns as kernels take them (`Columns` in `kernels/attention_shape.cuh`).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Columns {
    stride: u32,
    start: u32,
}

/// The shape as kernels take it (`Shape` there).
#[repr(C)]
#[derive(Debug, Clone, Copy)]
struct Shape {
    rows: u32,
    heads: u32,
    size: u32,
    scale: f32,
    mask: Mask,
}

// SAFETY: numbers of 4 bytes that leave no gaps.
unsafe impl NoUninit for Columns {}
// SAFETY: four numbers of 4 bytes, then a structure of whole 8 bytes without gaps.
unsafe impl NoUninit for Shape {}

impl SpansOnDevice {
    fn new(device: &Device, queries: &Spans, keys: &Spans, seen: Seen) -> Self {
        assert_eq!(queries.samples(), keys.samples(), "keys for every sample");
        let (mut of_queries, mut of_keys) = (Vec::new(), Vec::new());
        for (queries, keys) in queries.iter().zip(keys.iter()) {
            assert!(
                !queries.is_empty() && !keys.is_empty(),
                "a query and a key in every sample"
            );
            assert!(
                queries.len() <= MOST_KEYS && keys.len() <= MOST_KEYS,
                "at most {MOST_KEYS} queries and keys in a sample"
            );
            assert!(
                seen == Seen::Full || queries.len() <= keys.len(),
                "{} queries see as many keys",
                queries.len()
            );
            for query in 0..queries.len() {
                let count = match seen {
                    Seen::Full => keys.len(),
                    Seen::Causal => query + 1,
                };
                of_queries.extend([keys.start as u32, count as u32]);
            }
            for key in 0..keys.len() {
                let first = match seen {
                    Seen::Full => 0,
                    Seen::Causal => key.min(queries.len()),
                };
                let count = queries.len() - first;
                of_keys.extend([(queries.start + first) as u32, count as u32, key as u32]);
            }
        }
        Self {
            queries: queries.clone(),
            keys: keys.clone(),
            seen,
            of_queries: device.uploaded(Element::U32, &of_queries),
            of_keys: device.uploaded(Element::U32, &of_keys),
            query_blocks: device.uploaded(Element::U32, &blocks(queries, keys)),
            key_blocks: device.uploaded(Element::U32, &blocks(keys, queries)),
        }
    }
}

impl Columns {
    fn new(cols: Cols) -> Self {
        assert!(
            cols.start + cols.width <= cols.var.cols,
            "columns of the matrix"
        );
        Self {
            stride: cols.var.cols as u32,
            start: cols.start as u32,
        }
    }
}

/// An attention as its kernels take it.
struct Work {
    precision: Precision,
    parts: [Cols; 3],
    data: [Arc<Array>; 3],
    spans: Arc<SpansOnDevice>,
    shape: Shape,
    in_tiles: bool,
}

impl Work {
    fn rows(&self) -> usize {
        self.shape.rows as usize
    }

    fn heads(&self) -> usize {
        self.shape.heads as usize
    }

    /// Queries, keys, values and what they see, which every kernel begins with.
    fn begin<'d>(&self, device: &'d Device, name: &str, of_keys: bool) -> Launch<'d> {
        let mut launch = match self.in_tiles {
            true => device.kernel(&format!("{name}_{}", self.shape.size)),
            false => device.typed_kernel(name, self.precision),
        };
        for (data, cols) in self.data.iter().zip(self.parts) {
            let len = cols.var.rows * cols.var.cols;
            launch = launch.array(data.view(), self.precision.into(), len);
        }
        for cols in self.parts {
            launch = launch.value(Columns::new(cols));
        }
        let spans = &self.spans;
        let spans = match (self.in_tiles, of_keys) {
            (true, true) => &spans.key_blocks,
            (true, false) => &spans.query_blocks,
            (false, true) => &spans.of_keys,
            (false, false) => &spans.of_queries,
        };
        let launch = launch.array(spans.view(), Element::U32, spans.view().len);
        match self.in_tiles {
            true => launch.flag(self.spans.seen == Seen::Causal),
            false => launch,
        }
    }

    /// Runs a kernel of all queries, or of all keys.
    fn run(&self, launch: Launch<'_>, of_keys: bool) {
        let (blocks, rows) = match of_keys {
            true => (&self.spans.key_blocks, self.parts[1].var.rows),
            false => (&self.spans.query_blocks, self.rows()),
        };
        match self.in_tiles {
            true => launch.grid(blocks.view().len / NUMBERS, self.heads()),
            false => launch.rows(rows, self.heads()),
        }
    }
}

impl DeviceTape<'_> {
    /// softmax(q kᵀ / √(head width)) v, head by head: (queries, width).
    pub fn attention(&mut self, q: Cols, k: Cols, v: Cols, attention: Attention) -> Var {
        let Attention {
            heads,
            queries,
            keys,
            mask,
            dropout,
        } = attention;
        let (parts, width) = ([q, k, v], q.width);
        assert!(
            width == k.width && width == v.width && heads > 0 && width.is_multiple_of(heads),
            "queries, keys and values of one width, in whole heads"
        );
        let size = width / heads;
        assert!(
            size <= MOST_COLUMNS,
            "heads of at most {MOST_COLUMNS} columns"
        );
        assert_eq!(q.var.rows, queries.rows(), "a row for every query");
        for rows in [k.var.rows, v.var.rows] {
            assert_eq!(rows, keys.rows(), "a row for every key and value");
        }
        let mark = self.mark();
        // Tiles are read 16 bytes at a time.
        let whole = |cols: Cols| cols.start.is_multiple_of(8) && cols.var.cols.is_multiple_of(8);
        let work = Work {
            precision: self.precision(),
            parts,
            data: parts.map(|cols| self.data(cols.var)),
            spans: self.spans(&queries, &keys, mask),
            shape: Shape {
                rows: queries.rows() as u32,
                heads: heads as u32,
                size: size as u32,
                scale: 1.0 / (size as f32).sqrt(),
                mask: Mask::new(dropout.and_then(|dropout| dropout.mask())),
            },
            in_tiles: self.precision() == Precision::Bf16
                && SIZES_IN_TILES.contains(&size)
                && parts.into_iter().all(whole),
        };
        let (rows, element, device) = (work.rows(), self.precision().into(), self.device());
        let out = self.activations(rows * width);
        let logs = device.array(Element::F32, heads * rows);
        let launch = (work.begin(device, "attend", false))
            .array(out.view(), element, rows * width)
            .array(logs.view(), Element::F32, heads * rows)
            .value(work.shape);
        work.run(launch, false);
        let out = self.push(rows, width, out);
        let output = self.data(out);
        self.record(mark, move |back| {
            let Some(d_out) = back.take_gradient(out) else {
                return;
            };
            let gradients = Gradients::of(back, work.parts);
            let device = back.device();
            let products = device.array(Element::F32, heads * rows);
            let [to_q, to_k, to_v] = [0, 1, 2].map(|i| gradients.view(i));
            let adds = gradients.adds;
            let launch = (work.begin(&device, "attend_to_queries", false))
                .array(output.view(), element, rows * width)
                .array(d_out.view(), element, rows * width)
                .array(logs.view(), Element::F32, heads * rows)
                .array(products.view(), Element::F32, heads * rows)
                .array(to_q, element, q.var.rows * q.var.cols)
                .flag(adds[0])
                .value(work.shape);
            work.run(launch, false);
            let keys = k.var.rows;
            let launch = (work.begin(&device, "attend_to_keys", true))
                .array(d_out.view(), element, rows * width)
                .array(logs.view(), Element::F32, heads * rows)
                .array(products.view(), Element::F32, heads * rows)
                .array(to_k, element, keys * k.var.cols)
                .array(to_v, element, keys * v.var.cols)
                .flag(adds[1])
                .flag(adds[2]);
            let launch = match work.in_tiles {
                true => launch,
                false => launch.count(keys),
            };
            work.run(launch.value(work.shape), true);
            gradients.put(back);
        });
        out
    }

    /// What the device knows of these spans, or is told now.
    fn spans(&mut self, queries: &Spans, keys: &Spans, seen: Seen) -> Arc<SpansOnDevice> {
        let known = self
            .spans
            .iter()
            .find(|s| s.seen == seen && s.queries == *queries && s.keys == *keys);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let spans = Arc::new(SpansOnDevice::new(self.device(), queries, keys, seen));
        self.spans.push(Arc::clone(&spans));
        spans
    }
}

/// Where the gradients of queries, keys and values go: columns of one matrix or of several.
struct Gradients {
    /// The matrices, and whether their gradients are wanted.
    matrices: Vec<(Var, Array, bool)>,
    /// Which of them each part is in.
    places: [usize; 3],
    /// Whether each part is added to.
    adds: [bool; 3],
}

impl Gradients {
    fn of(back: &mut Backward<'_>, parts: [Cols; 3]) -> Self {
        let mut matrices: Vec<(Var, Array, bool)> = Vec::new();
        let mut partly = Vec::new();
        let places = parts.map(|cols| {
            if let Some(place) = matrices.iter().position(|matrix| matrix.0 == cols.var) {
                return place;
            }
            let (array, holds, wanted) = match back.gradient_of(cols.var) {
                Some((array, holds)) => (array, holds, true),
                None => (
                    back.activations(cols.var.rows * cols.var.cols),
                    false,
                    false,
                ),
            };
            // Where the parts are not all of the matrix, each once, it starts from zeros.
            let mut starts: Vec<usize> = parts
                .iter()
                .filter(|part| part.var == cols.var)
                .map(|part| part.start)
                .collect();
            starts.sort_unstable();
            let whole = starts
                .iter()
                .copied()
                .eq((0..cols.var.cols).step_by(cols.width));
            if !holds && !whole {
                array.clear();
            }
            partly.push(holds || !whole);
            matrices.push((cols.var, array, wanted));
            matrices.len() - 1
        });
        Self {
            adds: places.map(|place| partly[place]),
            matrices,
            places,
        }
    }

    /// The matrix that a part is in.
    fn view(&self, part: usize) -> View {
        self.matrices[self.places[part]].1.view()
    }

    fn put(self, back: &mut Backward<'_>) {
        for (var, array, wanted) in self.matrices {
            if wanted {
                back.put_gradient(var, array);
            }
        }
    }
}
