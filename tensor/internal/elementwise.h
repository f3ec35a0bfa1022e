#pragma once
// y = f(a, b), broadcast, for plain functions of single elements: ops whose loops the compiler
// vectorizes well enough, so that they need no Highway kernel.

#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/walk.h"

namespace attune::internal {

// y is contiguous, of the shape that a and b broadcast to; their elements are T.
template <class T, class Y, class F>
void zip(const char* op, const Tensor& a, const Tensor& b, const Tensor& y, F f) {
  const T *from_a = elements<T>(a), *from_b = elements<T>(b);
  Y* to = elements<Y>(y);
  const auto dense = [&](const Tensor& x) { return same_shape(x, y) && block(x).contiguous; };
  if (dense(a) && dense(b)) {
    parallel_for(y.numel(), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = f(from_a[i], from_b[i]);
    });
    return;
  }
  if (y.numel() == 0) return;
  const Shape shape = y.shape();
  const auto walk = make_walk<3>(
      shape, {broadcast_strides(op, a, shape), broadcast_strides(op, b, shape), y.strides()});
  const int64_t n = walk.row_length(), step_a = walk.row_stride(0), step_b = walk.row_stride(1);
  parallel_for(walk.rows(), n, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const auto at = walk.offsets(row);
      const T *row_a = from_a + at[0], *row_b = from_b + at[1];
      Y* row_y = to + at[2];
      if (step_a == 1 && step_b == 0) {
        const T one = *row_b;
        for (int64_t i = 0; i < n; ++i) row_y[i] = f(row_a[i], one);
      } else {
        for (int64_t i = 0; i < n; ++i) row_y[i] = f(row_a[i * step_a], row_b[i * step_b]);
      }
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
