//! The products of a linear map, on the calling thread: of f32 by the `gemm` crate, of bf16 by `bf16`.

use super::bf16;
use super::few_rows;
use super::meter::metered;
use super::operand::Operand;
use crate::nn::precision::Precision;

/// Whether the products of few rows are faster: packing the weights would cost more than it saves (measured; of
/// the forward product of 24 rows of 3072 inputs, two thirds).
fn has_few(rows: usize, inputs: usize) -> bool {
    rows <= 48 && inputs >= 512
}

/// y (rows, outputs) = x wᵀ, with x (rows, inputs) and w (outputs, inputs).
pub(crate) fn forward(
    precision: Precision,
    x: &[f32],
    w: &[f32],
    y: &mut [f32],
    inputs: usize,
    outputs: usize,
) {
    let rows = rows_of(x, inputs, y, outputs);
    assert_eq!(
        w.len(),
        inputs * outputs,
        "a weight for every input and output"
    );
    metered([rows, outputs, inputs], || match precision {
        Precision::F32 if has_few(rows, inputs) => {
            few_rows::forward(x, w, y, inputs, outputs);
        }
        Precision::F32 => f32_product(
            [rows, outputs, inputs],
            y,
            (x, [inputs, 1]),
            (w, [1, inputs]),
            false,
        ),
        Precision::Bf16 => bf16::product(
            y,
            Operand::rows(x, rows, inputs),
            Operand::rows(w, outputs, inputs),
            false,
        ),
    });
}

/// dx (rows, inputs) = or += dy w.
pub(crate) fn input_gradient(
    precision: Precision,
    dy: &[f32],
    w: &[f32],
    dx: &mut [f32],
    inputs: usize,
    outputs: usize,
    accumulate: bool,
) {
    let rows = rows_of(dx, inputs, dy, outputs);
    assert_eq!(
        w.len(),
        inputs * outputs,
        "a weight for every input and output"
    );
    metered([rows, inputs, outputs], || match precision {
        Precision::F32 if has_few(rows, inputs) => {
            few_rows::input_gradient(dy, w, dx, inputs, outputs, accumulate);
        }
        Precision::F32 => f32_product(
            [rows, inputs, outputs],
            dx,
            (dy, [outputs, 1]),
            (w, [inputs, 1]),
            accumulate,
        ),
        Precision::Bf16 => bf16::product(
            dx,
            Operand::rows(dy, rows, outputs),
            Operand::columns(w, inputs, outputs),
            accumulate,
        ),
    });
}

/// dw (outputs, inputs) = or += dyᵀ x.
pub(crate) fn weight_gradient(
    precision: Precision,
    dy: &[f32],
    x: &[f32],
    dw: &mut [f32],
    inputs: usize,
    outputs: usize,
    accumulate: bool,
) {
    let rows = rows_of(x, inputs, dy, outputs);
    assert_eq!(dw.len(), inputs * outputs, "a gradient for every weight");
    metered([outputs, inputs, rows], || match precision {
        Precision::F32 if has_few(rows, inputs) => {
            few_rows::weight_gradient(dy, x, dw, inputs, outputs, accumulate);
        }
        Precision::F32 => f32_product(
            [outputs, inputs, rows],
            dw,
            (dy, [1, outputs]),
            (x, [inputs, 1]),
            accumulate,
        ),
        Precision::Bf16 => bf16::product(
            dw,
            Operand::columns(dy, outputs, rows),
            Operand::columns(x, inputs, rows),
            accumulate,
        ),
    });
}

fn rows_of(x: &[f32], inputs: usize, y: &[f32], outputs: usize) -> usize {
    let rows = x.len() / inputs;
    assert_eq!(x.len(), rows * inputs, "whole rows of {inputs} inputs");
    assert_eq!(y.len(), rows * outputs, "{rows} rows of {outputs} outputs");
    rows
}

/// A contiguous matrix or its transpose, with the strides \[from row to row, from column to column\].
type Strided<'a> = (&'a [f32], [usize; 2]);

/// c (m, n) = or += a (m, k) · b (k, n); c is contiguous.
pub(super) fn f32_product(
    [m, n, k]: [usize; 3],
    c: &mut [f32],
    (a, a_strides): Strided<'_>,
    (b, b_strides): Strided<'_>,
    accumulate: bool,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert_eq!(c.len(), m * n);
    assert_eq!((a.len(), b.len()), (m * k, k * n));
    assert!(a_strides == [k, 1] || a_strides == [1, m]);
    assert!(b_strides == [n, 1] || b_strides == [1, k]);
    // SAFETY: the three matrices lie within their slices: each has as many elements as its
    // slice, and its strides are those of a contiguous matrix or of its transpose. c is
    // borrowed mutably, so it overlaps neither a nor b, and it is initialised.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.as_ptr(),
            a_strides[1] as isize,
            a_strides[0] as isize,
            b.as_ptr(),
            b_strides[1] as isize,
            b_strides[0] as isize,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_equal_sums_written_out() {
        // Small whole numbers, exact in either precision.
        let (rows, inputs, outputs) = (5, 3, 4);
        let value = |i: usize| ((i * 29) % 17) as f32 - 8.0;
        let x: Vec<f32> = (0..rows * inputs).map(value).collect();
        let w: Vec<f32> = (0..outputs * inputs).map(|i| value(i + 3)).collect();
        let dy: Vec<f32> = (0..rows * outputs).map(|i| value(i + 7)).collect();
        let mut y = vec![f32::NAN; rows * outputs];
        for precision in [Precision::F32, Precision::Bf16] {
            forward(precision, &x, &w, &mut y, inputs, outputs);
            let mut dx = vec![f32::NAN; rows * inputs];
            input_gradient(precision, &dy, &w, &mut dx, inputs, outputs, false);
            let mut dx_twice = dx.clone();
            input_gradient(precision, &dy, &w, &mut dx_twice, inputs, outputs, true);
            let mut dw = vec![1.0; outputs * inputs];
            weight_gradient(precision, &dy, &x, &mut dw, inputs, outputs, true);
            for r in 0..rows {
                for o in 0..outputs {
                    let sum: f32 = (0..inputs)
                        .map(|i| x[r * inputs + i] * w[o * inputs + i])
                        .sum();
                    assert_eq!(y[r * outputs + o], sum);
                }
                for i in 0..inputs {
                    let sum: f32 = (0..outputs)
                        .map(|o| dy[r * outputs + o] * w[o * inputs + i])
                        .sum();
                    assert_eq!(dx[r * inputs + i], sum);
                    assert_eq!(dx_twice[r * inputs + i], 2.0 * sum);
                }
            }
            for o in 0..outputs {
                for i in 0..inputs {
                    let sum: f32 = (0..rows)
                        .map(|r| dy[r * outputs + o] * x[r * inputs + i])
                        .sum();
                    assert_eq!(dw[o * inputs + i], 1.0 + sum);
                }
            }
        }
    }
}
