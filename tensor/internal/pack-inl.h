// Pack: one vector register of elements, with operators and the usual functions (math-inl.h has
// exp and its like), so that a formula reads like mathematics. The same formula takes a Pack in a
// kernel, a Whole in an integer loop, and a Tensor where a gradient is itself recorded (formula.h).
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_PACK_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_PACK_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_PACK_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "attune/base/internal/load-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct Mask {
  hn::Mask<hn::ScalableTag<T>> m;
  HWY_INLINE friend Mask operator&&(Mask a, Mask b) { return {hn::And(a.m, b.m)}; }
  HWY_INLINE friend Mask operator||(Mask a, Mask b) { return {hn::Or(a.m, b.m)}; }
};

template <class T>
struct Pack {
  using Tag = hn::ScalableTag<T>;
  using Vec = hn::Vec<Tag>;
  Vec v;

  HWY_INLINE Pack() : v(hn::Zero(Tag())) {}
  HWY_INLINE Pack(Vec vec) : v(vec) {}                                 // NOLINT
  HWY_INLINE Pack(double x) : v(hn::Set(Tag(), static_cast<T>(x))) {}  // NOLINT

  HWY_INLINE friend Pack operator+(Pack a, Pack b) { return hn::Add(a.v, b.v); }
  HWY_INLINE friend Pack operator-(Pack a, Pack b) { return hn::Sub(a.v, b.v); }
  HWY_INLINE friend Pack operator*(Pack a, Pack b) { return hn::Mul(a.v, b.v); }
  HWY_INLINE friend Pack operator/(Pack a, Pack b) { return hn::Div(a.v, b.v); }
  HWY_INLINE friend Pack operator-(Pack a) { return hn::Neg(a.v); }
  HWY_INLINE friend Mask<T> operator<(Pack a, Pack b) { return {hn::Lt(a.v, b.v)}; }
  HWY_INLINE friend Mask<T> operator<=(Pack a, Pack b) { return {hn::Le(a.v, b.v)}; }
  HWY_INLINE friend Mask<T> operator>(Pack a, Pack b) { return {hn::Gt(a.v, b.v)}; }
  HWY_INLINE friend Mask<T> operator>=(Pack a, Pack b) { return {hn::Ge(a.v, b.v)}; }
  HWY_INLINE friend Mask<T> operator==(Pack a, Pack b) { return {hn::Eq(a.v, b.v)}; }

  // a where the mask is set, else b.
  HWY_INLINE friend Pack select(Mask<T> mask, Pack a, Pack b) {
    return hn::IfThenElse(mask.m, a.v, b.v);
  }
  HWY_INLINE friend Pack multiply_add(Pack a, Pack b, Pack c) {  // a b + c, rounded once
    return hn::MulAdd(a.v, b.v, c.v);
  }
  HWY_INLINE friend Mask<T> is_nan(Pack x) { return {hn::IsNaN(x.v)}; }
  HWY_INLINE friend Pack abs(Pack x) { return hn::Abs(x.v); }
  HWY_INLINE friend Pack sqrt(Pack x) { return hn::Sqrt(x.v); }
  HWY_INLINE friend Pack floor(Pack x) { return hn::Floor(x.v); }
  HWY_INLINE friend Pack ceil(Pack x) { return hn::Ceil(x.v); }
  HWY_INLINE friend Pack trunc(Pack x) { return hn::Trunc(x.v); }
  HWY_INLINE friend Pack round(Pack x) { return hn::Round(x.v); }  // halves to even
  HWY_INLINE friend Pack copy_sign(Pack magnitude, Pack sign) {
    return hn::CopySign(magnitude.v, sign.v);
  }
  HWY_INLINE friend Pack maximum(Pack a, Pack b) {  // NaN if either is
    return select(is_nan(a), a, select(is_nan(b), b, Pack(hn::Max(a.v, b.v))));
  }
  HWY_INLINE friend Pack minimum(Pack a, Pack b) {
    return select(is_nan(a), a, select(is_nan(b), b, Pack(hn::Min(a.v, b.v))));
  }
  HWY_INLINE friend Pack constant(Pack, double value) { return value; }
  HWY_INLINE friend Pack positive(Pack x) { return select(x > 0.0, Pack(1.0), Pack(0.0)); }
  HWY_INLINE friend Pack nonpositive(Pack x) { return select(x <= 0.0, Pack(1.0), Pack(0.0)); }
  HWY_INLINE friend Pack past_zero(Pack dy, Pack x) { return select(x <= 0.0, Pack(0.0), dy); }
  HWY_INLINE friend Mask<T> above(Pack x, double limit) { return x > Pack(limit); }
  // dy where low < x < high, else 0
  HWY_INLINE friend Pack inside(Pack dy, Pack x, double low, double high) {
    return select(x > Pack(low) && x < Pack(high), dy, Pack(0.0));
  }
  // dy, but 0 where x <= low or x >= high
  HWY_INLINE friend Pack between(Pack dy, Pack x, double low, double high) {
    return select(x <= Pack(low) || x >= Pack(high), Pack(0.0), dy);
  }
  HWY_INLINE friend Pack sign(Pack x) {  // 0 of NaN
    return select(x > 0.0, Pack(1.0), select(x < 0.0, Pack(-1.0), Pack(0.0)));
  }
  HWY_INLINE friend Pack square(Pack x) { return x * x; }
  HWY_INLINE friend Pack within(Pack x, double limit) {  // anything of NaN
    return hn::Min(hn::Max(x.v, Pack(-limit).v), Pack(limit).v);
  }
};

// ---- Kernels along contiguous elements: a loop over whole vectors and a rest ----

template <class T>
HWY_INLINE size_t lanes() {
  return hn::Lanes(hn::ScalableTag<T>());
}
template <class T>
HWY_INLINE Pack<T> load(const T* p) {
  return hn::LoadU(hn::ScalableTag<T>(), p);
}
template <class T>
HWY_INLINE void store(Pack<T> x, T* p) {
  hn::StoreU(x.v, hn::ScalableTag<T>(), p);
}
// n lanes, where n may be all of them; the others read as 0 and are not touched.
template <class D>
HWY_INLINE hn::Vec<D> load_some(D d, size_t n, const hn::TFromD<D>* p) {
  return n == hn::Lanes(d) ? hn::LoadU(d, p) : load_first(d, n, p);
}
template <class T>
HWY_INLINE Pack<T> load_some(size_t n, const T* p) {
  return load_some(hn::ScalableTag<T>(), n, p);
}
template <class T>
HWY_INLINE void store_some(size_t n, Pack<T> x, T* p) {
  n == lanes<T>() ? store(x, p) : store_first(hn::ScalableTag<T>(), n, x.v, p);
}

// The first n lanes of x, and `otherwise` in the rest.
template <class T>
HWY_INLINE Pack<T> first_or(size_t n, Pack<T> x, Pack<T> otherwise) {
  if (n == lanes<T>()) return x;
  return hn::IfThenElse(hn::FirstN(hn::ScalableTag<T>(), n), x.v, otherwise.v);
}

template <class T>
HWY_INLINE T sum_of_lanes(Pack<T> x) {
  const hn::ScalableTag<T> d;
  return hn::GetLane(hn::SumOfLanes(d, x.v));
}

// Calls body(i, n) for each vector of n lanes that starts at element i; only the last may be short.
template <class T, class Body>
HWY_INLINE void each_pack(int64_t size, Body&& body) {
  const auto step = static_cast<int64_t>(lanes<T>());
  int64_t i = 0;
  for (; i + step <= size; i += step) body(i, lanes<T>());
  if (i < size) body(i, static_cast<size_t>(size - i));
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
