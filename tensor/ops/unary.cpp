// y = f(x), element by element, activations included.
// To add one: write its formula, name it in UNARY_METHODS, declare it in tensor.h, and give it a
// row in tests/tensor/op_rows_elementwise.cpp.

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
#include "attune/tensor/internal/erf-inl.h"

#ifndef ATTUNE_UNARY_OPS
#define ATTUNE_UNARY_OPS
// formula, method, and what becomes of integers: kept, or computed as f32
#define UNARY_METHODS(X)              \
  X(Neg, neg, kKept)                  \
  X(Abs, abs, kKept)                  \
  X(Sign, sign, kKept)                \
  X(Square, square, kKept)            \
  X(Floor, floor, kKept)              \
  X(Ceil, ceil, kKept)                \
  X(Round, round, kKept)              \
  X(Relu, relu, kKept)                \
  X(Sqrt, sqrt, kAsFloat)             \
  X(Rsqrt, rsqrt, kAsFloat)           \
  X(Reciprocal, reciprocal, kAsFloat) \
  X(Exp, exp, kAsFloat)               \
  X(Expm1, expm1, kAsFloat)           \
  X(Log, log, kAsFloat)               \
  X(Log1p, log1p, kAsFloat)           \
  X(Sin, sin, kAsFloat)               \
  X(Cos, cos, kAsFloat)               \
  X(Tanh, tanh, kAsFloat)             \
  X(Erf, erf, kAsFloat)               \
  X(Sigmoid, sigmoid, kAsFloat)       \
  X(Silu, silu, kAsFloat)             \
  X(Softplus, softplus, kAsFloat)
#define UNARY_OPS(X)                 \
  X(LeakyRelu, leaky_relu, kAsFloat) \
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
struct Relu {
  static auto value(auto x) { return maximum(x, 0); }
  static auto slope(const auto& x, const auto&) { return 1.0 - nonpositive(x); }  // 1 at NaN
  static auto gradient(const auto& dy, const auto& x) { return past_zero(dy, x); }
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
struct Tanh {
  static auto value(auto x) { return tanh(x); }
  static auto slope(const auto&, const auto& y) { return 1.0 - y * y; }
};
struct Erf {  // the constant is 2 / sqrt(pi)
  static auto value(auto x) { return erf(x); }
  static auto slope(const auto& x, const auto&) { return 1.1283791670955126 * exp(-(x * x)); }
};
struct Sigmoid {  // y - y^2; 1 / (1 + exp(-x))
  static auto value(auto x) { return sigmoid(x); }
  static auto slope(const auto&, const auto& y) { return y * (1.0 - y); }
};
struct Silu {
  static auto value(auto x) { return x * sigmoid(x); }
  static auto slope(const auto& x, const auto&) {
    const auto s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
  }
};
struct Softplus {  // max(x, 0) + log(1 + exp(-|x|)): never overflows
  static auto value(auto x) { return maximum(x, 0) + log1p(exp_of_negative(-abs(x))); }
  static auto slope(const auto& x, const auto&) { return sigmoid(x); }
};
struct GeluExact {  // x times the normal distribution function
  static auto value(auto x) { return x * normal_probability(x); }
  static auto slope(const auto& x, const auto&) {
    return normal_probability(x) + x * normal_density(x);
  }
};
struct GeluTanh {  // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  static auto value(auto x) { return x * gelu_sigmoid(x); }
  static auto slope(const auto& x, const auto&) {
    const auto s = gelu_sigmoid(x), near = within(x, 40.0);
    return s + x * s * (1.0 - s) * 1.5957691216057308 * (1.0 + 0.134145 * near * near);
  }
};
struct LeakyRelu {
  static auto value(auto x, double p) { return maximum(x, 0) + p * minimum(x, 0); }
  static auto slope(const auto& x, const auto&, double p) {
    return positive(x) + p * (1.0 - positive(x));
  }
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
Tensor Tensor::gelu(Gelu form) const {
  return form == Gelu::exact ? by_name::gelu_exact(*this) : by_name::gelu_tanh(*this);
}
Tensor operator-(const Tensor& x) { return x.neg(); }

}  // namespace attune
#endif  // HWY_ONCE
