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

Tensor to_last(const Tensor& x, int axis) {
  if (x.rank() == 0) return x.reshape({1});
  return axis == x.rank() - 1 ? x : x.transpose(axis, -1);
}

Tensor from_last(const Tensor& y, int axis, int rank) {
  if (rank == 0) return y.numel() == 1 ? y.reshape({}) : y;
  return axis == rank - 1 ? y : y.transpose(axis, -1);
}

Extents extents(const Shape& shape, int axis) {
  Extents e{.n = shape.rank() == 0 ? 1 : shape[axis]};
  for (int i = 0; i < axis; ++i) e.outer *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) e.inner *= shape[i];
  return e;
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

Axes reduced_last(const AxisSet& along, int rank) {
  Axes order = Axes::none();
  for (const bool reduced : {false, true}) {
    for (int axis = 0; axis < rank; ++axis) {
      if (along[static_cast<size_t>(axis)] == reduced) order.push_back(axis);
    }
  }
  return order;
}

Axes inverse(const Axes& order) {
  Axes back = Axes::none();
  for (int axis = 0; axis < order.count(); ++axis) {
    for (int i = 0; i < order.count(); ++i) {
      if (order[i] == axis) back.push_back(i);
    }
  }
  return back;
}

Lines lines_along(const Tensor& x, const Reduced& reduced) {
  Lines lines{{1, reduced.n, 1}, x};
  bool adjacent = true, seen = false;  // the reduced axes; those of size 1 are of no account
  for (int axis = 0; axis < x.rank() && !reduced.all; ++axis) {
    const int64_t size = x.size(axis);
    if (size != 1 && reduced.along[static_cast<size_t>(axis)]) {
      seen = true;
      adjacent = adjacent && lines.inner == 1;
    } else {
      (seen ? lines.inner : lines.outer) *= size;
    }
  }
  if (!adjacent) {
    lines.outer = reduced.remaining.numel();
    lines.inner = 1;
    lines.x = x.permute(reduced_last(reduced.along, x.rank()));
  }
  lines.x = lines.x.contiguous();
  return lines;
}

Lines lines_along(const Tensor& x, int axis) { return {extents(x.shape(), axis), x.contiguous()}; }

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
