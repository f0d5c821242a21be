// Attention, head by head, in f32 arithmetic: a warp for each query forward and for its gradient, a warp for each
// key for the gradients of keys and values. Weights are not kept; the way back makes them again from the logarithm
// of each query's sum.

__device__ __forceinline__ float dot(const float *a, const T *b, unsigned size) {
    float sum = 0.0f;
    for (unsigned i = 0; i < size; i++) sum += a[i] * widened(b[i]);
    return sum;
}

__device__ __forceinline__ void take_row(const T *from, float *to, unsigned size) {
    for (unsigned i = lane(); i < size; i += WARP) to[i] = widened(from[i]);
}

// spans has the first key and the number of keys that each query sees; logs takes the logarithm of its sum.
KERNEL(TYPED(attend), (const T *q, const T *k, const T *v, Columns q_columns, Columns k_columns, Columns v_columns,
                       const unsigned *spans, T *out, float *logs, Shape shape)) {
    __shared__ float queries[WARPS][HEAD];
    __shared__ float weights[WARPS][SPAN];
    unsigned row = row_of_warp(), head = blockIdx.y, size = shape.size;
    if (row >= shape.rows) return;
    float *query = queries[warp_of_block()], *weight = weights[warp_of_block()];
    unsigned first = spans[2 * row], seen = spans[2 * row + 1];
    take_row(q + q_columns.at(row, head, size), query, size);
    sync_warp();
    float most = -INFINITY;
    for (unsigned j = lane(); j < seen; j += WARP) {
        weight[j] = shape.scale * dot(query, k + k_columns.at(first + j, head, size), size);
        most = fmaxf(most, weight[j]);
    }
    most = warp_largest(most);
    float sum = 0.0f;
    for (unsigned j = lane(); j < seen; j += WARP) {
        weight[j] = expf(weight[j] - most);
        sum += weight[j];
    }
    sum = warp_sum(sum);
    RowKey key = shape.key(row, head);
    for (unsigned j = lane(); j < seen; j += WARP) weight[j] *= shape.factor(key, j) / sum;
    if (lane() == 0) logs[size_t(head) * shape.rows + row] = most + logf(sum);
    sync_warp();
    T *to = out + (size_t(row) * shape.heads + head) * size;
    for (unsigned i = lane(); i < size; i += WARP) {
        float total = 0.0f;
        for (unsigned j = 0; j < seen; j++) total += weight[j] * widened(v[v_columns.at(first + j, head, size) + i]);
        to[i] = narrowed<T>(total);
    }
}

// The gradient of the queries, and for each the product of its output and that output's gradient.
KERNEL(TYPED(attend_to_queries), (const T *q, const T *k, const T *v, Columns q_columns, Columns k_columns, Columns v_columns,
                                  const unsigned *spans, const T *out, const T *d_out, const float *logs,
                                  float *products, T *dq, unsigned adds, Shape shape)) {
    __shared__ float queries[WARPS][HEAD];
    __shared__ float gradients[WARPS][HEAD];
    __shared__ float weights[WARPS][SPAN];
    unsigned row = row_of_warp(), head = blockIdx.y, size = shape.size;
    if (row >= shape.rows) return;
    float *query = queries[warp_of_block()], *gradient = gradients[warp_of_block()];
    float *weight = weights[warp_of_block()];
    unsigned first = spans[2 * row], seen = spans[2 * row + 1];
    size_t of_output = (size_t(row) * shape.heads + head) * size;
    take_row(q + q_columns.at(row, head, size), query, size);
    take_row(d_out + of_output, gradient, size);
    sync_warp();
    float product = 0.0f;
    for (unsigned i = lane(); i < size; i += WARP) product += gradient[i] * widened(out[of_output + i]);
    product = warp_sum(product);
    float log = logs[size_t(head) * shape.rows + row];
    if (lane() == 0) products[size_t(head) * shape.rows + row] = product;
    RowKey key = shape.key(row, head);
    for (unsigned j = lane(); j < seen; j += WARP) {
        float p = expf(shape.scale * dot(query, k + k_columns.at(first + j, head, size), size) - log);
        float d = dot(gradient, v + v_columns.at(first + j, head, size), size) * shape.factor(key, j);
        weight[j] = p * (d - product) * shape.scale;
    }
    sync_warp();
    T *to = dq + q_columns.at(row, head, size);
    for (unsigned i = lane(); i < size; i += WARP) {
        float total = adds ? widened(to[i]) : 0.0f;
        for (unsigned j = 0; j < seen; j++) total += weight[j] * widened(k[k_columns.at(first + j, head, size) + i]);
        to[i] = narrowed<T>(total);
    }
}

// The gradients of keys and values. spans has the first query that sees each key, the number of those, and the
// key's place among the keys of its sample.
KERNEL(TYPED(attend_to_keys), (const T *q, const T *k, const T *v, Columns q_columns, Columns k_columns, Columns v_columns,
                               const unsigned *spans, const T *d_out, const float *logs, const float *products, T *dk,
                               T *dv, unsigned adds_to_k, unsigned adds_to_v, unsigned keys, Shape shape)) {
    __shared__ float key_rows[WARPS][HEAD];
    __shared__ float value_rows[WARPS][HEAD];
    __shared__ float weights[WARPS][SPAN];
    __shared__ float slopes[WARPS][SPAN];
    unsigned row = row_of_warp(), head = blockIdx.y, size = shape.size;
    if (row >= keys) return;
    float *key_row = key_rows[warp_of_block()], *value_row = value_rows[warp_of_block()];
    float *weight = weights[warp_of_block()], *slope = slopes[warp_of_block()];
    unsigned first = spans[3 * row], count = spans[3 * row + 1], place = spans[3 * row + 2];
    take_row(k + k_columns.at(row, head, size), key_row, size);
    take_row(v + v_columns.at(row, head, size), value_row, size);
    sync_warp();
    for (unsigned i = lane(); i < count; i += WARP) {
        unsigned query = first + i;
        size_t of_head = size_t(head) * shape.rows + query;
        float factor = shape.factor(shape.key(query, head), place);
        float p = expf(shape.scale * dot(key_row, q + q_columns.at(query, head, size), size) - logs[of_head]);
        float d = dot(value_row, d_out + (size_t(query) * shape.heads + head) * size, size) * factor;
        weight[i] = p * factor;
        slope[i] = p * (d - products[of_head]) * shape.scale;
    }
    sync_warp();
    size_t k_start = k_columns.at(row, head, size), v_start = v_columns.at(row, head, size);
    for (unsigned c = lane(); c < size; c += WARP) {
        float key_total = 0.0f, value_total = 0.0f;
        for (unsigned i = 0; i < count; i++) {
            unsigned query = first + i;
            key_total += slope[i] * widened(q[q_columns.at(query, head, size) + c]);
            value_total += weight[i] * widened(d_out[(size_t(query) * shape.heads + head) * size + c]);
        }
        // One after the other: both may be the same columns.
        dk[k_start + c] = narrowed<T>(adds_to_k ? widened(dk[k_start + c]) + key_total : key_total);
        dv[v_start + c] = narrowed<T>(adds_to_v ? widened(dv[v_start + c]) + value_total : value_total);
    }
}
