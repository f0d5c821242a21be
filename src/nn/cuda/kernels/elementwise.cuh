// Operations on single values, and on rows as they are.

// a += b.
KERNEL(TYPED(add), (T *a, const T *b, size_t count)) {
    size_t i = thread_of_grid();
    if (i < count) a[i] = narrowed<T>(widened(a[i]) + widened(b[i]));
}

// dy *= x.
KERNEL(TYPED(multiply), (T *dy, const T *x, size_t count)) {
    size_t i = thread_of_grid();
    if (i < count) dy[i] = narrowed<T>(widened(dy[i]) * widened(x[i]));
}

// Activations of f32 values.
KERNEL(TYPED(round), (const float *from, T *to, size_t count)) {
    size_t i = thread_of_grid();
    if (i < count) to[i] = narrowed<T>(from[i]);
}

// f32 values of activations.
KERNEL(TYPED(widen), (const T *from, float *to, size_t count)) {
    size_t i = thread_of_grid();
    if (i < count) to[i] = widened(from[i]);
}

// x += bias, in every row.
KERNEL(TYPED(add_row), (T *x, const float *bias, unsigned rows, unsigned columns)) {
    size_t i = thread_of_grid();
    if (i < size_t(rows) * columns) x[i] = narrowed<T>(widened(x[i]) + bias[i % columns]);
}

// to = mask(from); both may be the same.
KERNEL(TYPED(drop), (const T *from, T *to, Mask mask, unsigned rows, unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    RowKey key = mask.key(row);
    size_t start = size_t(row) * columns;
    for (unsigned column = lane(); column < columns; column += WARP) {
        to[start + column] = narrowed<T>(widened(from[start + column]) * mask.factor(key, column));
    }
}

// The rows of x at indices.
KERNEL(TYPED(pick_rows), (const T *x, const unsigned *indices, T *to, unsigned rows, unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    const T *from = x + size_t(indices[row]) * columns;
    for (unsigned column = lane(); column < columns; column += WARP) to[size_t(row) * columns + column] = from[column];
}

// Sums of rows: to[target] += Σ x[source] over the sources of each target, which are in
// sources[starts[i]] to sources[starts[i + 1]].
template <class V>
__device__ __forceinline__ void add_rows(const T *x, V *to, const unsigned *targets, const unsigned *starts,
                                         const unsigned *sources, unsigned count, unsigned columns) {
    unsigned i = row_of_warp();
    if (i >= count) return;
    V *row = to + size_t(targets[i]) * columns;
    for (unsigned column = lane(); column < columns; column += WARP) {
        float sum = widened(row[column]);
        for (unsigned s = starts[i]; s < starts[i + 1]; s++) sum += widened(x[size_t(sources[s]) * columns + column]);
        row[column] = narrowed<V>(sum);
    }
}

KERNEL(TYPED(add_rows), (const T *x, T *to, const unsigned *targets, const unsigned *starts, const unsigned *sources,
                         unsigned count, unsigned columns)) {
    add_rows(x, to, targets, starts, sources, count, columns);
}

// The same to f32 sums, such as a table's gradient.
KERNEL(TYPED(add_rows_to_sums), (const T *x, float *to, const unsigned *targets, const unsigned *starts,
                                 const unsigned *sources, unsigned count, unsigned columns)) {
    add_rows(x, to, targets, starts, sources, count, columns);
}
