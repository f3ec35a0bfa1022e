#include "attune/tune/samplers/internal/gp/mean_function.h"

#include <cmath>

namespace attune::tune::internal {
namespace {

// (2u - 1)^2 has mean 1/3 and this deviation over the unit interval.
constexpr double kMean = 1.0 / 3, kDeviation = 0.29814239699997197;

double scale(size_t dims) { return 1 / (kDeviation * std::sqrt(static_cast<double>(dims))); }

double dot(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

double bowl(const Point& x, const std::vector<bool>& categorical) {
  double sum = 0;
  for (size_t k = 0; k < x.size(); ++k) {
    if (categorical[k] || !is_active(x[k])) continue;
    const double c = 2 * x[k] - 1;
    sum += c * c - kMean;
  }
  return sum * scale(x.size());
}

double bowl_slope(double u, size_t dims) { return 4 * (2 * u - 1) * scale(dims); }

MeanFunction MeanFunction::fit(const Columns& plain, const Columns& to, const BowlPrior& prior) {
  const double a = dot(plain.level, to.level) + 1;
  const double right = dot(plain.level, to.values);
  if (prior.deviation == 0) return {right / a, 0};

  const double precision = 1 / (prior.deviation * prior.deviation);
  const double b = dot(plain.level, to.bowl), c = dot(plain.bowl, to.bowl) + precision;
  const double right_bowl = dot(plain.bowl, to.values) + precision * prior.mean;
  const double determinant = a * c - b * b;
  return {(c * right - b * right_bowl) / determinant, (a * right_bowl - b * right) / determinant};
}

double MeanFunction::penalty(const BowlPrior& prior) const {
  double sum = 0.5 * level * level;
  if (prior.deviation > 0) {
    const double z = (bowl - prior.mean) / prior.deviation;
    sum += 0.5 * z * z;
  }
  return sum;
}

}  // namespace attune::tune::internal
