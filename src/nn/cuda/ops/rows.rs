//! Some rows of a matrix, matrices on top of each other, and apart again.

use std::collections::BTreeMap;

use crate::nn::cuda::array::{Element, View};
use crate::nn::cuda::device::Device;
use crate::nn::cuda::driver::LANES;
use crate::nn::cuda::tape::DeviceTape;
use crate::nn::precision::Precision;
use crate::nn::tape::Var;

impl Device {
    /// to\[target\] += x\[row\] for the target of each row of x (rows, columns), in the rows' order.
    pub(super) fn add_rows(
        &self,
        precision: Precision,
        x: View,
        targets: impl IntoIterator<Item = usize>,
        to: View,
        columns: usize,
    ) {
        let mut rows_of: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        let mut rows = 0;
        for (row, target) in targets.into_iter().enumerate() {
            assert!((target + 1) * columns <= to.len, "row {target} of fewer");
            rows_of.entry(target).or_default().push(row as u32);
            rows = row + 1;
        }
        let places: Vec<u32> = rows_of.keys().map(|&target| target as u32).collect();
        let ends = rows_of.values().scan(0, |end, rows| {
            *end += rows.len() as u32;
            Some(*end)
        });
        let starts: Vec<u32> = [0].into_iter().chain(ends).collect();
        let sources: Vec<u32> = rows_of.into_values().flatten().collect();
        let [places, starts, sources] =
            [places, starts, sources].map(|values| self.uploaded(Element::U32, &values));
        let (name, element) = match to.element {
            Element::F32 if precision == Precision::Bf16 => ("add_rows_to_sums", Element::F32),
            element => ("add_rows", element),
        };
        let count = places.view().len;
        self.typed_kernel(name, precision)
            .array(x, precision.into(), rows * columns)
            .array(to, element, to.len)
            .array(places.view(), Element::U32, count)
            .array(starts.view(), Element::U32, count + 1)
            .array(sources.view(), Element::U32, rows)
            .count(count)
            .count(columns)
            .rows(count, columns.div_ceil(LANES));
    }
}

impl DeviceTape<'_> {
    /// The rows of `x` at `indices`, in that order; one may come several times.
    pub fn rows(&mut self, x: Var, indices: &[usize]) -> Var {
        let mark = self.mark();
        let len = indices.len() * x.cols;
        let places: Vec<u32> = indices
            .iter()
            .map(|&i| {
                assert!(i < x.rows, "row {i} of {}", x.rows);
                i as u32
            })
            .collect();
        let places = self.device().uploaded(Element::U32, &places);
        let picked = self.activations(len);
        let element = self.precision().into();
        self.device()
            .typed_kernel("pick_rows", self.precision())
            .array(self.data(x).view(), element, x.rows * x.cols)
            .array(places.view(), Element::U32, indices.len())
            .array(picked.view(), element, len)
            .count(indices.len())
            .count(x.cols)
            .rows(indices.len(), 1);
        let picked = self.push(indices.len(), x.cols, picked);
        let indices = indices.to_vec();
        self.record(mark, move |back| {
            let Some(gradient) = back.take_gradient(picked) else {
                return;
            };
            if let Some((sum, partly)) = back.gradient_of(x) {
                if !partly {
                    sum.clear();
                }
                let (device, precision) = (back.device(), back.precision());
                device.add_rows(precision, gradient.view(), indices, sum.view(), x.cols);
                back.put_gradient(x, sum);
            }
        });
        picked
    }

    /// The rows of `top`, then those of `bottom`: as many columns in both.
    pub fn stack(&mut self, top: Var, bottom: Var) -> Var {
        assert_eq!(top.cols, bottom.cols, "as many columns in both");
        let mark = self.mark();
        let (rows, cols) = (top.rows + bottom.rows, top.cols);
        let (at, len) = (top.rows * cols, rows * cols);
        let both = self.activations(len);
        self.device().copy(self.data(top).view(), both.part(0..at));
        self.device()
            .copy(self.data(bottom).view(), both.part(at..len));
        let both = self.push(rows, cols, both);
        self.record(mark, move |back| {
            if let Some(gradient) = back.take_gradient(both) {
                back.add_gradient(top, gradient.part(0..at));
                back.add_gradient(bottom, gradient.part(at..len));
            }
        });
        both
    }

    /// The first `rows` rows of `x`, and the others.
    pub fn split(&mut self, x: Var, rows: usize) -> (Var, Var) {
        assert!(rows <= x.rows, "{rows} rows of {}", x.rows);
        let mark = self.mark();
        let (at, len) = (rows * x.cols, x.rows * x.cols);
        let ranges = [0..at, at..len];
        let source = self.data(x);
        let parts = ranges.clone().map(|range| {
            let part = self.activations(range.len());
            self.device().copy(source.part(range), part.view());
            part
        });
        let [top, bottom] = parts.map(|part| {
            let rows = part.view().len / x.cols;
            self.push(rows, x.cols, part)
        });
        self.record(mark, move |back| {
            let parts = [top, bottom].map(|part| back.take_gradient(part));
            if parts.iter().all(Option::is_none) {
                return;
            }
            let Some((sum, partly)) = back.gradient_of(x) else {
                return;
            };
            let (device, precision) = (back.device(), back.precision());
            for (part, range) in parts.iter().zip(ranges) {
                match part {
                    Some(part) if partly => device.add(precision, sum.part(range), part.view()),
                    Some(part) => device.copy(part.view(), sum.part(range)),
                    None if partly => {}
                    None => sum.clear_part(range),
                }
            }
            back.put_gradient(x, sum);
        });
        (top, bottom)
    }
}
