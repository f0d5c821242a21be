// Sums of columns: each block sums some rows of some columns, and sum_parts adds what they leave.

// parts (blocks of rows, columns) of the columns of x.
KERNEL(TYPED(sum_columns), (const T *x, float *parts, unsigned rows, unsigned columns, unsigned rows_a_block)) {
    unsigned column = blockIdx.x * THREADS + threadIdx.x;
    if (column >= columns) return;
    unsigned first = blockIdx.y * rows_a_block;
    unsigned end = first + rows_a_block < rows ? first + rows_a_block : rows;
    float sum = 0.0f;
    for (unsigned row = first; row < end; row++) sum += widened(x[size_t(row) * columns + column]);
    parts[size_t(blockIdx.y) * columns + column] = sum;
}

// The same of dy · (x − mean) · rstd and of dy: what a norm's weight and bias are due.
KERNEL(TYPED(sum_norm_columns), (const T *dy, const T *x, const float *stats, float *dw_parts, float *db_parts,
                                 unsigned rows, unsigned columns, unsigned rows_a_block)) {
    unsigned column = blockIdx.x * THREADS + threadIdx.x;
    if (column >= columns) return;
    unsigned first = blockIdx.y * rows_a_block;
    unsigned end = first + rows_a_block < rows ? first + rows_a_block : rows;
    float dw = 0.0f, db = 0.0f;
    for (unsigned row = first; row < end; row++) {
        size_t i = size_t(row) * columns + column;
        float gradient = widened(dy[i]);
        dw += gradient * (widened(x[i]) - stats[2 * row]) * stats[2 * row + 1];
        db += gradient;
    }
    dw_parts[size_t(blockIdx.y) * columns + column] = dw;
    db_parts[size_t(blockIdx.y) * columns + column] = db;
}
