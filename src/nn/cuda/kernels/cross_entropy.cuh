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
    each_column(x, columns, [&](unsigned column, float value) {
        if (value > most) {
            most = value;
            where = column;
        }
    });
    block_largest(most, where, mosts, wheres);
    float sum = 0.0f;
    each_column(x, columns, [&](unsigned, float value) { sum += expf(value - most); });
    sum = block_sum(sum, room);
    unsigned target = targets[row];
    bool has_target = target != 0xffffffffu;
    if (threadIdx.x == 0) {
        predictions[row] = where;
        losses[row] = has_target ? logf(sum) + most - x[target] : 0.0f;
    }
    if (!gradient) return;
    float of_one = has_target ? weight / sum : 0.0f;
    T *d = gradient + size_t(row) * stride;
    auto slope = [&](unsigned column, float value) {
        float slope = expf(value - most) * of_one;
        return has_target && column == target ? slope - weight : slope;
    };
    constexpr unsigned SIZE = Packed<float>::SIZE;
    unsigned whole = takes_packs(x) && stride % Packed<T>::SIZE == 0 ? columns / SIZE * SIZE : 0;
    for (unsigned column = threadIdx.x * SIZE; column < whole; column += THREADS * SIZE) {
        float values[SIZE];
        load<SIZE>(x + column, values);
#pragma unroll
        for (unsigned j = 0; j < SIZE; j++) values[j] = slope(column + j, values[j]);
        store<SIZE>(d + column, values);
    }
    for (unsigned column = whole + threadIdx.x; column < columns; column += THREADS)
        d[column] = narrowed<T>(slope(column, x[column]));
}
