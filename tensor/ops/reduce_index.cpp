// argmax, argmin: the position of the largest or smallest element, the first among equals. NaN
// counts as the largest and as the smallest, so it is never overlooked. No gradient.

#include "attune/tensor/internal/axes.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"

namespace attune {
namespace {

using namespace internal;

// Whether a is to replace b, which was found earlier.
template <bool kLargest, class T>
bool better(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (b != b) return false;
    if (a != a) return true;
  }
  return kLargest ? a > b : a < b;
}

// x [outer, n, inner] -> y [outer, inner]
template <bool kLargest, class T>
void find(const T* x, const Extents& extents, int64_t* y) {
  const int64_t outer = extents.outer, n = extents.n, inner = extents.inner;
  parallel_for(outer, n * inner, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const T* line = x + o * n * inner;
      int64_t* best = y + o * inner;
      if (inner == 1) {
        T top = line[0];
        *best = 0;
        for (int64_t i = 1; i < n; ++i) {
          if (better<kLargest>(line[i], top)) top = line[i], *best = i;
        }
        continue;
      }
      std::fill_n(best, inner, int64_t{0});
      for (int64_t i = 1; i < n; ++i) {
        for (int64_t j = 0; j < inner; ++j) {
          if (better<kLargest>(line[i * inner + j], line[best[j] * inner + j])) best[j] = i;
        }
      }
    }
  });
}

template <bool kLargest>
Tensor arg(const char* name, const Tensor& given, std::optional<int> axis, KeepDims keep) {
  require_defined(name, given);
  const Tensor x = into(given.detach(), types_of(name, Takes::any, given.dtype()).computed);
  const Reduced along = reduced_axes(name, x, axis ? Axes(*axis) : Axes());
  check<ValueError>(along.n > 0 || along.result(keep).numel() == 0,
                    "{}: has no value over the 0 elements of {}", name, x.shape());
  Tensor y = make(along.result(keep), DType::i64);
  if (y.numel() == 0) return y;
  const Lines lines = lines_along(x, along);
  dispatch(x.dtype(),
           [&]<class T>() { find<kLargest>(elements<T>(lines.x), lines, elements<int64_t>(y)); });
  return y;
}

}  // namespace

Tensor Tensor::argmax(std::optional<int> axis, KeepDims keep) const {
  return arg<true>("argmax", *this, axis, keep);
}

Tensor Tensor::argmin(std::optional<int> axis, KeepDims keep) const {
  return arg<false>("argmin", *this, axis, keep);
}

}  // namespace attune
