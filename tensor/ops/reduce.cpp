// sum, mean, max, min, prod, any, all: many elements become one. The kernels are in
// tensor/internal/reduce.cpp.

#include "attune/tensor/internal/reduce.h"

#include <cmath>
#include <vector>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"

namespace attune {
namespace {

using namespace internal;

// The largest or smallest; equal ones share the gradient, and so do NaN where the result is NaN.
Tensor extreme(const Tensor& x, ReduceOp op, const Axes& axes, KeepDims keep) {
  const char* name = op == ReduceOp::max ? "max" : "min";
  const Reduced along = reduced_axes(name, x, axes);
  check<ValueError>(along.n > 0 || along.result(keep).numel() == 0,
                    "{}: has no value over the 0 elements of {}", name, x.shape());
  Tensor y = reduce(op, x, along, keep);
  if (is_floating(x.dtype()) && tracks(x)) {
    record(name, y, x, [x, y, axes, kept = along.kept](const Tensor& dy) {
      Tensor chosen = x.eq(y.reshape(kept));
      if (y.isnan().any().item<bool>()) chosen = chosen.logical_or(x.isnan());
      const Tensor count = chosen.cast(dy.dtype()).sum(axes, keep_dims);
      // Not times 0: dy may be infinite.
      return where(chosen, dy.reshape(kept) / count, Tensor::zeros({}, dy.dtype()));
    });
  }
  return y;
}

// For each element of rows [m, n] the product of all others in its row, without dividing: up a
// tree of pairs, whose products are multiplied, and down again, where each takes its sibling's.
Tensor products_of_others(const Tensor& rows) {
  std::vector<Tensor> levels;
  Tensor level = rows;
  const int64_t m = rows.size(0);
  while (level.size(1) > 1) {
    const int64_t n = level.size(1);
    levels.push_back((n % 2 == 0 ? level : level.pad({{0, 0}, {0, 1}}, PadMode::constant, 1))
                         .reshape({m, (n + 1) / 2, 2}));
    level = levels.back().narrow(2, 0, 1).squeeze(2) * levels.back().narrow(2, 1, 1).squeeze(2);
  }
  Tensor others = Tensor::ones({m, 1}, rows.dtype());
  for (size_t i = levels.size(); i-- > 0;) {
    const int64_t n = i > 0 ? levels[i - 1].size(1) : rows.size(1);
    others = (others.unsqueeze(2) * levels[i].flip(2)).flatten(1).narrow(1, 0, n);
  }
  return others;
}

// NaN where all of x along the axes is finite: the product overflowed before it met a 0, so it is
// 0.
Tensor without_overflow(const Tensor& product, const Tensor& x, const Axes& axes, KeepDims keep) {
  if (!product.isnan().any().item<bool>()) return product;
  return product.masked_fill(product.isnan().logical_and(x.isfinite().all(axes, keep)), 0);
}

// dx of a product: dy times the product of the others, in f64, whose range is wide.
Tensor prod_gradient(const Tensor& x, const Reduced& along, const Tensor& dy) {
  if (x.numel() == 0) return Tensor::zeros_like(x);
  const Axes order = reduced_last(along.along, x.rank());
  const Tensor moved = x.cast(DType::f64).permute(order);
  const Tensor rows = moved.reshape({x.numel() / along.n, along.n});
  const Tensor others = without_overflow(products_of_others(rows), rows, 1, keep_dims);
  return dy * others.reshape(moved.shape()).permute(inverse(order)).cast(x.dtype());
}

// The sum of all of a plain tensor, the end of most losses: the general way without its shapes.
Tensor sum_of_plain(const Tensor& x) {
  Tensor y = sum_of_all(x);
  if (tracks(x)) {
    record("sum", y, x, [from = x.shape()](const Tensor& dy) { return spread(dy, {}, from); });
  }
  return y;
}

Tensor sum_along(const Tensor& x, const Axes& axes, KeepDims keep) {
  if (axes.all() && !keep.value && is_floating(x.dtype()) && x.is_contiguous()) {
    return sum_of_plain(x);
  }
  const Reduced along = reduced_axes("sum", x, axes);
  Tensor y = reduce(ReduceOp::sum, x, along, keep);
  if (is_floating(x.dtype()) && tracks(x)) {
    record("sum", y, x, [kept = along.kept, from = x.shape()](const Tensor& dy) {
      return spread(dy, kept, from);
    });
  }
  return y;
}

Tensor mean_along(const Tensor& x, const Axes& axes, KeepDims keep) {
  const Reduced along = reduced_axes("mean", x, axes);
  const auto n = static_cast<double>(along.n);
  if (x.dtype() == DType::i64) {  // an integer sum would wrap
    return (reduce(ReduceOp::sum, x.cast(DType::f64), along, keep) / n).cast(DType::f32);
  }
  Tensor y = reduce(ReduceOp::sum, x, along, keep);
  if (!is_floating(x.dtype())) return y / n;
  bool finite = true;
  dispatch_floating("mean", y.dtype(), [&]<class T>() {
    T* mean = elements<T>(y);
    for (int64_t i = 0, count = y.numel(); i < count; ++i) {
      mean[i] /= static_cast<T>(n);
      finite = finite && std::isfinite(mean[i]);
    }
  });
  // A sum may overflow where the mean does not. The other lines keep theirs: tiny elements divided
  // by n underflow.
  if (!finite && along.n > 0) {
    y = where(y.isfinite(), y, reduce(ReduceOp::sum, x.detach() / n, along, keep));
  }
  if (tracks(x)) {
    record("mean", y, x, [n, kept = along.kept, from = x.shape()](const Tensor& dy) {
      return spread(dy / n, kept, from);
    });
  }
  return y;
}

Tensor prod_along(const Tensor& x, const Axes& axes, KeepDims keep) {
  const Reduced along = reduced_axes("prod", x, axes);
  Tensor y = reduce(ReduceOp::prod, x, along, keep);
  if (!is_floating(x.dtype())) return y;
  y = without_overflow(y, x, axes, keep);
  if (tracks(x)) {
    record("prod", y, x, [x, along](const Tensor& dy) {
      return prod_gradient(x, along, dy.reshape(along.kept));
    });
  }
  return y;
}

Tensor truths(const char* name, ReduceOp op, const Tensor& x, const Axes& axes, KeepDims keep) {
  require_defined(name, x);
  return reduce(op, x.cast(DType::boolean), reduced_axes(name, x, axes), keep);
}

}  // namespace

Tensor Tensor::sum(Axes axes, KeepDims keep) const {
  return through("sum", Takes::any, *this, sum_along, axes, keep);
}

Tensor Tensor::mean(Axes axes, KeepDims keep) const {
  return through("mean", Takes::any, *this, mean_along, axes, keep);
}

Tensor Tensor::max(Axes axes, KeepDims keep) const {
  return through("max", Takes::any, *this, extreme, ReduceOp::max, axes, keep);
}

Tensor Tensor::min(Axes axes, KeepDims keep) const {
  return through("min", Takes::any, *this, extreme, ReduceOp::min, axes, keep);
}

Tensor Tensor::prod(Axes axes, KeepDims keep) const {
  return through("prod", Takes::any, *this, prod_along, axes, keep);
}

Tensor Tensor::count_nonzero(Axes axes, KeepDims keep) const {
  require_defined("count_nonzero", *this);
  return reduce(ReduceOp::sum, cast(DType::boolean), reduced_axes("count_nonzero", *this, axes),
                keep);
}

Tensor Tensor::any(Axes axes, KeepDims keep) const {
  return truths("any", ReduceOp::max, *this, axes, keep);
}

Tensor Tensor::all(Axes axes, KeepDims keep) const {
  return truths("all", ReduceOp::min, *this, axes, keep);
}

}  // namespace attune
