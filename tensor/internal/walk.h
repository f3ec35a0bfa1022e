#pragma once
// Iterating over several tensors of one (broadcast) shape at once, whatever their strides.
//
// Axes that are adjacent in memory in all operands are joined, so contiguous tensors become one
// long row. The caller iterates over rows: where each starts in each operand, the length, and each
// operand's stride along the row.

#include <array>
#include <cstdint>

#include "attune/tensor/internal/block.h"

namespace attune::internal {

template <size_t kOperands>
struct Walk {
  int rank = 0;                                                   // after joining, at least 1
  std::array<int64_t, kMaxRank> size{};                           // the last axis is the row
  std::array<std::array<int64_t, kMaxRank>, kOperands> stride{};  // in elements; 0 where repeated

  int64_t row_length() const { return size[static_cast<size_t>(rank - 1)]; }
  int64_t rows() const {
    int64_t n = 1;
    for (int i = 0; i + 1 < rank; ++i) n *= size[static_cast<size_t>(i)];
    return n;
  }
  int64_t row_stride(size_t operand) const {
    return stride[operand][static_cast<size_t>(rank - 1)];
  }

  // Whether an operand's next element in memory is in the next row, not the next column.
  bool is_transposed(size_t operand) const {
    return rank >= 2 && row_stride(operand) != 1 &&
           stride[operand][static_cast<size_t>(rank - 2)] == 1;
  }

  using Offsets = std::array<int64_t, kOperands>;

  // Where row number `row` starts in each operand.
  Offsets offsets(int64_t row) const {
    Offsets at{};
    for (int i = rank - 2; i >= 0; --i) {
      const auto axis = static_cast<size_t>(i);
      const int64_t position = row % size[axis];
      row /= size[axis];
      for (size_t k = 0; k < kOperands; ++k) at[k] += position * stride[k][axis];
    }
    return at;
  }
};

// The strides of `x` seen as a tensor of shape `to`; ShapeError if it does not broadcast to that.
Shape broadcast_strides(const char* op, const Tensor& x, const Shape& to);

// A walk over `shape`, given each operand's strides over that shape.
template <size_t kOperands>
Walk<kOperands> make_walk(const Shape& shape, const std::array<Shape, kOperands>& strides) {
  Walk<kOperands> walk;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    bool joins = walk.rank > 0;
    const auto last = static_cast<size_t>(walk.rank - 1);
    for (size_t k = 0; k < kOperands && joins; ++k) {
      joins = walk.stride[k][last] == strides[k][axis] * shape[axis];
    }
    const size_t at = joins ? last : static_cast<size_t>(walk.rank++);
    walk.size[at] = joins ? walk.size[at] * shape[axis] : shape[axis];
    for (size_t k = 0; k < kOperands; ++k) walk.stride[k][at] = strides[k][axis];
  }
  if (walk.rank == 0) walk.rank = 1, walk.size[0] = 1;
  return walk;
}

// y = x, of one shape and dtype and any strides.
void copy_elements(const Tensor& x, const Tensor& y);

// The gradient of broadcasting an operand of `shape`: dy summed over the axes that were repeated.
Tensor sum_to(const Tensor& dy, const Shape& shape);

}  // namespace attune::internal
