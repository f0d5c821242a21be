// Layer norm, alone and after a residual sum: a warp a row.

template <int P>
__device__ __forceinline__ void norm_row(const T *x, const float *w, const float *b, float eps, T *y, float *stats,
                                         unsigned columns) {
    float sum = 0.0f;
    for (unsigned c = lane() * P; c < columns; c += WARP * P) {
        float v[P];
        load<P>(x + c, v);
#pragma unroll
        for (int i = 0; i < P; i++) sum += v[i];
    }
    float mean = warp_sum(sum) / columns;
    float squares = 0.0f;
    for (unsigned c = lane() * P; c < columns; c += WARP * P) {
        float v[P];
        load<P>(x + c, v);
#pragma unroll
        for (int i = 0; i < P; i++) squares += (v[i] - mean) * (v[i] - mean);
    }
    float rstd = 1.0f / sqrtf(warp_sum(squares) / columns + eps);
    for (unsigned c = lane() * P; c < columns; c += WARP * P) {
        float v[P], scale[P], shift[P];
        load<P>(x + c, v);
        load<P>(w + c, scale);
        load<P>(b + c, shift);
#pragma unroll
        for (int i = 0; i < P; i++) v[i] = (v[i] - mean) * rstd * scale[i] + shift[i];
        store<P>(y + c, v);
    }
    if (lane() == 0) {
        stats[0] = mean;
        stats[1] = rstd;
    }
}

KERNEL(TYPED(norm), (const T *x, const float *w, const float *b, float eps, T *y, float *stats, unsigned rows,
                     unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    size_t start = size_t(row) * columns;
    if (columns % Packed<T>::SIZE == 0)
        norm_row<Packed<T>::SIZE>(x + start, w, b, eps, y + start, stats + 2 * row, columns);
    else
        norm_row<1>(x + start, w, b, eps, y + start, stats + 2 * row, columns);
}

template <int P>
__device__ __forceinline__ void residual_row(T *x, const float *bias, const T *residual, Mask mask, unsigned row,
                                             unsigned columns) {
    RowKey key = mask.key(row);
    for (unsigned c = lane() * P; c < columns; c += WARP * P) {
        float v[P], r[P];
        load<P>(x + c, v);
        load<P>(residual + c, r);
        if (bias) {
            float b[P];
            load<P>(bias + c, b);
#pragma unroll
            for (int i = 0; i < P; i++) v[i] += b[i];
        }
#pragma unroll
        for (int i = 0; i < P; i++) v[i] = r[i] + (mask.drops() ? v[i] * mask.factor(key, c + i) : v[i]);
        store<P>(x + c, v);
    }
}

// x = residual + mask(x + bias), and if there is a w, y = norm(x).
KERNEL(TYPED(residual_norm), (T *x, const float *bias, const T *residual, Mask mask, const float *w, const float *b,
                              float eps, T *y, float *stats, unsigned rows, unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    size_t start = size_t(row) * columns;
    // Every lane reads again what itself has written.
    if (columns % Packed<T>::SIZE == 0) {
        residual_row<Packed<T>::SIZE>(x + start, bias, residual + start, mask, row, columns);
        if (w) norm_row<Packed<T>::SIZE>(x + start, w, b, eps, y + start, stats + 2 * row, columns);
    } else {
        residual_row<1>(x + start, bias, residual + start, mask, row, columns);
        if (w) norm_row<1>(x + start, w, b, eps, y + start, stats + 2 * row, columns);
    }
}

template <int P>
__device__ __forceinline__ void norm_backward_row(T *dy, const T *x, float mean, float rstd, const float *w,
                                                  const T *d_sum, unsigned columns) {
    float plain = 0.0f, along = 0.0f;
    for (unsigned c = lane() * P; c < columns; c += WARP * P) {
        float g[P], v[P], scale[P];
        load<P>(dy + c, g);
        load<P>(x + c, v);
        load<P>(w + c, scale);
#pragma unroll
        for (int i = 0; i < P; i++) {
            plain += g[i] * scale[i];
            along += g[i] * scale[i] * (v[i] - mean) * rstd;
        }
    }
    plain = warp_sum(plain) / columns;
    along = warp_sum(along) / columns;
    for (unsigned c = lane() * P; c < columns; c += WARP * P) {
        float g[P], v[P], scale[P];
        load<P>(dy + c, g);
        load<P>(x + c, v);
        load<P>(w + c, scale);
#pragma unroll
        for (int i = 0; i < P; i++) g[i] = rstd * (g[i] * scale[i] - plain - (v[i] - mean) * rstd * along);
        if (d_sum) {
            float d[P];
            load<P>(d_sum + c, d);
#pragma unroll
            for (int i = 0; i < P; i++) g[i] += d[i];
        }
        store<P>(dy + c, g);
    }
}

// dy becomes the gradient of x, and what else has arrived there (if anything has) is added.
KERNEL(TYPED(norm_backward), (T *dy, const T *x, const float *stats, const float *w, const T *d_sum, unsigned rows,
                              unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    size_t start = size_t(row) * columns;
    float mean = stats[2 * row], rstd = stats[2 * row + 1];
    const T *more = d_sum ? d_sum + start : d_sum;
    if (columns % Packed<T>::SIZE == 0)
        norm_backward_row<Packed<T>::SIZE>(dy + start, x + start, mean, rstd, w, more, columns);
    else
        norm_backward_row<1>(dy + start, x + start, mean, rstd, w, more, columns);
}
