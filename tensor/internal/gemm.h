#pragma once
// The one door to matrix products. Behind it attune's own kernel, made for the small products of
// small networks, and OpenBLAS for the rest (bench/gemm_bench.cpp shows who wins where).

#include <cstdint>

namespace attune::internal {

// C = A B, then + bias on each row, then max(0, ·): A [m, k], B [k, n], C [m, n], bias [n] or null.
// A(i, p) = a[i * a_row + p * a_column], and so on for B; one of the two strides of each must be 1.
// C's rows lie c_row apart, its columns side by side.
template <class T>
struct Gemm {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_column;
  const T* b;
  int64_t b_row, b_column;
  T* c;
  int64_t c_row;
  const T* bias = nullptr;
  bool relu = false;
};

// Computes it, in pieces over threads where that pays. The numbers depend on the shape alone.
void gemm(const Gemm<float>& g);
void gemm(const Gemm<double>& g);

// attune's own kernel on the calling thread, for any shape: gemm_kernel.cpp. `panel` is scratch
// memory for kPanelFloats, aligned to a cache line.
void own_gemm(const Gemm<float>& g, float* panel);
inline constexpr int64_t kPanelDepth =
    256;                                    // of k in one go: the panel stays in the nearest caches
inline constexpr int64_t kPanelWidth = 64;  // the widest tile: four vectors of 16
inline constexpr int64_t kPanelFloats = kPanelDepth * kPanelWidth;

}  // namespace attune::internal
