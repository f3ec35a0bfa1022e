#pragma once
// The axes that a reduction works along: checked once, and the tensor laid out as lines along them.

#include <array>
#include <cstdint>

#include "attune/tensor/internal/block.h"

namespace attune::internal {

// Which axes an op reduces, and the shapes that remain.
struct Reduced {
  std::array<bool, kMaxRank> along{};
  Shape kept;        // the result with keep_dims: reduced axes have size 1
  Shape dropped;     // and without
  int64_t n = 1;     // elements that become one
  bool all = false;  // every axis is reduced

  const Shape& result(KeepDims keep) const { return keep.value ? kept : dropped; }
};

// IndexError for an axis outside the rank, ValueError for one named twice, in the name of `op`.
Reduced reduced_axes(const char* op, const Tensor& x, const Axes& axes);

// x as contiguous [outer, n, inner]: the line of result (o, i) is x[o][0 … n-1][i]. Copies x only
// where its elements do not lie so.
struct Lines {
  Tensor x;
  int64_t outer = 1, n = 1, inner = 1;
};
Lines lines_along(const Tensor& x, const Reduced& reduced);
Lines lines_along(const Tensor& x, int axis);  // axis in 0 … rank-1

// The gradient of a sum: dy, a result over `reduced`, repeated over the shape of the operand.
Tensor spread(const Tensor& dy, const Shape& kept, const Shape& to);

}  // namespace attune::internal
