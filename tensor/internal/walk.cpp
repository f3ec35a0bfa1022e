#include "attune/tensor/internal/walk.h"

#include "attune/tensor/internal/op.h"

namespace attune::internal {

Shape broadcast_strides(const char* op, const Tensor& x, const Shape& to) {
  const Shape from = x.shape(), strides = x.strides();
  const int shift = to.rank() - from.rank();
  check<ShapeError>(shift >= 0, "{}: {} does not broadcast to {}", op, from, to);
  Shape y = to;
  for (int axis = 0; axis < to.rank(); ++axis) {
    const int64_t size = axis < shift ? 1 : from[axis - shift];
    check<ShapeError>(size == 1 || size == to[axis], "{}: {} does not broadcast to {}", op, from,
                      to);
    y[axis] = size == 1 ? 0 : strides[axis - shift];
  }
  return y;
}

Tensor sum_to(const Tensor& dy, const Shape& shape) {
  const Shape from = dy.shape();
  if (from == shape) return dy;
  const int shift = from.rank() - shape.rank();
  Axes repeated = Axes::none();
  for (int axis = 0; axis < from.rank(); ++axis) {
    if (axis < shift || (shape[axis - shift] == 1 && from[axis] != 1)) repeated.push_back(axis);
  }
  return through("sum", Takes::any, dy,
                 [&](const Tensor& x) { return x.sum(repeated, keep_dims).reshape(shape); });
}

}  // namespace attune::internal
