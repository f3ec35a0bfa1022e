// Views: the same elements under another shape or other strides. Nothing is copied, except by a
// reshape of a tensor whose elements do not lie in order. Each gradient is the inverse move.

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/walk.h"

namespace attune {
namespace {

using namespace internal;

// Fills in the one -1, checks the rest.
Shape resolve(const Shape& from, Shape to) {
  int unknown = -1;
  int64_t known = 1;
  for (int axis = 0; axis < to.rank(); ++axis) {
    if (to[axis] == -1) {
      check<ShapeError>(unknown < 0, "reshape: only one size may be -1, got {}", to);
      unknown = axis;
    } else {
      check<ShapeError>(to[axis] >= 0, "reshape: sizes must not be negative, got {}", to);
      known *= to[axis];
    }
  }
  const int64_t numel = from.numel();
  if (unknown >= 0) {
    check<ShapeError>(known > 0 && numel % known == 0,
                      "reshape: {} elements of {} cannot be arranged as {}", numel, from, to);
    to[unknown] = numel / known;
  }
  check<ShapeError>(to.numel() == numel, "reshape: {} has {} elements, {} has {}", from, numel, to,
                    to.numel());
  return to;
}

Shape dense_strides(const Shape& shape) {
  Shape strides = shape;
  int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

struct Layout {
  Shape shape, strides;
};

// A view of x whose gradient is moved back by `inverse(dy)`, a tensor of x's shape.
template <class Inverse>
Tensor view(const Tensor& x, const Layout& to, int64_t offset, Inverse inverse) {
  Tensor y = make_view(x, to.shape, to.strides, offset);
  if (tracks(x)) {
    record(y, {&x}, [inverse = std::move(inverse)](const Tensor& dy, Gradients& grads) {
      grads.add(0, inverse(dy));
    });
  }
  return y;
}

Layout layout_of(const Tensor& x) { return {x.shape(), x.strides()}; }

}  // namespace

Tensor Tensor::reshape(const Shape& wanted) const {
  require_defined("reshape", *this);
  const Shape to = resolve(shape(), wanted);
  return view(contiguous(), {to, dense_strides(to)}, 0,
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
  const Layout from = layout_of(*this);
  Layout to;
  std::array<int, kMaxRank> place{};  // of each axis of x in y
  uint32_t seen = 0;
  for (int i = 0; i < rank(); ++i) {
    const int axis = normal_axis("permute", axes[i], rank());
    check<ValueError>((seen >> axis & 1) == 0, "permute: axis {} is named twice", axis);
    seen |= uint32_t{1} << axis;
    place[static_cast<size_t>(axis)] = i;
    to.shape.push_back(from.shape[axis]);
    to.strides.push_back(from.strides[axis]);
  }
  return view(*this, to, 0, [place](const Tensor& dy) {
    Axes inverse = Axes::none();
    for (int i = 0; i < dy.rank(); ++i) inverse.push_back(place[static_cast<size_t>(i)]);
    return dy.permute(inverse);
  });
}

Tensor Tensor::transpose(int a, int b) const {
  require_defined("transpose", *this);
  a = normal_axis("transpose", a, rank());
  b = normal_axis("transpose", b, rank());
  Layout to = layout_of(*this);
  std::swap(to.shape[a], to.shape[b]);
  std::swap(to.strides[a], to.strides[b]);
  return view(*this, to, 0, [a, b](const Tensor& dy) { return dy.transpose(a, b); });
}

Tensor Tensor::t() const {
  require_defined("t", *this);
  check<ShapeError>(rank() >= 2, "t: needs at least two axes, got {}", shape());
  return transpose(-2, -1);
}

Tensor Tensor::expand(const Shape& to) const {
  require_defined("expand", *this);
  for (const int64_t size : to) {
    check<ShapeError>(size >= 0, "expand: sizes must not be negative, got {}", to);
  }
  return view(*this, {to, broadcast_strides("expand", *this, to)}, 0,
              [from = shape()](const Tensor& dy) { return sum_to(dy, from); });
}

Tensor Tensor::squeeze(Axes axes) const {
  require_defined("squeeze", *this);
  std::array<bool, kMaxRank> drop{};
  for (int axis = 0; axis < rank(); ++axis)
    drop[static_cast<size_t>(axis)] = axes.all() && size(axis) == 1;
  for (int i = 0; i < axes.count(); ++i) {
    const int axis = normal_axis("squeeze", axes[i], rank());
    check<ShapeError>(size(axis) == 1, "squeeze: axis {} of {} has size {}, not 1", axis, shape(),
                      size(axis));
    drop[static_cast<size_t>(axis)] = true;
  }
  const Layout from = layout_of(*this);
  Layout to;
  for (int axis = 0; axis < rank(); ++axis) {
    if (drop[static_cast<size_t>(axis)]) continue;
    to.shape.push_back(from.shape[axis]);
    to.strides.push_back(from.strides[axis]);
  }
  return view(*this, to, 0, [shape = from.shape](const Tensor& dy) { return dy.reshape(shape); });
}

Tensor Tensor::unsqueeze(int axis) const {
  require_defined("unsqueeze", *this);
  axis = normal_axis("unsqueeze", axis, rank() + 1);
  const Layout from = layout_of(*this);
  Layout to;
  for (int i = 0; i <= rank(); ++i) {
    if (i == axis) to.shape.push_back(1), to.strides.push_back(1);
    if (i < rank()) to.shape.push_back(from.shape[i]), to.strides.push_back(from.strides[i]);
  }
  return view(*this, to, 0, [axis](const Tensor& dy) { return dy.squeeze(axis); });
}

Tensor Tensor::flip(Axes axes) const {
  require_defined("flip", *this);
  Layout to = layout_of(*this);
  int64_t offset = 0;
  for (int i = 0; i < (axes.all() ? rank() : axes.count()); ++i) {
    const int axis = axes.all() ? i : normal_axis("flip", axes[i], rank());
    if (to.shape[axis] > 0) offset += (to.shape[axis] - 1) * to.strides[axis];
    to.strides[axis] = -to.strides[axis];
  }
  return view(*this, to, offset, [axes](const Tensor& dy) { return dy.flip(axes); });
}

}  // namespace attune
