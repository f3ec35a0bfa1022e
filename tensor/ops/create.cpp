// Tensors from nothing: constants, ranges, the identity.

#include <cmath>
#include <cstring>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/scalar.h"

namespace attune {

using namespace internal;

Tensor Tensor::empty(const Shape& shape, DType dtype) { return make(shape, dtype); }

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor y = make(shape, dtype);
  std::memset(internal::block(y).data, 0, static_cast<size_t>(y.numel()) * byte_size(dtype));
  return y;
}

Tensor Tensor::zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype()); }
Tensor Tensor::ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }
Tensor Tensor::ones_like(const Tensor& x) { return full(x.shape(), 1, x.dtype()); }

Tensor Tensor::full(const Shape& shape, Scalar value, DType dtype) {
  Tensor y = make(shape, dtype);
  dispatch(dtype, [&]<class T>() {
    std::fill_n(elements<T>(y), y.numel(), element_of<T>("full", value));
  });
  return y;
}

Tensor Tensor::eye(int64_t n, DType dtype) {
  Tensor y = zeros({n, n}, dtype);
  dispatch(dtype, [&]<class T>() {
    for (int64_t i = 0; i < n; ++i) elements<T>(y)[i * n + i] = T{1};
  });
  return y;
}

Tensor Tensor::arange(Scalar begin, Scalar end, Scalar step, DType dtype) {
  check<ValueError>(step.value() != 0 && std::isfinite(begin.value()) &&
                        std::isfinite(end.value()) && std::isfinite(step.value()),
                    "arange: needs finite bounds and a step other than 0, got {} … {} step {}",
                    begin.value(), end.value(), step.value());
  const double count = std::ceil((end.value() - begin.value()) / step.value());
  Tensor y = make({static_cast<int64_t>(std::max(0.0, count))}, dtype);
  dispatch(dtype, [&]<class T>() {
    for (int64_t i = 0; i < y.numel(); ++i) {
      elements<T>(y)[i] =
          begin.is_integral() && step.is_integral()
              ? static_cast<T>(begin.integer() + i * step.integer())
              : static_cast<T>(begin.value() + static_cast<double>(i) * step.value());
    }
  });
  return y;
}

Tensor Tensor::linspace(double begin, double end, int64_t count, DType dtype) {
  check<ValueError>(count >= 0, "linspace: count must not be negative, got {}", count);
  Tensor y = make({count}, dtype);
  dispatch_floating("linspace", dtype, [&]<class T>() {
    for (int64_t i = 0; i < count; ++i) {
      const double share = count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
      elements<T>(y)[i] = static_cast<T>(begin + share * (end - begin));
    }
    if (count > 1) elements<T>(y)[count - 1] = static_cast<T>(end);
  });
  return y;
}

}  // namespace attune
