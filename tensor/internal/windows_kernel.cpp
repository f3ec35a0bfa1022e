#include "attune/tensor/internal/windows_kernel.h"

#include "attune/tensor/internal/windows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/internal/windows_kernel.cpp"  // once per CPU: docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

using internal::Rectangle, internal::Windows;

template <class T>
void CopyRectangle(const Rectangle& r, const T* HWY_RESTRICT from, T* HWY_RESTRICT to) {
  for (int64_t i = 0; i < r.rows; ++i, from += r.from_step, to += r.to_step) {
    each_pack<T>(r.width, [&](int64_t j, size_t n)
                              HWY_ATTR { store_some(n, load_some(n, from + j), to + j); });
  }
}

// Each row of the image is summed in registers over all windows that see it: adding window by
// window would load what has just been stored, an element further on, and wait for it.
template <class T>
void FoldChannels(const Windows& w, const T* columns, int64_t first_row, int64_t rows,
                  int64_t begin, int64_t end, T* image) {
  const hn::ScalableTag<T> d;
  for (int64_t at = begin * w.height; at < end * w.height; ++at) {
    const int64_t channel = at / w.height, y = at % w.height;
    each_pack<T>(w.width, [&](int64_t x, size_t n) HWY_ATTR {
      T* to = image + at * w.width + x;
      const auto size = static_cast<int64_t>(n);
      Pack<T> sum = load_some(n, to);
      for (int64_t i = 0; i < w.window.height; ++i) {
        const int64_t row = y + w.padding.height - i * w.dilation.height - first_row;
        if (row < 0 || row >= rows) continue;
        const int64_t element = (channel * w.window.height + i) * w.window.width;
        const T* line = columns + (element * rows + row) * w.columns;
        for (int64_t j = 0; j < w.window.width; ++j, line += rows * w.columns) {
          const int64_t from = x + w.padding.width - j * w.dilation.width;  // of the first lane
          const int64_t first = std::clamp<int64_t>(-from, 0, size);
          const int64_t last = std::clamp<int64_t>(w.columns - from, first, size);
          if (first == last) continue;
          sum = sum + Pack<T>(load_between(d, static_cast<size_t>(first), static_cast<size_t>(last),
                                           line + from));
        }
      }
      store_some(n, sum, to);
    });
  }
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::internal {
namespace {
ATTUNE_KERNEL(copy, CopyRectangle)
ATTUNE_KERNEL(fold, FoldChannels)
}  // namespace

void copy_rectangle(const Rectangle& r, const float* from, float* to) { copy<float>(r, from, to); }
void copy_rectangle(const Rectangle& r, const double* from, double* to) {
  copy<double>(r, from, to);
}
void fold_channels(const Windows& w, const float* columns, int64_t first_row, int64_t rows,
                   int64_t begin, int64_t end, float* image) {
  fold<float>(w, columns, first_row, rows, begin, end, image);
}
void fold_channels(const Windows& w, const double* columns, int64_t first_row, int64_t rows,
                   int64_t begin, int64_t end, double* image) {
  fold<double>(w, columns, first_row, rows, begin, end, image);
}

}  // namespace attune::internal
#endif  // HWY_ONCE
