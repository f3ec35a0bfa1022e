// Comparisons, logic, and tests of single elements: tensors in, booleans out, no gradients. NaN is
// unequal to everything, itself included, and neither less nor greater.

#include <cmath>
#include <functional>
#include <limits>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/elementwise.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/scalar.h"

namespace attune {
namespace {

using namespace internal;

template <class F>
Tensor compare(const char* name, const Tensor& left, const Tensor& right) {
  require_defined(name, left, right);
  const DType dtype = types_of(name, Takes::any, promote(left.dtype(), right.dtype())).computed;
  const Tensor a = into(left, dtype), b = into(right, dtype);
  Tensor y = make_broadcast(name, a, b, DType::boolean);
  dispatch(dtype, [&]<class T>() { zip<T, bool>(name, a, b, y, F()); });
  return y;
}

// Integers stand to any number as they do on the number line, NaN and fractions included.
template <class T, class F>
void compare_integers(const Tensor& x, Scalar number, const Tensor& y, F f) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63
  const double value = number.value(), floor = std::floor(value);
  if (!number.is_integral() && !(value >= -kEnd && value < kEnd)) {
    // NaN, or further out than any element: the answer is the same for all.
    map<T, bool>(x, y, [answer = f(0.0, value)](T) { return answer; });
    return;
  }
  const int64_t whole = number.is_integral() ? number.integer() : static_cast<int64_t>(floor);
  const bool fraction = !number.is_integral() && value != floor;
  map<T, bool>(x, y, [=](T element) {
    const auto e = static_cast<int64_t>(element);
    return f(e > whole ? 1 : e < whole || fraction ? -1 : 0, 0);
  });
}

// Beside a C++ number nothing is promoted: floating elements are compared in their own type.
template <class F>
Tensor compare(const char* name, const Tensor& input, Scalar number) {
  require_defined(name, input);
  const DType dtype = input.dtype();
  if (is_floating(dtype) && !is_computed_as_it_is(dtype)) {
    const Tensor rounded = make_scalar(name, number, dtype).cast(DType::f64);
    return compare<F>(name, input.cast(DType::f32), rounded.item<double>());
  }
  Tensor y = make(input.shape(), DType::boolean);
  const Tensor x = dense(input);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      map<T, bool>(x, y, [other = element_of<T>(name, number)](T e) { return F()(e, other); });
    } else {
      compare_integers<T>(x, number, y, F());
    }
  });
  return y;
}

template <class F>
Tensor logical(const char* name, const Tensor& left, const Tensor& right, F f) {
  require_defined(name, left, right);
  const Tensor a = left.cast(DType::boolean), b = right.cast(DType::boolean);
  Tensor y = make_broadcast(name, a, b, DType::boolean);
  zip<bool, bool>(name, a, b, y, f);
  return y;
}

// f of each floating element; `otherwise` for integers and booleans.
template <class F>
Tensor test(const char* name, const Tensor& input, bool otherwise, F f) {
  require_defined(name, input);
  if (!is_floating(input.dtype())) return Tensor::full(input.shape(), otherwise, DType::boolean);
  const Tensor x = dense(into(input, types_of(name, Takes::any, input.dtype()).computed));
  Tensor y = make(x.shape(), DType::boolean);
  dispatch_floating(name, x.dtype(), [&]<class T>() { map<T, bool>(x, y, f); });
  return y;
}

}  // namespace

#define METHOD(method, a, F, b, NumberF)                                                 \
  Tensor Tensor::method(const Tensor& other) const { return compare<F>(#method, a, b); } \
  Tensor Tensor::method(Scalar other) const { return compare<NumberF>(#method, *this, other); }
METHOD(eq, *this, std::equal_to<>, other, std::equal_to<>)
METHOD(ne, *this, std::not_equal_to<>, other, std::not_equal_to<>)
METHOD(lt, *this, std::less<>, other, std::less<>)
METHOD(le, *this, std::less_equal<>, other, std::less_equal<>)
METHOD(gt, other, std::less<>, *this, std::greater<>)
METHOD(ge, other, std::less_equal<>, *this, std::greater_equal<>)
#undef METHOD

Tensor Tensor::logical_and(const Tensor& other) const {
  return logical("logical_and", *this, other, [](bool a, bool b) { return a && b; });
}

Tensor Tensor::logical_or(const Tensor& other) const {
  return logical("logical_or", *this, other, [](bool a, bool b) { return a || b; });
}

Tensor Tensor::logical_xor(const Tensor& other) const {
  return logical("logical_xor", *this, other, [](bool a, bool b) { return a != b; });
}

Tensor Tensor::logical_not() const {
  return logical("logical_not", *this, Tensor(true), [](bool a, bool b) { return a != b; });
}

Tensor Tensor::isclose(const Tensor& other, double relative, double absolute,
                       bool equal_nan) const {
  require_defined("isclose", *this, other);
  check<ValueError>(relative >= 0 && absolute >= 0,
                    "isclose: tolerances must not be negative, got {} and {}", relative, absolute);
  DType dtype = types_of("isclose", Takes::any, promote(this->dtype(), other.dtype())).computed;
  if (!is_floating(dtype)) {
    if (relative == 0 && absolute == 0) return eq(other);  // f64 does not tell large i64 apart
    dtype = DType::f64;
  }
  const Tensor a = into(detach(), dtype), b = into(other.detach(), dtype);
  Tensor y = make_broadcast("isclose", a, b, DType::boolean);
  dispatch_floating("isclose", dtype, [&]<class T>() {
    zip<T, bool>("isclose", a, b, y, [=](T p, T q) {
      const auto of_a = static_cast<double>(p), of_b = static_cast<double>(q);
      if (of_a == of_b) return true;
      if (std::isnan(of_a) && std::isnan(of_b)) return equal_nan;
      const double apart = std::abs(of_a - of_b);
      return std::isfinite(apart) && apart <= absolute + relative * std::abs(of_b);
    });
  });
  return y;
}

Tensor Tensor::isnan() const {
  return test("isnan", *this, false, [](auto e) { return e != e; });
}

Tensor Tensor::isinf() const {
  return test("isinf", *this, false,
              [](auto e) { return std::abs(e) == std::numeric_limits<decltype(e)>::infinity(); });
}

Tensor Tensor::isfinite() const {
  return test("isfinite", *this, true,
              [](auto e) { return std::abs(e) <= std::numeric_limits<decltype(e)>::max(); });
}

}  // namespace attune
