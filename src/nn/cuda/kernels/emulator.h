// A block of CUDA threads on one thread of the CPU: each is a fiber, which runs until a barrier. Blocks run one
// after the other. Slow, and exact about barriers: a kernel in which some threads miss one stops the process.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#define __device__
#define __forceinline__ inline
#define __shared__ static thread_local

namespace emulator {
struct Dim {
    unsigned x, y, z;
};
struct State {
    Dim thread, block, grid;
};
extern thread_local State state;

// Ends the process, saying what a kernel did that a device does not allow.
[[noreturn]] void stop(const char *what);
void block_barrier();
void warp_barrier();
// Leaves a word for the other threads of the warp, and takes that of one of them.
uint64_t exchange(uint64_t word, unsigned lane);

using Call = void (*)(void *const *);
struct Registration {
    Registration(const char *name, Call call, std::vector<size_t> sizes);
};

template <class... A, size_t... I> void call(void (*kernel)(A...), void *const *arguments, std::index_sequence<I...>) {
    kernel(*static_cast<A *>(arguments[I])...);
}
template <class... A> void call(void (*kernel)(A...), void *const *arguments) {
    call(kernel, arguments, std::index_sequence_for<A...>());
}
template <class... A> std::vector<size_t> sizes(void (*)(A...)) { return {sizeof(A)...}; }
} // namespace emulator

#define threadIdx emulator::state.thread
#define blockIdx emulator::state.block
#define gridDim emulator::state.grid
#define __syncthreads emulator::block_barrier

inline void sync_warp() { emulator::warp_barrier(); }
inline void check_alignment(const void *address, size_t bytes) {
    if (reinterpret_cast<uintptr_t>(address) % bytes != 0) emulator::stop("an address that is not aligned");
}

template <class V> V shuffle_xor(V value, int lane) {
    uint64_t word = 0;
    memcpy(&word, &value, sizeof value);
    word = emulator::exchange(word, (threadIdx.x % 32) ^ unsigned(lane));
    memcpy(&value, &word, sizeof value);
    return value;
}

#define KERNEL(name, params) KERNEL_(name, params)
#define KERNEL_(name, params)                                                                   \
    static void name params;                                                                     \
    static emulator::Registration register_##name(                                               \
        #name, [](void *const *arguments) { emulator::call(name, arguments); }, emulator::sizes(name)); \
    static void name params

struct bf16 {
    uint16_t bits;
};
inline float __bfloat162float(bf16 x) {
    uint32_t bits = uint32_t(x.bits) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
inline bf16 __float2bfloat16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return bf16{uint16_t((bits >> 16) | 64)};
    // To the nearest, ties to even.
    return bf16{uint16_t((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16)};
}
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline void sincospif(float x, float *sin, float *cos) {
    *sin = float(std::sin(M_PI * double(x)));
    *cos = float(std::cos(M_PI * double(x)));
}

// Products of 16 × 16 numbers by a warp: the first lane has them whole, and the others none. Their corners lie at
// multiples of 32 bytes, and their rows 16 bytes apart or a multiple.
struct Fragment {
    float values[16][16];
};
struct Left : Fragment {};
struct Right : Fragment {};
struct RightTransposed : Fragment {};
struct Sums : Fragment {};
inline bool first_lane() { return threadIdx.x % 32 == 0; }
template <class F> void load(F &to, const bf16 *from, unsigned stride) {
    check_alignment(from, 32);
    check_alignment(from + stride, 16);
    constexpr bool TRANSPOSED = std::is_same<F, RightTransposed>::value;
    if (first_lane())
        for (unsigned i = 0; i < 16; i++)
            for (unsigned j = 0; j < 16; j++)
                to.values[i][j] = __bfloat162float(TRANSPOSED ? from[j * stride + i] : from[i * stride + j]);
    // A warp reads together; nobody may write on before all have.
    sync_warp();
}
inline void multiply(Sums &sums, const Left &left, const Fragment &right) {
    if (first_lane())
        for (unsigned i = 0; i < 16; i++)
            for (unsigned j = 0; j < 16; j++)
                for (unsigned k = 0; k < 16; k++) sums.values[i][j] += left.values[i][k] * right.values[k][j];
}
inline void fill(Sums &sums, float value) {
    for (auto &row : sums.values)
        for (float &sum : row) sum = value;
}
inline void save(float *to, const Sums &sums, unsigned stride) {
    check_alignment(to, 32);
    check_alignment(to + stride, 16);
    if (first_lane())
        for (unsigned i = 0; i < 16; i++)
            for (unsigned j = 0; j < 16; j++) to[i * stride + j] = sums.values[i][j];
}
