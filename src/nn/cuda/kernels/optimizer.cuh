// The optimizer over flat memory (src/nn/adamw.rs).
#pragma once

// Updates parameters and moments, and leaves a rounded copy of the parameters, if there is one.
KERNEL(adamw, (float *p, const float *g, float *m, float *v, bf16 *copy, size_t count, float beta1, float beta2, float rate,
               float root_correction, float eps, float keep, float coupled, float gradient_scale)) {
    bool packs = takes_packs(p) && takes_packs(g) && takes_packs(m) && takes_packs(v) && takes_packs(copy);
    each_pack<Packed<float>::SIZE>(count, packs, [=](auto width, size_t i) {
        constexpr int P = decltype(width)::VALUE;
        float value[P], gradient[P], first[P], second[P];
        load<P>(p + i, value);
        load<P>(g + i, gradient);
        load<P>(m + i, first);
        load<P>(v + i, second);
#pragma unroll
        for (int j = 0; j < P; j++) {
            gradient[j] = gradient[j] * gradient_scale + coupled * value[j];
            first[j] = beta1 * first[j] + (1.0f - beta1) * gradient[j];
            second[j] = beta2 * second[j] + (1.0f - beta2) * gradient[j] * gradient[j];
            value[j] = value[j] * keep - rate * first[j] / (sqrtf(second[j]) * root_correction + eps);
        }
        store<P>(m + i, first);
        store<P>(v + i, second);
        store<P>(p + i, value);
        if (copy) store<P>(copy + i, value);
    });
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
    constexpr int SIZE = Packed<float>::SIZE;
    size_t step = size_t(gridDim.x) * THREADS * SIZE, whole = takes_packs(x) ? count / SIZE * SIZE : 0;
    for (size_t i = thread_of_grid() * SIZE; i < whole; i += step) {
        float values[SIZE];
        load<SIZE>(x + i, values);
#pragma unroll
        for (int j = 0; j < SIZE; j++) sum += double(values[j]) * double(values[j]);
    }
    for (size_t i = whole + thread_of_grid(); i < count; i += size_t(gridDim.x) * THREADS)
        sum += double(x[i]) * double(x[i]);
    sum = warp_sum(sum);
    if (lane() == 0) sums[warp_of_block()] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        double total = 0.0;
        for (int warp = 0; warp < WARPS; warp++) total += sums[warp];
        parts[blockIdx.x] = total;
    }
}
