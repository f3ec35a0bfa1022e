// Who computes a product, and in how many pieces.

#include "attune/tensor/internal/gemm.h"

#include <cblas.h>

#include <algorithm>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/parallel.h"

namespace attune::internal {
namespace {

void blas(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, const Gemm<float>& g, int lda, int ldb) {
  cblas_sgemm(CblasRowMajor, ta, tb, static_cast<int>(g.m), static_cast<int>(g.n),
              static_cast<int>(g.k), 1, g.a, lda, g.b, ldb, 0, g.c, static_cast<int>(g.c_row));
}

void blas(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, const Gemm<double>& g, int lda, int ldb) {
  cblas_dgemm(CblasRowMajor, ta, tb, static_cast<int>(g.m), static_cast<int>(g.n),
              static_cast<int>(g.k), 1, g.a, lda, g.b, ldb, 0, g.c, static_cast<int>(g.c_row));
}

// What OpenBLAS leaves to do, and all there is to do when k is 0.
template <class T>
void finish(const Gemm<T>& g) {
  if (g.bias == nullptr && !g.relu) return;
  for (int64_t i = 0; i < g.m; ++i) {
    T* row = g.c + i * g.c_row;
    if (g.bias != nullptr) {
      for (int64_t j = 0; j < g.n; ++j) row[j] += g.bias[j];
    }
    if (g.relu) {
      for (int64_t j = 0; j < g.n; ++j) row[j] = row[j] < 0 ? 0 : row[j];
    }
  }
}

template <class T>
void blas_gemm(const Gemm<T>& g) {
  const OneBlasThread one;
  const bool ta = g.a_column != 1, tb = g.b_column != 1;
  // A matrix of one row or column may come with any stride; BLAS wants at least the row's length.
  const int64_t lda = ta ? std::max(g.a_column, g.m) : std::max(g.a_row, g.k);
  const int64_t ldb = tb ? std::max(g.b_column, g.k) : std::max(g.b_row, g.n);
  blas(ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, g, static_cast<int>(lda),
       static_cast<int>(ldb));
  finish(g);
}

// Measured, bench/RESULTS.md: own kernels win except for very few rows against a transposed B
// (packing it costs more than the product), narrow outputs of deep products, and large matrices.
bool own_is_faster(const Gemm<float>& g) {
  if (g.b_column != 1 && (g.m <= 2 || (g.n < 16 && g.k >= 64 && g.m >= 8))) return false;
  return g.m < 1024 || g.n < 1024 || g.k < 1024;
}
bool own_is_faster(const Gemm<double>&) { return false; }

void compute(const Gemm<float>& g) {
  if (!own_is_faster(g)) return blas_gemm(g);
  try {
    const Tensor panel = make({kPanelFloats}, DType::f32);
    own_gemm(g, elements<float>(panel));
  } catch (const OutOfMemory&) {  // must not leave a parallel region; BLAS has its memory already
    blas_gemm(g);
  }
}
void compute(const Gemm<double>& g) { blas_gemm(g); }

// Rows [begin, end) of the product, or columns where those are more.
template <class T>
Gemm<T> piece(Gemm<T> g, bool by_rows, int64_t begin, int64_t end) {
  if (by_rows) {
    g.a += begin * g.a_row;
    g.c += begin * g.c_row;
    g.m = end - begin;
  } else {
    g.b += begin * g.b_column;
    g.c += begin;
    if (g.bias != nullptr) g.bias += begin;
    g.n = end - begin;
  }
  return g;
}

template <class T>
void any_gemm(const Gemm<T>& g) {
  if (g.m == 0 || g.n == 0) return;
  if (g.k == 0) {
    for (int64_t i = 0; i < g.m; ++i) std::fill_n(g.c + i * g.c_row, g.n, T{});
    return finish(g);
  }
  // Pieces of about this much work (a few hundred microseconds), cut by the shape alone: OpenBLAS
  // may add in another order when the shape of its piece changes.
  constexpr int64_t kWork = int64_t{1} << 25;
  constexpr int64_t kStep = 64;
  const int64_t work = g.m * g.n * g.k;
  const bool by_rows = g.m >= g.n;
  const int64_t extent = by_rows ? g.m : g.n;
  if (work <= kWork || extent <= kStep || (own_is_faster(g) && usable_threads() == 1)) {
    return compute(g);
  }
  const int64_t wanted = (work + kWork - 1) / kWork;
  const int64_t size = std::max(kStep, (extent / wanted + kStep - 1) / kStep * kStep);
  parallel_for((extent + size - 1) / size, kParallelWork, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      compute(piece(g, by_rows, i * size, std::min(extent, (i + 1) * size)));
    }
  });
}

}  // namespace

void gemm(const Gemm<float>& g) { any_gemm(g); }
void gemm(const Gemm<double>& g) { any_gemm(g); }

}  // namespace attune::internal
