// Functions of single values, and sums and largest values over blocks.
#pragma once

// gelu(x) and gelu'(x); exact is the form with erf.
__device__ __forceinline__ void gelu(bool exact, float x, float &y, float &derivative) {
    if (exact) {
        float below = 0.5f * (1.0f + erff(x * 0.70710678f));
        y = x * below;
        derivative = below + x * 0.39894228f * expf(-0.5f * x * x);
    } else {
        float square = x * x;
        float gate = 1.0f / (1.0f + expf(-1.5957691f * x * (1.0f + 0.044715f * square)));
        float slope = 1.5957691f * (1.0f + 0.134145f * square);
        y = x * gate;
        derivative = gate + x * slope * gate * (1.0f - gate);
    }
}

// e^x − 1 − x, without the cancellation near 0.
__device__ __forceinline__ float excess(float x) {
    if (fabsf(x) >= 1.0f) return expf(x) - 1.0f - x;
    float p = 1.0f / 362880.0f;
    p = p * x + 1.0f / 40320.0f;
    p = p * x + 1.0f / 5040.0f;
    p = p * x + 1.0f / 720.0f;
    p = p * x + 1.0f / 120.0f;
    p = p * x + 1.0f / 24.0f;
    p = p * x + 1.0f / 6.0f;
    p = p * x + 0.5f;
    return x * x * p;
}

// Standard normal values of a row by counter, as src/nn/kernels/noise.rs draws them.
__device__ __forceinline__ float normal(RowKey key, unsigned column, unsigned columns) {
    unsigned half = (columns + 1) / 2;
    unsigned i = column < half ? column : column - half;
    float unit = (float(key.bits(2 * i) >> 8) + 0.5f) * (1.0f / 16777216.0f);
    float radius = sqrtf(-2.0f * logf(unit));
    float sin, cos;
    // A full turn is 2³² of the bits, and two of what sincospi takes.
    sincospif(float(int(key.bits(2 * i + 1))) * (1.0f / 2147483648.0f), &sin, &cos);
    return radius * (column < half ? cos : sin);
}

// Calls work(column, value) for the columns of a row that are this thread's, in packs where they may begin.
template <class Work> __device__ __forceinline__ void each_column(const float *row, unsigned columns, Work work) {
    constexpr unsigned SIZE = Packed<float>::SIZE;
    unsigned whole = takes_packs(row) ? columns / SIZE * SIZE : 0;
    for (unsigned column = threadIdx.x * SIZE; column < whole; column += THREADS * SIZE) {
        float values[SIZE];
        load<SIZE>(row + column, values);
#pragma unroll
        for (unsigned j = 0; j < SIZE; j++) work(column + j, values[j]);
    }
    for (unsigned column = whole + threadIdx.x; column < columns; column += THREADS) work(column, row[column]);
}

// The sum over a block, which every thread gets.
__device__ __forceinline__ float block_sum(float value, float *room) {
    value = warp_sum(value);
    __syncthreads();
    if (lane() == 0) room[warp_of_block()] = value;
    __syncthreads();
    float total = 0.0f;
    for (int warp = 0; warp < WARPS; warp++) total += room[warp];
    return total;
}

// The largest value of a block and where it is, of equal ones the first; every thread gets both.
__device__ __forceinline__ void block_largest(float &value, unsigned &where, float *values, unsigned *places) {
    __syncthreads();
    values[threadIdx.x] = value;
    places[threadIdx.x] = where;
    __syncthreads();
    for (unsigned half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            float other = values[threadIdx.x + half];
            unsigned place = places[threadIdx.x + half];
            if (other > values[threadIdx.x] || (other == values[threadIdx.x] && place < places[threadIdx.x])) {
                values[threadIdx.x] = other;
                places[threadIdx.x] = place;
            }
        }
        __syncthreads();
    }
    value = values[0];
    where = places[0];
}
