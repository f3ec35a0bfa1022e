// Tensors made from numbers: constants, ranges, the identity.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/scalar.h"

namespace attune {

using namespace internal;

namespace {

constexpr double kTooMany = 0x1p60;  // elements

__extension__ using Wide = __int128;  // g++ and clang on 64-bit machines

// How many of begin, begin + step, … come before `end`, computed without rounding or overflow.
Wide steps_to(int64_t begin, Scalar end, int64_t step) {
  const double whole = step > 0 ? std::ceil(end.value()) : std::floor(end.value());
  const Wide last = end.is_integral() ? Wide{end.integer()}
                                      : static_cast<Wide>(std::clamp(whole, -0x1p63, 0x1p63));
  const Wide span = step > 0 ? last - begin : begin - last;
  return span <= 0 ? 0 : (span - 1) / (step > 0 ? Wide{step} : -Wide{step}) + 1;
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType dtype) { return make(shape, dtype); }

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor y = make(shape, dtype);
  std::memset(internal::block(y).data, 0, static_cast<size_t>(y.numel()) * byte_size(dtype));
  return y;
}

Tensor Tensor::zeros_like(const Tensor& x) {
  require_defined("zeros_like", x);
  return zeros(x.shape(), x.dtype());
}
Tensor Tensor::ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }
Tensor Tensor::ones_like(const Tensor& x) {
  require_defined("ones_like", x);
  return full(x.shape(), 1, x.dtype());
}

Tensor Tensor::full(const Shape& shape, Scalar value, DType dtype) {
  const Tensor one = make_scalar("full", value, dtype);
  Tensor y = make(shape, dtype);
  dispatch_bytes(dtype,
                 [&]<class T>() { std::fill_n(elements<T>(y), y.numel(), *elements<T>(one)); });
  return y;
}

Tensor Tensor::eye(int64_t n, DType dtype) {
  const Tensor one = make_scalar("eye", 1, dtype);
  Tensor y = zeros({n, n}, dtype);
  dispatch_bytes(dtype, [&]<class T>() {
    for (int64_t i = 0; i < n; ++i) elements<T>(y)[i * n + i] = *elements<T>(one);
  });
  return y;
}

Tensor Tensor::arange(Scalar begin, Scalar end, Scalar step, std::optional<DType> wanted) {
  check<ValueError>(step.value() != 0 && std::isfinite(begin.value()) &&
                        std::isfinite(end.value()) && std::isfinite(step.value()),
                    "arange: needs finite bounds and a step other than 0, got {} … {} step {}",
                    begin.value(), end.value(), step.value());
  const bool exact = begin.is_integral() && step.is_integral();
  const DType dtype = wanted.value_or(exact && end.is_integral() ? DType::i64 : DType::f32);
  const double count = exact ? static_cast<double>(steps_to(begin.integer(), end, step.integer()))
                             : std::ceil((end.value() - begin.value()) / step.value());
  check<OutOfMemory>(count < kTooMany, "arange: no memory for the numbers from {} to {} by {}",
                     begin.value(), end.value(), step.value());
  const auto n = static_cast<int64_t>(std::max(0.0, count));
  Tensor y = make({n}, dtype);
  dispatch_stored(dtype, [&]<class T>() {
    for (int64_t i = 0; i < n; ++i) {
      const Scalar number =
          exact ? Scalar(static_cast<int64_t>(begin.integer() + Wide{i} * step.integer()))
                : Scalar(begin.value() + static_cast<double>(i) * step.value());
      elements<T>(y)[i] = element_of<T>("arange", number);
    }
  });
  return y;
}

Tensor Tensor::linspace(double begin, double end, int64_t count, DType dtype) {
  check<ValueError>(count >= 0, "linspace: count must not be negative, got {}", count);
  check<ValueError>(std::isfinite(begin) && std::isfinite(end),
                    "linspace: needs finite bounds, got {} and {}", begin, end);
  if (is_half(dtype)) return linspace(begin, end, count, DType::f64).cast(dtype);
  Tensor y = make({count}, dtype);
  dispatch_floating("linspace", dtype, [&]<class T>() {
    for (int64_t i = 0; i < count; ++i) {
      const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
      const double at = std::isfinite(end - begin) ? begin + share * (end - begin)
                                                   : (1 - share) * begin + share * end;
      elements<T>(y)[i] = static_cast<T>(at);
    }
    if (count > 1) elements<T>(y)[count - 1] = static_cast<T>(end);
  });
  return y;
}

Tensor Tensor::logspace(double begin, double end, int64_t count, double base, DType dtype) {
  check<DTypeError>(is_floating(dtype), "logspace: needs a floating dtype, got {}", dtype);
  check<ValueError>(std::isfinite(base) && base > 0,
                    "logspace: the base must be finite and above 0, got {}", base);
  const Tensor y = linspace(begin, end, count, DType::f64);
  for (int64_t i = 0; i < count; ++i) {
    elements<double>(y)[i] = std::pow(base, elements<double>(y)[i]);
  }
  return y.cast(dtype);
}

Tensor Tensor::tri(int64_t rows, int64_t columns, int64_t diagonal, DType dtype) {
  const Tensor one = make_scalar("tri", 1, dtype);
  Tensor y = zeros({rows, columns}, dtype);
  dispatch_bytes(dtype, [&]<class T>() {
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t last = std::clamp(diagonal, -rows, columns) + i + 1;
      if (last > 0) {
        std::fill_n(elements<T>(y) + i * columns, std::min(last, columns), *elements<T>(one));
      }
    }
  });
  return y;
}

}  // namespace attune
