// Operations on single values, and on rows as they are.

// a becomes what `combine` makes of it and b.
template <class Combine>
__device__ __forceinline__ void combine_into(T *a, const T *b, size_t count, Combine combine) {
    each_pack<Packed<T>::SIZE>(count, takes_packs(a) && takes_packs(b), [=](auto width, size_t i) {
        constexpr int P = decltype(width)::VALUE;
        float x[P], y[P];
        load<P>(a + i, x);
        load<P>(b + i, y);
#pragma unroll
        for (int j = 0; j < P; j++) x[j] = combine(x[j], y[j]);
        store<P>(a + i, x);
    });
}

// a += b.
KERNEL(TYPED(add), (T *a, const T *b, size_t count)) {
    combine_into(a, b, count, [](float x, float y) { return x + y; });
}

// dy *= x.
KERNEL(TYPED(multiply), (T *dy, const T *x, size_t count)) {
    combine_into(dy, x, count, [](float d, float v) { return d * v; });
}

// Activations, or weights as products read them, of f32 values.
KERNEL(TYPED(round), (const float *from, T *to, size_t count)) { convert<Packed<T>::SIZE>(from, to, count); }

// f32 values of activations.
KERNEL(TYPED(widen), (const T *from, float *to, size_t count)) { convert<Packed<T>::SIZE>(from, to, count); }

// x += bias, in every row.
KERNEL(TYPED(add_row), (T *x, const float *bias, unsigned rows, unsigned columns)) {
    constexpr int SIZE = Packed<T>::SIZE;
    bool packs = columns % SIZE == 0 && takes_packs(x) && takes_packs(bias);
    each_pack<SIZE>(size_t(rows) * columns, packs, [=](auto width, size_t i) {
        constexpr int P = decltype(width)::VALUE;
        float v[P], b[P];
        load<P>(x + i, v);
        load<P>(bias + i % columns, b);
#pragma unroll
        for (int j = 0; j < P; j++) v[j] += b[j];
        store<P>(x + i, v);
    });
}

template <int P>
__device__ __forceinline__ void drop_row(const T *from, T *to, Mask mask, RowKey key, unsigned columns) {
    for (unsigned column = lane() * P; column < columns; column += WARP * P) {
        float v[P];
        load<P>(from + column, v);
#pragma unroll
        for (int j = 0; j < P; j++) v[j] *= mask.factor(key, column + j);
        store<P>(to + column, v);
    }
}

// to = mask(from); both may be the same.
KERNEL(TYPED(drop), (const T *from, T *to, Mask mask, unsigned rows, unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    RowKey key = mask.key(row);
    size_t start = size_t(row) * columns;
    constexpr int SIZE = Packed<T>::SIZE;
    if (columns % SIZE == 0 && takes_packs(from) && takes_packs(to))
        drop_row<SIZE>(from + start, to + start, mask, key, columns);
    else
        drop_row<1>(from + start, to + start, mask, key, columns);
}

// The rows of x at indices.
KERNEL(TYPED(pick_rows), (const T *x, const unsigned *indices, T *to, unsigned rows, unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    const T *from = x + size_t(indices[row]) * columns;
    for (unsigned column = lane(); column < columns; column += WARP) to[size_t(row) * columns + column] = from[column];
}

// Sums of rows: to[target] += Σ x[source] over the sources of each target, which are in
// sources[starts[i]] to sources[starts[i + 1]]. Of each target there are gridDim.y warps, which share its columns.
template <class V>
__device__ __forceinline__ void add_rows(const T *x, V *to, const unsigned *targets, const unsigned *starts,
                                         const unsigned *sources, unsigned count, unsigned columns) {
    unsigned i = row_of_warp();
    if (i >= count) return;
    V *row = to + size_t(targets[i]) * columns;
    for (unsigned column = blockIdx.y * WARP + lane(); column < columns; column += gridDim.y * WARP) {
        float sum = widened(row[column]);
#pragma unroll 4
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
