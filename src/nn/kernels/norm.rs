//! Layer norm, alone and as the end of a residual branch.

use super::math::{LANES, fma, sum, sum_of, total};

dispatch! {
    /// y = (x − mean) · rstd · w + b, row by row; stats takes mean and rstd of each row.
    pub(crate) fn norm(x: &[f32], w: &[f32], b: &[f32], eps: f32, y: &mut [f32], stats: &mut [f32]) {
        for ((x, y), stats) in x.chunks_exact(w.len()).zip(y.chunks_exact_mut(w.len())).zip(stats.chunks_exact_mut(2)) {
            norm_row::<FMA>(x, w, b, eps, y, stats);
        }
    }

    /// x += bias + residual, then as [`norm`].
    pub(crate) fn residual_norm(
        x: &mut [f32],
        bias: Option<&[f32]>,
        residual: &[f32],
        affine: (&[f32], &[f32], f32),
        y: &mut [f32],
        stats: &mut [f32],
    ) {
        let (w, b, eps) = affine;
        let rows = x.chunks_exact_mut(w.len()).zip(residual.chunks_exact(w.len()));
        for ((x, residual), (y, stats)) in rows.zip(y.chunks_exact_mut(w.len()).zip(stats.chunks_exact_mut(2))) {
            add_to_row(x, bias, residual);
            norm_row::<FMA>(x, w, b, eps, y, stats);
        }
    }

    /// x += bias + residual.
    pub(crate) fn residual(x: &mut [f32], bias: Option<&[f32]>, residual: &[f32], width: usize) {
        for (x, residual) in x.chunks_exact_mut(width).zip(residual.chunks_exact(width)) {
            add_to_row(x, bias, residual);
        }
    }

    /// The gradient of x by that of y.
    ///
    /// `dy` becomes it; with `sum`, `sum` += it instead, and `dy` is left in ruins. The
    /// gradients of w and b are added to `dw` and `db`, and the column sums of what x's gradient
    /// is in the end to `column_sums`, as the bias of the linear map that made x wants.
    pub(crate) fn norm_backward(
        dy: &mut [f32],
        x: &[f32],
        stats: &[f32],
        w: &[f32],
        gradients: (&mut [f32], &mut [f32]),
        sum: Option<&mut [f32]>,
        column_sums: Option<&mut [f32]>,
    ) {
        let width = w.len();
        let (dw, db) = gradients;
        let (mut sum, mut column_sums) = (sum, column_sums);
        let rows = x.chunks_exact(width).zip(dy.chunks_exact_mut(width)).zip(stats.chunks_exact(2));
        for (row, ((x, dy), stats)) in rows.enumerate() {
            norm_backward_row::<FMA>(dy, x, stats, w, dw, db);
            let dx = match &mut sum {
                Some(sum) => {
                    let sum = &mut sum[row * width..][..width];
                    for (sum, dy) in sum.iter_mut().zip(&*dy) {
                        *sum += dy;
                    }
                    sum
                }
                None => dy,
            };
            if let Some(column_sums) = &mut column_sums {
                for (column_sum, dx) in column_sums.iter_mut().zip(dx) {
                    *column_sum += *dx;
                }
            }
        }
    }
}

#[inline(always)]
fn add_to_row(x: &mut [f32], bias: Option<&[f32]>, residual: &[f32]) {
    let residual = &residual[..x.len()];
    match bias {
        Some(bias) => {
            let bias = &bias[..x.len()];
            for i in 0..x.len() {
                x[i] += bias[i] + residual[i];
            }
        }
        None => {
            for i in 0..x.len() {
                x[i] += residual[i];
            }
        }
    }
}

#[inline(always)]
fn norm_row<const FMA: bool>(
    x: &[f32],
    w: &[f32],
    b: &[f32],
    eps: f32,
    y: &mut [f32],
    stats: &mut [f32],
) {
    let width = x.len();
    let (w, b, y) = (&w[..width], &b[..width], &mut y[..width]);
    let mean = sum(x) / width as f32;
    let variance = sum_of(x, x, |x, _| (x - mean) * (x - mean)) / width as f32;
    let rstd = 1.0 / (variance + eps).sqrt();
    stats.copy_from_slice(&[mean, rstd]);
    for i in 0..width {
        y[i] = fma::<FMA>((x[i] - mean) * rstd, w[i], b[i]);
    }
}

/// With x̂ the normalised row and g = dy · w: dx = rstd · (g − mean(g) − x̂ · mean(g x̂)).
#[inline(always)]
fn norm_backward_row<const FMA: bool>(
    dy: &mut [f32],
    x: &[f32],
    stats: &[f32],
    w: &[f32],
    dw: &mut [f32],
    db: &mut [f32],
) {
    let width = x.len();
    let (dy, w, dw, db) = (
        &mut dy[..width],
        &w[..width],
        &mut dw[..width],
        &mut db[..width],
    );
    let (mean, rstd) = (stats[0], stats[1]);
    let split = width / LANES * LANES;
    let (mut sums, mut products) = ([0.0; LANES], [0.0; LANES]);
    for start in (0..split).step_by(LANES) {
        let (x, w) = (&x[start..start + LANES], &w[start..start + LANES]);
        let dy = &mut dy[start..start + LANES];
        let (dw, db) = (&mut dw[start..start + LANES], &mut db[start..start + LANES]);
        for i in 0..LANES {
            let normed = (x[i] - mean) * rstd;
            dw[i] = fma::<FMA>(dy[i], normed, dw[i]);
            db[i] += dy[i];
            let g = dy[i] * w[i];
            dy[i] = g;
            sums[i] += g;
            products[i] = fma::<FMA>(g, normed, products[i]);
        }
    }
    let (mut mean_g, mut mean_product) = (total(sums), total(products));
    for i in split..width {
        let normed = (x[i] - mean) * rstd;
        dw[i] = fma::<FMA>(dy[i], normed, dw[i]);
        db[i] += dy[i];
        let g = dy[i] * w[i];
        dy[i] = g;
        mean_g += g;
        mean_product = fma::<FMA>(g, normed, mean_product);
    }
    mean_g /= width as f32;
    mean_product /= width as f32;
    for i in 0..width {
        let normed = (x[i] - mean) * rstd;
        dy[i] = rstd * (dy[i] - mean_g - normed * mean_product);
    }
}
