// What attention's kernels are told of its shape.
#pragma once

// The most keys of a query, and queries of a key.
#define SPAN 1024
// The most columns of a head.
#define HEAD 128

// Rows of a matrix, of which a head has `head` columns from `start` on.
struct Columns {
    unsigned stride, start;
    __device__ __forceinline__ size_t at(unsigned row, unsigned head, unsigned size) const {
        return size_t(row) * stride + start + head * size;
    }
};

struct Shape {
    unsigned rows, heads, size;
    float scale;
    Mask mask;
    __device__ __forceinline__ RowKey key(unsigned query, unsigned head) const {
        return row_key(mask.stream, (mask.first_row + query) * heads + head);
    }
    __device__ __forceinline__ float factor(RowKey key, unsigned column) const {
        return mask.drops() ? mask.factor(key, column) : 1.0f;
    }
};
