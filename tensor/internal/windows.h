#pragma once
// Windows that slide over an image: where they lie, their elements as columns, and columns added up
// into an image again. Convolutions multiply the columns of a few rows at a time.

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/windows_kernel.h"
#include "attune/tensor/tensor.h"

namespace attune::internal {

// Windows over an image [channels, height, width].
struct Windows {
  int64_t channels, height, width;
  Extent2 window, stride, padding, dilation;
  int64_t rows = 0, columns = 0;  // how many windows there are along the height and the width

  int64_t elements() const { return channels * window.height * window.width; }  // of one window
  int64_t count() const { return rows * columns; }
};

// ValueError for numbers that say nothing, ShapeError if no window fits in.
Windows windows_over(const char* op, const Shape& image, Extent2 window, Extent2 stride,
                     Extent2 padding, Extent2 dilation);

// The places [first, last) of a row of windows whose element at `offset` lies inside the image.
struct Span {
  int64_t first, last;
};
inline Span inside(int64_t count, int64_t stride, int64_t offset, int64_t size) {
  if (stride == 1) {  // no division
    const int64_t first = std::clamp<int64_t>(-offset, 0, count);
    return {first, std::clamp(size - offset, first, count)};
  }
  const int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
  const int64_t last = size - 1 - offset < 0 ? 0 : (size - 1 - offset) / stride + 1;
  return {std::min(first, count), std::clamp(last, std::min(first, count), count)};
}

// One of the elements of a window.
struct Element {
  int64_t channel, i, j;

  static Element of(const Windows& w, int64_t k) {
    const int64_t kernel = w.window.height * w.window.width;
    return {k / kernel, k % kernel / w.window.width, k % w.window.width};
  }
  void next(const Windows& w) {
    if (++j < w.window.width) return;
    j = 0;
    if (++i < w.window.height) return;
    i = 0, ++channel;
  }
};

// Where an element of the windows lies in the image, for `rows` rows of windows: rows [first, last)
// of them see image rows that are inside, from `y` on, and their column j is at x + j * stride.
struct Sight {
  int64_t first, last, y, x;
  Span columns;  // those inside

  Sight(const Windows& w, const Element& e, int64_t first_row, int64_t rows)
      : y(first_row * w.stride.height - w.padding.height + e.i * w.dilation.height),
        x(e.j * w.dilation.width - w.padding.width),
        columns(inside(w.columns, w.stride.width, x, w.width)) {
    const Span span = inside(rows, w.stride.height, y, w.height);
    first = span.first, last = span.last;
    y += first * w.stride.height;
  }
};

// columns [elements, rows * w.columns]: element k of each window in `rows` rows of them.
template <class T>
void unfold_rows(const Windows& w, const T* image, int64_t first_row, int64_t rows, T* columns) {
  const int64_t n = w.columns, step = w.stride.width;
  parallel_for(w.elements(), rows * n, [&](int64_t begin, int64_t end) {
    Element e = Element::of(w, begin);
    for (int64_t k = begin; k < end; ++k, e.next(w)) {
      T* to = columns + k * rows * n;
      const Sight sight(w, e, first_row, rows);
      const auto [first, last] = sight.columns;
      std::fill(to, to + sight.first * n, T{});
      std::fill(to + sight.last * n, to + rows * n, T{});
      const T* from = image + (e.channel * w.height + sight.y) * w.width + sight.x;
      T* line = to + sight.first * n;
      const Rectangle r{sight.last - sight.first, last - first, w.stride.height * w.width, n};
      for (int64_t row = 0; row < r.rows && r.width < n; ++row) {
        std::fill(line + row * n, line + row * n + first, T{});
        std::fill(line + row * n + last, line + (row + 1) * n, T{});
      }
      if (step == 1) {
        copy_rectangle(r, from + first, line + first);
        continue;
      }
      for (int64_t row = 0; row < r.rows; ++row, from += r.from_step, line += n) {
        for (int64_t j = first; j < last; ++j) line[j] = from[j * step];
      }
    }
  });
}

// The transpose: adds the columns to the image.
template <class T>
void fold_rows(const Windows& w, const T* columns, int64_t first_row, int64_t rows, T* image) {
  const int64_t n = w.columns, kernel = w.window.height * w.window.width;
  parallel_for(w.channels, kernel * rows * n, [&](int64_t begin, int64_t end) {
    if constexpr (std::is_floating_point_v<T>) {
      if (w.stride == Extent2(1)) {
        return fold_channels(w, columns, first_row, rows, begin, end, image);
      }
    }
    Element e{begin, 0, 0};
    for (int64_t k = begin * kernel; k < end * kernel; ++k, e.next(w)) {
      const Sight sight(w, e, first_row, rows);
      const T* line = columns + (k * rows + sight.first) * n;
      T* to = image + (e.channel * w.height + sight.y) * w.width + sight.x;
      for (int64_t row = sight.first; row < sight.last; ++row) {
        for (int64_t j = sight.columns.first; j < sight.columns.last; ++j) {
          T& sum = to[j * w.stride.width];
          sum = static_cast<T>(sum + line[j]);
        }
        line += n;
        to += w.stride.height * w.width;
      }
    }
  });
}

}  // namespace attune::internal
