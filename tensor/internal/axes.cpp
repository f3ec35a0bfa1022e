#include "attune/tensor/internal/axes.h"

#include <algorithm>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/record.h"

namespace attune::internal {

AxisSet axis_set(const char* op, const Axes& axes, const Shape& shape) {
  AxisSet set{};
  if (axes.all()) {
    set.fill(true);
    return set;
  }
  const int most = std::max(shape.rank(), 1);
  check<ShapeError>(axes.count() <= most, "{}: {} axes given for {}", op, axes.count(), shape);
  for (int i = 0; i < axes.count(); ++i) {
    bool& named = set[static_cast<size_t>(line_axis(op, axes[i], shape.rank()))];
    check<ValueError>(!named, "{}: axis {} is named twice", op, axes[i]);
    named = true;
  }
  return set;
}

int line_axis(const char* op, int axis, int rank) {
  return rank == 0 && (axis == 0 || axis == -1) ? 0 : normal_axis(op, axis, rank);
}

Reduced reduced_axes(const char* op, const Tensor& x, const Axes& axes) {
  const Block& b = block(x);
  Reduced r;
  r.along = axis_set(op, axes, shape_of(b));
  for (int axis = 0; axis < b.rank; ++axis) {
    const bool along = r.along[static_cast<size_t>(axis)];
    r.kept.push_back(along ? 1 : b.sizes[axis]);
    if (along) {
      r.n *= b.sizes[axis];
    } else {
      r.remaining.push_back(b.sizes[axis]);
    }
  }
  r.all = r.remaining.rank() == 0;
  return r;
}

Lines lines_along(const Tensor& x, const Reduced& reduced) {
  if (reduced.all) return {x.contiguous(), 1, reduced.n, 1};
  const Shape shape = x.shape();
  // Outer axes, then the reduced ones, then inner ones, if the reduced ones lie side by side.
  int first = -1, last = -1;
  bool adjacent = true;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!reduced.along[static_cast<size_t>(axis)] || shape[axis] == 1) continue;
    if (first < 0) first = axis;
    for (int between = last + 1; last >= 0 && between < axis; ++between) {
      adjacent = adjacent && shape[between] == 1;
    }
    last = axis;
  }
  if (first < 0) return {x.contiguous(), x.numel(), 1, 1};
  Lines lines;
  lines.n = reduced.n;
  if (adjacent) {
    lines.x = x.contiguous();
    for (int axis = 0; axis < first; ++axis) lines.outer *= shape[axis];
    for (int axis = last + 1; axis < shape.rank(); ++axis) lines.inner *= shape[axis];
    return lines;
  }
  Axes order = Axes::none();
  for (const bool along : {false, true}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (reduced.along[static_cast<size_t>(axis)] == along) order.push_back(axis);
    }
  }
  lines.x = x.permute(order).contiguous();
  lines.outer = reduced.remaining.numel();
  return lines;
}

Lines lines_along(const Tensor& x, int axis) {
  const Shape shape = x.shape();
  Lines lines{x.contiguous(), 1, shape.rank() == 0 ? 1 : shape[axis], 1};
  for (int i = 0; i < axis; ++i) lines.outer *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) lines.inner *= shape[i];
  return lines;
}

Tensor spread(const Tensor& dy, const Shape& kept, const Shape& to) {
  // A view saves memory, but ops are faster on a few elements that are contiguous.
  constexpr int64_t kFew = 1024;
  if (dy.numel() == 1 && !recording() && to.numel() <= kFew) {
    Tensor y = make(to, dy.dtype());
    dispatch_bytes(dy.dtype(),
                   [&]<class T>() { std::fill_n(elements<T>(y), y.numel(), *elements<T>(dy)); });
    return y;
  }
  return dy.rank() == kept.rank() || dy.rank() == 0 ? dy.expand(to) : dy.reshape(kept).expand(to);
}

}  // namespace attune::internal
