// load_first and store_first: the first few lanes of a vector, with nothing read or written beyond
// them on any target. Highway 1.0.3's own MaskedLoad and BlendedStore do not promise that: without
// masked instructions (SSE4, NEON) MaskedLoad reads the whole vector, from an aligned address, and
// on NEON BlendedStore reads and writes back the whole vector, over what another thread has stored
// meanwhile.
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_BASE_INTERNAL_LOAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_BASE_INTERNAL_LOAD_INL_H_
#undef ATTUNE_BASE_INTERNAL_LOAD_INL_H_
#else
#define ATTUNE_BASE_INTERNAL_LOAD_INL_H_
#endif

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// p[0] … p[n - 1], or all lanes if there are fewer; the other lanes are 0.
template <class D>
HWY_INLINE hn::Vec<D> load_first(D d, size_t n, const hn::TFromD<D>* p) {
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || HWY_HAVE_SCALABLE
  return hn::MaskedLoad(hn::FirstN(d, n), d, p);
#else
  if (n >= hn::Lanes(d)) return hn::LoadU(d, p);
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())] = {};
  for (size_t i = 0; i < n; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
#endif
}

// p[i] in the lanes [begin, end), 0 in the others.
template <class D>
HWY_INLINE hn::Vec<D> load_between(D d, size_t begin, size_t end, const hn::TFromD<D>* p) {
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2) || HWY_HAVE_SCALABLE
  return hn::MaskedLoad(hn::AndNot(hn::FirstN(d, begin), hn::FirstN(d, end)), d, p);
#else
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())] = {};
  for (size_t i = begin; i < end; ++i) lanes[i] = p[i];
  return hn::Load(d, lanes);
#endif
}

#if HWY_TARGET != HWY_SCALAR
// n is less than the number of lanes.
template <class D>
HWY_INLINE void store_fewer(D d, size_t n, hn::Vec<D> v, hn::TFromD<D>* p) {
  constexpr size_t kHalf = hn::MaxLanes(D()) / 2;
  if constexpr (kHalf == 1) {
    if (n == 1) *p = hn::GetLane(v);
  } else if constexpr (kHalf > 1) {
    const hn::Half<D> half;
    if (n < kHalf) return store_fewer(half, n, hn::LowerHalf(half, v), p);
    hn::StoreU(hn::LowerHalf(half, v), half, p);
    store_fewer(half, n - kHalf, hn::UpperHalf(half, v), p + kHalf);
  }
  static_cast<void>(d);
}
#endif

// Stores the first n lanes of v, or all of them if there are fewer, to p[0] … p[n - 1]. AVX2 has
// masked stores, too, but AMD's processors take tens of cycles for one.
template <class D>
HWY_INLINE void store_first(D d, size_t n, hn::Vec<D> v, hn::TFromD<D>* p) {
#if (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3) || HWY_HAVE_SCALABLE
  hn::BlendedStore(v, hn::FirstN(d, n), d, p);
#else
  if (n >= hn::Lanes(d)) return hn::StoreU(v, d, p);
#if HWY_TARGET != HWY_SCALAR
  store_fewer(d, n, v, p);
#endif
#endif
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
