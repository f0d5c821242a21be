// Sums over what blocks left, in a fixed order.
#pragma once

// to (columns) = or += the sum of the rows of parts (parts, columns).
KERNEL(sum_parts, (const float *parts, float *to, unsigned count, unsigned columns, unsigned adds)) {
    unsigned column = blockIdx.x * THREADS + threadIdx.x;
    if (column >= columns) return;
    float sum = 0.0f;
    for (unsigned part = 0; part < count; part++) sum += parts[size_t(part) * columns + column];
    to[column] = adds ? to[column] + sum : sum;
}
