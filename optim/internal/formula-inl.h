// The loop around an optimizer's formula: whole vectors and a tail, f32 and f64, weight decay of
// either kind, and the flushing of denormal state. A formula is a template over the pack; it begins
// with the part it moves and whatever else it is made from:
//
//   template <class V>
//   struct Momentum {
//     const Part& part;
//     const SGDOptions& o;
//     V momentum = o.momentum, rate = -part.learning_rate;
//     HWY_INLINE V operator()(V p, V g, Slot<V>& velocity) const {  // returns the new p
//       velocity = multiply_add(momentum, velocity, g);
//       return multiply_add(rate, velocity, p);
//     }
//   };
//
// move_by<Momentum, 1>(part, options) applies it, here with one slot of state.
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_OPTIM_INTERNAL_FORMULA_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_OPTIM_INTERNAL_FORMULA_INL_H_
#undef ATTUNE_OPTIM_INTERNAL_FORMULA_INL_H_
#else
#define ATTUNE_OPTIM_INTERNAL_FORMULA_INL_H_
#endif

#include <utility>

#include "attune/optim/internal/part.h"
#include "attune/tensor/internal/pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::optim::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using attune::HWY_NAMESPACE::Pack;

// One slot of state, in a register. What is assigned becomes 0 where it is below 1e-30 (f64:
// 1e-300) in magnitude, so that fading state never becomes denormal, which would make it 80 times
// as slow. NaN stays NaN.
template <class V>
struct Slot;
template <class T>
struct Slot<Pack<T>> : Pack<T> {
  HWY_INLINE Slot(Pack<T> x) : Pack<T>(x) {}  // NOLINT
  HWY_INLINE Slot& operator=(Pack<T> x) {
    const hn::ScalableTag<T> d;
    const auto tiny = hn::Set(d, static_cast<T>(sizeof(T) == 4 ? 1e-30 : 1e-300));
    this->v = hn::IfThenZeroElse(hn::Lt(hn::Abs(x.v), tiny), x.v);
    return *this;
  }
};

template <bool kWhole, class T>
HWY_INLINE Pack<T> Get(const T* p, size_t n) {
  if constexpr (kWhole) return attune::HWY_NAMESPACE::load(p);
  return attune::HWY_NAMESPACE::load_some(n, p);
}
template <bool kWhole, class T>
HWY_INLINE void Put(Pack<T> x, T* p, size_t n) {
  if constexpr (kWhole) {
    attune::HWY_NAMESPACE::store(x, p);
  } else {
    attune::HWY_NAMESPACE::store_some(n, x, p);
  }
}

// Moves one vector, or its first n elements. The pointers are not "restrict": large blocks lie at
// equal places of their pages, where a load right behind a store to another array waits for it, so
// all loads have to stay in front of the stores.
template <bool kWhole, bool kDecay, class T, class Formula, class... Slots>
HWY_INLINE void MoveVector(const Formula& formula, Pack<T> decay, Pack<T> shrink, size_t n, T* p,
                           const T* g, Slots... slots) {
  Pack<T> x = Get<kWhole>(p, n), dx = Get<kWhole>(g, n);
  const auto move = [&](auto... state) HWY_ATTR {
    if constexpr (kDecay) {
      dx = multiply_add(decay, x, dx);
      x = x * shrink;
    }
    x = formula(x, dx, state...);
    (Put<kWhole, T>(state, slots, n), ...);
  };
  move(Slot<Pack<T>>(Get<kWhole>(slots, n))...);
  Put<kWhole>(x, p, n);
}

// kDecay: weight decay of either kind; without, its two instructions are left out.
template <bool kDecay, class T, class Formula, size_t... k>
void MovePart(const Part& part, const Formula& formula, std::index_sequence<k...>) {
  T* const p = static_cast<T*>(part.parameter);
  const T* const g = static_cast<const T*>(part.gradient);
  [[maybe_unused]] const std::array<T*, sizeof...(k)> state{static_cast<T*>(part.state[k])...};
  const Pack<T> decay = part.decay, shrink = part.shrink;
  const size_t width = attune::HWY_NAMESPACE::lanes<T>(), end = part.end;
  size_t i = part.begin;
  for (; i + width <= end; i += width) {
    MoveVector<true, kDecay, T>(formula, decay, shrink, width, p + i, g + i, state[k] + i...);
  }
  if (i < end) {
    MoveVector<false, kDecay, T>(formula, decay, shrink, end - i, p + i, g + i, state[k] + i...);
  }
}

// Moves all elements of the part by Formula<Pack<T>>{part, settings...}.
template <template <class> class Formula, size_t kSlots, class... Settings>
void move_by(const Part& part, const Settings&... settings) {
  static_assert(kSlots <= kMaxSlots);
  const auto run = [&]<class T>(T) HWY_ATTR {
    const Formula<Pack<T>> formula{part, settings...};
    constexpr std::make_index_sequence<kSlots> kAll;
    const bool plain = part.decay == 0 && part.shrink == 1;
    plain ? MovePart<false, T>(part, formula, kAll) : MovePart<true, T>(part, formula, kAll);
  };
  part.dtype == DType::f32 ? run(float{}) : run(double{});
}

}  // namespace
}  // namespace attune::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
