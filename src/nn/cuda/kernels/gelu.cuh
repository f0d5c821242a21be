// GELU and its derivative.

// y = gelu(x + bias), and x = gelu'(x + bias); exact is the form with erf.
KERNEL(TYPED(gelu), (T *x, const float *bias, T *y, unsigned exact, unsigned rows, unsigned columns)) {
    constexpr int SIZE = Packed<T>::SIZE;
    bool packs = columns % SIZE == 0 && takes_packs(x) && takes_packs(bias) && takes_packs(y);
    each_pack<SIZE>(size_t(rows) * columns, packs, [=](auto width, size_t i) {
        constexpr int P = decltype(width)::VALUE;
        float v[P], b[P], value[P], derivative[P];
        load<P>(x + i, v);
        load<P>(bias + i % columns, b);
#pragma unroll
        for (int j = 0; j < P; j++) gelu(exact, v[j] + b[j], value[j], derivative[j]);
        store<P>(y + i, value);
        store<P>(x + i, derivative);
    });
}
