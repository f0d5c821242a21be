// Writing captions: attention of one query a row to keys and values that lie anywhere, and what comes next.

// A cache has the keys and the values of a token side by side. Row r sees `seen` of its tokens: those from
// places[r] on if they are a run, or else those at places[r * seen ...]. q has a row's query; if the row extends the
// cache, its query is followed by the key and the value of its own token, which is the last that it sees.
KERNEL(TYPED(attend_places), (const T *q, unsigned stride, T *cache, const unsigned *places, unsigned seen, unsigned run,
                              unsigned extends, T *out, unsigned rows, unsigned heads, unsigned size, float scale)) {
    __shared__ float queries[WARPS][HEAD];
    __shared__ float weights[WARPS][WARP];
    unsigned row = row_of_warp(), head = blockIdx.y, width = heads * size;
    if (row >= rows) return;
    float *query = queries[warp_of_block()], *weight = weights[warp_of_block()];
    const T *from = q + size_t(row) * stride + head * size;
    const unsigned *mine = places + size_t(row) * (run ? 1 : seen);
    T *keys = cache + head * size;
    take_row(from, query, size);
    if (extends) {
        T *own = keys + size_t(mine[seen - 1]) * 2 * width;
        for (unsigned i = lane(); i < size; i += WARP) {
            own[i] = from[width + i];
            own[width + i] = from[2 * width + i];
        }
    }
    sync_warp();
    // Of the tokens so far: the largest score, and sums of exponentials and of weighted values relative to it.
    float most = -INFINITY, sum = 0.0f, totals[HEAD / WARP] = {};
    for (unsigned first = 0; first < seen; first += WARP) {
        unsigned count = seen - first < WARP ? seen - first : WARP;
        float score = -INFINITY;
        if (lane() < count) {
            unsigned place = run ? mine[0] + first + lane() : mine[first + lane()];
            score = scale * dot(query, keys + size_t(place) * 2 * width, size);
        }
        float now = fmaxf(most, warp_largest(score));
        float before = expf(most - now);
        float part = lane() < count ? expf(score - now) : 0.0f;
        weight[lane()] = part;
        sum = sum * before + warp_sum(part);
        most = now;
        sync_warp();
#pragma unroll
        for (unsigned c = 0; c < HEAD / WARP; c++) {
            unsigned i = c * WARP + lane();
            if (i >= size) continue;
            float total = totals[c] * before;
            for (unsigned j = 0; j < count; j++) {
                unsigned place = run ? mine[0] + first + j : mine[first + j];
                total += weight[j] * widened(keys[size_t(place) * 2 * width + width + i]);
            }
            totals[c] = total;
        }
        sync_warp();
    }
    T *to = out + size_t(row) * width + head * size;
#pragma unroll
    for (unsigned c = 0; c < HEAD / WARP; c++) {
        unsigned i = c * WARP + lane();
        if (i < size) to[i] = narrowed<T>(totals[c] / sum);
    }
}
