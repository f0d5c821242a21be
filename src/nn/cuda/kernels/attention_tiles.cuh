// Attention of bf16 on tensor cores: a block for 64 queries of one head of one sample, in tiles of 32 keys; for the
// gradients of keys and values a block for 64 keys, in tiles of 32 queries. A warp has 16 of the 64 rows, two lanes a
// row. What is summed is f32; weights and their gradients are rounded to bf16 before they are multiplied.
#pragma once

// Rows of a block and of a tile.
#define ROWS 64
#define TILE 32
// Columns of products of rows and tiles: f32, and bf16, with room against bank conflicts.
#define SCORES (TILE + 4)
#define WEIGHTS (TILE + 8)

// What a block works on: rows [first, first + count) of a sample, whose place in it is given, against the others.
struct Span {
    unsigned first, count, place, others_first, others;
    // How many of the others the first rows of it see together.
    __device__ __forceinline__ unsigned seen(unsigned rows, bool causal) const {
        return causal && place + rows < others ? place + rows : others;
    }
};

// Rows of one head, and zeros after them, with eight columns of room each.
template <int LENGTH, int SIZE>
__device__ __forceinline__ void take_tile(const bf16 *from, Columns columns, unsigned first, unsigned count,
                                          unsigned head, bf16 *to) {
    constexpr int PACKS = SIZE / 8;
    for (unsigned i = threadIdx.x; i < LENGTH * PACKS; i += THREADS) {
        unsigned row = i / PACKS, column = i % PACKS * 8;
        float values[8] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
        if (row < count) load<8>(from + columns.at(first + row, head, SIZE) + column, values);
        store<8>(to + row * (SIZE + 8) + column, values);
    }
}

// to (16, TILE) = rows (16, SIZE) · tile (TILE, SIZE) transposed.
template <int SIZE>
__device__ __forceinline__ void multiply_by_tile(const bf16 *rows, const bf16 *tile, float *to) {
    for (int n = 0; n < TILE; n += 16) {
        Sums sums;
        fill(sums, 0.0f);
        for (int k = 0; k < SIZE; k += 16) {
            Left left;
            RightTransposed right;
            load(left, rows + k, SIZE + 8);
            load(right, tile + n * (SIZE + 8) + k, SIZE + 8);
            multiply(sums, left, right);
        }
        save(to + n, sums, SCORES);
    }
    sync_warp();
}

// sums (16, SIZE) += weights (16, TILE) · tile (TILE, SIZE).
template <int SIZE>
__device__ __forceinline__ void add_weighted(Sums (&sums)[SIZE / 16], const bf16 *weights, const bf16 *tile) {
    sync_warp();
    for (int k = 0; k < TILE; k += 16) {
        Left left;
        load(left, weights + k, WEIGHTS);
#pragma unroll
        for (int n = 0; n < SIZE / 16; n++) {
            Right right;
            load(right, tile + k * (SIZE + 8) + n * 16, SIZE + 8);
            multiply(sums[n], left, right);
        }
    }
    sync_warp();
}

// Writes or adds sums (16, SIZE) to the warp's row of each pair of lanes; `room` is for 16 columns of them.
template <int SIZE>
__device__ __forceinline__ void save_rows(Sums (&sums)[SIZE / 16], float *room, bf16 *row, bool has_row, bool adds) {
#pragma unroll
    for (int n = 0; n < SIZE / 16; n++) {
        save(room, sums[n], SCORES);
        sync_warp();
        if (has_row) {
            unsigned column = lane() % 2 * 8;
            float values[8], before[8];
            bf16 *to = row + n * 16 + column;
            for (int i = 0; i < 8; i++) values[i] = room[lane() / 2 * SCORES + column + i];
            if (adds) {
                load<8>(to, before);
                for (int i = 0; i < 8; i++) values[i] += before[i];
            }
            store<8>(to, values);
        }
        sync_warp();
    }
}

template <int SIZE>
__device__ __forceinline__ void attend_in_tiles(const bf16 *q, const bf16 *k, const bf16 *v, Columns q_columns,
                                                Columns k_columns, Columns v_columns, const Span *spans, bool causal,
                                                bf16 *out, float *logs, Shape shape) {
    alignas(32) __shared__ bf16 queries[ROWS * (SIZE + 8)], keys[TILE * (SIZE + 8)], values[TILE * (SIZE + 8)];
    alignas(32) __shared__ float all_scores[ROWS * SCORES];
    alignas(32) __shared__ bf16 all_weights[ROWS * WEIGHTS];
    Span span = spans[blockIdx.x];
    unsigned head = blockIdx.y, row = warp_of_block() * 16 + lane() / 2, half = lane() % 2 * 16;
    float *scores = all_scores + warp_of_block() * 16 * SCORES;
    bf16 *weights = all_weights + warp_of_block() * 16 * WEIGHTS;
    const bf16 *own = queries + warp_of_block() * 16 * (SIZE + 8);
    unsigned query = span.first + row, limit = span.seen(span.count, causal), seen = span.seen(row + 1, causal);
    take_tile<ROWS, SIZE>(q, q_columns, span.first, span.count, head, queries);
    float most = -INFINITY, sum = 0.0f;
    for (unsigned start = 0; start < limit; start += TILE) {
        __syncthreads();
        take_tile<TILE, SIZE>(k, k_columns, span.others_first + start, limit - start, head, keys);
        __syncthreads();
        multiply_by_tile<SIZE>(own, keys, scores);
        for (unsigned i = half; i < half + 16 && start + i < seen; i++) {
            float score = shape.scale * scores[lane() / 2 * SCORES + i];
            if (score > most) {
                sum *= expf(most - score);
                most = score;
            }
            sum += expf(score - most);
        }
        sync_warp();
    }
    float other_most = shuffle_xor(most, 1), other_sum = shuffle_xor(sum, 1), both = fmaxf(most, other_most);
    sum = (sum > 0.0f ? sum * expf(most - both) : 0.0f) + (other_sum > 0.0f ? other_sum * expf(other_most - both) : 0.0f);
    float log = both + logf(sum);
    if (row < span.count && half == 0) logs[size_t(head) * shape.rows + query] = log;
    RowKey key = shape.key(query, head);
    Sums sums[SIZE / 16];
#pragma unroll
    for (int n = 0; n < SIZE / 16; n++) fill(sums[n], 0.0f);
    for (unsigned start = 0; start < limit; start += TILE) {
        __syncthreads();
        take_tile<TILE, SIZE>(k, k_columns, span.others_first + start, limit - start, head, keys);
        take_tile<TILE, SIZE>(v, v_columns, span.others_first + start, limit - start, head, values);
        __syncthreads();
        multiply_by_tile<SIZE>(own, keys, scores);
        for (unsigned i = half; i < half + 16; i++) {
            float weight = 0.0f;
            if (start + i < seen)
                weight = expf(shape.scale * scores[lane() / 2 * SCORES + i] - log) * shape.factor(key, start + i);
            weights[lane() / 2 * WEIGHTS + i] = narrowed<bf16>(weight);
        }
        add_weighted<SIZE>(sums, weights, values);
    }
    bf16 *to = out + (size_t(query) * shape.heads + head) * SIZE;
    save_rows<SIZE>(sums, scores, to, row < span.count, false);
}

template <int SIZE>
__device__ __forceinline__ void tiles_to_queries(const bf16 *q, const bf16 *k, const bf16 *v, Columns q_columns,
                                                 Columns k_columns, Columns v_columns, const Span *spans, bool causal,
                                                 const bf16 *out, const bf16 *d_out, const float *logs,
                                                 float *products, bf16 *dq, bool adds, Shape shape) {
    alignas(32) __shared__ bf16 queries[ROWS * (SIZE + 8)], gradients[ROWS * (SIZE + 8)];
    alignas(32) __shared__ bf16 keys[TILE * (SIZE + 8)], values[TILE * (SIZE + 8)];
    alignas(32) __shared__ float all_scores[ROWS * SCORES];
    alignas(32) __shared__ bf16 all_weights[ROWS * WEIGHTS];
    Span span = spans[blockIdx.x];
    unsigned head = blockIdx.y, row = warp_of_block() * 16 + lane() / 2, half = lane() % 2 * 16;
    float *scores = all_scores + warp_of_block() * 16 * SCORES;
    bf16 *weights = all_weights + warp_of_block() * 16 * WEIGHTS;
    const bf16 *own = queries + warp_of_block() * 16 * (SIZE + 8);
    const bf16 *own_gradients = gradients + warp_of_block() * 16 * (SIZE + 8);
    unsigned query = span.first + row, limit = span.seen(span.count, causal), seen = span.seen(row + 1, causal);
    bool has_row = row < span.count;
    Columns of_output{shape.heads * SIZE, 0};
    take_tile<ROWS, SIZE>(q, q_columns, span.first, span.count, head, queries);
    take_tile<ROWS, SIZE>(d_out, of_output, span.first, span.count, head, gradients);
    __syncthreads();
    float product = 0.0f, log = 0.0f;
    if (has_row) {
        const bf16 *output = out + of_output.at(query, head, SIZE);
        for (unsigned i = lane() % 2; i < SIZE; i += 2)
            product += widened(own_gradients[lane() / 2 * (SIZE + 8) + i]) * widened(output[i]);
        log = logs[size_t(head) * shape.rows + query];
    }
    product += shuffle_xor(product, 1);
    if (has_row && half == 0) products[size_t(head) * shape.rows + query] = product;
    RowKey key = shape.key(query, head);
    Sums sums[SIZE / 16];
#pragma unroll
    for (int n = 0; n < SIZE / 16; n++) fill(sums[n], 0.0f);
    for (unsigned start = 0; start < limit; start += TILE) {
        __syncthreads();
        take_tile<TILE, SIZE>(k, k_columns, span.others_first + start, limit - start, head, keys);
        take_tile<TILE, SIZE>(v, v_columns, span.others_first + start, limit - start, head, values);
        __syncthreads();
        float p[16];
        multiply_by_tile<SIZE>(own, keys, scores);
#pragma unroll
        for (unsigned i = 0; i < 16; i++) {
            bool sees = has_row && start + half + i < seen;
            p[i] = sees ? expf(shape.scale * scores[lane() / 2 * SCORES + half + i] - log) : 0.0f;
        }
        sync_warp();
        multiply_by_tile<SIZE>(own_gradients, values, scores);
#pragma unroll
        for (unsigned i = 0; i < 16; i++) {
            float d = scores[lane() / 2 * SCORES + half + i] * shape.factor(key, start + half + i);
            weights[lane() / 2 * WEIGHTS + half + i] = narrowed<bf16>(p[i] * (d - product) * shape.scale);
        }
        add_weighted<SIZE>(sums, weights, keys);
    }
    save_rows<SIZE>(sums, scores, dq + q_columns.at(query, head, SIZE), has_row, adds);
}

template <int SIZE>
__device__ __forceinline__ void tiles_to_keys(const bf16 *q, const bf16 *k, const bf16 *v, Columns q_columns,
                                              Columns k_columns, Columns v_columns, const Span *spans, bool causal,
                                              const bf16 *d_out, const float *logs, const float *products, bf16 *dk,
                                              bf16 *dv, bool adds_to_k, bool adds_to_v, Shape shape) {
    alignas(32) __shared__ bf16 keys[ROWS * (SIZE + 8)], values[ROWS * (SIZE + 8)];
    alignas(32) __shared__ bf16 queries[TILE * (SIZE + 8)], gradients[TILE * (SIZE + 8)];
    alignas(32) __shared__ float all_scores[ROWS * SCORES];
    alignas(32) __shared__ bf16 all_weights[ROWS * WEIGHTS];
    Span span = spans[blockIdx.x];
    unsigned head = blockIdx.y, row = warp_of_block() * 16 + lane() / 2, half = lane() % 2 * 16;
    float *scores = all_scores + warp_of_block() * 16 * SCORES;
    bf16 *weights = all_weights + warp_of_block() * 16 * WEIGHTS;
    const bf16 *own_keys = keys + warp_of_block() * 16 * (SIZE + 8);
    const bf16 *own_values = values + warp_of_block() * 16 * (SIZE + 8);
    unsigned place = span.place + row;
    bool has_row = row < span.count;
    Columns of_output{shape.heads * SIZE, 0};
    take_tile<ROWS, SIZE>(k, k_columns, span.first, span.count, head, keys);
    take_tile<ROWS, SIZE>(v, v_columns, span.first, span.count, head, values);
    Sums key_sums[SIZE / 16], value_sums[SIZE / 16];
#pragma unroll
    for (int n = 0; n < SIZE / 16; n++) {
        fill(key_sums[n], 0.0f);
        fill(value_sums[n], 0.0f);
    }
    // Queries before the block's first key see none of its keys.
    for (unsigned start = causal ? span.place / TILE * TILE : 0; start < span.others; start += TILE) {
        __syncthreads();
        unsigned first = span.others_first + start, count = span.others - start;
        take_tile<TILE, SIZE>(q, q_columns, first, count, head, queries);
        take_tile<TILE, SIZE>(d_out, of_output, first, count, head, gradients);
        __syncthreads();
        float p[16], factors[16];
        multiply_by_tile<SIZE>(own_keys, queries, scores);
#pragma unroll
        for (unsigned i = 0; i < 16; i++) {
            unsigned query = start + half + i;
            bool seen = has_row && query < span.others && (!causal || query >= place);
            p[i] = factors[i] = 0.0f;
            if (seen) {
                size_t of_head = size_t(head) * shape.rows + span.others_first + query;
                p[i] = expf(shape.scale * scores[lane() / 2 * SCORES + half + i] - logs[of_head]);
                factors[i] = shape.factor(shape.key(span.others_first + query, head), place);
            }
            weights[lane() / 2 * WEIGHTS + half + i] = narrowed<bf16>(p[i] * factors[i]);
        }
        add_weighted<SIZE>(value_sums, weights, gradients);
        multiply_by_tile<SIZE>(own_values, gradients, scores);
#pragma unroll
        for (unsigned i = 0; i < 16; i++) {
            unsigned query = start + half + i;
            float d = 0.0f;
            if (p[i] > 0.0f) {
                float product = products[size_t(head) * shape.rows + span.others_first + query];
                d = p[i] * (scores[lane() / 2 * SCORES + half + i] * factors[i] - product) * shape.scale;
            }
            weights[lane() / 2 * WEIGHTS + half + i] = narrowed<bf16>(d);
        }
        add_weighted<SIZE>(key_sums, weights, queries);
    }
    // One after the other: both may be the same columns.
    save_rows<SIZE>(key_sums, scores, dk + k_columns.at(span.first + row, head, SIZE), has_row, adds_to_k);
    save_rows<SIZE>(value_sums, scores, dv + v_columns.at(span.first + row, head, SIZE), has_row, adds_to_v);
}

// The same arguments as attend, attend_to_queries and attend_to_keys have, but spans are those of blocks.
#define ATTENTION_IN_TILES(SIZE)                                                                                       \
    KERNEL(attend_##SIZE, (const bf16 *q, const bf16 *k, const bf16 *v, Columns q_columns, Columns k_columns,         \
                           Columns v_columns, const Span *spans, unsigned causal, bf16 *out, float *logs,             \
                           Shape shape)) {                                                                             \
        attend_in_tiles<SIZE>(q, k, v, q_columns, k_columns, v_columns, spans, causal, out, logs, shape);             \
    }                                                                                                                  \
    KERNEL(attend_to_queries_##SIZE, (const bf16 *q, const bf16 *k, const bf16 *v, Columns q_columns,                  \
                                      Columns k_columns, Columns v_columns, const Span *spans, unsigned causal,        \
                                      const bf16 *out, const bf16 *d_out, const float *logs, float *products,          \
                                      bf16 *dq, unsigned adds, Shape shape)) {                                         \
        tiles_to_queries<SIZE>(q, k, v, q_columns, k_columns, v_columns, spans, causal, out, d_out, logs, products,    \
                               dq, adds, shape);                                                                       \
    }                                                                                                                  \
    KERNEL(attend_to_keys_##SIZE, (const bf16 *q, const bf16 *k, const bf16 *v, Columns q_columns, Columns k_columns, \
                                   Columns v_columns, const Span *spans, unsigned causal, const bf16 *d_out,           \
                                   const float *logs, const float *products, bf16 *dk, bf16 *dv, unsigned adds_to_k,   \
                                   unsigned adds_to_v, Shape shape)) {                                                 \
        tiles_to_keys<SIZE>(q, k, v, q_columns, k_columns, v_columns, spans, causal, d_out, logs, products, dk, dv,    \
                            adds_to_k, adds_to_v, shape);                                                              \
    }

ATTENTION_IN_TILES(32)
ATTENTION_IN_TILES(64)
