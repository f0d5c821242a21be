// The kernels of activations of type T.
#include "attention.cuh"
#include "bottleneck.cuh"
#include "columns.cuh"
#include "cross_entropy.cuh"
#include "elementwise.cuh"
#include "embedding.cuh"
#include "gelu.cuh"
#include "norm.cuh"
