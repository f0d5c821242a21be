// Sums over what blocks left, in a fixed order.
#pragma once

// to (columns) = or += the sum of the rows of parts (parts, columns). A block has as many columns as a warp has lanes,
// and each of its warps some of the parts.
KERNEL(sum_parts, (const float *parts, float *to, unsigned count, unsigned columns, unsigned adds)) {
    __shared__ float sums[WARPS][WARP];
    unsigned column = blockIdx.x * WARP + lane();
    float sum = 0.0f;
    if (column < columns) {
#pragma unroll 8
        for (unsigned part = warp_of_block(); part < count; part += WARPS) sum += parts[size_t(part) * columns + column];
    }
    sums[warp_of_block()][lane()] = sum;
    __syncthreads();
    if (warp_of_block() != 0 || column >= columns) return;
    float total = adds ? to[column] : 0.0f;
    for (int warp = 0; warp < WARPS; warp++) total += sums[warp][lane()];
    to[column] = total;
}
