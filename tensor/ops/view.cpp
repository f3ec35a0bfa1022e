// Views: the same elements with another shape or other strides. Nothing is copied, except by a
// reshape of a tensor that is not contiguous. Each gradient is the inverse view.

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/walk.h"

namespace attune {
namespace {

using namespace internal;

// The shape that `to` asks for, with its one -1 filled in.
Shape resolve(const Shape& from, Shape to) {
  int unknown = -1;
  for (int axis = 0; axis < to.rank(); ++axis) {
    if (to[axis] == -1) {
      check<ShapeError>(unknown < 0, "reshape: only one size may be -1, got {}", to);
      unknown = axis;
      continue;
    }
    check<ShapeError>(to[axis] >= 0, "reshape: sizes must not be negative, got {}", to);
  }
  Shape known = to;
  if (unknown >= 0) known[unknown] = 1;
  const int64_t numel = from.numel();
  const std::optional<int64_t> rest = product(known);
  if (!rest) {
    fail<ShapeError>("reshape: {} has {} elements, {} more than 64 bits can count", from, numel,
                     to);
  }
  if (unknown >= 0) {
    check<ShapeError>(*rest > 0 && numel % *rest == 0,
                      "reshape: {} elements of {} cannot be arranged as {}", numel, from, to);
    to[unknown] = numel / *rest;
    return to;
  }
  check<ShapeError>(*rest == numel, "reshape: {} has {} elements, {} has {}", from, numel, to,
                    *rest);
  return to;
}

struct Layout {
  Shape shape, strides;

  void push_back(int64_t size, int64_t stride) {
    shape.push_back(size);
    strides.push_back(stride);
  }
};

// A view of x. Its gradient is inverse(dy), a tensor of x's shape.
template <class Inverse>
Tensor view(const char* op, const Tensor& x, const Layout& to, int64_t offset, Inverse inverse) {
  Tensor y = make_view(x, to.shape, to.strides, offset);
  if (tracks(x)) {
    record(op, y, x, [inverse = std::move(inverse)](const Tensor& dy) { return inverse(dy); });
  }
  return y;
}

Layout layout_of(const Tensor& x) { return {x.shape(), x.strides()}; }

}  // namespace

Tensor Tensor::reshape(const Shape& wanted) const {
  require_defined("reshape", *this);
  const Shape to = resolve(shape(), wanted);
  return view("reshape", contiguous(), {to, row_major(to)}, 0,
              [from = shape()](const Tensor& dy) { return dy.reshape(from); });
}

Tensor Tensor::flatten(int begin, int end) const {
  require_defined("flatten", *this);
  if (rank() == 0) return reshape({1});
  begin = normal_axis("flatten", begin, rank());
  end = normal_axis("flatten", end, rank());
  check<IndexError>(begin <= end, "flatten: axes {} to {} are in the wrong order", begin, end);
  Shape to;
  for (int axis = 0; axis < rank(); ++axis) {
    if (axis > begin && axis <= end) {
      to[to.rank() - 1] *= size(axis);
    } else {
      to.push_back(size(axis));
    }
  }
  return reshape(to);
}

Tensor Tensor::permute(Axes axes) const {
  require_defined("permute", *this);
  check<ShapeError>(axes.count() == rank(), "permute: {} axes given for {}", axes.count(), shape());
  axis_set("permute", axes, shape());  // throws for an axis outside, or named twice
  const Layout from = layout_of(*this);
  Layout to;
  Axes order = Axes::none();
  for (int i = 0; i < rank(); ++i) {
    const int axis = normal_axis("permute", axes[i], rank());
    order.push_back(axis);
    to.push_back(from.shape[axis], from.strides[axis]);
  }
  return view("permute", *this, to, 0,
              [back = internal::inverse(order)](const Tensor& dy) { return dy.permute(back); });
}

Tensor Tensor::transpose(int a, int b) const {
  require_defined("transpose", *this);
  a = line_axis("transpose", a, rank());
  b = line_axis("transpose", b, rank());
  Layout to = layout_of(*this);
  std::swap(to.shape[a], to.shape[b]);
  std::swap(to.strides[a], to.strides[b]);
  return view("transpose", *this, to, 0, [a, b](const Tensor& dy) { return dy.transpose(a, b); });
}

Tensor Tensor::t() const {
  require_defined("t", *this);
  return rank() < 2 ? *this : transpose(-2, -1);
}

Tensor Tensor::expand(const Shape& wanted) const {
  require_defined("expand", *this);
  const Shape from = shape();
  Shape to = wanted;
  const int added = to.rank() - from.rank();
  for (int axis = 0; axis < to.rank(); ++axis) {
    if (to[axis] == -1 && axis >= added) to[axis] = from[axis - added];
    check<ShapeError>(to[axis] >= 0,
                      "expand: sizes must not be negative, except for -1 in place of a size of {}, "
                      "got {}",
                      from, wanted);
  }
  numel_of("expand", to);  // throws if there would be too many to count
  return view("expand", *this, {to, broadcast_strides("expand", *this, to)}, 0,
              [from](const Tensor& dy) { return sum_to(dy, from); });
}

Tensor Tensor::squeeze(Axes axes) const {
  require_defined("squeeze", *this);
  const Layout from = layout_of(*this);
  const AxisSet named = axis_set("squeeze", axes, from.shape);
  Layout to;
  for (int axis = 0; axis < from.shape.rank(); ++axis) {
    const bool single = from.shape[axis] == 1, drop = named[static_cast<size_t>(axis)];
    check<ShapeError>(single || !drop || axes.all(), "squeeze: axis {} of {} has size {}, not 1",
                      axis, from.shape, from.shape[axis]);
    if (single && drop) continue;
    to.push_back(from.shape[axis], from.strides[axis]);
  }
  return view("squeeze", *this, to, 0,
              [shape = from.shape](const Tensor& dy) { return dy.reshape(shape); });
}

Tensor Tensor::unsqueeze(int axis) const {
  require_defined("unsqueeze", *this);
  axis = normal_axis("unsqueeze", axis, rank() + 1);
  const Layout from = layout_of(*this);
  Layout to;
  for (int i = 0; i <= rank(); ++i) {
    if (i == axis) to.push_back(1, 1);
    if (i < rank()) to.push_back(from.shape[i], from.strides[i]);
  }
  return view("unsqueeze", *this, to, 0, [axis](const Tensor& dy) { return dy.squeeze(axis); });
}

Tensor Tensor::flip(Axes axes) const {
  require_defined("flip", *this);
  Layout to = layout_of(*this);
  int64_t offset = 0;
  const AxisSet named = axis_set("flip", axes, to.shape);
  for (int axis = 0; axis < to.shape.rank(); ++axis) {
    if (!named[static_cast<size_t>(axis)]) continue;
    if (to.shape[axis] > 0) offset += (to.shape[axis] - 1) * to.strides[axis];
    to.strides[axis] = -to.strides[axis];
  }
  return view("flip", *this, to, offset, [axes](const Tensor& dy) { return dy.flip(axes); });
}

}  // namespace attune
