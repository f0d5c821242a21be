// GELU and its derivative.

// y = gelu(x + bias), and x = gelu'(x + bias); exact is the form with erf.
KERNEL(TYPED(gelu), (T *x, const float *bias, T *y, unsigned exact, unsigned rows, unsigned columns)) {
    size_t i = thread_of_grid();
    if (i >= size_t(rows) * columns) return;
    float value, derivative;
    gelu(exact, widened(x[i]) + bias[i % columns], value, derivative);
    y[i] = narrowed<T>(value);
    x[i] = narrowed<T>(derivative);
}
