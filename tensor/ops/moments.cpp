// var, std, norm: reductions made of sums of squares. f32 is summed in f64, where no square of it
// leaves the range.

#include <cmath>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/reduce.h"

namespace attune {
namespace {

using namespace internal;

// What var divides by; 0 or less gives NaN, as a variance of nothing has no value.
double divisor(const Reduced& along, int correction) {
  const double n = static_cast<double>(along.n) - correction;
  return n > 0 ? n : std::nan("");
}

// The mean of each line, in f64. That of equal elements is exactly what they are: f64 has room for
// a sum of f32. Of its own elements what rounding left is added, which takes another pass, and
// where their sum overflows they are divided first.
Tensor mean_of(const Tensor& x, const Reduced& along) {
  const auto n = static_cast<double>(along.n);
  if (x.dtype() == DType::f32) return reduce_wide(ReduceOp::sum, x, along, keep_dims) / n;
  Tensor mean = reduce_wide(ReduceOp::sum, x, along, keep_dims) / n;
  if (!mean.isfinite().all().item<bool>()) {
    mean = reduce_wide(ReduceOp::sum, x / n, along, keep_dims);
  }
  return mean + reduce_wide(ReduceOp::sum, x - mean, along, keep_dims) / n;
}

// The square root of the sum of squared distances to `centre` (undefined: 0), in f64.
Tensor length(const Tensor& x, const Reduced& along, KeepDims keep, const Tensor& centre = {}) {
  Tensor y = reduce_wide(ReduceOp::squares, x, along, keep, centre).sqrt();
  if (x.dtype() == DType::f32) return y;
  const double low = std::sqrt(std::numeric_limits<double>::min()) * 1e6;
  bool safe = true;
  for (int64_t i = 0; i < y.numel(); ++i) {
    const double of_line = elements<double>(y)[i];
    safe = safe && of_line > low && std::isfinite(of_line);
  }
  if (safe || along.n == 0) return y;
  // Squares of f64 left the range: each line is divided by its largest element first.
  const Tensor apart = centre.defined() ? x - centre : x;
  const Tensor top = reduce(ReduceOp::max, apart.abs(), along, keep_dims);
  const Tensor scale = where(top.gt(0).logical_and(top.isfinite()), top, Tensor::ones_like(top));
  return reduce_wide(ReduceOp::squares, apart / scale, along, keep).sqrt() *
         scale.reshape(along.result(keep));
}

// x less its mean, in ops. The second mean takes off what rounding left of the first, unless the
// distances are infinite.
Tensor centred(const Tensor& x, const Axes& axes) {
  const Tensor once = x - x.mean(axes, keep_dims);
  const Tensor rest = once.mean(axes, keep_dims);
  return once - rest.masked_fill(rest.isfinite().logical_not(), 0);
}

// x / y where y is not 0, else x: a slope of 0, as PyTorch has it, since x is 0 there.
Tensor over(const Tensor& x, const Tensor& y) { return x / y.masked_fill(y.eq(0), 1); }

// The variance, or its square root.
Tensor var_along(const Tensor& x, const Axes& axes, int correction, KeepDims keep, bool root) {
  const char* name = root ? "std" : "var";
  const Reduced along = reduced_axes(name, x, axes);
  const double n = divisor(along, correction);
  const Tensor plain = x.detach(), mean = mean_of(plain, along);
  Tensor y = root ? length(plain, along, keep, mean) / std::sqrt(n)
                  : reduce_wide(ReduceOp::squares, plain, along, keep, mean) / n;
  y = y.cast(x.dtype());
  if (tracks(x)) {
    record(name, y, x, [x, y, n, axes, kept = along.kept, root](const Tensor& dy) {
      const Tensor apart = centred(x, axes), g = dy.reshape(kept);
      return root ? over(apart, y.reshape(kept)) * (g / n) : apart * (g * (2 / n));
    });
  }
  return y;
}

Tensor norm_along(const Tensor& x, const Axes& axes, KeepDims keep) {
  const Reduced along = reduced_axes("norm", x, axes);
  Tensor y = length(x.detach(), along, keep).cast(x.dtype());
  if (tracks(x)) {
    record("norm", y, x, [x, y, kept = along.kept](const Tensor& dy) {
      return over(x, y.reshape(kept)) * dy.reshape(kept);
    });
  }
  return y;
}

}  // namespace

Tensor Tensor::var(Axes axes, int correction, KeepDims keep) const {
  return through("var", Takes::floating, *this, var_along, axes, correction, keep, false);
}

Tensor Tensor::std(Axes axes, int correction, KeepDims keep) const {
  return through("std", Takes::floating, *this, var_along, axes, correction, keep, true);
}

Tensor Tensor::norm(Axes axes, KeepDims keep) const {
  return through("norm", Takes::floating, *this, norm_along, axes, keep);
}

}  // namespace attune
