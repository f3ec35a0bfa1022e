#pragma once
// The one door to matrix products. A product is planned once, from its whole shape (gemm_plan.h),
// and then cut into pieces that no longer decide anything; behind the door are attune's own kernel,
// made for the small products of small networks, and OpenBLAS (bench/gemm_bench.cpp compares them).

#include <array>
#include <cstdint>

#include "attune/tensor/tensor.h"

namespace attune::internal {

// An axis of a batch: so many products, their matrices this far apart. A stride of 0 repeats one.
struct BatchAxis {
  int64_t count = 1;
  int64_t a = 0, b = 0, c = 0;
};

// C = activation(A B + row_bias + column_bias), or activation(C + A B + …) with `accumulate`:
// A [m, k], B [k, n], C [m, n], row_bias [m] or null, column_bias [n] or null.
// A(i, p) = a[i * a_row + p * a_column], and so on for B; one of the two strides of each must be 1.
// C's rows lie c_row apart, its columns side by side. All products of a batch share the biases.
template <class T>
struct Gemm {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_column;
  const T* b;
  int64_t b_row, b_column;
  T* c;
  int64_t c_row;
  const T* row_bias = nullptr;
  const T* column_bias = nullptr;
  Activation activation = Activation::none;
  bool accumulate = false;
  std::array<BatchAxis, 2> batch{};  // the second axis runs faster
};

// Computes it, over threads where that pays. The numbers depend on shape and strides alone, never
// on the number of threads. Throws OutOfMemory, and ShapeError if an f64 matrix is too long for
// OpenBLAS's 32-bit sizes.
void gemm(const Gemm<float>& g);
void gemm(const Gemm<double>& g);

}  // namespace attune::internal
