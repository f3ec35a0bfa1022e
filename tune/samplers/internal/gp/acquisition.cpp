#include "attune/tune/samplers/internal/gp/acquisition.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace attune::tune::internal {
namespace {

constexpr double kLogRootTwoPi = 0.91893853320467274178;

// 1 - t R(t) for t >= 3, R being Mills' ratio Phi(-t) / phi(t) = 1 / (t + 1 / (t + 2 / (t + ...))).
// With c = 1 / (t + 2 / (t + 3 / ...)) it is c / (t + c): neither cancellation nor underflow.
double one_minus_mills(double t) {
  double tail = t;
  const int terms = 8 + static_cast<int>(500 / (t * t));
  for (int k = terms; k >= 2; --k) tail = t + k / tail;
  const double c = 1 / tail;
  return c / (t + c);
}

}  // namespace

LogImprovement log_improvement(double z) {
  if (z > -3) {
    const double density = std::exp(-0.5 * z * z - kLogRootTwoPi);
    const double probability = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    const double h = density + z * probability;
    return {std::log(h), probability / h};
  }
  // h = phi (1 - t R) with t = -z: the difference comes from the continued fraction as a quotient.
  const double t = -z;
  const double rest = one_minus_mills(t);
  return {-0.5 * z * z - kLogRootTwoPi + std::log(rest), (1 - rest) / (t * rest)};
}

LogExpectedImprovement::LogExpectedImprovement(const GaussianProcess& model)
    : model_(model), best_(*std::min_element(model.smoothed().begin(), model.smoothed().end())) {}

double LogExpectedImprovement::operator()(const Point& x) const {
  const Prediction p = model_.predict(x, false, scratch_);
  return std::log(p.deviation) + log_improvement((best_ - p.mean) / p.deviation).value;
}

double LogExpectedImprovement::operator()(const Point& x, std::span<double> gradient) const {
  const Prediction p = model_.predict(x, true, scratch_);
  const double z = (best_ - p.mean) / p.deviation;
  const LogImprovement h = log_improvement(z);
  model_.gradient(x, p, -h.slope / p.deviation, (1 - z * h.slope) / p.deviation, scratch_,
                  gradient);
  return std::log(p.deviation) + h.value;
}

std::vector<double> LogExpectedImprovement::operator()(std::span<const Point> x) const {
  std::vector<double> values;
  values.reserve(x.size());
  for (const Prediction& p : model_.predict(x)) {
    values.push_back(std::log(p.deviation) + log_improvement((best_ - p.mean) / p.deviation).value);
  }
  return values;
}

}  // namespace attune::tune::internal
