#pragma once
// The axes that an op works along, checked in one place, and a tensor laid out as lines along them.

#include <array>
#include <cstdint>

#include "attune/tensor/internal/block.h"

namespace attune::internal {

// One flag per axis of a tensor.
using AxisSet = std::array<bool, kMaxRank>;

// The axes that an op was given, as a set. In the name of `op`: ShapeError for more than the tensor
// has, IndexError for one outside the rank, ValueError for one named twice. As in PyTorch, a 0-d
// tensor takes axis 0 or -1, which names nothing.
AxisSet axis_set(const char* op, const Axes& axes, const Shape& shape);

// The axis of an op that works line by line (softmax, sort, …), from 0. A 0-d tensor takes 0 or -1
// and is a line of one element: lines_along and to_last know it too.
int line_axis(const char* op, int axis, int rank);

// Moves an axis from line_axis to the end, and back in a result; x has `rank` axes.
Tensor to_last(const Tensor& x, int axis);
Tensor from_last(const Tensor& y, int axis, int rank);

// Which axes an op reduces, and the shapes of its result.
struct Reduced {
  AxisSet along{};
  Shape kept;        // the result with keep_dims: reduced axes have size 1
  Shape remaining;   // and without
  int64_t n = 1;     // elements that become one
  bool all = false;  // every axis is reduced

  const Shape& result(KeepDims keep) const { return keep.value ? kept : remaining; }
};
Reduced reduced_axes(const char* op, const Tensor& x, const Axes& axes);  // throws as axis_set does

// An order of axes: those reduced come last. And the order that takes it back.
Axes reduced_last(const AxisSet& along, int rank);
Axes inverse(const Axes& order);

// A shape seen as [outer, n, inner] around one axis from line_axis.
struct Extents {
  int64_t outer = 1, n = 1, inner = 1;
};
Extents extents(const Shape& shape, int axis);

// x as contiguous [outer, n, inner]: the line of result (o, i) is x[o][0 … n-1][i]. Copies x only
// if its elements are laid out otherwise.
struct Lines : Extents {
  Tensor x;
};
Lines lines_along(const Tensor& x, const Reduced& reduced);
Lines lines_along(const Tensor& x, int axis);  // from line_axis

// The gradient of a sum: dy, of shape `kept` or the same without its axes of size 1, repeated over
// the shape `to` of the operand.
Tensor spread(const Tensor& dy, const Shape& kept, const Shape& to);

}  // namespace attune::internal
