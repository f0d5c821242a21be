//! The optimizer's update of one block.

/// The factors of one update, the same for all parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    pub beta1: f32,
    pub beta2: f32,
    /// lr / (1 − beta1ᵗ).
    pub rate: f32,
    /// 1 / √(1 − beta2ᵗ).
    pub root_correction: f32,
    pub eps: f32,
    /// What weights are multiplied with first: 1 − lr · decay, or 1.
    pub keep: f32,
    /// What of the weights is added to the gradient: decay, or 0.
    pub coupled: f32,
    /// What the gradient is multiplied with first.
    pub gradient_scale: f32,
}

dispatch! {
    /// Updates parameters and moments by a gradient.
    pub(crate) fn update(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], f: &Factors) {
        let n = p.len();
        let (g, m, v, f) = (&g[..n], &mut m[..n], &mut v[..n], *f);
        let (one_minus1, one_minus2) = (1.0 - f.beta1, 1.0 - f.beta2);
        for i in 0..n {
            let gradient = g[i] * f.gradient_scale + f.coupled * p[i];
            m[i] = f.beta1 * m[i] + one_minus1 * gradient;
            v[i] = f.beta2 * v[i] + one_minus2 * gradient * gradient;
            p[i] = p[i] * f.keep - f.rate * m[i] / (v[i].sqrt() * f.root_correction + f.eps);
        }
    }

    /// The sum of squares, in double precision.
    pub(crate) fn sum_of_squares(g: &[f32]) -> f64 {
        let mut sums = [0.0; 32];
        let (rows, rest) = g.as_chunks::<32>();
        for row in rows {
            for (sum, &g) in sums.iter_mut().zip(row) {
                *sum += f64::from(g) * f64::from(g);
            }
        }
        let rest: f64 = rest.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
        sums.iter().sum::<f64>() + rest
    }
}
