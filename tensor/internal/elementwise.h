#pragma once
// y = f(a, b, …) element by element, broadcast: where the elements of the operands lie, for kernels
// and for plain functions of single elements whose loops the compiler vectorizes well enough.

#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/walk.h"

namespace attune::internal {

// Calls body(at, step, n) for rows that together make y, which is contiguous: row[i] of operand k
// is its element at[k] + i * step[k], and that of y, whose at comes last, the one at + i. Throws
// ShapeError, in the name of `op`, if an operand does not broadcast to y. Runs over threads.
template <size_t kOperands, class Body>
void each_row(const char* op, const std::array<const Tensor*, kOperands>& operands, const Tensor& y,
              const Body& body) {
  bool one_row = true;
  std::array<int64_t, kOperands> step{};
  for (size_t k = 0; k < kOperands; ++k) {
    const Tensor& x = *operands[k];
    step[k] = block(x).numel == 1 ? 0 : 1;
    one_row = one_row && (step[k] == 0 || (same_shape(x, y) && block(x).contiguous));
  }
  if (one_row) {
    parallel_for(y.numel(), 1, [&](int64_t begin, int64_t end) {
      std::array<int64_t, kOperands + 1> at{};
      for (size_t k = 0; k < kOperands; ++k) at[k] = begin * step[k];
      at[kOperands] = begin;
      body(at, step, end - begin);
    });
    return;
  }
  if (y.numel() == 0) return;
  const Shape shape = y.shape();
  std::array<Shape, kOperands + 1> strides;
  for (size_t k = 0; k < kOperands; ++k) strides[k] = broadcast_strides(op, *operands[k], shape);
  strides[kOperands] = row_major(shape);
  const auto walk = make_walk<kOperands + 1>(shape, strides);
  for (size_t k = 0; k < kOperands; ++k) step[k] = walk.row_stride(k);
  parallel_for(walk.rows(), walk.row_length(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(walk.offsets(row), step, walk.row_length());
  });
}

// y = f(a, b), where the elements of a and b are T and those of y are Y.
template <class T, class Y, class F>
void zip(const char* op, const Tensor& a, const Tensor& b, const Tensor& y, F f) {
  each_row<2>(op, {&a, &b}, y, [&](const auto& at, const auto& step, int64_t n) {
    const T *row_a = elements<T>(a) + at[0], *row_b = elements<T>(b) + at[1];
    Y* row_y = elements<Y>(y) + at[2];
    if (step[0] == 1 && step[1] == 1) {
      for (int64_t i = 0; i < n; ++i) row_y[i] = f(row_a[i], row_b[i]);
    } else if (step[0] == 1 && step[1] == 0) {
      const T one = *row_b;
      for (int64_t i = 0; i < n; ++i) row_y[i] = f(row_a[i], one);
    } else {
      for (int64_t i = 0; i < n; ++i) row_y[i] = f(row_a[i * step[0]], row_b[i * step[1]]);
    }
  });
}

// y[i] = f(x[i]) over contiguous elements.
template <class T, class Y, class F>
void map(const Tensor& x, const Tensor& y, F f) {
  const T* from = elements<T>(x);
  Y* to = elements<Y>(y);
  parallel_for(y.numel(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) to[i] = f(from[i]);
  });
}

}  // namespace attune::internal
