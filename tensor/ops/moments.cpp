// var, std, norm: reductions made of sums of squares.

#include <cmath>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/reduce.h"

namespace attune {
namespace {

using namespace internal;

// Integers are computed as f32.
Tensor floating(const Tensor& x) { return is_floating(x.dtype()) ? x : x.cast(DType::f32); }

// What var divides by; 0 or less gives NaN, as a variance of nothing has no value.
double divisor(const Reduced& along, int correction) {
  const double n = static_cast<double>(along.n) - correction;
  return n > 0 ? n : std::nan("");
}

// The mean of each line, its shape kept, known to no tape.
Tensor mean_of(const Tensor& x, const Reduced& along) {
  return reduce(ReduceOp::sum, x, along, keep_dims) / static_cast<double>(along.n);
}

// Sum of squares around the mean, over n: two passes, so that a large mean does not swallow it.
Tensor variance(const Tensor& x, const Reduced& along, double n, KeepDims keep) {
  const Tensor apart = x.detach() - mean_of(x.detach(), along);
  return reduce(ReduceOp::sum_of_squares, apart, along, keep) / n;
}

// x scaled into the middle of its range where its squares would leave it.
Tensor euclidean(const Tensor& x, const Reduced& along, KeepDims keep) {
  Tensor y = reduce(ReduceOp::sum_of_squares, x, along, keep).sqrt();
  const bool safe = dispatch_floating("norm", x.dtype(), [&]<class T>() {
    const T low = std::sqrt(std::numeric_limits<T>::min()) * 1e3f;
    const T high = std::sqrt(std::numeric_limits<T>::max());
    for (int64_t i = 0; i < y.numel(); ++i) {
      const T length = elements<T>(y)[i];
      if (!(length > low && length < high)) return false;
    }
    return true;
  });
  if (safe || along.n == 0 || y.numel() == 0) return y;
  const Tensor top = reduce(ReduceOp::max, x.abs(), along, keep_dims);
  const Tensor scale = where(top.gt(0).logical_and(top.isfinite()), top, Tensor::ones_like(top));
  return reduce(ReduceOp::sum_of_squares, x / scale, along, keep).sqrt() *
         scale.reshape(along.result(keep));
}

}  // namespace

Tensor Tensor::var(Axes axes, int correction, KeepDims keep) const {
  require_defined("var", *this);
  const Tensor x = floating(*this);
  const Reduced along = reduced_axes("var", x, axes);
  const double n = divisor(along, correction);
  Tensor y = variance(x, along, n, keep);
  if (tracks(x)) {
    record(y, {&x}, [x, n, axes, kept = along.kept](const Tensor& dy, Gradients& grads) {
      grads.add(0, (x - x.mean(axes, keep_dims)) * (dy.reshape(kept) * (2 / n)));
    });
  }
  return y;
}

Tensor Tensor::std(Axes axes, int correction, KeepDims keep) const {
  require_defined("std", *this);
  const Tensor x = floating(*this);
  const Reduced along = reduced_axes("std", x, axes);
  const double n = divisor(along, correction);
  Tensor y = variance(x, along, n, keep).sqrt();
  if (tracks(x)) {
    record(y, {&x}, [x, y, n, axes, kept = along.kept](const Tensor& dy, Gradients& grads) {
      // Equal elements have no slope: 0, as PyTorch has it.
      const Tensor flat = y.eq(0);
      const Tensor divide = where(flat, Tensor::ones({}, y.dtype()), y) * n;
      const Tensor scale = where(flat, Tensor::zeros({}, y.dtype()), dy / divide);
      grads.add(0, (x - x.mean(axes, keep_dims)) * scale.reshape(kept));
    });
  }
  return y;
}

Tensor Tensor::norm(Axes axes, KeepDims keep) const {
  require_defined("norm", *this);
  const Tensor x = floating(*this);
  const Reduced along = reduced_axes("norm", x, axes);
  Tensor y = euclidean(x.detach(), along, keep);
  if (tracks(x)) {
    record(y, {&x}, [x, y, kept = along.kept](const Tensor& dy, Gradients& grads) {
      const Tensor zero = y.eq(0);
      const Tensor divide = where(zero, Tensor::ones({}, y.dtype()), y);
      const Tensor scale = where(zero, Tensor::zeros({}, y.dtype()), dy / divide);
      grads.add(0, x * scale.reshape(kept));
    });
  }
  return y;
}

}  // namespace attune
