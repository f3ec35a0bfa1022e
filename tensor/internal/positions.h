#pragma once
// Tensors of positions, checked, for the ops that choose elements by index.

#include <algorithm>
#include <cstdint>

#include "attune/tensor/internal/block.h"

namespace attune::internal {

// The place of element number `i` of a tensor, as it is written in brackets.
Shape place_of(int64_t i, const Shape& shape);

// The index as contiguous i64 with every position in [0, size), where size is that of an axis of a
// tensor of shape `of`; negative ones count from the end. IndexError names the first outside.
Tensor positions(const char* op, const Tensor& index, int64_t size, int axis, const Shape& of);

// Checks an index with one position for each element, as gather() takes it, and returns the axis
// from 0. It may be shorter than the tensor along other axes than the one it names.
int check_index(const char* op, const Tensor& x, int axis, const Tensor& index);

// Calls body(i, j): element i of an index of `shape` names element j of a tensor of shape `of`. The
// two shapes may differ along any axis; `at` holds the positions along `axis`.
template <class Body>
void each_pair(const Shape& shape, const int64_t* at, const Shape& of, int axis, Body body) {
  const Shape strides = row_major(of);
  const int last = std::max(shape.rank() - 1, 0);  // the rank is at least 1
  const int64_t n = shape[last];
  const int64_t step = axis == last ? 0 : strides[last], along = strides[axis];
  const int64_t rows = n == 0 ? 0 : shape.numel() / n;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t rest = row, offset = 0;
    for (int i = last - 1; i >= 0; --i) {
      if (i != axis) offset += rest % shape[i] * strides[i];
      rest /= shape[i];
    }
    for (int64_t i = 0; i < n; ++i) {
      const int64_t element = row * n + i;
      body(element, offset + i * step + at[element] * along);
    }
  }
}

}  // namespace attune::internal
