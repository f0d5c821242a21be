// A driver and a cuBLASLt that compute on the CPU, for the code that calls them and has no device to call.
//
// They do everything as late as they may: what is asked of a stream runs when somebody waits for it, and copies read
// their memory then. They stop at what real ones do not promise: copies from memory that is not pinned, addresses that
// were never given, attributes of another size, images that are not aligned. Products are cuBLASLt's, column by
// column; of the ways that are offered for one, the first is refused when it is tried, and some sums beside products
// have no way at all. They show that the calls are the right ones in the right order; of time, of the device's own
// compiler and of races between blocks they say nothing.
#include "../../../src/nn/cuda/kernels/emulator.cpp"

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>

namespace {
std::recursive_mutex all;
using Lock = std::lock_guard<std::recursive_mutex>;

[[noreturn]] void wrong(const char *what) {
    fprintf(stderr, "stand-in driver: %s\n", what);
    abort();
}

struct Stream {
    std::deque<std::function<void()>> asked;
};

// Runs all that was asked of a stream so far.
void drain(Stream &stream) {
    while (!stream.asked.empty()) {
        auto next = std::move(stream.asked.front());
        stream.asked.pop_front();
        next();
    }
}

struct Event {
    Stream *stream;
    unsigned asked, done;
};

// Addresses and sizes, of the device's memory and of pinned memory.
using Memory = std::map<uintptr_t, size_t>;
Memory device, pinned;

bool lies_in(const Memory &memory, uintptr_t address, size_t bytes) {
    auto after = memory.upper_bound(address);
    if (after == memory.begin()) return false;
    auto [start, size] = *--after;
    return address + bytes <= start + size;
}
void check(uintptr_t address, size_t bytes) {
    if (!lies_in(device, address, bytes)) wrong("memory that is not the device's");
}

// Memory that is full of what no number is.
uintptr_t give(Memory &memory, size_t bytes) {
    void *address = aligned_alloc(256, (bytes + 255) / 256 * 256);
    memset(address, 0xff, bytes);
    memory[uintptr_t(address)] = bytes;
    return uintptr_t(address);
}
// Memory that is given back stays, and is spoiled for whoever still reads it.
void take(Memory &memory, uintptr_t address) {
    auto found = memory.find(address);
    if (found == memory.end()) wrong("memory given back that was not given");
    memset(reinterpret_cast<void *>(address), 0xee, found->second);
    memory.erase(found);
}
} // namespace

extern "C" {
// The driver; 0 is success.
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int *version) { return *version = 13000, 0; }
int cuGetErrorName(int, const char **text) { return *text = "CUDA_ERROR", 0; }
int cuGetErrorString(int, const char **text) { return *text = "an error", 0; }
int cuDeviceGet(int *out, int number) { return *out = number, number == 0 ? 0 : 101; }
int cuDeviceGetName(char *name, int size, int) { return snprintf(name, size_t(size), "a stand-in"), 0; }
int cuDevicePrimaryCtxRetain(void **context, int) { return *context = &all, 0; }
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxSetCurrent(void *context) { return context == &all ? 0 : 201; }

int cuStreamCreate(Stream **stream, unsigned) { return *stream = new Stream(), 0; }
int cuStreamDestroy_v2(Stream *stream) {
    if (!stream->asked.empty()) wrong("a stream that is destroyed before its end");
    delete stream;
    return 0;
}
int cuStreamSynchronize(Stream *stream) {
    Lock lock(all);
    drain(*stream);
    return 0;
}
int cuEventCreate(Event **event, unsigned) { return *event = new Event(), 0; }
int cuEventDestroy_v2(Event *event) { return delete event, 0; }
int cuEventRecord(Event *event, Stream *stream) {
    Lock lock(all);
    unsigned number = ++event->asked;
    event->stream = stream;
    stream->asked.push_back([=] { event->done = std::max(event->done, number); });
    return 0;
}
int cuStreamWaitEvent(Stream *stream, Event *event, unsigned) {
    Lock lock(all);
    Stream *other = event->stream;
    unsigned number = event->asked;
    stream->asked.push_back([=] {
        while (event->done < number) {
            if (other == stream || other->asked.empty()) wrong("a wait for what does not come");
            auto next = std::move(other->asked.front());
            other->asked.pop_front();
            next();
        }
    });
    return 0;
}

int cuMemAlloc_v2(uintptr_t *address, size_t bytes) {
    Lock lock(all);
    return *address = give(device, bytes), 0;
}
int cuMemFree_v2(uintptr_t address) {
    Lock lock(all);
    return take(device, address), 0;
}
int cuMemHostAlloc(uintptr_t *address, size_t bytes, unsigned) {
    Lock lock(all);
    return *address = give(pinned, bytes), 0;
}
int cuMemFreeHost(uintptr_t address) {
    Lock lock(all);
    return take(pinned, address), 0;
}
int cuMemGetInfo_v2(size_t *free, size_t *whole) { return *free = *whole = size_t(1) << 36, 0; }
int cuMemcpyHtoDAsync_v2(uintptr_t to, const void *from, size_t bytes, Stream *stream) {
    Lock lock(all);
    if (!lies_in(pinned, uintptr_t(from), bytes)) wrong("a copy from memory that is not pinned");
    stream->asked.push_back([=] {
        check(to, bytes);
        memcpy(reinterpret_cast<void *>(to), from, bytes);
    });
    return 0;
}
int cuMemcpyDtoHAsync_v2(void *to, uintptr_t from, size_t bytes, Stream *stream) {
    Lock lock(all);
    stream->asked.push_back([=] {
        check(from, bytes);
        memcpy(to, reinterpret_cast<const void *>(from), bytes);
    });
    return 0;
}
int cuMemcpyDtoDAsync_v2(uintptr_t to, uintptr_t from, size_t bytes, Stream *stream) {
    Lock lock(all);
    stream->asked.push_back([=] {
        check(from, bytes);
        check(to, bytes);
        memcpy(reinterpret_cast<void *>(to), reinterpret_cast<const void *>(from), bytes);
    });
    return 0;
}
int cuMemsetD8Async(uintptr_t at, unsigned char byte, size_t count, Stream *stream) {
    Lock lock(all);
    stream->asked.push_back([=] {
        check(at, count);
        memset(reinterpret_cast<void *>(at), byte, count);
    });
    return 0;
}

int cuModuleLoadData(void **module, const void *image) {
    unsigned magic;
    memcpy(&magic, image, sizeof magic);
    if (magic != 0xba55ed50u || uintptr_t(image) % 16 != 0) wrong("an image that is none, or not aligned");
    return *module = &all, 0;
}
int cuModuleUnload(void *) { return 0; }
int cuModuleGetFunction(void **function, void *, const char *name) {
    auto found = emulator::kernels().find(name);
    if (found == emulator::kernels().end()) return 500;
    *function = const_cast<char *>(found->first.c_str());
    return 0;
}
int cuLaunchKernel(const char *name, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared, Stream *stream, void **arguments, void **extra) {
    Lock lock(all);
    if (block_x != THREADS || block_y != 1 || block_z != 1 || grid_z != 1 || shared != 0 || extra)
        wrong("a launch of another shape");
    if (grid_x == 0 || grid_y == 0 || grid_y > 65535) return 1;
    // A driver copies the arguments before it returns.
    std::vector<size_t> sizes = emulator::kernels()[name].sizes;
    std::vector<std::vector<uint64_t>> values;
    for (size_t i = 0; i < sizes.size(); i++) {
        values.emplace_back((sizes[i] + 7) / 8);
        memcpy(values.back().data(), arguments[i], sizes[i]);
    }
    stream->asked.push_back([=]() mutable {
        std::vector<void *> pointers;
        for (auto &value : values) pointers.push_back(value.data());
        if (caption_bench_emulate(name, grid_x, grid_y, pointers.data(), sizes.data(), sizes.size()) != 0)
            wrong("a kernel that does not run");
    });
    return 0;
}
} // extern "C"

// cuBLASLt, as far as it is used.
namespace {
enum Type { F32 = 0, BF16 = 14 };
enum Status { INVALID_VALUE = 7, NOT_SUPPORTED = 15 };
enum Epilogue { NOTHING = 1, BIAS = 4, SUMS_OF_B = 512 };

struct Description {
    int transposed[2];
    int epilogue;
    uintptr_t beside;
};
struct Layout {
    Type type;
    size_t rows, columns, apart;
};
struct Way {
    uint64_t number, rest[7];
};
struct Found {
    Way way;
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
};

template <class V> void set(V &to, const void *from, size_t size) {
    if (size != sizeof to) wrong("an attribute of another size");
    memcpy(&to, from, size);
}

float get(const Layout &layout, uintptr_t at, size_t i) {
    if (layout.type == F32) return reinterpret_cast<const float *>(at)[i];
    return __bfloat162float(reinterpret_cast<const bf16 *>(at)[i]);
}
void put(const Layout &layout, uintptr_t at, size_t i, float value) {
    if (layout.type == F32)
        reinterpret_cast<float *>(at)[i] = value;
    else
        reinterpret_cast<bf16 *>(at)[i] = __float2bfloat16(value);
}
// A matrix in f32 without gaps, row by row.
std::vector<float> whole(const Layout &layout, uintptr_t at, bool transposed) {
    size_t size = layout.type == F32 ? 4 : 2;
    check(at, ((layout.columns - 1) * layout.apart + layout.rows) * size);
    std::vector<float> values(layout.rows * layout.columns);
    for (size_t column = 0; column < layout.columns; column++)
        for (size_t row = 0; row < layout.rows; row++)
            values[transposed ? column * layout.rows + row : row * layout.columns + column] =
                get(layout, at, column * layout.apart + row);
    return values;
}

// d = a b + beta c, and what the epilogue says.
void multiply(Description how, Layout of_a, uintptr_t a, Layout of_b, uintptr_t b, float beta, Layout of_d, uintptr_t d) {
    size_t rows = of_d.rows, columns = of_d.columns;
    size_t inner = how.transposed[0] ? of_a.rows : of_a.columns;
    if ((how.transposed[0] ? of_a.columns : of_a.rows) != rows) wrong("a product of other sizes (a)");
    if ((how.transposed[1] ? of_b.columns : of_b.rows) != inner) wrong("a product of other sizes (b)");
    if ((how.transposed[1] ? of_b.rows : of_b.columns) != columns) wrong("a product of other sizes (d)");
    // (rows, inner) and (columns, inner), row by row.
    std::vector<float> left = whole(of_a, a, how.transposed[0]), right = whole(of_b, b, !how.transposed[1]);
    if (beta != 0.0f) whole(of_d, d, false);
    for (size_t column = 0; column < columns; column++) {
        for (size_t row = 0; row < rows; row++) {
            const float *x = &left[row * inner], *y = &right[column * inner];
            float sums[8] = {};
            for (size_t k = 0; k < inner; k++) sums[k % 8] += x[k] * y[k];
            float sum = 0.0f;
            for (float part : sums) sum += part;
            size_t place = column * of_d.apart + row;
            if (beta != 0.0f) sum += beta * get(of_d, d, place);
            if (how.epilogue == BIAS) sum += get(of_d, how.beside, row);
            put(of_d, d, place, sum);
        }
    }
    if (how.epilogue != SUMS_OF_B) return;
    for (size_t column = 0; column < columns; column++) {
        float sum = 0.0f;
        for (size_t k = 0; k < inner; k++) sum += right[column * inner + k];
        put(of_d, how.beside, column, sum);
    }
}
} // namespace

extern "C" {
int cublasLtCreate(void **handle) { return *handle = &all, 0; }
int cublasLtDestroy(void *) { return 0; }
int cublasLtMatmulDescCreate(Description **out, int compute, int scale) {
    // CUBLAS_COMPUTE_32F and CUDA_R_32F.
    if (compute != 68 || scale != F32) wrong("sums in another type");
    return *out = new Description{{0, 0}, NOTHING, 0}, 0;
}
int cublasLtMatmulDescDestroy(Description *description) { return delete description, 0; }
int cublasLtMatmulDescSetAttribute(Description *description, int attribute, const void *value, size_t size) {
    switch (attribute) {
    case 3: return set(description->transposed[0], value, size), 0;
    case 4: return set(description->transposed[1], value, size), 0;
    case 7: return set(description->epilogue, value, size), 0;
    case 8: return set(description->beside, value, size), 0;
    default: wrong("an attribute of a product that is not known here");
    }
}
int cublasLtMatrixLayoutCreate(Layout **out, int type, uint64_t rows, uint64_t columns, int64_t apart) {
    if (type != F32 && type != BF16) wrong("a matrix of another type");
    if (apart < int64_t(rows)) return 7;
    return *out = new Layout{Type(type), rows, columns, size_t(apart)}, 0;
}
int cublasLtMatrixLayoutDestroy(Layout *layout) { return delete layout, 0; }
int cublasLtMatmulPreferenceCreate(void **out) { return *out = malloc(1), 0; }
int cublasLtMatmulPreferenceDestroy(void *preference) { return free(preference), 0; }
int cublasLtMatmulPreferenceSetAttribute(void *, int attribute, const void *value, size_t size) {
    uint64_t bytes = 0;
    unsigned number = 0;
    // The workspace's size; which reductions; four alignments.
    if (attribute == 1) return set(bytes, value, size), 0;
    if (attribute == 3 || (attribute >= 5 && attribute <= 8)) return set(number, value, size), 0;
    wrong("a preference that is not known here");
}
int cublasLtMatmulAlgoGetHeuristic(void *, Description *how, Layout *, Layout *b, Layout *, Layout *, void *,
                                   int wanted, Found *found, int *count) {
    if (how->epilogue != NOTHING && how->beside % 16 != 0) wrong("numbers beside that are not aligned");
    if (how->epilogue != NOTHING && how->beside == 0) return INVALID_VALUE;
    // Of some numbers of rows nothing can be had beside, whichever way that is said.
    if (how->epilogue != NOTHING && b->columns % 3 == 1 && b->columns != 7) return INVALID_VALUE;
    *count = how->epilogue == NOTHING || b->columns % 3 != 0 ? std::min(wanted, 2) : 0;
    for (int i = 0; i < *count; i++) found[i] = Found{Way{uint64_t(i), {}}, 0, 0, 1.0f, {}};
    return *count == 0 ? NOT_SUPPORTED : 0;
}
int cublasLtMatmul(void *, Description *how, const float *alpha, uintptr_t a, Layout *of_a, uintptr_t b, Layout *of_b,
                   const float *beta, uintptr_t c, Layout *of_c, uintptr_t d, Layout *of_d, const Way *way,
                   uintptr_t workspace, size_t bytes, Stream *stream) {
    Lock lock(all);
    if (way->number == 0) return NOT_SUPPORTED;
    if (*alpha != 1.0f || c != d || of_c != of_d) wrong("a product that is not asked for here");
    check(workspace, bytes);
    Description now = *how;
    Layout x = *of_a, y = *of_b, to = *of_d;
    float scale = *beta;
    stream->asked.push_back([=] { multiply(now, x, a, y, b, scale, to, d); });
    return 0;
}
} // extern "C"
