//! Products of bf16 operands with f32 sums.
//!
//! Where the processor has AMX, operands are rounded while they are packed into tiles (`pack`) that its
//! matrix unit multiplies (`amx`). Elsewhere rounded copies go through the f32 product: slower than f32, but
//! a recipe that asks for bf16 means the same on every machine, up to the order of sums.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
mod emulated;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod pack;

use super::operand::Operand;

/// c (m, n) = or += a b, with a of extent m, b of extent n, and their common depth.
pub(super) fn product(c: &mut [f32], a: Operand<'_>, b: Operand<'_>, accumulate: bool) {
    assert_eq!(a.depth, b.depth, "sums of one length");
    assert_eq!(
        c.len(),
        a.extent * b.extent,
        "a sum for every row and column"
    );
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if amx::is_usable() {
        // SAFETY: it is usable, and the operands hold what they say.
        unsafe { amx::product(c, a, b, accumulate) };
        return;
    }
    emulated::product(c, a, b, accumulate);
}

/// Whether products of bf16 are faster than those of f32 here.
pub(crate) fn is_native() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if amx::is_usable() {
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::*;

    /// Values whose products and sums are exact in either order: small whole numbers.
    fn whole(count: usize, salt: usize) -> Vec<f32> {
        let value = |i: usize| ((i * 29 + salt * 7) % 17) as f32 - 8.0;
        (0..count).map(value).collect()
    }

    fn fractions(count: usize, salt: usize) -> Vec<f32> {
        let value = |i: usize| ((i * 7919 + salt * 104_729) % 65_537) as f32 / 16_384.0 - 2.0;
        (0..count).map(value).collect()
    }

    /// The four ways in which two matrices can lie.
    fn ways<'a>(
        a: &'a [f32],
        b: &'a [f32],
        [m, n, k]: [usize; 3],
    ) -> Vec<(Operand<'a>, Operand<'a>)> {
        let a = [Operand::rows(a, m, k), Operand::columns(a, m, k)];
        let b = [Operand::rows(b, n, k), Operand::columns(b, n, k)];
        a.iter()
            .flat_map(|&a| b.iter().map(move |&b| (a, b)))
            .collect()
    }

    /// Sums in f64 of the operands as they are rounded.
    fn written_out(a: Operand<'_>, b: Operand<'_>) -> Vec<f64> {
        let at = |o: &Operand<'_>, i: usize, p: usize| {
            f64::from(bf16::from_f32(o.data[i * o.across + p * o.along]))
        };
        let mut sums = Vec::new();
        for i in 0..a.extent {
            for j in 0..b.extent {
                sums.push((0..a.depth).map(|p| at(&a, i, p) * at(&b, j, p)).sum());
            }
        }
        sums
    }

    type Product = fn(&mut [f32], Operand<'_>, Operand<'_>, bool);

    /// What runs here, and what runs where there is no AMX.
    const PRODUCTS: [Product; 2] = [product, emulated::product];

    #[test]
    fn whole_numbers_are_summed_exactly_whatever_the_size() {
        // Around the sizes of a tile, of a block, and of nothing.
        for [m, n, k] in [
            [1, 1, 1],
            [5, 3, 2],
            [16, 16, 32],
            [17, 33, 31],
            [32, 32, 64],
            [40, 70, 513],
            [33, 1030, 40],
            [3, 4, 0],
            [0, 4, 3],
        ] {
            let (a, b) = (whole(m * k, 1), whole(n * k, 2));
            for (a, b) in ways(&a, &b, [m, n, k]) {
                let expected = written_out(a, b);
                for product in PRODUCTS {
                    let mut c = vec![f32::NAN; m * n];
                    product(&mut c, a, b, false);
                    product(&mut c, a, b, true);
                    for (c, sum) in c.iter().zip(&expected) {
                        assert_eq!(f64::from(*c), 2.0 * sum, "{m} × {n} × {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn operands_are_rounded_to_the_nearest_and_sums_are_not() {
        let [m, n, k] = [19, 37, 700];
        let (a, b) = (fractions(m * k, 1), fractions(n * k, 2));
        for (a, b) in ways(&a, &b, [m, n, k]) {
            let expected = written_out(a, b);
            for product in PRODUCTS {
                let mut c = vec![0.0; m * n];
                product(&mut c, a, b, false);
                for (c, sum) in c.iter().zip(&expected) {
                    // 700 sums in f32 of products of up to 4.
                    assert!((f64::from(*c) - sum).abs() < 2e-3, "{c} for {sum}");
                }
            }
        }
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        let mut a = vec![1.0; 16 * 32];
        a[5 * 32] = f32::NAN;
        a[6 * 32] = f32::INFINITY;
        let b = vec![1.0; 4 * 32];
        for product in PRODUCTS {
            let mut c = vec![0.0; 16 * 4];
            product(
                &mut c,
                Operand::rows(&a, 16, 32),
                Operand::rows(&b, 4, 32),
                false,
            );
            assert!(c[5 * 4].is_nan());
            assert_eq!(c[6 * 4], f32::INFINITY);
            assert_eq!(c[7 * 4], 32.0);
        }
    }
}
