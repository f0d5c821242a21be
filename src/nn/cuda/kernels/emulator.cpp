// The kernels, and what runs them on the CPU.
#include "kernels.cu"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <ucontext.h>
#include <vector>

namespace emulator {
thread_local State state;

namespace {
struct Kernel {
    Call call;
    std::vector<size_t> sizes;
};

std::map<std::string, Kernel> &kernels() {
    static std::map<std::string, Kernel> all;
    return all;
}

struct Group {
    unsigned members, arrived, round;
};

struct Fiber {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(64 * 1024);
    bool done;
    // What it waits for: a group, until that is past this round.
    Group *waits;
    unsigned round;
    // How many words it has left for its warp.
    unsigned exchanges;
};

struct Block {
    Fiber fibers[THREADS];
    Group block, warps[WARPS];
    uint64_t words[WARPS][2][WARP];
    ucontext_t scheduler;
    Call kernel;
    void *const *arguments;
};
thread_local Block *running;

void wait(Group &group) {
    Fiber &fiber = running->fibers[state.thread.x];
    if (++group.arrived == group.members) {
        group.arrived = 0;
        group.round++;
        return;
    }
    fiber.waits = &group;
    fiber.round = group.round;
    swapcontext(&fiber.context, &running->scheduler);
}

void entry() {
    running->kernel(running->arguments);
    running->fibers[state.thread.x].done = true;
}

void run(Block &block) {
    block.block = Group{THREADS, 0, 0};
    for (Group &warp : block.warps) warp = Group{WARP, 0, 0};
    for (unsigned t = 0; t < THREADS; t++) {
        Fiber &fiber = block.fibers[t];
        fiber.done = false;
        fiber.waits = nullptr;
        fiber.exchanges = 0;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size();
        fiber.context.uc_link = &block.scheduler;
        makecontext(&fiber.context, entry, 0);
    }
    unsigned left = THREADS;
    while (left > 0) {
        bool moved = false;
        for (unsigned t = 0; t < THREADS; t++) {
            Fiber &fiber = block.fibers[t];
            if (fiber.done || (fiber.waits && fiber.waits->round == fiber.round)) continue;
            fiber.waits = nullptr;
            state.thread = Dim{t, 0, 0};
            swapcontext(&block.scheduler, &fiber.context);
            moved = true;
            left -= fiber.done;
        }
        if (!moved) {
            stop("threads that wait at a barrier that others do not reach");
        }
    }
}
} // namespace

Registration::Registration(const char *name, Call call, std::vector<size_t> sizes) {
    kernels()[name] = Kernel{call, std::move(sizes)};
}

void stop(const char *what) {
    fprintf(stderr, "in a kernel: %s\n", what);
    abort();
}

void block_barrier() { wait(running->block); }
void warp_barrier() { wait(running->warps[state.thread.x / WARP]); }

uint64_t exchange(uint64_t word, unsigned lane) {
    // Two sets in turn: nobody writes to one again before all have passed the barrier of the other.
    unsigned thread = state.thread.x;
    unsigned set = running->fibers[thread].exchanges++ % 2;
    auto &words = running->words[thread / WARP][set];
    words[thread % WARP] = word;
    warp_barrier();
    return words[lane];
}
} // namespace emulator

// Runs a kernel. 0 if it ran, 1 if there is none of this name, 2 if it takes other arguments.
extern "C" int caption_bench_emulate(const char *name, unsigned grid_x, unsigned grid_y, void *const *arguments,
                                     const size_t *sizes, size_t count) {
    using namespace emulator;
    static thread_local Block block;
    auto found = kernels().find(name);
    if (found == kernels().end()) return 1;
    if (found->second.sizes != std::vector<size_t>(sizes, sizes + count)) return 2;
    running = &block;
    block.kernel = found->second.call;
    block.arguments = arguments;
    state.grid = Dim{grid_x, grid_y, 1};
    for (unsigned y = 0; y < grid_y; y++) {
        for (unsigned x = 0; x < grid_x; x++) {
            state.block = Dim{x, y, 0};
            run(block);
        }
    }
    return 0;
}
