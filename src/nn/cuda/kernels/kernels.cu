// All kernels: those of activations once for each type, those of f32 alone once.
#include "platform.cuh"

#include "attention_shape.cuh"
#include "math.cuh"
#include "likeliest.cuh"
#include "attention_tiles.cuh"
#include "reduce.cuh"
#include "optimizer.cuh"

#define T float
#define SUFFIX _f32
#include "typed.cuh"
#undef T
#undef SUFFIX

#define T bf16
#define SUFFIX _bf16
#include "typed.cuh"
#undef T
#undef SUFFIX
