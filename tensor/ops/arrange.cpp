// unflatten, roll, shrink, tile, repeat, triu, tril, chunk, diagonal: elements arranged anew,
// mostly by the views of view.cpp and slice.cpp, whose gradients are theirs.

#include <algorithm>
#include <numeric>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/walk.h"

namespace attune {
namespace {

using namespace internal;

// ---- diagonal: a view whose gradient is a diagonal in a tensor of zeros ----

struct Diagonal {
  int64_t offset;
  int a, b;

  Tensor of(const Tensor& x) const {  // the view
    const Shape sizes = x.shape(), steps = x.strides();
    const int64_t down = std::max<int64_t>(-offset, 0), across = std::max<int64_t>(offset, 0);
    const int64_t length = std::max<int64_t>(std::min(sizes[a] - down, sizes[b] - across), 0);
    Shape shape, strides;
    for (int axis = 0; axis < sizes.rank(); ++axis) {
      if (axis == a || axis == b) continue;
      shape.push_back(sizes[axis]);
      strides.push_back(steps[axis]);
    }
    shape.push_back(length);
    strides.push_back(steps[a] + steps[b]);
    return make_view(x, shape, strides, length > 0 ? down * steps[a] + across * steps[b] : 0);
  }
};

Tensor diagonal_of(const Tensor& x, const Diagonal& d);

Tensor embedded(const Tensor& dy, const Diagonal& d, const Shape& whole) {
  Tensor dx = Tensor::zeros(whole, dy.dtype());
  copy_elements(dy, d.of(dx));
  if (tracks(dy)) {
    record("diagonal_gradient", dx, dy, [d](const Tensor& ddx) { return diagonal_of(ddx, d); });
  }
  return dx;
}

Tensor diagonal_of(const Tensor& x, const Diagonal& d) {
  Tensor y = d.of(x);
  if (tracks(x)) {
    record("diagonal", y, x,
           [d, whole = x.shape()](const Tensor& dy) { return embedded(dy, d, whole); });
  }
  return y;
}

// x repeated `count` times along an axis.
Tensor repeated(const Tensor& x, int axis, int64_t count) {
  check<ValueError>(count >= 0, "tile: counts must not be negative, got {}", count);
  if (count == 1) return x;
  Shape shape = x.shape();
  check<OutOfMemory>(!__builtin_mul_overflow(shape[axis], count, &shape[axis]),
                     "tile: no memory for {} times axis {} of {}", count, axis, x.shape());
  if (x.rank() == kMaxRank) {  // no room for an axis of the copies
    if (count == 0) return x.narrow(axis, 0, 0);
    return guard_memory(
        "tile", [&] { return cat(std::vector<Tensor>(static_cast<size_t>(count), x), axis); });
  }
  Shape wide = x.unsqueeze(axis).shape();
  wide[axis] = count;
  return x.unsqueeze(axis).expand(wide).reshape(shape);
}

Tensor tiled(const char* op, const Tensor& x, const Shape& counts) {
  require_defined(op, x);
  Shape shape;
  const int added = std::max(counts.rank() - x.rank(), 0);
  for (int axis = 0; axis < added + x.rank(); ++axis) {
    shape.push_back(axis < added ? 1 : x.size(axis - added));
  }
  Tensor y = added == 0 ? x : x.reshape(shape);
  const int skipped = y.rank() - counts.rank();
  for (int axis = 0; axis < counts.rank(); ++axis) {
    y = repeated(y, axis + skipped, counts[axis]);
  }
  return y;
}

Tensor rolled(const Tensor& x, int64_t shift, int axis) {
  const int64_t n = x.size(axis);
  if (n == 0) return x;
  const int64_t first = (n - shift % n) % n;
  if (first == 0) return x;
  return cat({x.narrow(axis, first, n - first), x.narrow(axis, 0, first)}, axis);
}

Tensor triangle(const char* op, const Tensor& x, int64_t diagonal, bool lower) {
  require_defined(op, x);
  check<ShapeError>(x.rank() >= 2, "{}: needs matrices [..., m, n], got {}", op, x.shape());
  const Tensor below = Tensor::tri(x.size(-2), x.size(-1), diagonal, DType::boolean);
  return x.masked_fill(lower ? below.logical_not() : below, 0);
}

}  // namespace

Tensor Tensor::diagonal(int64_t offset, int axis1, int axis2) const {
  require_defined("diagonal", *this);
  check<ShapeError>(rank() >= 2, "diagonal: needs two axes, got {}", shape());
  const int a = normal_axis("diagonal", axis1, rank()), b = normal_axis("diagonal", axis2, rank());
  check<ValueError>(a != b, "diagonal: axis {} is named twice", a);
  return diagonal_of(*this, {offset, a, b});
}

Tensor Tensor::unflatten(int axis, const Shape& sizes) const {
  require_defined("unflatten", *this);
  axis = normal_axis("unflatten", axis, rank());
  int64_t known = 1;
  int unknown = -1;
  for (int i = 0; i < sizes.rank(); ++i) {
    check<ShapeError>(sizes[i] >= 0 || (sizes[i] == -1 && unknown < 0),
                      "unflatten: sizes must not be negative, but for one -1, got {}", sizes);
    if (sizes[i] < 0) {
      unknown = i;
    } else {
      check<ShapeError>(!__builtin_mul_overflow(known, sizes[i], &known),
                        "unflatten: {} is too large", sizes);
    }
  }
  const int64_t n = size(axis);
  const bool fits = unknown < 0 ? known == n : known > 0 && n % known == 0;
  check<ShapeError>(fits, "unflatten: axis {} of {} cannot be arranged as {}", axis, shape(),
                    sizes);
  Shape to;
  for (int i = 0; i < rank(); ++i) {
    if (i != axis) {
      to.push_back(size(i));
      continue;
    }
    for (int j = 0; j < sizes.rank(); ++j) to.push_back(j == unknown ? n / known : sizes[j]);
  }
  return reshape(to);
}

Tensor Tensor::roll(int64_t shift, std::optional<int> axis) const {
  require_defined("roll", *this);
  if (!axis) return rolled(reshape({numel()}), shift, 0).reshape(shape());
  if (rank() == 0) return *this;
  return rolled(*this, shift, normal_axis("roll", *axis, rank()));
}

Tensor Tensor::roll(const std::vector<int64_t>& shifts, Axes axes) const {
  require_defined("roll", *this);
  check<ValueError>(!axes.all() && axes.count() == static_cast<int>(shifts.size()),
                    "roll: needs as many axes as shifts, got {} for {}",
                    axes.all() ? 0 : axes.count(), shifts.size());
  check<ShapeError>(axes.count() <= kMaxRank, "roll: {} axes given for {}", axes.count(), shape());
  Tensor y = *this;
  for (int i = 0; i < axes.count(); ++i) {
    y = rolled(y, shifts[static_cast<size_t>(i)], normal_axis("roll", axes[i], rank()));
  }
  return y;
}

Tensor Tensor::shrink(const std::vector<std::pair<int64_t, int64_t>>& ranges) const {
  require_defined("shrink", *this);
  const int given = static_cast<int>(ranges.size());
  check<ShapeError>(given <= rank(), "shrink: ranges for {} axes given, the tensor is {}", given,
                    shape());
  Tensor y = *this;
  for (int i = 0; i < given; ++i) {
    const int axis = rank() - given + i;
    const auto [begin, end] = ranges[static_cast<size_t>(i)];
    check<IndexError>(begin >= 0 && begin <= end && end <= size(axis),
                      "shrink: {} to {} reach outside axis {} of {}", begin, end, axis, shape());
    if (end - begin < size(axis)) y = y.narrow(axis, begin, end - begin);
  }
  return y;
}

Tensor Tensor::tile(const Shape& counts) const { return tiled("tile", *this, counts); }

Tensor Tensor::repeat(const Shape& counts) const {
  require_defined("repeat", *this);
  check<ShapeError>(counts.rank() >= rank(),
                    "repeat: needs a count for each axis of {}, got {}; tile takes fewer", shape(),
                    counts);
  return tiled("repeat", *this, counts);
}

Tensor Tensor::triu(int64_t diagonal) const {
  // What is below the diagonal goes: all up to the one before it.
  return triangle("triu", *this, std::max(diagonal, INT64_MIN + 1) - 1, false);
}

Tensor Tensor::tril(int64_t diagonal) const { return triangle("tril", *this, diagonal, true); }

std::vector<Tensor> Tensor::split(const std::vector<int64_t>& sizes, int axis) const {
  require_defined("split", *this);
  axis = normal_axis("split", axis, rank());
  int64_t begin = 0;
  std::vector<Tensor> parts;
  for (const int64_t n : sizes) {
    check<ValueError>(n >= 0 && n <= size(axis) - begin,
                      "split: the sizes must add up to the {} of axis {} of {}", size(axis), axis,
                      shape());
    parts.push_back(narrow(axis, begin, n));
    begin += n;
  }
  check<ValueError>(begin == size(axis), "split: the sizes add up to {}, axis {} of {} has {}",
                    begin, axis, shape(), size(axis));
  return parts;
}

std::vector<Tensor> Tensor::chunk(int64_t count, int axis) const {
  require_defined("chunk", *this);
  check<ValueError>(count > 0, "chunk: needs at least one part, got {}", count);
  const int64_t n = size(normal_axis("chunk", axis, rank()));
  return split(std::max<int64_t>((n - 1) / count + 1, 1), axis);
}

}  // namespace attune
