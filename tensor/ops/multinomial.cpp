// multinomial: positions drawn in proportion to weights.

#include <algorithm>
#include <cmath>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"

namespace attune {
namespace {

using namespace internal;

constexpr double kLeast = 1e-300;  // the time of 36 / kLeast is not infinite

// The weights of one row, scaled by a power of 2 so that the largest is about 1: sums then neither
// overflow nor lose what denormal numbers cannot hold. Returns their sum; ValueError for those that
// are no probabilities.
double scaled_total(double* weight, int64_t n, int64_t row, int64_t needed) {
  double total = 0, largest = 0;
  int64_t above = 0;
  for (int64_t i = 0; i < n; ++i) {
    check<ValueError>(weight[i] >= 0 && std::isfinite(weight[i]),
                      "multinomial: weights must be finite and not negative, got {} at {} of row "
                      "{}",
                      weight[i], i, row);
    largest = std::max(largest, weight[i]);
    above += weight[i] > 0;
  }
  check<ValueError>(above >= needed,
                    "multinomial: row {} has {} weights above 0, too few to draw {}", row, above,
                    needed);
  const int exponent = std::ilogb(largest);
  for (int64_t i = 0; i < n; ++i) {
    // One that is too small to be counted beside the largest is still above 0.
    const double scaled = std::ldexp(weight[i], -exponent);
    weight[i] = weight[i] > 0 ? std::max(scaled, kLeast) : 0;
    total += weight[i];
  }
  return total;
}

// With replacement: the place of a uniform number in the running sum.
void draw_again(const double* weight, int64_t n, double total, const double* u, int64_t count,
                int64_t* y) {
  const Tensor sums = make({n}, DType::f64);
  double* sum = elements<double>(sums);
  double running = 0;
  int64_t last = 0;  // rounding must not lead to a weight of 0 at the end
  for (int64_t i = 0; i < n; ++i) {
    sum[i] = running += weight[i];
    if (weight[i] > 0) last = i;
  }
  for (int64_t k = 0; k < count; ++k) {
    y[k] = std::min<int64_t>(std::upper_bound(sum, sum + n, u[k] * total) - sum, last);
  }
}

// Without: whoever comes first in a race of exponential times with these rates is drawn first
// (Efraimidis and Spirakis, 2006).
void draw_once(const double* weight, int64_t n, const double* u, int64_t count, int64_t* y) {
  const Tensor times = make({n}, DType::f64);
  double* time = elements<double>(times);
  for (int64_t i = 0; i < n; ++i) {
    time[i] = weight[i] > 0 ? -std::log1p(-u[i]) / weight[i] : INFINITY;
  }
  const Tensor order = times.argsort();
  std::copy_n(elements<int64_t>(order), count, y);
}

}  // namespace

Tensor Tensor::multinomial(const Tensor& weights, int64_t count, Rng& rng, bool replacement) {
  require_defined("multinomial", weights);
  check<ShapeError>(weights.rank() >= 1, "multinomial: needs weights [..., n], got {}",
                    weights.shape());
  check<ValueError>(count > 0, "multinomial: draws at least one, got {}", count);
  const Tensor w = weights.detach().cast(DType::f64).clone();
  const int64_t n = w.size(-1), rows = n > 0 ? w.numel() / n : 0;
  check<ValueError>(n > 0, "multinomial: {} has no weights to draw from", weights.shape());
  Shape shape = w.shape();
  shape[shape.rank() - 1] = count;
  const int64_t draws = replacement ? count : n;
  const Tensor u = rand({rows, draws}, rng, DType::f64);
  Tensor y = make(shape, DType::i64);
  for (int64_t row = 0; row < rows; ++row) {
    double* weight = elements<double>(w) + row * n;
    const double total = scaled_total(weight, n, row, replacement ? 1 : count);
    const double* uniform = elements<double>(u) + row * draws;
    int64_t* to = elements<int64_t>(y) + row * count;
    replacement ? draw_again(weight, n, total, uniform, count, to)
                : draw_once(weight, n, uniform, count, to);
  }
  return y;
}

}  // namespace attune
