// y = f(x), element by element, activations included.
// To add one: write its formula, name it in UNARY_METHODS, declare it in tensor.h, and give it a
// row in tests/tensor/op_rows_elementwise.cpp.

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/elementwise.h"
#include "attune/tensor/internal/formula.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/unary.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/unary-inl.h"

#ifndef ATTUNE_UNARY_OPS
#define ATTUNE_UNARY_OPS
// method, formula, and what becomes of integers: kept, or computed as f32
#define UNARY_METHODS(X)              \
  X(neg, Neg, kKept)                  \
  X(abs, Abs, kKept)                  \
  X(sign, Sign, kKept)                \
  X(square, Square, kKept)            \
  X(floor, Floor, kKept)              \
  X(ceil, Ceil, kKept)                \
  X(round, Round, kKept)              \
  X(relu, Relu, kKept)                \
  X(sqrt, Sqrt, kAsFloat)             \
  X(rsqrt, Rsqrt, kAsFloat)           \
  X(reciprocal, Reciprocal, kAsFloat) \
  X(exp, Exp, kAsFloat)               \
  X(expm1, Expm1, kAsFloat)           \
  X(log, Log, kAsFloat)               \
  X(log1p, Log1p, kAsFloat)           \
  X(sin, Sin, kAsFloat)               \
  X(cos, Cos, kAsFloat)               \
  X(tanh, Tanh, kAsFloat)             \
  X(erf, Erf, kAsFloat)               \
  X(sigmoid, Sigmoid, kAsFloat)       \
  X(silu, Silu, kAsFloat)             \
  X(softplus, Softplus, kAsFloat)
#define UNARY_OPS(X)                 \
  X(leaky_relu, LeakyRelu, kAsFloat) \
  X(gelu_exact, GeluExact, kAsFloat) \
  X(gelu_tanh, GeluTanh, kAsFloat)   \
  UNARY_METHODS(X)

namespace attune {
enum class UnaryOp : uint8_t {
#define ENUMERATOR(method, F, integers) k##F,
  UNARY_OPS(ENUMERATOR)
#undef ENUMERATOR
};
}  // namespace attune
#endif

// ---- Formulas: value, and slope dy/dx given x and y. V is a Pack, or a Tensor (formula.h). ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

// clang-format off
struct Neg {
  template <class V> static V value(V x) { return -x; }
  template <class V> static V slope(const V& x, const V&) { return constant(x, -1.0); }
};
struct Abs {
  template <class V> static V value(V x) { return abs(x); }
  template <class V> static V slope(const V& x, const V&) { return sign(x); }
};
struct Step {  // flat between its steps: the gradient is 0 even where dy is infinite or NaN
  template <class V> static V slope(const V& x, const V&) { return constant(x, 0.0); }
  template <class V> static V gradient(const V& dy, const V&) { return constant(dy, 0.0); }
};
struct Sign : Step {
  template <class V> static V value(V x) { return sign(x); }
};
struct Square {
  template <class V> static V value(V x) { return x * x; }
  template <class V> static V slope(const V& x, const V&) { return x * 2.0; }
};
struct Floor : Step {
  template <class V> static V value(V x) { return floor(x); }
};
struct Ceil : Step {
  template <class V> static V value(V x) { return ceil(x); }
};
struct Round : Step {
  template <class V> static V value(V x) { return round(x); }
};
struct Relu {
  template <class V> static V value(V x) { return maximum(x, 0); }
  template <class V> static V slope(const V& x, const V&) { return 1.0 - nonpositive(x); }  // 1 at NaN
  template <class V> static V gradient(const V& dy, const V& x) { return past_zero(dy, x); }
};
struct Sqrt {
  template <class V> static V value(V x) { return sqrt(x); }
  template <class V> static V slope(const V&, const V& y) { return 0.5 / y; }
};
struct Rsqrt {
  template <class V> static V value(V x) { return 1.0 / sqrt(x); }
  template <class V> static V slope(const V&, const V& y) { return -0.5 * y * y * y; }
};
struct Reciprocal {
  template <class V> static V value(V x) { return 1.0 / x; }
  template <class V> static V slope(const V&, const V& y) { return -(y * y); }
};
struct Exp {
  template <class V> static V value(V x) { return exp(x); }
  template <class V> static V slope(const V&, const V& y) { return y; }
};
struct Expm1 {
  template <class V> static V value(V x) { return expm1(x); }
  template <class V> static V slope(const V&, const V& y) { return y + 1.0; }
};
struct Log {
  template <class V> static V value(V x) { return log(x); }
  template <class V> static V slope(const V& x, const V&) { return 1.0 / x; }
};
struct Log1p {
  template <class V> static V value(V x) { return log1p(x); }
  template <class V> static V slope(const V& x, const V&) { return 1.0 / (x + 1.0); }
};
struct Sin {
  template <class V> static V value(V x) { return sin(x); }
  template <class V> static V slope(const V& x, const V&) { return cos(x); }
};
struct Cos {
  template <class V> static V value(V x) { return cos(x); }
  template <class V> static V slope(const V& x, const V&) { return -sin(x); }
};
struct Tanh {
  template <class V> static V value(V x) { return tanh(x); }
  template <class V> static V slope(const V&, const V& y) { return 1.0 - y * y; }
};
struct Erf {  // the constant is 2 / sqrt(pi)
  template <class V> static V value(V x) { return erf(x); }
  template <class V> static V slope(const V& x, const V&) { return 1.1283791670955126 * exp(-(x * x)); }
};
struct Sigmoid {  // y - y^2; 1 / (1 + exp(-x))
  template <class V> static V value(V x) { return sigmoid(x); }
  template <class V> static V slope(const V&, const V& y) { return y * (1.0 - y); }
};
struct Silu {
  template <class V> static V value(V x) { return x * sigmoid(x); }
  template <class V>
  static V slope(const V& x, const V&) {
    const V s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
  }
};
struct Softplus {  // max(x, 0) + log(1 + exp(-|x|)): never overflows
  template <class V> static V value(V x) { return maximum(x, 0) + log1p(exp_of_negative(-abs(x))); }
  template <class V> static V slope(const V& x, const V&) { return sigmoid(x); }
};
struct GeluExact {  // x times the normal distribution function
  template <class V> static V value(V x) { return x * normal_probability(x); }
  template <class V> static V slope(const V& x, const V&) { return normal_probability(x) + x * normal_density(x); }
};
struct GeluTanh {  // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  template <class V> static V value(V x) { return x * gelu_sigmoid(x); }
  template <class V>
  static V slope(const V& x, const V&) {
    const V s = gelu_sigmoid(x), near = within(x, 40.0);
    return s + x * s * (1.0 - s) * 1.5957691216057308 * (1.0 + 0.134145 * near * near);
  }
};
struct LeakyRelu {
  template <class V> static V value(V x, double p) { return maximum(x, 0) + p * minimum(x, 0); }
  template <class V> static V slope(const V& x, const V&, double p) { return positive(x) + p * (1.0 - positive(x)); }
};
// clang-format on

// ---- Kernels ----

template <class T>
void UnaryValues(UnaryOp op, const T* x, T* y, size_t n, double p) {
  switch (op) {
#define CASE(method, F, integers) \
  case UnaryOp::k##F: return Map<F>(x, y, n, p);
    UNARY_OPS(CASE)
#undef CASE
  }
}

template <class T>
void UnarySlopes(UnaryOp op, const T* x, const T* y, const T* dy, T* dx, size_t n, double p) {
  switch (op) {
#define CASE(method, F, integers) \
  case UnaryOp::k##F: return MapSlope<F>(x, y, dy, dx, n, p);
    UNARY_OPS(CASE)
#undef CASE
  }
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
  switch (op) {
#define CASE(method, F, integers) \
  case UnaryOp::k##F: return HWY_NAMESPACE::gradient_of<HWY_NAMESPACE::F>(dy, x, y, p);
    UNARY_OPS(CASE)
#undef CASE
  }
  return {};
}

Tensor unary_gradient(UnaryOp op, double p, const Tensor& x, const Tensor& y, Tensor dy) {
  if (recording()) return gradient_tensor(op, dy, x, y, p);
  dy = dense(dy);
  Tensor dx = sole_owner(dy) ? dy : make_like(dy);
  dispatch_floating("unary", x.dtype(), [&]<class T>() {
    parallel_for(x.numel(), 4, [&](int64_t begin, int64_t end) {
      unary_slopes<T>(op, elements<T>(x) + begin, elements<T>(y) + begin, elements<T>(dy) + begin,
                      elements<T>(dx) + begin, static_cast<size_t>(end - begin), p);
    });
  });
  return dx;
}

Tensor unary_floating(const char* name, UnaryOp op, const Tensor& input, double p) {
  const Tensor x = input.contiguous();
  Tensor y = make_like(x);
  dispatch_floating(name, x.dtype(), [&]<class T>() {
    parallel_for(x.numel(), 4, [&](int64_t begin, int64_t end) {
      unary_values<T>(op, elements<T>(x) + begin, elements<T>(y) + begin,
                      static_cast<size_t>(end - begin), p);
    });
  });
  if (tracks(x)) {
    record(name, y, {&x}, [op, p, x, y](Tensor dy, Gradients& grads) {
      grads.add(0, unary_gradient(op, p, x, y, std::move(dy)));
    });
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

#define FUNCTION(method, F, integers)                                       \
  Tensor method(const Tensor& x, double p = 0) {                            \
    return unary<HWY_NAMESPACE::F, integers>(#method, UnaryOp::k##F, x, p); \
  }
namespace by_name {
UNARY_OPS(FUNCTION)
}
#undef FUNCTION

}  // namespace

#define METHOD(method, F, integers) \
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
