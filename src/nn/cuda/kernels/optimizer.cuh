// The optimizer over flat memory (src/nn/adamw.rs).
#pragma once

// Updates parameters and moments, and leaves a rounded copy of the parameters, if there is one.
KERNEL(adamw, (float *p, const float *g, float *m, float *v, bf16 *copy, size_t count, float beta1, float beta2, float rate,
               float root_correction, float eps, float keep, float coupled, float gradient_scale)) {
    size_t i = thread_of_grid();
    if (i >= count) return;
    float gradient = g[i] * gradient_scale + coupled * p[i];
    float first = beta1 * m[i] + (1.0f - beta1) * gradient;
    float second = beta2 * v[i] + (1.0f - beta2) * gradient * gradient;
    float next = p[i] * keep - rate * first / (sqrtf(second) * root_correction + eps);
    m[i] = first;
    v[i] = second;
    p[i] = next;
    if (copy) copy[i] = narrowed<bf16>(next);
}

// Raises values to the least that is allowed, and their rounded copy.
KERNEL(keep_at_least, (float *p, bf16 *copy, float least, size_t count)) {
    size_t i = thread_of_grid();
    if (i >= count || p[i] >= least) return;
    p[i] = least;
    if (copy) copy[i] = narrowed<bf16>(least);
}

// Each block's sum of squares.
KERNEL(sum_of_squares, (const float *x, double *parts, size_t count)) {
    __shared__ double sums[WARPS];
    double sum = 0.0;
    for (size_t i = thread_of_grid(); i < count; i += size_t(gridDim.x) * THREADS) sum += double(x[i]) * double(x[i]);
    sum = warp_sum(sum);
    if (lane() == 0) sums[warp_of_block()] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        double total = 0.0;
        for (int warp = 0; warp < WARPS; warp++) total += sums[warp];
        parts[blockIdx.x] = total;
    }
}

// The rounded copy of parameters.
KERNEL(round_to_bf16, (const float *from, bf16 *to, size_t count)) {
    size_t i = thread_of_grid();
    if (i < count) to[i] = narrowed<bf16>(from[i]);
}
