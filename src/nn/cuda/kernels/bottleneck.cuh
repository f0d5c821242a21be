// The Gaussian bottleneck (src/nn/ops/bottleneck.rs).

// ε (rows, columns) of a stream.
KERNEL(TYPED(draw_normal), (T *to, unsigned long long stream, unsigned long long first_row, unsigned rows,
                            unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    RowKey key = row_key(stream, first_row + row);
    for (unsigned column = lane(); column < columns; column += WARP)
        to[size_t(row) * columns + column] = narrowed<T>(normal(key, column, columns));
}

// z = mean + exp(log_variance / 2) · ε.
KERNEL(TYPED(sample), (const T *mean, const T *log_variance, const T *noise, T *z, size_t count)) {
    size_t i = thread_of_grid();
    if (i < count) z[i] = narrowed<T>(widened(mean[i]) + expf(0.5f * widened(log_variance[i])) * widened(noise[i]));
}

// Sums of the columns' divergences from the standard normal, over some rows a block.
KERNEL(TYPED(divergence), (const T *mean, const T *log_variance, double *parts, unsigned rows, unsigned columns,
                           unsigned rows_a_block)) {
    unsigned column = blockIdx.x * THREADS + threadIdx.x;
    if (column >= columns) return;
    unsigned first = blockIdx.y * rows_a_block;
    unsigned end = first + rows_a_block < rows ? first + rows_a_block : rows;
    double sum = 0.0;
    for (unsigned row = first; row < end; row++) {
        size_t i = size_t(row) * columns + column;
        float m = widened(mean[i]);
        sum += double(0.5f * (m * m + excess(widened(log_variance[i]))));
    }
    parts[size_t(blockIdx.y) * columns + column] = sum;
}

// noise becomes the gradient of the log-variance, dz that of the mean.
KERNEL(TYPED(sample_backward), (const T *mean, const T *log_variance, float kl_weight, T *noise, T *dz, size_t count)) {
    size_t i = thread_of_grid();
    if (i >= count) return;
    float v = widened(log_variance[i]), d = widened(dz[i]);
    float slope = 0.5f * d * widened(noise[i]) * expf(0.5f * v);
    noise[i] = narrowed<T>(0.5f * kl_weight * (excess(v) + v) + slope);
    dz[i] = narrowed<T>(d + kl_weight * widened(mean[i]));
}
