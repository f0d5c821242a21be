//! The linear map: alone, before a GELU, and onto a residual stream.

use crate::nn::cuda::array::{Array, Element, View};
use crate::nn::cuda::driver::ProductKind;
use crate::nn::cuda::tape::{Backward, DeviceTape};
use crate::nn::layout::{Linear, Norm};
use crate::nn::ops::{Dropout, Gelu};
use crate::nn::tape::Var;

use super::elementwise::Mask;
use super::product::Matrices;

/// residual + mask(x Wᵀ + b).
#[derive(Clone, Copy)]
struct Branch {
    x: Var,
    linear: Linear,
    residual: Var,
    mask: Mask,
}

impl DeviceTape<'_> {
    /// x Wᵀ + b.
    pub fn linear(&mut self, x: Var, linear: Linear) -> Var {
        let mark = self.mark();
        let outputs = linear.outputs();
        let (y, has_bias) = self.map_and(x, linear, linear.b.map(|b| self.params.weights(b)));
        if let (Some(b), false) = (linear.b, has_bias) {
            self.device()
                .typed_kernel("add_row", self.precision())
                .array(y.view(), self.precision().into(), x.rows * outputs)
                .array(self.params.slice(b), Element::F32, outputs)
                .count(x.rows)
                .count(outputs)
                .packs(self.precision().into(), x.rows * outputs);
        }
        let y = self.push(x.rows, outputs, y);
        let data = self.data(x);
        self.record(mark, move |back| {
            let Some(dy) = back.take_gradient(y) else {
                return;
            };
            back.map_and_bias(x, data.view(), linear, &dy);
        });
        y
    }

    /// gelu(x Wᵀ + b); the map must have a bias.
    pub fn linear_gelu(&mut self, x: Var, linear: Linear, gelu: Gelu) -> Var {
        let mark = self.mark();
        let b = linear.b.expect("a bias before a GELU");
        let outputs = linear.outputs();
        let len = x.rows * outputs;
        let derivative = self.map(x, linear);
        let y = self.activations(len);
        let element = self.precision().into();
        self.device()
            .typed_kernel("gelu", self.precision())
            .array(derivative.view(), element, len)
            .array(self.params.slice(b), Element::F32, outputs)
            .array(y.view(), element, len)
            .flag(gelu == Gelu::Erf)
            .count(x.rows)
            .count(outputs)
            .packs(element, len);
        let y = self.push(x.rows, outputs, y);
        let data = self.data(x);
        self.record(mark, move |back| {
            let Some(dy) = back.take_gradient(y) else {
                return;
            };
            back.device()
                .typed_kernel("multiply", back.precision())
                .array(dy.view(), element, len)
                .array(derivative.view(), element, len)
                .value(len)
                .packs(element, len);
            back.map_and_bias(x, data.view(), linear, &dy);
        });
        y
    }

    /// residual + dropout(x Wᵀ + b).
    pub fn linear_residual(
        &mut self,
        x: Var,
        linear: Linear,
        residual: Var,
        dropout: Option<Dropout>,
    ) -> Var {
        let mark = self.mark();
        let branch = Branch::new(x, linear, residual, dropout);
        let (sum, _) = self.branch(&branch, None);
        let sum = self.push(residual.rows, residual.cols, sum);
        let data = self.data(x);
        self.record(mark, move |back| {
            if let Some(gradient) = back.take_gradient(sum) {
                back.branch(&branch, data.view(), gradient);
            }
        });
        sum
    }

    /// (sum, norm(sum)) with sum = residual + dropout(x Wᵀ + b). Either may stay unused.
    pub fn linear_residual_norm(
        &mut self,
        x: Var,
        linear: Linear,
        residual: Var,
        norm: Norm,
        dropout: Option<Dropout>,
    ) -> (Var, Var) {
        let mark = self.mark();
        let branch = Branch::new(x, linear, residual, dropout);
        let (sum, normed) = self.branch(&branch, Some(norm));
        let (normed, stats) = normed.expect("a norm that was asked for");
        let (rows, cols) = (residual.rows, residual.cols);
        let sum = self.push(rows, cols, sum);
        let normed = self.push(rows, cols, normed);
        let (data, sums) = (self.data(x), self.data(sum));
        self.record(mark, move |back| {
            let (d_sum, d_normed) = (back.take_gradient(sum), back.take_gradient(normed));
            let gradient = match (d_sum, d_normed) {
                (None, None) => return,
                (Some(d_sum), None) => d_sum,
                (d_sum, Some(d_normed)) => {
                    let d_sum = d_sum.as_ref().map(Array::view);
                    back.norm(norm, sums.view(), &stats, d_normed, d_sum)
                }
            };
            back.branch(&branch, data.view(), gradient);
        });
        (sum, normed)
    }

    /// x Wᵀ.
    fn map(&self, x: Var, linear: Linear) -> Array {
        self.map_and(x, linear, None).0
    }

    /// x Wᵀ, plus a bias if there is one and the device can add it as it goes; and whether it did.
    fn map_and(&self, x: Var, linear: Linear, bias: Option<View>) -> (Array, bool) {
        let sizes = [x.rows, linear.inputs(), linear.outputs()];
        assert_eq!(x.cols, linear.inputs(), "an input for every column");
        let y = self.activations(x.rows * linear.outputs());
        let (data, w) = (self.data(x), self.params.weights(linear.w));
        let product = Matrices::new(ProductKind::Forward, sizes, [data.view(), w, y.view()]);
        let has_bias = self.device().product(&product.beside(bias));
        (y, has_bias)
    }

    /// The sum, and its norm with that norm's statistics.
    fn branch(&self, branch: &Branch, norm: Option<Norm>) -> (Array, Option<(Array, Array)>) {
        let &Branch {
            x,
            linear,
            residual,
            mask,
        } = branch;
        let (rows, cols) = (residual.rows, residual.cols);
        let len = rows * cols;
        let sum = self.map(x, linear);
        let normed = norm.map(|norm| {
            assert_eq!(cols, norm.w.len(), "a weight for every column");
            let stats = self.device().array(Element::F32, 2 * rows);
            (self.activations(len), stats)
        });
        let element = self.precision().into();
        let slice = |slot| self.params.slice(slot);
        self.device()
            .typed_kernel("residual_norm", self.precision())
            .array(sum.view(), element, len)
            .optional(linear.b.map(slice), Element::F32, cols)
            .array(self.data(residual).view(), element, len)
            .value(mask)
            .optional(norm.map(|norm| slice(norm.w)), Element::F32, cols)
            .optional(norm.map(|norm| slice(norm.b)), Element::F32, cols)
            .value(norm.map_or(0.0, |norm| norm.eps))
            .optional(normed.as_ref().map(|(y, _)| y.view()), element, len)
            .optional(
                normed.as_ref().map(|(_, stats)| stats.view()),
                Element::F32,
                2 * rows,
            )
            .count(rows)
            .count(cols)
            .rows(rows, 1);
        (sum, normed)
    }
}

impl Branch {
    fn new(x: Var, linear: Linear, residual: Var, dropout: Option<Dropout>) -> Self {
        assert_eq!(
            (x.rows, linear.outputs()),
            (residual.rows, residual.cols),
            "a branch as wide as its residual"
        );
        Self {
            x,
            linear,
            residual,
            mask: Mask::new(dropout.and_then(|dropout| dropout.mask())),
        }
    }
}

impl Backward<'_> {
    /// Passes the gradient of a sum on to the linear map and to the residual stream.
    fn branch(&mut self, branch: &Branch, x: View, gradient: Array) {
        let &Branch { linear, mask, .. } = branch;
        let dropped = mask.drops().then(|| {
            let dropped = self.activations(gradient.view().len);
            let (device, precision) = (self.device(), self.precision());
            device.drop(
                precision,
                gradient.view(),
                dropped.view(),
                mask,
                linear.outputs(),
            );
            dropped
        });
        let of_map = dropped.as_ref().unwrap_or(&gradient);
        self.map_and_bias(branch.x, x, linear, of_map);
        self.pass_gradient(branch.residual, gradient);
    }

    /// Passes the gradient of x Wᵀ + b on to b, W and x.
    fn map_and_bias(&mut self, x: Var, data: View, linear: Linear, dy: &Array) {
        let device = self.device();
        // Sums that a product makes beside overwrite what is there.
        let vacant = linear.b.and_then(|b| self.gradients.vacant(b));
        let summed = self.map_and(x, data, linear, dy, vacant);
        let Some(b) = linear.b else { return };
        match summed {
            true => self.gradients.written(b),
            false => {
                let to = self.gradients.slice(b);
                device.add_column_sums(self.precision(), dy.view(), to);
            }
        }
    }

    /// Passes the gradient of x Wᵀ on to W and x. Returns whether the sums of dy's rows have been written, if they
    /// were asked for.
    fn map_and(
        &mut self,
        x: Var,
        data: View,
        linear: Linear,
        dy: &Array,
        sums: Option<View>,
    ) -> bool {
        let sizes = [x.rows, linear.inputs(), linear.outputs()];
        let device = self.device();
        let (dw, adds) = self.gradients.slice_or_vacant(linear.w);
        let matrices = [dy.view(), data, dw];
        let product = Matrices::new(ProductKind::WeightGradient, sizes, matrices);
        let summed = device.product(&product.adding(adds).beside(sums));
        if let Some((dx, partly)) = self.gradient_of(x) {
            let w = self.params.weights(linear.w);
            let matrices = [dy.view(), w, dx.view()];
            let product = Matrices::new(ProductKind::InputGradient, sizes, matrices);
            device.product(&product.adding(partly));
            self.put_gradient(x, dx);
        }
        summed
    }
}
