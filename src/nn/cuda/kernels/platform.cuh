// What every kernel is written with: CUDA C++ for nvcc, and the same words for the emulator.
#pragma once

#define WARP 32
// Warps of a block; every kernel is launched with blocks of this size.
#define WARPS 4
#define THREADS (WARPS * WARP)

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <mma.h>
typedef __nv_bfloat16 bf16;
// A kernel is found by its name.
#define KERNEL(name, params) extern "C" __global__ void __launch_bounds__(THREADS) name params

template <class V> __device__ __forceinline__ V shuffle_xor(V value, int lane) {
    return __shfl_xor_sync(0xffffffffu, value, lane);
}
__device__ __forceinline__ void sync_warp() { __syncwarp(); }
// The emulator stops where an address is not a multiple of so many bytes.
__device__ __forceinline__ void check_alignment(const void *, size_t) {}

// Products of 16 × 16 numbers by a warp: Left and Right lie row by row, RightTransposed column by column.
using Left = nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, 16, bf16, nvcuda::wmma::row_major>;
using Right = nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, 16, bf16, nvcuda::wmma::row_major>;
using RightTransposed = nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, 16, bf16, nvcuda::wmma::col_major>;
using Sums = nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float>;
template <class Fragment> __device__ __forceinline__ void load(Fragment &to, const bf16 *from, unsigned stride) {
    nvcuda::wmma::load_matrix_sync(to, from, stride);
}
template <class R> __device__ __forceinline__ void multiply(Sums &sums, const Left &left, const R &right) {
    nvcuda::wmma::mma_sync(sums, left, right, sums);
}
__device__ __forceinline__ void fill(Sums &sums, float value) { nvcuda::wmma::fill_fragment(sums, value); }
__device__ __forceinline__ void save(float *to, const Sums &sums, unsigned stride) {
    nvcuda::wmma::store_matrix_sync(to, sums, stride, nvcuda::wmma::mem_row_major);
}
#else
#include "emulator.h"
#endif

// KERNEL(TYPED(norm), ...) is norm_f32 or norm_bf16.
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TYPED(name) JOIN(name, SUFFIX)

__device__ __forceinline__ float widened(float x) { return x; }
__device__ __forceinline__ float widened(bf16 x) { return __bfloat162float(x); }
template <class T> __device__ __forceinline__ T narrowed(float x);
template <> __device__ __forceinline__ float narrowed<float>(float x) { return x; }
template <> __device__ __forceinline__ bf16 narrowed<bf16>(float x) { return __float2bfloat16(x); }

// P values at once, where their address is a multiple of their size.
template <class T, int P> struct alignas(P * sizeof(T)) Pack {
    T values[P];
};

template <int P, class T> __device__ __forceinline__ void load(const T *from, float (&to)[P]) {
    // 16 bytes are the most that one access takes.
    constexpr int Q = P * sizeof(T) > 16 ? 16 / sizeof(T) : P;
    check_alignment(from, sizeof(Pack<T, Q>));
#pragma unroll
    for (int i = 0; i < P; i += Q) {
        Pack<T, Q> pack = *reinterpret_cast<const Pack<T, Q> *>(from + i);
#pragma unroll
        for (int j = 0; j < Q; j++) to[i + j] = widened(pack.values[j]);
    }
}

template <int P, class T> __device__ __forceinline__ void store(T *to, const float (&from)[P]) {
    constexpr int Q = P * sizeof(T) > 16 ? 16 / sizeof(T) : P;
    check_alignment(to, sizeof(Pack<T, Q>));
#pragma unroll
    for (int i = 0; i < P; i += Q) {
        Pack<T, Q> pack;
#pragma unroll
        for (int j = 0; j < Q; j++) pack.values[j] = narrowed<T>(from[i + j]);
        *reinterpret_cast<Pack<T, Q> *>(to + i) = pack;
    }
}

// How many values of T are loaded at once from rows of whole packs.
template <class T> struct Packed {
    static constexpr int SIZE = 16 / sizeof(T);
};

__device__ __forceinline__ size_t thread_of_grid() { return size_t(blockIdx.x) * THREADS + threadIdx.x; }

// Whether packs of 16 bytes may begin at an address.
__device__ __forceinline__ bool takes_packs(const void *address) { return reinterpret_cast<size_t>(address) % 16 == 0; }

// A number of values, as a type.
template <int N> struct Width {
    static constexpr int VALUE = N;
};

// Calls work(Width, first) for the values that are this thread's of `count`, if each thread of the grid has P: for all
// of them at once if packs are allowed, otherwise one by one.
template <int P, class Work> __device__ __forceinline__ void each_pack(size_t count, bool packs, Work work) {
    size_t first = thread_of_grid() * P;
    if (packs && first + P <= count) {
        work(Width<P>(), first);
    } else {
        for (size_t i = first; i < count && i < first + P; i++) work(Width<1>(), i);
    }
}

// The same numbers in another type.
template <int SIZE, class From, class To>
__device__ __forceinline__ void convert(const From *from, To *to, size_t count) {
    each_pack<SIZE>(count, takes_packs(from) && takes_packs(to), [=](auto width, size_t i) {
        constexpr int P = decltype(width)::VALUE;
        float v[P];
        load<P>(from + i, v);
        store<P>(to + i, v);
    });
}

template <class V> __device__ __forceinline__ V warp_sum(V value) {
#pragma unroll
    for (int lane = WARP / 2; lane > 0; lane /= 2) value += shuffle_xor(value, lane);
    return value;
}

__device__ __forceinline__ float warp_largest(float value) {
#pragma unroll
    for (int lane = WARP / 2; lane > 0; lane /= 2) value = fmaxf(value, shuffle_xor(value, lane));
    return value;
}

__device__ __forceinline__ unsigned warp_of_block() { return threadIdx.x / WARP; }
__device__ __forceinline__ unsigned lane() { return threadIdx.x % WARP; }

// The row of a kernel with a warp a row.
__device__ __forceinline__ unsigned row_of_warp() { return blockIdx.x * WARPS + warp_of_block(); }

// Random bits by counter: src/nn/random.rs says what they are.
struct RowKey {
    unsigned first, second;
    __device__ __forceinline__ unsigned bits(unsigned column) const {
        return mix(mix((column * 0x9E3779B9u) ^ first) + second);
    }
    static __device__ __forceinline__ unsigned mix(unsigned x) {
        x = (x ^ (x >> 16)) * 0x7feb352du;
        x = (x ^ (x >> 15)) * 0x846ca68bu;
        return x ^ (x >> 16);
    }
};

__device__ __forceinline__ unsigned long long mix64(unsigned long long x) {
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

__device__ __forceinline__ RowKey row_key(unsigned long long stream, unsigned long long row) {
    unsigned long long bits = mix64(stream ^ mix64(row));
    return RowKey{unsigned(bits), unsigned(bits >> 32)};
}

// Which values are dropped; a scale of 0 drops none.
struct Mask {
    unsigned long long stream, first_row;
    unsigned threshold;
    float scale;
    __device__ __forceinline__ bool drops() const { return scale != 0.0f; }
    __device__ __forceinline__ RowKey key(unsigned long long row) const {
        return row_key(stream, first_row + row);
    }
    __device__ __forceinline__ float factor(RowKey key, unsigned column) const {
        return key.bits(column) >= threshold ? scale : 0.0f;
    }
};
