// y = f(x), element by element, activations included (their formulas: internal/activation-inl.h).
// To add one: write its formula, name it in UNARY_METHODS, declare it in tensor.h, and give it a
// row in tests/tensor/op_rows_elementwise.cpp.

#include <cmath>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/elementwise.h"
#include "attune/tensor/internal/formula.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/op_list.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/unary.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/activation-inl.h"

#ifndef ATTUNE_UNARY_OPS
#define ATTUNE_UNARY_OPS
// formula, method, and what becomes of integers: kept, or computed as f32
#define UNARY_METHODS(X)                 \
  X(Neg, neg, kKept)                     \
  X(Abs, abs, kKept)                     \
  X(Sign, sign, kKept)                   \
  X(Square, square, kKept)               \
  X(Floor, floor, kKept)                 \
  X(Ceil, ceil, kKept)                   \
  X(Round, round, kKept)                 \
  X(Trunc, trunc, kKept)                 \
  X(Relu, relu, kKept)                   \
  X(Relu6, relu6, kKept)                 \
  X(Relu2, relu2, kKept)                 \
  X(Sqrt, sqrt, kAsFloat)                \
  X(Rsqrt, rsqrt, kAsFloat)              \
  X(Reciprocal, reciprocal, kAsFloat)    \
  X(Exp, exp, kAsFloat)                  \
  X(Expm1, expm1, kAsFloat)              \
  X(Log, log, kAsFloat)                  \
  X(Log1p, log1p, kAsFloat)              \
  X(Sin, sin, kAsFloat)                  \
  X(Cos, cos, kAsFloat)                  \
  X(Tanh, tanh, kAsFloat)                \
  X(Erf, erf, kAsFloat)                  \
  X(Sigmoid, sigmoid, kAsFloat)          \
  X(Silu, silu, kAsFloat)                \
  X(Softplus, softplus, kAsFloat)        \
  X(Exp2, exp2, kAsFloat)                \
  X(Log2, log2, kAsFloat)                \
  X(Log10, log10, kAsFloat)              \
  X(Tan, tan, kAsFloat)                  \
  X(Asin, asin, kAsFloat)                \
  X(Acos, acos, kAsFloat)                \
  X(Atan, atan, kAsFloat)                \
  X(Sinh, sinh, kAsFloat)                \
  X(Cosh, cosh, kAsFloat)                \
  X(Erfc, erfc, kAsFloat)                \
  X(Erfinv, erfinv, kAsFloat)            \
  X(Frac, frac, kAsFloat)                \
  X(Deg2rad, deg2rad, kAsFloat)          \
  X(Rad2deg, rad2deg, kAsFloat)          \
  X(Selu, selu, kAsFloat)                \
  X(QuickGelu, quick_gelu, kAsFloat)     \
  X(HardSigmoid, hard_sigmoid, kAsFloat) \
  X(LogSigmoid, log_sigmoid, kAsFloat)   \
  X(HardSilu, hard_silu, kAsFloat)       \
  X(Softsign, softsign, kAsFloat)        \
  X(Mish, mish, kAsFloat)                \
  X(TanhShrink, tanh_shrink, kAsFloat)
#define UNARY_OPS(X)                 \
  X(LeakyRelu, leaky_relu, kAsFloat) \
  X(Elu, elu, kAsFloat)              \
  X(Celu, celu, kAsFloat)            \
  X(GeluExact, gelu_exact, kAsFloat) \
  X(GeluTanh, gelu_tanh, kAsFloat)   \
  UNARY_METHODS(X)

namespace attune {
enum class UnaryOp : uint8_t { UNARY_OPS(ATTUNE_ENUMERATOR) };
}  // namespace attune
#endif

// ---- Formulas: value, and slope dy/dx given x and y. x is a Pack, or a Tensor (formula.h). ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

struct Neg {
  static auto value(auto x) { return -x; }
  static auto slope(const auto& x, const auto&) { return constant(x, -1.0); }
};
struct Abs {
  static auto value(auto x) { return abs(x); }
  static auto slope(const auto& x, const auto&) { return sign(x); }
};
struct Step {  // flat between its steps: the gradient is 0 even where dy is infinite or NaN
  static auto slope(const auto& x, const auto&) { return constant(x, 0.0); }
  static auto gradient(const auto& dy, const auto&) { return constant(dy, 0.0); }
};
struct Sign : Step {
  static auto value(auto x) { return sign(x); }
};
struct Square {
  static auto value(auto x) { return x * x; }
  static auto slope(const auto& x, const auto&) { return x * 2.0; }
};
struct Floor : Step {
  static auto value(auto x) { return floor(x); }
};
struct Ceil : Step {
  static auto value(auto x) { return ceil(x); }
};
struct Round : Step {
  static auto value(auto x) { return round(x); }
};
struct Trunc : Step {
  static auto value(auto x) { return trunc(x); }
};
struct Frac {
  static auto value(auto x) { return x - trunc(x); }
  static auto slope(const auto& x, const auto&) { return constant(x, 1.0); }
};
struct Deg2rad {
  static auto value(auto x) { return x * kRadian; }
  static auto slope(const auto& x, const auto&) { return constant(x, kRadian); }
  static constexpr double kRadian = 0.017453292519943295;  // pi / 180
};
struct Rad2deg {
  static auto value(auto x) { return x * kDegree; }
  static auto slope(const auto& x, const auto&) { return constant(x, kDegree); }
  static constexpr double kDegree = 57.29577951308232;  // 180 / pi
};
struct Sqrt {
  static auto value(auto x) { return sqrt(x); }
  static auto slope(const auto&, const auto& y) { return 0.5 / y; }
};
struct Rsqrt {
  static auto value(auto x) { return 1.0 / sqrt(x); }
  static auto slope(const auto&, const auto& y) { return -0.5 * y * y * y; }
};
struct Reciprocal {
  static auto value(auto x) { return 1.0 / x; }
  static auto slope(const auto&, const auto& y) { return -(y * y); }
};
struct Exp {
  static auto value(auto x) { return exp(x); }
  static auto slope(const auto&, const auto& y) { return y; }
};
struct Expm1 {
  static auto value(auto x) { return expm1(x); }
  static auto slope(const auto&, const auto& y) { return y + 1.0; }
};
struct Exp2 {  // the constant, here and in log2, is ln 2
  static auto value(auto x) { return exp2(x); }
  static auto slope(const auto&, const auto& y) { return 0.6931471805599453 * y; }
};
struct Log2 {
  static auto value(auto x) { return log2(x); }
  static auto slope(const auto& x, const auto&) { return 1.0 / (0.6931471805599453 * x); }
};
struct Log10 {  // the constant is ln 10
  static auto value(auto x) { return log10(x); }
  static auto slope(const auto& x, const auto&) { return 1.0 / (2.302585092994046 * x); }
};
struct Log {
  static auto value(auto x) { return log(x); }
  static auto slope(const auto& x, const auto&) { return 1.0 / x; }
};
struct Log1p {
  static auto value(auto x) { return log1p(x); }
  static auto slope(const auto& x, const auto&) { return 1.0 / (x + 1.0); }
};
struct Sin {
  static auto value(auto x) { return sin(x); }
  static auto slope(const auto& x, const auto&) { return cos(x); }
};
struct Cos {
  static auto value(auto x) { return cos(x); }
  static auto slope(const auto& x, const auto&) { return -sin(x); }
};
struct Tan {
  static auto value(auto x) { return tan(x); }
  static auto slope(const auto&, const auto& y) { return 1.0 + y * y; }
};
struct Asin {  // (1 - x) (1 + x) keeps the digits that 1 - x^2 loses near 1
  static auto value(auto x) { return asin(x); }
  static auto slope(const auto& x, const auto&) { return 1.0 / sqrt((1.0 - x) * (1.0 + x)); }
};
struct Acos {
  static auto value(auto x) { return acos(x); }
  static auto slope(const auto& x, const auto&) { return -1.0 / sqrt((1.0 - x) * (1.0 + x)); }
};
struct Atan {
  static auto value(auto x) { return atan(x); }
  static auto slope(const auto& x, const auto&) { return 1.0 / (1.0 + x * x); }
};
struct Sinh {
  static auto value(auto x) { return sinh(x); }
  static auto slope(const auto& x, const auto&) { return cosh(x); }
};
struct Cosh {
  static auto value(auto x) { return cosh(x); }
  static auto slope(const auto& x, const auto&) { return sinh(x); }
};
struct Tanh {
  static auto value(auto x) { return tanh(x); }
  static auto slope(const auto&, const auto& y) { return 1.0 - y * y; }
};
struct Erf {  // the constant is 2 / sqrt(pi)
  static auto value(auto x) { return erf(x); }
  static auto slope(const auto& x, const auto&) { return 1.1283791670955126 * exp(-(x * x)); }
};
struct Erfc {
  static auto value(auto x) { return erfc(x); }
  static auto slope(const auto& x, const auto&) { return -1.1283791670955126 * exp(-(x * x)); }
};
struct Erfinv {  // the constant is sqrt(pi) / 2
  static auto value(auto x) { return erfinv(x); }
  static auto slope(const auto&, const auto& y) { return 0.886226925452758 * exp(y * y); }
};

ATTUNE_WITH_FORMULA(UnaryOp, UNARY_OPS)

template <class F, class V>
HWY_INLINE V value_of(const V& x, double p) {
  if constexpr (requires { F::value(x, p); }) {
    return F::value(x, p);
  } else {
    return F::value(x);
  }
}

template <class F, class V>
HWY_INLINE V gradient_of(const V& dy, const V& x, const V& y, double p) {
  if constexpr (requires { F::gradient(dy, x); }) {
    return F::gradient(dy, x);
  } else if constexpr (requires { F::slope(x, y, p); }) {
    return dy * F::slope(x, y, p);
  } else {
    return dy * F::slope(x, y);
  }
}

// ---- Kernels ----

template <class T>
void UnaryValues(UnaryOp op, const T* HWY_RESTRICT x, T* HWY_RESTRICT y, int64_t size, double p) {
  with_formula(op, [&]<class F>(F) HWY_ATTR {
    each_pack<T>(size, [&](int64_t i, size_t n)
                           HWY_ATTR { store_some(n, value_of<F>(load_some(n, x + i), p), y + i); });
  });
}

template <class T>
void UnarySlopes(UnaryOp op, const T* HWY_RESTRICT x, const T* HWY_RESTRICT y, const T* dy, T* dx,
                 int64_t size, double p) {
  with_formula(op, [&]<class F>(F) HWY_ATTR {
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> at = load_some(n, x + i), value = load_some(n, y + i);
      store_some(n, gradient_of<F>(load_some(n, dy + i), at, value, p), dx + i);
    });
  });
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

ATTUNE_KERNEL(unary_values, UnaryValues)
ATTUNE_KERNEL(unary_slopes, UnarySlopes)

constexpr Takes kKept = Takes::numbers, kAsFloat = Takes::floating;

// dx made of ops, for the gradient of a gradient.
Tensor gradient_tensor(UnaryOp op, const Tensor& dy, const Tensor& x, const Tensor& y, double p) {
  return HWY_NAMESPACE::with_formula(
      op, [&]<class F>(F) { return HWY_NAMESPACE::gradient_of<F>(dy, x, y, p); });
}

Tensor unary_gradient(UnaryOp op, double p, const Tensor& x, const Tensor& y, Tensor dy) {
  if (recording()) return gradient_tensor(op, dy, x, y, p);
  dy = dense(dy);
  Tensor dx = sole_owner(dy) ? dy : make_like(dy);
  dispatch_floating("unary", x.dtype(), [&]<class T>() {
    parallel_for(x.numel(), 4, [&](int64_t begin, int64_t end) {
      unary_slopes<T>(op, elements<T>(x) + begin, elements<T>(y) + begin, elements<T>(dy) + begin,
                      elements<T>(dx) + begin, end - begin, p);
    });
  });
  return dx;
}

Tensor unary_floating(const char* name, UnaryOp op, const Tensor& input, double p) {
  const Tensor x = input.contiguous();
  Tensor y = make_like(x);
  dispatch_floating(name, x.dtype(), [&]<class T>() {
    parallel_for(x.numel(), 4, [&](int64_t begin, int64_t end) {
      unary_values<T>(op, elements<T>(x) + begin, elements<T>(y) + begin, end - begin, p);
    });
  });
  if (tracks(x)) {
    record(name, y, x,
           [op, p, x, y](Tensor dy) { return unary_gradient(op, p, x, y, std::move(dy)); });
  }
  return y;
}

// Integers stay what they are.
template <class F>
Tensor unary_integers(const Tensor& input) {
  const Tensor x = dense(input);
  Tensor y = make_like(x);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      map<T, T>(x, y, [](T e) { return F::value(Whole<T>(e)).v; });
    }
  });
  return y;
}

template <class F, Takes kTakes>
Tensor unary(const char* name, UnaryOp op, const Tensor& input, double p) {
  return through(name, kTakes, input, [&](const Tensor& x) {
    if constexpr (kTakes == kKept) {
      if (!is_floating(x.dtype())) return unary_integers<F>(x);
    }
    return unary_floating(name, op, x, p);
  });
}

#define FUNCTION(F, method, integers)                                       \
  Tensor method(const Tensor& x, double p = 0) {                            \
    return unary<HWY_NAMESPACE::F, integers>(#method, UnaryOp::k##F, x, p); \
  }
namespace by_name {
UNARY_OPS(FUNCTION)
}
#undef FUNCTION

}  // namespace

#define METHOD(F, method, integers) \
  Tensor Tensor::method() const { return by_name::method(*this); }
UNARY_METHODS(METHOD)
#undef METHOD

Tensor Tensor::leaky_relu(double slope) const { return by_name::leaky_relu(*this, slope); }
Tensor Tensor::elu(double alpha) const {
  check<ValueError>(std::isfinite(alpha), "elu: alpha must be finite, got {}", alpha);
  return by_name::elu(*this, alpha);
}
Tensor Tensor::celu(double alpha) const {
  check<ValueError>(std::isfinite(alpha) && alpha != 0, "celu: alpha must be finite, not 0, got {}",
                    alpha);
  return by_name::celu(*this, alpha);
}
Tensor Tensor::gelu(Gelu form) const {
  return form == Gelu::exact ? by_name::gelu_exact(*this) : by_name::gelu_tanh(*this);
}
Tensor operator-(const Tensor& x) { return x.neg(); }

}  // namespace attune
#endif  // HWY_ONCE
