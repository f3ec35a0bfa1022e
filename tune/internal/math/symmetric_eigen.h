#pragma once
// The eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations (1846; Golub
// and Van Loan, "Matrix computations", section 8.5). For the ten rows or so that CMA-ES has they
// are faster than a call of LAPACK, and the same on every machine.

#include <cstddef>
#include <span>

namespace attune::tune::internal {

// a [n, n], symmetric, is spoilt. values [n] in no order; vectors [n, n]: row k belongs to
// values[k].
void symmetric_eigen(std::span<double> a, std::span<double> values, std::span<double> vectors);

}  // namespace attune::tune::internal
