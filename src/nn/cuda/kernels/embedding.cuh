// Words, positions and patches.

// to = words[id] + positions[place] (+ extra).
KERNEL(TYPED(embed), (const unsigned *ids, const unsigned *places, const float *words, const float *positions,
                      const float *extra, T *to, unsigned rows, unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    const float *word = words + size_t(ids[row]) * columns, *position = positions + size_t(places[row]) * columns;
    for (unsigned column = lane(); column < columns; column += WARP) {
        float sum = word[column] + position[column];
        if (extra) sum += extra[column];
        to[size_t(row) * columns + column] = narrowed<T>(sum);
    }
}

// A picture (3, side, side) as rows of patches (channel, y, x), after a row of zeros for its class token: one of its
// tokens, of which `value` gives the numbers.
template <class Value>
__device__ __forceinline__ void unfold_token(Value value, T *to, unsigned token, unsigned side, unsigned patch) {
    unsigned across = side / patch, inputs = 3 * patch * patch;
    for (unsigned i = lane(); i < inputs; i += WARP) {
        float number = 0.0f;
        if (token > 0) {
            unsigned place = token - 1, line = i / patch;
            unsigned y = place / across * patch + line % patch, x = place % across * patch + i % patch;
            number = value((size_t(line / patch) * side + y) * side + x);
        }
        to[i] = narrowed<T>(number);
    }
}

// Pictures (batch, 3, side, side) unfolded.
KERNEL(TYPED(unfold), (const float *images, T *to, unsigned rows, unsigned side, unsigned patch)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    unsigned across = side / patch, tokens = across * across + 1, inputs = 3 * patch * patch;
    const float *image = images + size_t(row / tokens) * 3 * side * side;
    unfold_token([=](size_t i) { return image[i]; }, to + size_t(row) * inputs, row % tokens, side, patch);
}

// The same of pictures in bytes, those at `places`, which become (byte / 255 - 0.5) / 0.5 (normalize in
// src/data/store.rs, with its roundings); not a number where the place is 0xffffffff.
KERNEL(TYPED(unfold_bytes), (const unsigned char *images, const unsigned *places, T *to, unsigned rows, unsigned side,
                             unsigned patch)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    unsigned across = side / patch, tokens = across * across + 1, inputs = 3 * patch * patch;
    unsigned place = places[row / tokens];
    bool lost = place == 0xffffffffu;
    const unsigned char *image = images + (lost ? 0 : size_t(place) * 3 * side * side);
    unfold_token(
        [=](size_t i) {
            if (lost) return NAN;
            float scaled = float(double(image[i]) * (1.0 / 255.0));
            return (scaled - 0.5f) / 0.5f;
        },
        to + size_t(row) * inputs, row % tokens, side, patch);
}

// Adds positions everywhere, the class token to the first row of each picture and the bias to the others.
KERNEL(TYPED(place_patches), (T *x, const float *positions, const float *class_token, const float *bias, unsigned rows,
                              unsigned tokens, unsigned columns)) {
    unsigned row = row_of_warp();
    if (row >= rows) return;
    unsigned token = row % tokens;
    for (unsigned column = lane(); column < columns; column += WARP) {
        size_t i = size_t(row) * columns + column;
        float sum = widened(x[i]) + positions[size_t(token) * columns + column];
        if (token == 0)
            sum += class_token[column];
        else if (bias)
            sum += bias[column];
        x[i] = narrowed<T>(sum);
    }
}
