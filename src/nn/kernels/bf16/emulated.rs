//! The product where no instruction multiplies bf16: of rounded copies, in f32.

use std::cell::RefCell;

use half::bf16;

use crate::nn::kernels::matmul::f32_product;
use crate::nn::kernels::operand::Operand;

/// c = or += a b; see [`super::product`].
pub(super) fn product(c: &mut [f32], a: Operand<'_>, b: Operand<'_>, accumulate: bool) {
    thread_local! {
        static ROUNDED: RefCell<[Vec<f32>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
    }
    ROUNDED.with_borrow_mut(|rounded| {
        for (copy, operand) in rounded.iter_mut().zip([&a, &b]) {
            copy.clear();
            copy.extend(operand.data.iter().map(|&v| bf16::from_f32(v).to_f32()));
        }
        f32_product(
            [a.extent, b.extent, a.depth],
            c,
            (&rounded[0], [a.across, a.along]),
            (&rounded[1], [b.along, b.across]),
            accumulate,
        );
    });
}
