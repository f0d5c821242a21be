// Cross-entropy of rows of f32 logits: a block a row.

// The loss and the likeliest token of each row, and, if there is room for it, the gradient by the logits times
// weight; rows of both begin so many numbers apart. A target of 0xffffffff is none: no loss, no gradient.
KERNEL(TYPED(cross_entropy), (const float *logits, const unsigned *targets, float weight, T *gradient, float *losses,
                              unsigned *predictions, unsigned columns, unsigned stride)) {
    __shared__ float room[WARPS];
    __shared__ float mosts[THREADS];
    __shared__ unsigned wheres[THREADS];
    unsigned row = blockIdx.x;
    const float *x = logits + size_t(row) * stride;
    float most = -INFINITY;
    unsigned where = 0;
    for (unsigned column = threadIdx.x; column < columns; column += THREADS) {
        if (x[column] > most) {
            most = x[column];
            where = column;
        }
    }
    block_largest(most, where, mosts, wheres);
    float sum = 0.0f;
    for (unsigned column = threadIdx.x; column < columns; column += THREADS) sum += expf(x[column] - most);
    sum = block_sum(sum, room);
    unsigned target = targets[row];
    bool has_target = target != 0xffffffffu;
    if (threadIdx.x == 0) {
        predictions[row] = where;
        losses[row] = has_target ? logf(sum) + most - x[target] : 0.0f;
    }
    if (!gradient) return;
    float of_one = has_target ? weight / sum : 0.0f;
    for (unsigned column = threadIdx.x; column < columns; column += THREADS) {
        float d = expf(x[column] - most) * of_one;
        if (has_target && column == target) d -= weight;
        gradient[size_t(row) * stride + column] = narrowed<T>(d);
    }
}
