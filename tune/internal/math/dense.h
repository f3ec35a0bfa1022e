#pragma once
// The few dense factorisations a Gaussian process needs, in LAPACK's column-major order: a[i + j *
// n] is row i of column j. Only lower triangles are read; what stands above them may change. All
// runs on the calling thread, and an element's terms are added in one order, whatever the matrix's
// neighbours hold. For matrices of up to a few hundred rows these are faster than a call of
// OpenBLAS (docs/decisions/0018-own-cholesky.md), and the tuner's core needs no BLAS.

#include <cstddef>

namespace attune::tune::internal {

// a := L with L L' = a. False, with `a` spoilt, where `a` is not positive definite or not finite.
bool cholesky(double* a, size_t n);

// L := L^-1, then (the second) L := (L L')^-1, both from what cholesky() left.
void invert_lower(double* l, size_t n);
void invert_from_cholesky(double* l, size_t n);

// Triangular products with one vector, and with the m columns of b [n, m] in place.
void lower_times(const double* l, size_t n, double* x);             // x := L x
void lower_transposed_times(const double* l, size_t n, double* x);  // x := L' x
void lower_times(const double* l, size_t n, double* b, size_t m);   // b := L b

// y := S x for a symmetric S of which the lower triangle is given; `x` and `y` do not overlap.
void symmetric_times(const double* s, size_t n, const double* x, double* y);

}  // namespace attune::tune::internal
