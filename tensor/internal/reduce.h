#pragma once
// Reductions without a gradient, for the ops that are made of them.

#include "attune/tensor/internal/axes.h"

namespace attune {

enum class ReduceOp : uint8_t { sum, prod, max, min, squares };

namespace internal {

// x reduced over `along` by sum, prod, max or min. The result has the dtype of x, except that sums
// and products of integers and booleans are i64, and wrap. NaN is the largest and the smallest
// number. The order of summing depends on the shape alone: blocks of fixed size, joined in pairs.
Tensor reduce(ReduceOp op, const Tensor& x, const Reduced& along, KeepDims keep);

// Of floating x, computed and returned in f64: the sum, the product, or the sum of the squared
// distances to `centre` (f64, of the shape of the result; undefined: 0).
Tensor reduce_wide(ReduceOp op, const Tensor& x, const Reduced& along, KeepDims keep,
                   const Tensor& centre = {});

// The sum of a contiguous floating tensor of any shape, the end of most losses -> [].
Tensor sum_of_all(const Tensor& x);

}  // namespace internal
}  // namespace attune
