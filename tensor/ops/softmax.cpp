// softmax, log_softmax, logsumexp along one axis (logsumexp: several).
//
// Kernels work on contiguous rows; another axis is moved to the end first. The largest element is
// taken off before exp, so that nothing overflows.

#include <cmath>
#include <limits>

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/softmax.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
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

// Calls body(place, how many of the lanes) over n elements.
template <class T, class Body>
HWY_INLINE void ForVectors(size_t n, Body&& body) {
  const size_t step = lanes<T>();
  size_t i = 0;
  for (; i + step <= n; i += step) body(i, step);
  if (i < n) body(i, n - i);
}

template <class T>
HWY_INLINE Pack<T> LoadOr(T otherwise, size_t n, const T* x) {
  const hn::ScalableTag<T> d;
  if (n == hn::Lanes(d)) return load(x);
  return hn::IfThenElse(hn::FirstN(d, n), load_first(d, n, x), hn::Set(d, otherwise));
}

template <class T>
HWY_INLINE void StoreSome(size_t n, Pack<T> x, T* y) {
  if (n == lanes<T>()) return store(x, y);
  store_first(n, x, y);
}

// The largest element; of a row with NaN, any element, since the sum of exp will be NaN anyway.
template <class T>
HWY_INLINE T RowMax(const T* x, size_t n) {
  const hn::ScalableTag<T> d;
  constexpr T kLowest = -std::numeric_limits<T>::infinity();
  auto top = hn::Set(d, kLowest);
  ForVectors<T>(n, [&](size_t i, size_t some)
                       HWY_ATTR { top = hn::Max(LoadOr(kLowest, some, x + i).v, top); });
  return hn::GetLane(hn::MaxOfLanes(d, top));
}

// sum of exp(x - shift), each term kept in y if that is given.
template <class T>
HWY_INLINE T SumOfExp(const T* x, T shift, T* y, size_t n) {
  const hn::ScalableTag<T> d;
  constexpr T kLowest = -std::numeric_limits<T>::infinity();
  const Pack<T> by(hn::Set(d, shift));
  Pack<T> sum;
  ForVectors<T>(n, [&](size_t i, size_t some) HWY_ATTR {
    Pack<T> e = exp(LoadOr(kLowest, some, x + i) - by);
    if (some < lanes<T>()) e = hn::IfThenElseZero(hn::FirstN(d, some), e.v);
    if (y != nullptr) StoreSome(some, e, y + i);
    sum = sum + e;
  });
  return hn::GetLane(hn::SumOfLanes(d, sum.v));
}

template <class T>
void SoftmaxRows(SoftmaxOp op, const T* x, T* y, size_t rows, size_t n) {
  for (size_t row = 0; row < rows; ++row, x += n) {
    T top = RowMax(x, n);
    if (op == SoftmaxOp::logsumexp) {
      if (!std::isfinite(top)) top = 0;  // exp(inf) and exp(-inf) are what they should be
      y[row] = top + std::log(SumOfExp<T>(x, top, nullptr, n));
      continue;
    }
    if (op == SoftmaxOp::softmax) {
      const Pack<T> scale(hn::Set(hn::ScalableTag<T>(), T{1} / SumOfExp(x, top, y, n)));
      ForVectors<T>(n, [&](size_t i, size_t some)
                           HWY_ATTR { StoreSome(some, LoadOr(T{0}, some, y + i) * scale, y + i); });
    } else {
      const Pack<T> shift(hn::Set(hn::ScalableTag<T>(), top));
      const Pack<T> log(hn::Set(hn::ScalableTag<T>(), std::log(SumOfExp<T>(x, top, nullptr, n))));
      ForVectors<T>(n, [&](size_t i, size_t some) HWY_ATTR {
        StoreSome(some, LoadOr(T{0}, some, x + i) - shift - log, y + i);
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
    ForVectors<T>(n, [&](size_t i, size_t some) HWY_ATTR {
      const Pack<T> g = LoadOr(T{0}, some, dy + i);
      sum = sum + (op == SoftmaxOp::softmax ? g * LoadOr(T{0}, some, y + i) : g);
    });
    const Pack<T> total = hn::SumOfLanes(d, sum.v);
    ForVectors<T>(n, [&](size_t i, size_t some) HWY_ATTR {
      const Pack<T> at = LoadOr(T{0}, some, y + i), g = LoadOr(T{0}, some, dy + i);
      StoreSome(some, op == SoftmaxOp::softmax ? at * (g - total) : g - exp(at) * total, dx + i);
    });
  }
}

void SoftmaxRowsF32(SoftmaxOp op, const float* x, float* y, size_t rows, size_t n) {
  SoftmaxRows(op, x, y, rows, n);
}
void SoftmaxRowsF64(SoftmaxOp op, const double* x, double* y, size_t rows, size_t n) {
  SoftmaxRows(op, x, y, rows, n);
}
void SoftmaxSlopesF32(SoftmaxOp op, const float* y, const float* dy, float* dx, size_t rows,
                      size_t n) {
  SoftmaxSlopes(op, y, dy, dx, rows, n);
}
void SoftmaxSlopesF64(SoftmaxOp op, const double* y, const double* dy, double* dx, size_t rows,
                      size_t n) {
  SoftmaxSlopes(op, y, dy, dx, rows, n);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

HWY_EXPORT(SoftmaxRowsF32);
HWY_EXPORT(SoftmaxRowsF64);
HWY_EXPORT(SoftmaxSlopesF32);
HWY_EXPORT(SoftmaxSlopesF64);

constexpr int64_t kCost = 8;  // of one element, in elements of a cheap op

// x [rows, n], contiguous; logsumexp gives one element per row.
void forward(SoftmaxOp op, const Tensor& x, const Tensor& y, int64_t n) {
  const int64_t rows = n > 0 ? x.numel() / n : y.numel();
  const int64_t out = op == SoftmaxOp::logsumexp ? 1 : n;
  parallel_for(rows, n * kCost, [&](int64_t begin, int64_t end) {
    const auto run = [&]<class T>(T, auto kernel) {
      kernel(op, elements<T>(x) + begin * n, elements<T>(y) + begin * out,
             static_cast<size_t>(end - begin), static_cast<size_t>(n));
    };
    x.dtype() == DType::f32 ? run(float{}, HWY_DYNAMIC_DISPATCH(SoftmaxRowsF32))
                            : run(double{}, HWY_DYNAMIC_DISPATCH(SoftmaxRowsF64));
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
  parallel_for(n > 0 ? y.numel() / n : 0, n * kCost, [&](int64_t begin, int64_t end) {
    const auto run = [&]<class T>(T, auto kernel) {
      kernel(op, elements<T>(y) + begin * n, elements<T>(dy) + begin * n,
             elements<T>(dx) + begin * n, static_cast<size_t>(end - begin), static_cast<size_t>(n));
    };
    y.dtype() == DType::f32 ? run(float{}, HWY_DYNAMIC_DISPATCH(SoftmaxSlopesF32))
                            : run(double{}, HWY_DYNAMIC_DISPATCH(SoftmaxSlopesF64));
  });
  return dx;
}

// Along the last axis.
Tensor softmax_rows(SoftmaxOp op, const Tensor& input) {
  const Tensor x = input.contiguous();
  Tensor y = make_like(x);
  forward(op, x, y, x.size(-1));
  if (tracks(x)) {
    record(y, {&x}, [op, y](Tensor dy, Gradients& grads) {
      grads.add(0, softmax_gradient(op, y, std::move(dy)));
    });
  }
  return y;
}

Tensor floating(const Tensor& x) { return is_floating(x.dtype()) ? x : x.cast(DType::f32); }

Tensor softmax_along(const char* name, SoftmaxOp op, const Tensor& input, int axis) {
  require_defined(name, input);
  const Tensor x = floating(input);
  if (x.rank() == 0 && (axis == 0 || axis == -1)) {  // one element is a row, as in PyTorch
    return softmax_rows(op, x.reshape({1})).reshape({});
  }
  axis = normal_axis(name, axis, x.rank());
  if (axis == x.rank() - 1) return softmax_rows(op, x);
  return softmax_rows(op, x.transpose(axis, -1)).transpose(axis, -1);
}

}  // namespace

Tensor Tensor::softmax(int axis) const {
  return softmax_along("softmax", SoftmaxOp::softmax, *this, axis);
}

Tensor Tensor::log_softmax(int axis) const {
  return softmax_along("log_softmax", SoftmaxOp::log_softmax, *this, axis);
}

Tensor Tensor::logsumexp(Axes axes, KeepDims keep) const {
  require_defined("logsumexp", *this);
  const Tensor x = floating(*this);
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
    record(y, {&x}, [x, y, kept = along.kept](const Tensor& dy, Gradients& grads) {
      // Where all of a line is -inf its slopes are 0, not exp(-inf + inf).
      const Tensor top = y.masked_fill(y.eq(-std::numeric_limits<double>::infinity()), 0);
      grads.add(0, dy.reshape(kept) * (x - top.reshape(kept)).exp());
    });
  }
  return y;
}

}  // namespace attune
#endif  // HWY_ONCE
