// Kernels y = f(x) and dx = dy f'(x) over contiguous elements, for any family of formulas.
// Compiled once per instruction set (docs/simd.md).
//
// A formula is a struct with
//   template <class V> static V value(V x)           // or value(V x, double p) with a parameter
//   template <class V> static V slope(V x, V y)      // dy/dx, given x and y = value(x)
// and, if dx is not dy times the slope where dy is infinite,
//   template <class V> static V gradient(V dy, V x)

#if defined(ATTUNE_TENSOR_INTERNAL_UNARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_UNARY_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_UNARY_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_UNARY_INL_H_
#endif

#include "attune/tensor/internal/erf-inl.h"
#include "attune/tensor/internal/math-inl.h"
#include "attune/tensor/internal/pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

template <class F, class V>
HWY_INLINE V value_of(V x, double p) {
  if constexpr (requires { F::value(x, p); }) {
    return F::value(x, p);
  } else {
    return F::value(x);
  }
}

template <class F, class V>
HWY_INLINE V slope_of(const V& x, const V& y, double p) {
  if constexpr (requires { F::slope(x, y, p); }) {
    return F::slope(x, y, p);
  } else {
    return F::slope(x, y);
  }
}

template <class F, class V>
HWY_INLINE V gradient_of(const V& dy, const V& x, const V& y, double p) {
  if constexpr (requires { F::gradient(dy, x); }) {
    return F::gradient(dy, x);
  } else {
    return dy * slope_of<F>(x, y, p);
  }
}

// dy, but 0 where x <= 0
template <class T>
HWY_INLINE Pack<T> past_zero(const Pack<T>& dy, const Pack<T>& x) {
  return select(x <= 0.0, Pack<T>(0.0), dy);
}

template <class F, class T>
void Map(const T* HWY_RESTRICT x, T* HWY_RESTRICT y, size_t size, double p) {
  const size_t step = lanes<T>();
  size_t i = 0;
  for (; i + step <= size; i += step) store(value_of<F>(load(x + i), p), y + i);
  if (i < size) store_first(size - i, value_of<F>(load_first(size - i, x + i), p), y + i);
}

template <class F, class T>
void MapSlope(const T* HWY_RESTRICT x, const T* HWY_RESTRICT y, const T* dy, T* dx, size_t size,
              double p) {
  const size_t step = lanes<T>();
  size_t i = 0;
  for (; i + step <= size; i += step) {
    store(gradient_of<F>(load(dy + i), load(x + i), load(y + i), p), dx + i);
  }
  if (i < size) {
    const size_t n = size - i;
    store_first(
        n, gradient_of<F>(load_first(n, dy + i), load_first(n, x + i), load_first(n, y + i), p),
        dx + i);
  }
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
