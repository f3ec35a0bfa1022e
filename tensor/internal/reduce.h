#pragma once
// Reductions without a gradient, for the ops that are made of them (tensor/ops/reduce.cpp has the
// kernels, tensor/ops/moments.cpp uses them too).

#include "attune/tensor/internal/axes.h"

namespace attune {

enum class ReduceOp : uint8_t { sum, sum_of_squares, prod, max, min };

namespace internal {

// x reduced over its axes, the same dtype, except that sums and products of integers give i64. The
// order of summing depends on the shape alone: blocks of fixed size, their results joined in pairs.
Tensor reduce(ReduceOp op, const Tensor& x, const Reduced& along, KeepDims keep);

}  // namespace internal
}  // namespace attune
