#pragma once
// The functions a slope formula may use, for tensors: the same names as Pack's (pack-inl.h), so
// that a slope written once serves the kernel and the gradient of the gradient.

#include <concepts>

#include "attune/tensor/tensor.h"

namespace attune {

// value, in the type and shape of x
inline Tensor constant(const Tensor& x, double value) {
  return Tensor::full(x.shape(), value, x.dtype());
}
inline Tensor exp(const Tensor& x) { return x.exp(); }
inline Tensor sqrt(const Tensor& x) { return x.sqrt(); }
inline Tensor sin(const Tensor& x) { return x.sin(); }
inline Tensor cos(const Tensor& x) { return x.cos(); }
inline Tensor tanh(const Tensor& x) { return x.tanh(); }
inline Tensor erf(const Tensor& x) { return x.erf(); }
inline Tensor erfc(const Tensor& x) { return 1 - x.erf(); }
inline Tensor sigmoid(const Tensor& x) { return x.sigmoid(); }
inline Tensor sign(const Tensor& x) { return x.sign(); }
inline Tensor square(const Tensor& x) { return x.square(); }
inline Tensor positive(const Tensor& x) {
  return x.gt(0).cast(x.dtype());
}  // 1 where x > 0, else 0

// For the ops that keep integers as they are.
template <std::integral T>
T abs(T x) {
  return x < 0 ? static_cast<T>(-x) : x;
}
template <std::integral T>
T sign(T x) {
  return static_cast<T>((x > 0) - (x < 0));
}
template <std::integral T>
T floor(T x) {
  return x;
}
template <std::integral T>
T ceil(T x) {
  return x;
}
template <std::integral T>
T round(T x) {
  return x;
}
template <std::integral T>
T maximum(T x, int y) {
  return x > y ? x : static_cast<T>(y);
}

}  // namespace attune
