#pragma once
// What convolutions do most: copying many rows of a few elements each, for which a call of memcpy
// per row costs more than the copy, and adding overlapping windows up.

#include <algorithm>
#include <cstdint>

namespace attune::internal {

struct Windows;

// Rows of `width` elements, so far apart in memory.
struct Rectangle {
  int64_t rows, width, from_step, to_step;
};

// to = from. The two do not overlap.
template <class T>
void copy_rectangle(const Rectangle& r, const T* from, T* to) {
  for (int64_t i = 0; i < r.rows; ++i) {
    std::copy_n(from + i * r.from_step, r.width, to + i * r.to_step);
  }
}
void copy_rectangle(const Rectangle& r, const float* from, float* to);
void copy_rectangle(const Rectangle& r, const double* from, double* to);

// fold_rows (windows.h) for the channels [begin, end) and windows with a stride of 1.
void fold_channels(const Windows& w, const float* columns, int64_t first_row, int64_t rows,
                   int64_t begin, int64_t end, float* image);
void fold_channels(const Windows& w, const double* columns, int64_t first_row, int64_t rows,
                   int64_t begin, int64_t end, double* image);

}  // namespace attune::internal
