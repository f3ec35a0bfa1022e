// softmax, log_softmax, logsumexp along one axis (logsumexp: several).
//
// Kernels work on contiguous rows; any other axis is moved to the end first. The largest element is
// subtracted before exp, so nothing overflows.

#include <cmath>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/softmax.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/rows-inl.h"

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

// log(sum(exp(x))) of one row.
template <class T>
T LogSumExp(const T* x, size_t n) {
  const T top = row_max(x, n);
  if (std::isfinite(top)) return top + std::log(sum_of_exp<T>(x, top, nullptr, n));
  T sum = 0;  // inf, -inf and NaN have nothing to be shifted by
  for (size_t i = 0; i < n; ++i) sum += std::exp(x[i]);
  return std::log(sum);
}

template <class T>
void SoftmaxRows(SoftmaxOp op, const T* x, T* y, size_t rows, size_t n) {
  for (size_t row = 0; row < rows; ++row, x += n) {
    if (op == SoftmaxOp::logsumexp) {
      y[row] = LogSumExp(x, n);
      continue;
    }
    const T top = row_max(x, n);
    const hn::ScalableTag<T> d;
    if (op == SoftmaxOp::softmax) {
      const Pack<T> scale(hn::Set(d, T{1} / sum_of_exp(x, top, y, n)));
      each_pack<T>(n, [&](size_t i, size_t some)
                          HWY_ATTR { store_some(some, load_some(some, y + i) * scale, y + i); });
    } else {
      const Pack<T> shift(hn::Set(d, top));
      const Pack<T> log(hn::Set(d, std::log(sum_of_exp<T>(x, top, nullptr, n))));
      each_pack<T>(n, [&](size_t i, size_t some) HWY_ATTR {
        store_some(some, load_some(some, x + i) - shift - log, y + i);
      });
    }
    y += n;
  }
}

// softmax: dx = y (dy - sum(y dy)); log_softmax: dx = dy - exp(y) sum(dy)
template <class T>
void SoftmaxSlopes(SoftmaxOp op, const T* y, const T* dy, T* dx, size_t rows, size_t n) {
  const hn::ScalableTag<T> d;
  for (size_t row = 0; row < rows; ++row, y += n, dy += n, dx += n) {
    Pack<T> sum;
    each_pack<T>(n, [&](size_t i, size_t some) HWY_ATTR {
      const Pack<T> g = load_some(some, dy + i);
      sum = sum + (op == SoftmaxOp::softmax ? g * load_some(some, y + i) : g);
    });
    const Pack<T> total = hn::SumOfLanes(d, sum.v);
    each_pack<T>(n, [&](size_t i, size_t some) HWY_ATTR {
      const Pack<T> at = load_some(some, y + i), g = load_some(some, dy + i);
      store_some(some, op == SoftmaxOp::softmax ? at * (g - total) : g - exp(at) * total, dx + i);
    });
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

constexpr int64_t kCost = 8;  // of one element, in elements of a cheap op

// x [rows, n], contiguous -> y of the same size; logsumexp: one element per row.
void forward(SoftmaxOp op, const Tensor& x, const Tensor& y, int64_t n) {
  const int64_t rows = n > 0 ? x.numel() / n : y.numel();
  const int64_t out = op == SoftmaxOp::logsumexp ? 1 : n;
  dispatch_floating("softmax", x.dtype(), [&]<class T>() {
    parallel_for(rows, n * kCost, [&](int64_t begin, int64_t end) {
      softmax_kernel<T>(op, elements<T>(x) + begin * n, elements<T>(y) + begin * out,
                        static_cast<size_t>(end - begin), static_cast<size_t>(n));
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
                       elements<T>(dx) + begin * n, static_cast<size_t>(end - begin),
                       static_cast<size_t>(n));
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
    record(name, y, {&x}, [op, y](Tensor dy, Gradients& grads) {
      grads.add(0, softmax_gradient(op, y, std::move(dy)));
    });
  }
  return y;
}

Tensor softmax_along(const char* name, SoftmaxOp op, const Tensor& input, int axis) {
  return through(name, Takes::floating, input, [&](const Tensor& x) {
    const int along = line_axis(name, axis, x.rank());
    if (x.rank() == 0) return softmax_rows(name, op, x.reshape({1})).reshape({});
    if (along == x.rank() - 1) return softmax_rows(name, op, x);
    return softmax_rows(name, op, x.transpose(along, -1)).transpose(along, -1);
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
    record("logsumexp", y, {&x},
           [x, shift = y.detach().reshape(along.kept), axes, kept = along.kept](const Tensor& dy,
                                                                                Gradients& grads) {
             const Tensor terms = (x - shift).exp();
             const Tensor total = terms.sum(axes, keep_dims);
             grads.add(0, dy.reshape(kept) *
                              (terms / total.masked_fill(shift.isfinite().logical_not(), 1)));
           });
  }
  return y;
}

}  // namespace

Tensor Tensor::softmax(int axis) const {
  return softmax_along("softmax", SoftmaxOp::softmax, *this, axis);
}

Tensor Tensor::log_softmax(int axis) const {
  return softmax_along("log_softmax", SoftmaxOp::log_softmax, *this, axis);
}

Tensor Tensor::logsumexp(Axes axes, KeepDims keep) const {
  return through("logsumexp", Takes::floating, *this,
                 [&](const Tensor& x) { return logsumexp_along(x, axes, keep); });
}

}  // namespace attune
#endif  // HWY_ONCE
