#pragma once
// Windows that slide over an image: where they lie, their elements as columns, and columns added up
// into an image again. Convolutions multiply the columns of a few rows at a time.

#include <algorithm>
#include <cstdint>

#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/check.h"
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
  const int64_t first = offset < 0 ? (-offset + stride - 1) / stride : 0;
  const int64_t last = size - 1 - offset < 0 ? 0 : (size - 1 - offset) / stride + 1;
  return {std::min(first, count), std::clamp(last, std::min(first, count), count)};
}

// Calls body(row, y, x_offset, columns_inside) for the windows' element number k in image rows that
// are inside; y is the image's row, and column j of the windows is at x_offset + j * stride.
template <class Body, class Outside>
void each_window_row(const Windows& w, int64_t k, int64_t first_row, int64_t rows,
                     const Outside& outside, const Body& body) {
  const int64_t i = k / w.window.width % w.window.height, j = k % w.window.width;
  const int64_t x_offset = j * w.dilation.width - w.padding.width;
  const Span span = inside(w.columns, w.stride.width, x_offset, w.width);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t y =
        (first_row + row) * w.stride.height - w.padding.height + i * w.dilation.height;
    if (y < 0 || y >= w.height) {
      outside(row);
    } else {
      body(row, y, x_offset, span);
    }
  }
}

// columns [elements, rows * w.columns]: element k of each window in `rows` rows of them.
template <class T>
void unfold_rows(const Windows& w, const T* image, int64_t first_row, int64_t rows, T* columns) {
  const int64_t n = w.columns, kernel = w.window.height * w.window.width;
  parallel_for(w.elements(), rows * n, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      T* to = columns + k * rows * n;
      const T* plane = image + k / kernel * w.height * w.width;
      each_window_row(
          w, k, first_row, rows, [&](int64_t row) { std::fill_n(to + row * n, n, T{}); },
          [&](int64_t row, int64_t y, int64_t offset, Span in) {
            T* line = to + row * n;
            const T* from = plane + y * w.width + offset;
            std::fill(line, line + in.first, T{});
            std::fill(line + in.last, line + n, T{});
            if (w.stride.width == 1) {
              std::copy(from + in.first, from + in.last, line + in.first);
            } else {
              for (int64_t j = in.first; j < in.last; ++j) line[j] = from[j * w.stride.width];
            }
          });
    }
  });
}

// The transpose: adds the columns to the image.
template <class T>
void fold_rows(const Windows& w, const T* columns, int64_t first_row, int64_t rows, T* image) {
  const int64_t n = w.columns, kernel = w.window.height * w.window.width;
  parallel_for(w.channels, kernel * rows * n, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin * kernel; k < end * kernel; ++k) {
      const T* from = columns + k * rows * n;
      T* plane = image + k / kernel * w.height * w.width;
      each_window_row(
          w, k, first_row, rows, [](int64_t) {},
          [&](int64_t row, int64_t y, int64_t offset, Span in) {
            const T* line = from + row * n;
            T* to = plane + y * w.width + offset;
            for (int64_t j = in.first; j < in.last; ++j) {
              T& sum = to[j * w.stride.width];
              sum = static_cast<T>(sum + line[j]);
            }
          });
    }
  });
}

}  // namespace attune::internal
