#pragma once
// LAPACK as OpenBLAS has it, for matrices of float or double that lie column by column without
// gaps. A row-major matrix is the transpose of one. Each returns LAPACK's info: 0, or where it
// failed.

#include <cstdint>

namespace attune::internal {

using LapackInt = int32_t;  // OpenBLAS's, checked where it is included

#define ATTUNE_LAPACK(T)                                                                          \
  /* a [n, n] to the upper Cholesky factor u, u^T u = a; reads and writes the upper triangle */   \
  LapackInt potrf(LapackInt n, T* a);                                                             \
  /* a [n, n] to its LU factors; pivots [n] from 1 */                                             \
  LapackInt getrf(LapackInt n, T* a, LapackInt* pivots);                                          \
  /* a^T x = b for b [n, columns], by the factors of getrf() */                                   \
  LapackInt getrs_transposed(LapackInt n, LapackInt columns, const T* a, const LapackInt* pivots, \
                             T* b);                                                               \
  /* The factors of getrf() to the inverse. */                                                    \
  LapackInt getri(LapackInt n, T* a, const LapackInt* pivots);                                    \
  /* a [m, n] = u s v^T with r = min(m, n): s [r], u [m, r], vt [r, n]; a is destroyed */         \
  LapackInt gesdd(LapackInt m, LapackInt n, T* a, T* s, T* u, T* vt);                             \
  /* a [n, n], its upper triangle, to the eigenvectors; values [n], ascending */                  \
  LapackInt syevd(LapackInt n, T* a, T* values);                                                  \
  /* a [m, n] to r in the upper triangle and reflectors below, tau [min(m, n)] */                 \
  LapackInt geqrf(LapackInt m, LapackInt n, T* a, T* tau);                                        \
  /* The reflectors in a [m, r] to the columns of q. */                                           \
  LapackInt orgqr(LapackInt m, LapackInt r, T* a, const T* tau);                                  \
  /* The shortest x that minimizes |a x - b|, in the first n rows of b [max(m, n), columns] */    \
  LapackInt gelsd(LapackInt m, LapackInt n, LapackInt columns, T* a, T* b);

ATTUNE_LAPACK(float)
ATTUNE_LAPACK(double)
#undef ATTUNE_LAPACK

// a x = b in place of b [n, columns], both row by row: a [n, n] is a triangle, of 1 on its diagonal
// if it is `unit`.
void trsm(bool upper, bool unit, LapackInt n, LapackInt columns, const float* a, float* b);
void trsm(bool upper, bool unit, LapackInt n, LapackInt columns, const double* a, double* b);

}  // namespace attune::internal
