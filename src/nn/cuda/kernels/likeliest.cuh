// The likeliest of rows of f32 logits: a block a row.
#pragma once

// The `count` largest logits of each row with their tokens, the largest first, of equal ones the first token; where
// there are no more, the token is 0xffffffff. sums has the sum of the exponentials, less the largest logit.
KERNEL(likeliest, (const float *logits, unsigned *tokens, float *values, float *sums, unsigned columns,
                   unsigned stride, unsigned count)) {
    __shared__ float room[WARPS];
    __shared__ float mosts[THREADS];
    __shared__ unsigned wheres[THREADS];
    unsigned row = blockIdx.x;
    const float *x = logits + size_t(row) * stride;
    float before = INFINITY;
    unsigned before_where = 0;
    for (unsigned rank = 0; rank < count; rank++) {
        float most = -INFINITY;
        unsigned where = 0xffffffffu;
        each_column(x, columns, [&](unsigned column, float value) {
            bool later = rank == 0 || value < before || (value == before && column > before_where);
            if (later && value > most) {
                most = value;
                where = column;
            }
        });
        block_largest(most, where, mosts, wheres);
        if (threadIdx.x == 0) {
            tokens[size_t(row) * count + rank] = where;
            values[size_t(row) * count + rank] = most;
        }
        if (rank == 0) {
            float sum = 0.0f;
            each_column(x, columns, [&](unsigned, float value) { sum += expf(value - most); });
            sum = block_sum(sum, room);
            if (threadIdx.x == 0) sums[row] = sum;
        }
        before = most;
        before_where = where;
    }
}
