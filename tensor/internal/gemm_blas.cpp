#include <cblas.h>

#include <algorithm>

#include "attune/tensor/internal/gemm_plan.h"
#include "attune/tensor/internal/one_blas_thread.h"

namespace attune::internal {
namespace {

void multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, const Gemm<float>& g, int lda, int ldb) {
  cblas_sgemm(CblasRowMajor, ta, tb, static_cast<int>(g.m), static_cast<int>(g.n),
              static_cast<int>(g.k), 1, g.a, lda, g.b, ldb, g.accumulate ? 1 : 0, g.c,
              static_cast<int>(g.c_row));
}

void multiply(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, const Gemm<double>& g, int lda, int ldb) {
  cblas_dgemm(CblasRowMajor, ta, tb, static_cast<int>(g.m), static_cast<int>(g.n),
              static_cast<int>(g.k), 1, g.a, lda, g.b, ldb, g.accumulate ? 1 : 0, g.c,
              static_cast<int>(g.c_row));
}

template <class T>
void any_blas(const Gemm<T>& g) {
  const OneBlasThread one;
  const bool ta = g.a_column != 1, tb = g.b_column != 1;
  // A matrix of one row or column may come with any stride; BLAS wants at least the row's length.
  const int64_t lda = ta ? std::max(g.a_column, g.m) : std::max(g.a_row, g.k);
  const int64_t ldb = tb ? std::max(g.b_column, g.k) : std::max(g.b_row, g.n);
  multiply(ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, g, static_cast<int>(lda),
           static_cast<int>(ldb));
  finish(g);
}

template <class T>
void any_finish(const Gemm<T>& g) {
  const bool relu = g.activation == Activation::relu;
  if (g.row_bias == nullptr && g.column_bias == nullptr && !relu) return;
  for (int64_t i = 0; i < g.m; ++i) {
    T* row = g.c + i * g.c_row;
    if (g.row_bias != nullptr) {
      for (int64_t j = 0; j < g.n; ++j) row[j] += g.row_bias[i];
    }
    if (g.column_bias != nullptr) {
      for (int64_t j = 0; j < g.n; ++j) row[j] += g.column_bias[j];
    }
    if (relu) {
      for (int64_t j = 0; j < g.n; ++j) row[j] = row[j] < 0 ? 0 : row[j];
    }
  }
}

}  // namespace

void blas_gemm(const Gemm<float>& piece) { any_blas(piece); }
void blas_gemm(const Gemm<double>& piece) { any_blas(piece); }
void finish(const Gemm<float>& piece) { any_finish(piece); }
void finish(const Gemm<double>& piece) { any_finish(piece); }

}  // namespace attune::internal
