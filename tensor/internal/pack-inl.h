// Pack: one vector register of elements, with operators and the usual functions, so that a formula
// reads like mathematics. The same formula takes a Pack in a kernel, a plain integer in an integer
// loop, and a Tensor where a gradient is itself recorded (internal/formula.h).
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_PACK_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_PACK_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_PACK_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <limits>

#include "attune/tensor/internal/load-inl.h"
#include "hwy/contrib/math/math-inl.h"
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
  HWY_INLINE friend Pack sign(Pack x) {  // 0 of NaN
    return select(x > 0.0, Pack(1.0), select(x < 0.0, Pack(-1.0), Pack(0.0)));
  }
  HWY_INLINE friend Pack square(Pack x) { return x * x; }

  // Highway's functions, made right at the ends of their ranges.
  HWY_INLINE friend Pack exp(Pack x) {
    constexpr bool kSingle = sizeof(T) == 4;
    const Pack top = kSingle ? 88.72283935546875 : 709.782712893384;
    const Pack y = hn::Exp(Tag(), hn::Min(x.v, top.v));
    return select(is_nan(x), x, select(x > top, kInfinity, y));
  }
  HWY_INLINE friend Pack exp_of_negative(Pack x) {  // x <= 0: nothing to guard; not for NaN
    return hn::Exp(Tag(), x.v);
  }
  HWY_INLINE friend Pack expm1(Pack x) {
    constexpr bool kSingle = sizeof(T) == 4;
    const Pack top = kSingle ? 88.72283935546875 : 709.782712893384;
    const Pack y = hn::Expm1(Tag(), hn::Min(x.v, top.v));
    return select(is_nan(x), x, select(x > top, kInfinity, y));
  }
  HWY_INLINE friend Pack log(Pack x) { return ends_of_log(x, 0.0, hn::Log(Tag(), x.v)); }
  HWY_INLINE friend Pack log1p(Pack x) { return ends_of_log(x, -1.0, hn::Log1p(Tag(), x.v)); }
  HWY_INLINE friend Pack tanh(Pack x) { return select(is_nan(x), x, Pack(hn::Tanh(Tag(), x.v))); }
  HWY_INLINE friend Pack sin(Pack x) {
    const Pack y = hn::Sin(Tag(), x.v);
    return within_range(x) ? y : lane_by_lane(x, [](T e) { return std::sin(e); });
  }
  HWY_INLINE friend Pack cos(Pack x) {
    const Pack y = hn::Cos(Tag(), x.v);
    return within_range(x) ? y : lane_by_lane(x, [](T e) { return std::cos(e); });
  }
  HWY_INLINE friend Pack pow(Pack a, Pack b) {
    HWY_ALIGN T from[hn::MaxLanes(Tag())];
    HWY_ALIGN T to[hn::MaxLanes(Tag())];
    hn::Store(a.v, Tag(), from);
    hn::Store(b.v, Tag(), to);
    for (size_t i = 0; i < hn::Lanes(Tag()); ++i) to[i] = std::pow(from[i], to[i]);
    return hn::Load(Tag(), to);
  }
  HWY_INLINE friend Pack sigmoid(Pack x) {  // exp only of what is negative: never overflows
    const Pack e = exp_of_negative(-abs(x));
    return select(is_nan(x), x, select(x < 0.0, e, Pack(1.0)) / (1.0 + e));
  }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  // log(x) or log1p(x), y away from the ends: -inf at the pole, NaN below it.
  HWY_INLINE static Pack ends_of_log(Pack x, double pole, Pack y) {
    y = select(x == Pack(pole), -kInfinity, y);
    y = select(x < Pack(pole), std::numeric_limits<double>::quiet_NaN(), y);
    return select(is_nan(x) || x == Pack(kInfinity), x, y);
  }
  // Whether Highway's argument reduction for sin and cos is exact enough for all lanes.
  HWY_INLINE static bool within_range(Pack x) {
    return hn::AllTrue(Tag(), hn::Le(hn::Abs(x.v), hn::Set(Tag(), static_cast<T>(39000))));
  }
  template <class F>
  HWY_NOINLINE static Pack lane_by_lane(Pack x, F f) {
    HWY_ALIGN T lanes[hn::MaxLanes(Tag())];
    hn::Store(x.v, Tag(), lanes);
    for (size_t i = 0; i < hn::Lanes(Tag()); ++i) lanes[i] = f(lanes[i]);
    return hn::Load(Tag(), lanes);
  }
};

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
// The first n lanes; the others read as 0 and are not touched.
template <class T>
HWY_INLINE Pack<T> load_first(size_t n, const T* p) {
  return load_first(hn::ScalableTag<T>(), n, p);
}
template <class T>
HWY_INLINE void store_first(size_t n, Pack<T> x, T* p) {
  const hn::ScalableTag<T> d;
  hn::BlendedStore(x.v, hn::FirstN(d, n), d, p);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
