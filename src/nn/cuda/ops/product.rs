//! Products of matrices, whose sizes are checked here.

use crate::nn::cuda::array::{Element, View};
use crate::nn::cuda::device::Device;
use crate::nn::cuda::driver::{Product, ProductKind};

/// One product of a linear map, to be made.
#[derive(Debug, Clone, Copy)]
pub(in crate::nn::cuda) struct Matrices {
    kind: ProductKind,
    /// Rows, inputs and outputs of the linear map.
    sizes: [usize; 3],
    /// Numbers from a row of y to the next.
    stride: usize,
    operands: [View; 3],
    adds: bool,
    beside: Option<View>,
}

impl Matrices {
    /// c = the product of a and b; `[rows, inputs, outputs]` of the linear map.
    pub fn new(kind: ProductKind, sizes: [usize; 3], operands: [View; 3]) -> Self {
        Self {
            kind,
            sizes,
            stride: sizes[2],
            operands,
            adds: false,
            beside: None,
        }
    }

    /// The same with rows of y, or dy, so many numbers apart, of which those past the outputs stay as they are.
    pub fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// c += the product, if `adds`.
    pub fn adding(self, adds: bool) -> Self {
        Self { adds, ..self }
    }

    /// The same with a bias to be added ([`ProductKind::Forward`]), or with room for the sums of dy's rows
    /// ([`ProductKind::WeightGradient`]): in either case `outputs` numbers of c's type.
    pub fn beside(self, beside: Option<View>) -> Self {
        Self { beside, ..self }
    }
}

impl Device {
    /// Makes a product. Returns whether it also did what was asked for beside: devices may be unable to.
    pub(in crate::nn::cuda) fn product(&self, matrices: &Matrices) -> bool {
        let &Matrices {
            kind,
            sizes: [rows, inputs, outputs],
            stride,
            operands: [a, b, c],
            adds,
            beside,
        } = matrices;
        assert!(stride >= outputs, "{stride} numbers for {outputs}");
        let (x, w, y) = (rows * inputs, outputs * inputs, rows * stride);
        let lens = match kind {
            ProductKind::Forward => [x, w, y],
            ProductKind::InputGradient => [y, w, x],
            ProductKind::WeightGradient => [y, x, w],
        };
        assert_eq!([a.len, b.len, c.len], lens, "matrices of these sizes");
        assert_eq!(a.element, b.element, "operands of one type");
        for view in [a, c] {
            assert!(matches!(view.element, Element::F32 | Element::Bf16));
        }
        if let Some(beside) = beside {
            assert_eq!(
                (beside.len, beside.element),
                (outputs, c.element),
                "one a column of y"
            );
            assert!(kind != ProductKind::InputGradient && !(adds && kind == ProductKind::Forward));
        }
        if rows == 0 {
            // Nothing to add; a gradient of no rows is zeros.
            assert!(adds || c.len == 0, "a product over no rows");
            return false;
        }
        let product = Product {
            kind,
            rows,
            inputs,
            outputs,
            stride,
            a: a.address,
            b: b.address,
            c: c.address,
            operands_are_bf16: a.element == Element::Bf16,
            result_is_bf16: c.element == Element::Bf16,
            adds,
            beside: beside.map(|beside| beside.address),
        };
        self.count([rows, inputs, outputs]);
        self.run(|driver| driver.product(&product)).unwrap_or(false)
    }
}

#[cfg(all(test, feature = "cuda-emulator"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::nn::cuda::{DeviceGradients, DeviceParams, DeviceTape};
    use crate::nn::{Layout, Params, Precision};

    #[test]
    fn biases_are_the_same_beside_products_and_after_them() {
        let mut builder = Layout::builder();
        let map = builder.linear("map", 19, 45, true, 0.5);
        let layout = Arc::new(builder.build());
        let mut params = Params::init(Arc::clone(&layout), 1);
        let bias = map.b.unwrap();
        let values = params.slice_mut(bias).iter_mut().enumerate();
        values.for_each(|(i, b)| *b = (i as f32 * 0.7).sin());
        let x: Vec<f32> = (0..7 * 19).map(|i| (i as f32 * 0.3).cos()).collect();
        let dy: Vec<f32> = (0..7 * 45).map(|i| (i as f32 * 0.9).sin()).collect();
        let run = |device: &Device, precision| {
            let there = DeviceParams::new(device, &params, precision);
            let mut gradients = DeviceGradients::zeros(device, &layout);
            let mut y = Vec::new();
            // The second time there is something to add to.
            for _ in 0..2 {
                let mut tape = DeviceTape::training(&there, &mut gradients);
                let x = tape.input(7, 19, &x);
                let out = tape.linear(x, map);
                y = tape.value(out);
                tape.backward(&[(out, &dy)]).unwrap();
            }
            (y, gradients.to_flat(device))
        };
        for (precision, close) in [(Precision::F32, 1e-5), (Precision::Bf16, 2e-2)] {
            let (y, gradients) = run(&Device::of_tests(), precision);
            let (plain_y, plain) = run(&Device::emulated_with_plain_products(), precision);
            for (a, b) in y.iter().zip(&plain_y).chain(gradients.iter().zip(&plain)) {
                assert!(
                    (a - b).abs() <= close * b.abs().max(1.0),
                    "{precision}: {a}, {b}"
                );
            }
            let sums = gradients[bias.range()].iter().map(|g| g.abs()).sum::<f32>();
            assert!(sums > 1.0, "{sums}");
        }
    }
}
