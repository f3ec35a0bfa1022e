// What kernels that work along contiguous rows share: a loop over whole vectors and a rest, and the
// shifted sum of exponentials of softmax, logsumexp and cross_entropy.
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_ROWS_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_ROWS_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_ROWS_INL_H_
#endif

#include <limits>

#include "attune/tensor/internal/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// Calls body(i, n) for each vector of n lanes that starts at element i; only the last may be short.
template <class T, class Body>
HWY_INLINE void each_pack(size_t size, Body&& body) {
  const size_t step = lanes<T>();
  size_t i = 0;
  for (; i + step <= size; i += step) body(i, step);
  if (i < size) body(i, size - i);
}

// The first n lanes of x, and `otherwise` in the rest.
template <class T>
HWY_INLINE Pack<T> first_or(size_t n, Pack<T> x, Pack<T> otherwise) {
  if (n == lanes<T>()) return x;
  return hn::IfThenElse(hn::FirstN(hn::ScalableTag<T>(), n), x.v, otherwise.v);
}

// n lanes from memory, where n may be all of them; the other lanes are 0.
template <class T>
HWY_INLINE Pack<T> load_some(size_t n, const T* x) {
  return n == lanes<T>() ? load(x) : load_first(n, x);
}
template <class T>
HWY_INLINE void store_some(size_t n, Pack<T> x, T* y) {
  n == lanes<T>() ? store(x, y) : store_first(n, x, y);
}

template <class T>
HWY_INLINE T sum_of_lanes(Pack<T> x) {
  const hn::ScalableTag<T> d;
  return hn::GetLane(hn::SumOfLanes(d, x.v));
}

// The largest element. In a row that has a NaN, any element: the sum of exp will be NaN.
template <class T>
HWY_INLINE T row_max(const T* x, size_t size) {
  const hn::ScalableTag<T> d;
  const Pack<T> lowest = -std::numeric_limits<double>::infinity();
  auto top = lowest.v;
  each_pack<T>(size, [&](size_t i, size_t n) HWY_ATTR {
    top = hn::Max(first_or(n, load_some(n, x + i), lowest).v, top);
  });
  return hn::GetLane(hn::MaxOfLanes(d, top));
}

// The sum of exp(x - shift), where shift is the largest element. Stores the terms in y unless y is
// null.
template <class T>
HWY_INLINE T sum_of_exp(const T* x, T shift, T* y, size_t size) {
  const Pack<T> by(hn::Set(hn::ScalableTag<T>(), shift));
  Pack<T> sum;
  each_pack<T>(size, [&](size_t i, size_t n) HWY_ATTR {
    const Pack<T> below = load_some(n, x + i) - by;  // at most 0, or NaN
    const Pack<T> e = select(is_nan(below), below, exp_of_negative(below));
    if (y != nullptr) store_some(n, e, y + i);
    sum = sum + first_or(n, e, Pack<T>());
  });
  return sum_of_lanes(sum);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
