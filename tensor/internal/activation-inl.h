// The formulas of the activations, for unary.cpp: value, and slope dy/dx given x and y, or gradient
// where dy must not be multiplied by 0. x is a Pack, or a Tensor (formula.h); p is the parameter of
// those that have one. At points without a derivative the slopes are PyTorch's.
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_ACTIVATION_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_ACTIVATION_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_ACTIVATION_INL_H_
#endif

#include "attune/tensor/internal/erf-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

template <class T>
HWY_INLINE Pack<T> softplus(Pack<T> x) {  // log(1 + exp(x)), which never overflows
  return maximum(x, 0) + log1p(exp_of_negative(-abs(x)));
}

struct Relu {
  static auto value(auto x) { return maximum(x, 0); }
  static auto slope(const auto& x, const auto&) { return 1.0 - nonpositive(x); }  // 1 at NaN
  static auto gradient(const auto& dy, const auto& x) { return past_zero(dy, x); }
};
struct Relu6 {
  static auto value(auto x) { return minimum(maximum(x, 0), 6); }
  static auto gradient(const auto& dy, const auto& x) { return between(dy, x, 0.0, 6.0); }
};
struct Relu2 {  // So et al., "Primer" (2021)
  static auto value(auto x) { return maximum(x, 0) * maximum(x, 0); }
  static auto slope(const auto& x, const auto&) { return 2.0 * maximum(x, 0.0); }
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
struct Softplus {
  static auto value(auto x) { return softplus(x); }
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
struct Elu {  // p is alpha
  static auto value(auto x, double p) { return maximum(x, 0) + p * expm1(minimum(x, 0)); }
  static auto slope(const auto& x, const auto&, double p) {
    return select(above(nonpositive(x), 0.0), p * exp(minimum(x, 0.0)), constant(x, 1.0));
  }
};
struct Celu {
  static auto value(auto x, double p) { return maximum(x, 0) + p * expm1(minimum(x, 0) / p); }
  static auto slope(const auto& x, const auto&, double p) {
    return select(above(nonpositive(x), 0.0), exp(minimum(x, 0.0) / p), constant(x, 1.0));
  }
};
struct Selu {
  static auto value(auto x) {
    return kScale * maximum(x, 0) + kScale * kAlpha * expm1(minimum(x, 0));
  }
  static auto slope(const auto& x, const auto&) {
    return select(above(nonpositive(x), 0.0), kScale * kAlpha * exp(minimum(x, 0.0)),
                  constant(x, kScale));
  }
  static constexpr double kAlpha = 1.6732632423543772, kScale = 1.0507009873554805;
};
struct QuickGelu {  // an approximation of gelu
  static auto value(auto x) { return x * sigmoid(1.702 * x); }
  static auto slope(const auto& x, const auto&) {
    const auto s = sigmoid(1.702 * x);
    return s * (1.0 + 1.702 * x * (1.0 - s));
  }
};
struct HardSigmoid {
  static auto value(auto x) { return minimum(maximum(x + 3.0, 0), 6) / 6.0; }
  static auto gradient(const auto& dy, const auto& x) { return inside(dy, x, -3.0, 3.0) / 6.0; }
};
struct HardSilu {
  static auto value(auto x) { return x * minimum(maximum(x + 3.0, 0), 6) / 6.0; }
  static auto slope(const auto& x, const auto&) {
    const auto middle = select(above(nonpositive(3.0 - x), 0.0), constant(x, 1.0), x / 3.0 + 0.5);
    return select(above(nonpositive(x + 3.0), 0.0), constant(x, 0.0), middle);
  }
};
struct LogSigmoid {
  static auto value(auto x) { return minimum(x, 0) - log1p(exp_of_negative(-abs(x))); }
  static auto slope(const auto& x, const auto&) { return sigmoid(-x); }
};
struct Softsign {
  static auto value(auto x) { return x / (1.0 + abs(x)); }
  static auto slope(const auto& x, const auto&) { return square(1.0 / (1.0 + abs(x))); }
};
struct Mish {  // x tanh(softplus(x))
  static auto value(auto x) { return x * tanh(softplus(x)); }
  static auto slope(const auto& x, const auto&) {
    const auto t = tanh(softplus(x));
    return t + x * sigmoid(x) * (1.0 - t * t);
  }
};
struct TanhShrink {
  static auto value(auto x) { return x - tanh(x); }
  static auto slope(const auto& x, const auto&) { return square(tanh(x)); }
};

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
