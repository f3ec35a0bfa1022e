#pragma once
// ATTUNE_KERNEL: calling a kernel that is compiled once per instruction set (docs/simd.md).
//
//   template <class T> void SoftmaxRows(const T* x, T* y, size_t rows, size_t n);  // per target
//   #if HWY_ONCE
//   ATTUNE_KERNEL(softmax_rows, SoftmaxRows)  // in the anonymous namespace of the op
//   softmax_rows<T>(x, y, rows, n);           // the one for this processor; T is float or double
//
// Highway 1.0.3's own HWY_EXPORT takes functions, not templates: it needs a wrapper for each type.

#include <array>
#include <cstddef>

#include "hwy/targets.h"

namespace attune::internal {

// Calls the entry for this processor in a table of one function per target.
template <class Function>
struct Dispatched;
template <class Result, class... Args>
struct Dispatched<Result (*)(Args...)> {
  using Function = Result (*)(Args...);
  std::array<Function, HWY_MAX_DYNAMIC_TARGETS + 2> table;  // [0]: no target is chosen yet

  Result operator()(Args... args) const {
    hwy::ChosenTarget& chosen = hwy::GetChosenTarget();
    size_t target = chosen.GetIndex();
    if (target == 0) [[unlikely]] {
      chosen.Update(hwy::SupportedTargets());
      target = chosen.GetIndex();
    }
    return table[target](args...);
  }
};

}  // namespace attune::internal

// A build for one target (ATTUNE_SIMD=scalar) has nothing to choose.
#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0
#define ATTUNE_KERNEL(name, Kernel) \
  template <class T>                \
  inline constexpr auto name = &HWY_STATIC_DISPATCH(Kernel<T>);
#else
#define ATTUNE_KERNEL(name, Kernel)                                                              \
  template <class T>                                                                             \
  inline constexpr attune::internal::Dispatched<decltype(&HWY_STATIC_DISPATCH(Kernel<T>))> name{ \
      {nullptr, HWY_CHOOSE_TARGET_LIST(Kernel<T>), HWY_CHOOSE_FALLBACK(Kernel<T>)}};
#endif
