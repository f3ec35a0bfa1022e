// softmax, log_softmax, logsumexp along one axis (logsumexp: several), and cross_entropy.
//
// Kernels work on contiguous rows; any other axis is moved to the end first. The largest element is
// subtracted before exp, so nothing overflows.

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/labels.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/softmax.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/math-inl.h"

#ifndef ATTUNE_SOFTMAX_OPS
#define ATTUNE_SOFTMAX_OPS
namespace attune {
enum class SoftmaxOp : uint8_t { softmax, log_softmax, logsumexp };
}
#endif

// ---- Kernels: contiguous rows in, rows out ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

// The largest element. In a row that has a NaN, any element: the sum of exp will be NaN.
template <class T>
HWY_INLINE T RowMax(const T* x, int64_t size) {
  const hn::ScalableTag<T> d;
  const Pack<T> lowest = -std::numeric_limits<double>::infinity();
  auto top = lowest.v;
  each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
    top = hn::Max(first_or(n, load_some(n, x + i), lowest).v, top);
  });
  return hn::GetLane(hn::MaxOfLanes(d, top));
}

// The sum of exp(x - shift), where shift is the largest element. Stores the terms in y unless y is
// null.
template <class T>
HWY_INLINE T SumOfExp(const T* x, T shift, T* y, int64_t size) {
  const Pack<T> by(hn::Set(hn::ScalableTag<T>(), shift));
  Pack<T> sum;
  each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
    const Pack<T> below = load_some(n, x + i) - by;  // at most 0, or NaN
    const Pack<T> e = select(is_nan(below), below, exp_of_negative(below));
    if (y != nullptr) store_some(n, e, y + i);
    sum = sum + first_or(n, e, Pack<T>());
  });
  return sum_of_lanes(sum);
}

// log(sum(exp(x))) of one row.
template <class T>
T LogSumExp(const T* x, int64_t n) {
  const T top = RowMax(x, n);
  if (std::isfinite(top)) return top + std::log(SumOfExp<T>(x, top, nullptr, n));
  T sum = 0;  // inf, -inf and NaN have nothing to be shifted by
  for (int64_t i = 0; i < n; ++i) sum += std::exp(x[i]);
  return std::log(sum);
}

template <class T>
void SoftmaxRows(SoftmaxOp op, const T* x, T* y, int64_t rows, int64_t n) {
  for (int64_t row = 0; row < rows; ++row, x += n) {
    if (op == SoftmaxOp::logsumexp) {
      y[row] = LogSumExp(x, n);
      continue;
    }
    const T top = RowMax(x, n);
    const hn::ScalableTag<T> d;
    if (op == SoftmaxOp::softmax) {
      const Pack<T> scale(hn::Set(d, T{1} / SumOfExp(x, top, y, n)));
      each_pack<T>(n, [&](int64_t i, size_t some)
                          HWY_ATTR { store_some(some, load_some(some, y + i) * scale, y + i); });
    } else {
      const Pack<T> shift(hn::Set(d, top));
      const Pack<T> log(hn::Set(d, std::log(SumOfExp<T>(x, top, nullptr, n))));
      each_pack<T>(n, [&](int64_t i, size_t some) HWY_ATTR {
        store_some(some, load_some(some, x + i) - shift - log, y + i);
      });
    }
    y += n;
  }
}

// softmax: dx = y (dy - sum(y dy)); log_softmax: dx = dy - exp(y) sum(dy)
template <class T>
void SoftmaxSlopes(SoftmaxOp op, const T* y, const T* dy, T* dx, int64_t rows, int64_t n) {
  const hn::ScalableTag<T> d;
  for (int64_t row = 0; row < rows; ++row, y += n, dy += n, dx += n) {
    Pack<T> sum;
    each_pack<T>(n, [&](int64_t i, size_t some) HWY_ATTR {
      const Pack<T> g = load_some(some, dy + i);
      sum = sum + (op == SoftmaxOp::softmax ? g * load_some(some, y + i) : g);
    });
    const Pack<T> total = hn::SumOfLanes(d, sum.v);
    each_pack<T>(n, [&](int64_t i, size_t some) HWY_ATTR {
      const Pack<T> at = load_some(some, y + i), g = load_some(some, dy + i);
      store_some(some, op == SoftmaxOp::softmax ? at * (g - total) : g - exp(at) * total, dx + i);
    });
  }
}

// Each row's loss, and its gradient times `scale` in g unless g is null. The distance of the
// label's logit to the largest is taken before the logarithm is added: the other way round, the
// logarithm would drown in a large logit. What a row stores is read again only after some other
// rows: a load right behind a store of other width would wait for it.
template <class T>
void CrossEntropyRows(const T* z, const int64_t* label, T* loss, T* g, int64_t rows, int64_t n,
                      T scale) {
  constexpr int64_t kRun = 64;
  T total[kRun];  // the sum of exp of each row, and then the factor of its gradient
  for (int64_t first = 0; first < rows; first += kRun) {
    const int64_t run = std::min(kRun, rows - first);
    for (int64_t i = 0; i < run; ++i, z += n) {
      const T top = RowMax(z, n);
      total[i] = SumOfExp(z, top, g == nullptr ? g : g + i * n, n);
      loss[i] = top - z[label[i]];
    }
    const Pack<T> each(hn::Set(hn::ScalableTag<T>(), scale));
    each_pack<T>(run, [&](int64_t i, size_t some) HWY_ATTR {
      const Pack<T> sum = first_or(some, load_some(some, total + i), Pack<T>(1.0));
      store_some(some, load_some(some, loss + i) + log(sum), loss + i);
      store_some(some, each / sum, total + i);
    });
    for (int64_t i = 0; g != nullptr && i < run; ++i, g += n) {
      const Pack<T> factor(hn::Set(hn::ScalableTag<T>(), total[i]));
      each_pack<T>(n, [&](int64_t j, size_t some)
                          HWY_ATTR { store_some(some, load_some(some, g + j) * factor, g + j); });
      g[label[i]] -= scale;
    }
    label += run, loss += run;
  }
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

ATTUNE_KERNEL(softmax_kernel, SoftmaxRows)
ATTUNE_KERNEL(slopes_kernel, SoftmaxSlopes)
ATTUNE_KERNEL(cross_entropy_rows, CrossEntropyRows)

constexpr int64_t kCost = 8;  // of one element, in elements of a cheap op

// x [rows, n], contiguous -> y of the same size; logsumexp: one element per row.
void forward(SoftmaxOp op, const Tensor& x, const Tensor& y, int64_t n) {
  const int64_t rows = n > 0 ? x.numel() / n : y.numel();
  const int64_t out = op == SoftmaxOp::logsumexp ? 1 : n;
  dispatch_floating("softmax", x.dtype(), [&]<class T>() {
    parallel_for(rows, n * kCost, [&](int64_t begin, int64_t end) {
      softmax_kernel<T>(op, elements<T>(x) + begin * n, elements<T>(y) + begin * out, end - begin,
                        n);
    });
  });
}

Tensor softmax_gradient(SoftmaxOp op, const Tensor& y, Tensor dy) {
  if (recording()) {
    return op == SoftmaxOp::softmax ? y * (dy - (y * dy).sum(-1, keep_dims))
                                    : dy - y.exp() * dy.sum(-1, keep_dims);
  }
  dy = dy.contiguous();
  Tensor dx = sole_owner(dy) ? dy : make_like(dy);
  const int64_t n = y.size(-1);
  dispatch_floating("softmax", y.dtype(), [&]<class T>() {
    parallel_for(n > 0 ? y.numel() / n : 0, n * kCost, [&](int64_t begin, int64_t end) {
      slopes_kernel<T>(op, elements<T>(y) + begin * n, elements<T>(dy) + begin * n,
                       elements<T>(dx) + begin * n, end - begin, n);
    });
  });
  return dx;
}

// Along the last axis.
Tensor softmax_rows(const char* name, SoftmaxOp op, const Tensor& input) {
  const Tensor x = input.contiguous();
  Tensor y = make_like(x);
  forward(op, x, y, x.size(-1));
  if (tracks(x)) {
    record(name, y, x, [op, y](Tensor dy) { return softmax_gradient(op, y, std::move(dy)); });
  }
  return y;
}

Tensor softmax_along(const char* name, SoftmaxOp op, const Tensor& input, int axis) {
  return through(name, Takes::floating, input, [&](const Tensor& x) {
    const int along = line_axis(name, axis, x.rank());
    return from_last(softmax_rows(name, op, to_last(x, along)), along, x.rank());
  });
}

Tensor logsumexp_along(const Tensor& x, const Axes& axes, KeepDims keep) {
  const Reduced along = reduced_axes("logsumexp", x, axes);
  Tensor y = make(along.result(keep), x.dtype());
  if (y.numel() > 0) {
    Lines lines = lines_along(x.detach(), along);
    if (lines.inner > 1) {
      lines.x = lines.x.reshape({lines.outer, lines.n, lines.inner}).transpose(1, 2).contiguous();
    }
    forward(SoftmaxOp::logsumexp, lines.x, y, lines.n);
  }
  if (tracks(x)) {
    // The slopes are softmax(x). y is a constant shift here: its rounding error, which is large
    // beside the slopes where y is large, cancels in the division. An infinite y leaves 0 for the
    // finite elements and NaN (inf - inf) for the infinite ones.
    record("logsumexp", y, x,
           [x, shift = y.detach().reshape(along.kept), axes, kept = along.kept](const Tensor& dy) {
             const Tensor terms = (x - shift).exp();
             const Tensor total = terms.sum(axes, keep_dims);
             return dy.reshape(kept) *
                    (terms / total.masked_fill(shift.isfinite().logical_not(), 1));
           });
  }
  return y;
}

// labels: checked. logits floating.
Tensor cross_entropy_of(const Tensor& logits, const Tensor& labels) {
  const Tensor z = logits.contiguous();
  const int64_t rows = z.size(0), n = z.size(1);
  const bool tracked = tracks(z);
  const Tensor losses = make({rows}, z.dtype());
  Tensor g = tracked ? make_like(z) : Tensor();
  dispatch_floating("cross_entropy", z.dtype(), [&]<class T>() {
    const T scale = T{1} / static_cast<T>(rows);
    parallel_for(rows, n * kCost, [&](int64_t begin, int64_t end) {
      cross_entropy_rows<T>(elements<T>(z) + begin * n, elements<int64_t>(labels) + begin,
                            elements<T>(losses) + begin,
                            tracked ? elements<T>(g) + begin * n : nullptr, end - begin, n, scale);
    });
  });
  Tensor loss = losses.mean();
  if (tracked) {
    record("cross_entropy", loss, z, [z, labels, g](const Tensor& dy) {
      if (recording()) {
        const Tensor target = labels.one_hot(z.size(1)).cast(z.dtype());
        return dy * (z.softmax(-1) - target) / z.size(0);
      }
      const double factor = dy.dtype() == DType::f32 ? dy.item<float>() : dy.item<double>();
      return factor == 1 ? g : g * factor;
    });
  }
  return loss;
}

}  // namespace

Tensor Tensor::softmax(int axis) const {
  return softmax_along("softmax", SoftmaxOp::softmax, *this, axis);
}

Tensor Tensor::log_softmax(int axis) const {
  return softmax_along("log_softmax", SoftmaxOp::log_softmax, *this, axis);
}

Tensor Tensor::logsumexp(Axes axes, KeepDims keep) const {
  return through("logsumexp", Takes::floating, *this, logsumexp_along, axes, keep);
}

Tensor internal::checked_labels(const char* op, const Tensor& scores, const Tensor& labels,
                                std::optional<int64_t> ignore) {
  require_defined(op, scores, labels);
  check<ShapeError>(scores.rank() == 2 && labels.rank() == 1 && scores.size(0) == labels.size(0),
                    "{}: needs scores [batch, classes] and labels [batch], got {} and {}", op,
                    scores.shape(), labels.shape());
  check<DTypeError>(labels.dtype() == DType::i64 || labels.dtype() == DType::i32,
                    "{}: labels must be i32 or i64, got {}", op, labels.dtype());
  Tensor wide = labels.cast(DType::i64).contiguous();
  const int64_t classes = scores.size(1), *label = elements<int64_t>(wide);
  for (int64_t row = 0; row < wide.numel(); ++row) {
    if ((label[row] >= 0 && label[row] < classes) || label[row] == ignore) [[likely]]
      continue;
    fail<ValueError>("{}: label {} at row {} is not one of the {} classes 0 to {}", op, label[row],
                     row, classes, classes - 1);
  }
  return wide;
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels) {
  const Tensor checked = checked_labels("cross_entropy", logits, labels);
  check<ValueError>(checked.numel() > 0,
                    "cross_entropy: the batch is empty; its mean has no value");
  return through("cross_entropy", Takes::floating, logits, cross_entropy_of, checked);
}

}  // namespace attune
#endif  // HWY_ONCE
