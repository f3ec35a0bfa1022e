// Comparisons, logic, and tests of single elements: tensors in, booleans out. None has a gradient.

#include <cmath>
#include <limits>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/elementwise.h"

namespace attune {
namespace {

using namespace internal;

// NaN is unequal to everything, itself included, and neither less nor greater.
struct Equal {
  template <class T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct Unequal {
  template <class T>
  bool operator()(T a, T b) const {
    return a != b;
  }
};
struct Less {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct Greater {
  template <class T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct GreaterEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};

Tensor result_of(const char* name, const Tensor& a, const Tensor& b) {
  return same_shape(a, b) ? make(shape_of(block(a)), DType::boolean)
                          : make(broadcast(name, a.shape(), b.shape()), DType::boolean);
}

template <class F>
Tensor compare(const char* name, const Tensor& left, const Tensor& right) {
  require_defined(name, left);
  require_defined(name, right);
  const DType dtype = promote(left.dtype(), right.dtype());
  const Tensor a = left.cast(dtype), b = right.cast(dtype);
  Tensor y = result_of(name, a, b);
  dispatch(dtype, [&]<class T>() { zip<T, bool>(name, a, b, y, F()); });
  return y;
}

// Beside a C++ number nothing is promoted: floating elements are compared in their own type,
// integers exactly, whatever the number.
template <class F>
Tensor compare(const char* name, const Tensor& input, Scalar scalar) {
  require_defined(name, input);
  Tensor y = make(input.shape(), DType::boolean);
  const Tensor x = input.contiguous();
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      const auto other = static_cast<T>(scalar.value());
      map<T, bool>(x, y, [other](T e) { return F()(e, other); });
    } else {
      constexpr double kEnd = 9.2233720368547758e18;  // 2^63
      check<DTypeError>(scalar.is_integral() || (std::trunc(scalar.value()) == scalar.value() &&
                                                 std::abs(scalar.value()) < kEnd),
                        "{}: {} beside a tensor of {} is no integer; cast the tensor to f32", name,
                        scalar.value(), x.dtype());
      const int64_t other =
          scalar.is_integral() ? scalar.integer() : static_cast<int64_t>(scalar.value());
      map<T, bool>(x, y, [other](T e) { return F()(static_cast<int64_t>(e), other); });
    }
  });
  return y;
}

template <class F>
Tensor logical(const char* name, const Tensor& left, const Tensor& right, F f) {
  require_defined(name, left);
  require_defined(name, right);
  const Tensor a = left.cast(DType::boolean), b = right.cast(DType::boolean);
  Tensor y = result_of(name, a, b);
  zip<bool, bool>(name, a, b, y, f);
  return y;
}

// f of each floating element; `otherwise` for integers and booleans.
template <class F>
Tensor test(const char* name, const Tensor& input, bool otherwise, F f) {
  require_defined(name, input);
  if (!is_floating(input.dtype())) return Tensor::full(input.shape(), otherwise, DType::boolean);
  const Tensor x = input.contiguous();
  Tensor y = make(x.shape(), DType::boolean);
  dispatch_floating(name, x.dtype(), [&]<class T>() { map<T, bool>(x, y, f); });
  return y;
}

}  // namespace

#define METHOD(name, F)                                                                      \
  Tensor Tensor::name(const Tensor& other) const { return compare<F>(#name, *this, other); } \
  Tensor Tensor::name(Scalar other) const { return compare<F>(#name, *this, other); }
METHOD(eq, Equal)
METHOD(ne, Unequal)
METHOD(lt, Less)
METHOD(le, LessEqual)
METHOD(gt, Greater)
METHOD(ge, GreaterEqual)
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
  require_defined("logical_not", *this);
  const Tensor x = cast(DType::boolean).contiguous();
  Tensor y = make_like(x);
  map<bool, bool>(x, y, [](bool e) { return !e; });
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
