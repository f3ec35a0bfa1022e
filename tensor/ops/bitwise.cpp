// bitwise_and, bitwise_or, bitwise_xor, bitwise_not: of integers bit by bit, of booleans as logic.

#include <functional>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/elementwise.h"
#include "attune/tensor/internal/op.h"

namespace attune {
namespace {

using namespace internal;

template <class F>
Tensor bitwise(const char* name, const Tensor& left, const Tensor& right, F f) {
  require_defined(name, left, right);
  const DType dtype = promote(left.dtype(), right.dtype());
  check<DTypeError>(!is_floating(dtype), "{}: takes integers and booleans, got {} and {}", name,
                    left.dtype(), right.dtype());
  const Tensor a = into(left, dtype), b = into(right, dtype);
  Tensor y = make_broadcast(name, a, b, dtype);
  dispatch(dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      zip<T, T>(name, a, b, y, [f](T p, T q) { return static_cast<T>(f(p, q)); });
    }
  });
  return y;
}

}  // namespace

Tensor Tensor::bitwise_and(const Tensor& other) const {
  return bitwise("bitwise_and", *this, other, std::bit_and<>());
}

Tensor Tensor::bitwise_or(const Tensor& other) const {
  return bitwise("bitwise_or", *this, other, std::bit_or<>());
}

Tensor Tensor::bitwise_xor(const Tensor& other) const {
  return bitwise("bitwise_xor", *this, other, std::bit_xor<>());
}

Tensor Tensor::bitwise_not() const {
  require_defined("bitwise_not", *this);
  check<DTypeError>(!is_floating(dtype()), "bitwise_not: takes integers and booleans, got {}",
                    dtype());
  if (dtype() == DType::boolean) return logical_not();
  const Tensor x = dense(*this);
  Tensor y = make_like(x);
  dispatch_bytes(x.dtype(),
                 [&]<class T>() { map<T, T>(x, y, [](T e) { return static_cast<T>(~e); }); });
  return y;
}

}  // namespace attune
