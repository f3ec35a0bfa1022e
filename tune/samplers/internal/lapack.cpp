#include "attune/tune/samplers/internal/lapack.h"

#include <cblas.h>

#include <string>

#include "attune/base/error.h"

// LAPACK as OpenBLAS has it, by Fortran's calling convention: pointers, and at the end the length
// of each text.
extern "C" {
void dpotrf_(const char* triangle, const blasint* n, double* a, const blasint* stride,
             blasint* info, size_t);
void dpotri_(const char* triangle, const blasint* n, double* a, const blasint* stride,
             blasint* info, size_t);
void dtrtri_(const char* triangle, const char* diagonal, const blasint* n, double* a,
             const blasint* stride, blasint* info, size_t, size_t);
}

namespace attune::tune::internal {
namespace {

blasint checked(blasint info, const char* routine) {
  if (info < 0) {
    throw ValueError(std::string(routine) + ": argument " + std::to_string(-info) + " is invalid");
  }
  return info;
}

}  // namespace

// dpotrf stops at a pivot that is NaN: no scan for one is needed.
bool cholesky(double* a, size_t n) {
  const auto size = static_cast<blasint>(n);
  blasint info = 0;
  dpotrf_("L", &size, a, &size, &info, 1);
  return checked(info, "dpotrf") == 0;
}

void invert_lower(double* l, size_t n) {
  const auto size = static_cast<blasint>(n);
  blasint info = 0;
  dtrtri_("L", "N", &size, l, &size, &info, 1, 1);
  checked(info, "dtrtri");
}

void invert_from_cholesky(double* l, size_t n) {
  const auto size = static_cast<blasint>(n);
  blasint info = 0;
  dpotri_("L", &size, l, &size, &info, 1);
  checked(info, "dpotri");
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
