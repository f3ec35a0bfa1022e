#include "attune/tune/samplers/internal/lapack.h"

#include <cblas.h>
#include <lapacke.h>

#include <string>

#include "attune/tensor/error.h"

namespace attune::tune::internal {
namespace {

lapack_int checked(lapack_int info, const char* routine) {
  if (info < 0) {
    throw ValueError(std::string(routine) + ": argument " + std::to_string(-info) + " is invalid");
  }
  return info;
}

}  // namespace

// The _work variants skip LAPACKE's own scan for NaN: dpotrf stops at a NaN pivot by itself.
bool cholesky(double* a, size_t n) {
  const auto size = static_cast<lapack_int>(n);
  return checked(LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', size, a, size), "dpotrf") == 0;
}

void invert_lower(double* l, size_t n) {
  const auto size = static_cast<lapack_int>(n);
  checked(LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'L', 'N', size, l, size), "dtrtri");
}

void invert_from_cholesky(double* l, size_t n) {
  const auto size = static_cast<lapack_int>(n);
  checked(LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'L', size, l, size), "dpotri");
}

void lower_times(const double* l, size_t n, double* x) {
  const auto size = static_cast<blasint>(n);
  cblas_dtrmv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, size, l, size, x, 1);
}

void lower_transposed_times(const double* l, size_t n, double* x) {
  const auto size = static_cast<blasint>(n);
  cblas_dtrmv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, size, l, size, x, 1);
}

void lower_times(const double* l, size_t n, double* b, size_t m) {
  const auto size = static_cast<blasint>(n);
  cblas_dtrmm(CblasColMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, size,
              static_cast<blasint>(m), 1, l, size, b, size);
}

void symmetric_times(const double* s, size_t n, const double* x, double* y) {
  const auto size = static_cast<blasint>(n);
  cblas_dsymv(CblasColMajor, CblasLower, size, 1, s, size, x, 1, 0, y, 1);
}

}  // namespace attune::tune::internal
