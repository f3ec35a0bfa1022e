#pragma once
// What a formula is made of besides the vectors of pack-inl.h: the same functions for tensors,
// which gradients of gradients are made of, and for integers.

#include <concepts>
#include <cstdint>

#include "attune/tensor/tensor.h"

namespace attune {

// ---- Tensors ----

// value, in the type and shape of x
inline Tensor constant(const Tensor& x, double value) {
  return Tensor::full(x.shape(), value, x.dtype());
}
inline Tensor exp(const Tensor& x) { return x.exp(); }
inline Tensor sqrt(const Tensor& x) { return x.sqrt(); }
inline Tensor sin(const Tensor& x) { return x.sin(); }
inline Tensor cos(const Tensor& x) { return x.cos(); }
inline Tensor tanh(const Tensor& x) { return x.tanh(); }
inline Tensor sinh(const Tensor& x) { return x.sinh(); }
inline Tensor cosh(const Tensor& x) { return x.cosh(); }
inline Tensor abs(const Tensor& x) { return x.abs(); }
inline Tensor softplus(const Tensor& x) { return x.softplus(); }
inline Tensor maximum(const Tensor& x, double other) { return x.maximum(other); }
inline Tensor minimum(const Tensor& x, double other) { return x.minimum(other); }
inline Tensor erf(const Tensor& x) { return x.erf(); }
inline Tensor normal_density(const Tensor& x) {
  return 0.3989422804014327 * (-0.5 * x.square()).exp();
}
inline Tensor normal_probability(const Tensor& x) {
  return 0.5 + 0.5 * (0.7071067811865476 * x).erf();
}
inline Tensor gelu_sigmoid(const Tensor& x) {
  return (1.5957691216057308 * x * (1 + 0.044715 * x.square())).sigmoid();
}
inline Tensor within(const Tensor& x, double limit) { return x.clamp(-limit, limit); }
inline Tensor sigmoid(const Tensor& x) { return x.sigmoid(); }
inline Tensor sign(const Tensor& x) { return x.sign(); }
inline Tensor square(const Tensor& x) { return x.square(); }
// 1 where x > 0, else 0
inline Tensor positive(const Tensor& x) { return x.gt(0).cast(x.dtype()); }
// 1 where x <= 0, else 0
inline Tensor nonpositive(const Tensor& x) { return x.le(0).cast(x.dtype()); }
// dy, but 0 where x <= 0
inline Tensor past_zero(const Tensor& dy, const Tensor& x) { return dy.masked_fill(x.le(0), 0); }
inline Tensor above(const Tensor& x, double limit) { return x.gt(limit); }
inline Tensor select(const Tensor& mask, const Tensor& a, const Tensor& b) {
  return where(mask, a, b);
}
// dy where low < x < high, else 0
inline Tensor inside(const Tensor& dy, const Tensor& x, double low, double high) {
  return where(x.gt(low).logical_and(x.lt(high)), dy, Tensor::zeros({}, dy.dtype()));
}
// dy, but 0 where x <= low or x >= high
inline Tensor between(const Tensor& dy, const Tensor& x, double low, double high) {
  return dy.masked_fill(x.le(low).logical_or(x.ge(high)), 0);
}

// ---- Integers ----

// An integer whose arithmetic wraps around where it overflows, which is undefined for a plain one.
template <std::integral T>
struct Whole {
  T v;
  Whole(T value) : v(value) {}  // NOLINT(google-explicit-constructor): formulas have literals

  friend Whole operator+(Whole a, Whole b) { return wrapped(word(a) + word(b)); }
  friend Whole operator-(Whole a, Whole b) { return wrapped(word(a) - word(b)); }
  friend Whole operator*(Whole a, Whole b) { return wrapped(word(a) * word(b)); }
  friend Whole operator-(Whole a) { return wrapped(0 - word(a)); }
  friend Whole abs(Whole a) { return a.v < 0 ? -a : a; }
  friend Whole sign(Whole a) { return static_cast<T>((a.v > 0) - (a.v < 0)); }
  friend Whole floor(Whole a) { return a; }
  friend Whole ceil(Whole a) { return a; }
  friend Whole round(Whole a) { return a; }
  friend Whole trunc(Whole a) { return a; }
  friend Whole maximum(Whole a, Whole b) { return a.v > b.v ? a : b; }
  friend Whole minimum(Whole a, Whole b) { return a.v < b.v ? a : b; }
  // What a division rounded down leaves, which has the sign of b; of b = 0 it is 0.
  friend Whole remainder(Whole a, Whole b) {
    if (b.v == 0 || b.v == T(-1)) return 0;
    const auto rest = static_cast<T>(a.v % b.v);
    return rest != 0 && (rest < 0) != (b.v < 0) ? Whole(rest) + b : Whole(rest);
  }
  // A negative exponent: 1 / a^-b without its fraction, and 0 where a is 0.
  friend Whole pow(Whole a, Whole b) {
    if (b.v < 0) return a.v == 1 || (a.v == T(-1) && b.v % 2 == 0) ? 1 : a.v == T(-1) ? -1 : 0;
    uint64_t y = 1, base = word(a);
    for (T e = b.v; e > 0; e = static_cast<T>(e / 2), base *= base) {
      if (e % 2 == 1) y *= base;
    }
    return wrapped(y);
  }

 private:
  static uint64_t word(Whole a) { return static_cast<uint64_t>(a.v); }
  static Whole wrapped(uint64_t word) { return static_cast<T>(word); }
};

}  // namespace attune
