#include "attune/tune/internal/math/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::tune::internal {
namespace {

constexpr int kSweeps = 40;  // it converges quadratically: six or seven are the rule

// x, y := c x - s y, s x + c y
void rotate(double* x, double* y, size_t n, double c, double s) {
  for (size_t k = 0; k < n; ++k) {
    const double xk = x[k], yk = y[k];
    x[k] = c * xk - s * yk;
    y[k] = s * xk + c * yk;
  }
}

}  // namespace

void symmetric_eigen(std::span<double> a, std::span<double> values, std::span<double> vectors) {
  const size_t n = values.size();
  std::fill(vectors.begin(), vectors.end(), 0.0);
  for (size_t i = 0; i < n; ++i) vectors[i * n + i] = 1;

  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    bool rotated = false;
    for (size_t p = 0; p < n; ++p) {
      for (size_t q = p + 1; q < n; ++q) {
        const double apq = a[p * n + q], app = a[p * n + p], aqq = a[q * n + q];
        // Against both diagonal elements, so that small eigenvalues come out with all digits.
        if (!(std::abs(apq) >
              std::numeric_limits<double>::epsilon() * std::sqrt(std::abs(app * aqq)))) {
          continue;
        }
        rotated = true;
        const double theta = (aqq - app) / (2 * apq);
        const double t = std::copysign(1.0, theta) / (std::abs(theta) + std::hypot(theta, 1.0));
        const double c = 1 / std::sqrt(t * t + 1), s = t * c;
        rotate(&a[p * n], &a[q * n], n, c, s);
        for (size_t k = 0; k < n; ++k) {  // rows p and q as columns: the matrix stays symmetric
          if (k == p || k == q) continue;
          a[k * n + p] = a[p * n + k];
          a[k * n + q] = a[q * n + k];
        }
        a[p * n + p] = app - t * apq;
        a[q * n + q] = aqq + t * apq;
        a[p * n + q] = a[q * n + p] = 0;
        rotate(&vectors[p * n], &vectors[q * n], n, c, s);
      }
    }
    if (!rotated) break;
  }
  for (size_t i = 0; i < n; ++i) values[i] = a[i * n + i];
}

}  // namespace attune::tune::internal
