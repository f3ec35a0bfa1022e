#include "attune/tune/samplers/internal/gp/feasibility.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace attune::tune::internal {

LogProbability log_probability(double z) {
  constexpr double kLogRootTwoPi = 0.91893853320467274178;
  const double log_density = -0.5 * z * z - kLogRootTwoPi;
  if (z > 0) {
    const double value = std::log1p(-0.5 * std::erfc(z / std::numbers::sqrt2));
    return {value, std::exp(log_density - value)};
  }
  if (z > -30) {
    const double value = std::log(0.5 * std::erfc(-z / std::numbers::sqrt2));
    return {value, std::exp(log_density - value)};
  }
  // Phi(-t) = phi(t) / t (1 - 1 / t^2 + 3 / t^4 - ...), here to below 2e-12.
  const double q = 1 / (z * z);
  const double series = 1 - q * (1 - q * (3 - q * (15 - 105 * q)));
  return {log_density - std::log(-z) + std::log(series), -z / series};
}

FeasibleAcquisition::FeasibleAcquisition(const Acquisition* promise,
                                         std::span<const GaussianProcess> constraints,
                                         std::vector<double> limits)
    : promise_(promise), constraints_(constraints), limits_(std::move(limits)) {}

double FeasibleAcquisition::operator()(const Point& x) const {
  double sum = promise_ ? (*promise_)(x) : 0;
  for (size_t i = 0; i < constraints_.size(); ++i) {
    const Prediction c = constraints_[i].predict(x, false, scratch_);
    sum += log_probability((limits_[i] - c.mean) / c.deviation).value;
  }
  return sum;
}

double FeasibleAcquisition::operator()(const Point& x, std::span<double> gradient) const {
  std::fill(gradient.begin(), gradient.end(), 0.0);
  double sum = promise_ ? (*promise_)(x, gradient) : 0;
  part_.resize(gradient.size());
  for (size_t i = 0; i < constraints_.size(); ++i) {
    const Prediction c = constraints_[i].predict(x, true, scratch_);
    const double z = (limits_[i] - c.mean) / c.deviation;
    const LogProbability p = log_probability(z);
    sum += p.value;
    constraints_[i].gradient(x, c, -p.slope / c.deviation, -z * p.slope / c.deviation, scratch_,
                             part_);
    for (size_t k = 0; k < gradient.size(); ++k) gradient[k] += part_[k];
  }
  return sum;
}

std::vector<double> FeasibleAcquisition::operator()(std::span<const Point> x) const {
  std::vector<double> sums = promise_ ? (*promise_)(x) : std::vector<double>(x.size(), 0.0);
  for (size_t i = 0; i < constraints_.size(); ++i) {
    const std::vector<Prediction> predictions = constraints_[i].predict(x);
    for (size_t k = 0; k < x.size(); ++k) {
      const Prediction& c = predictions[k];
      sums[k] += log_probability((limits_[i] - c.mean) / c.deviation).value;
    }
  }
  return sums;
}

double FeasibleAcquisition::length_scale(size_t dim) const {
  if (promise_) return promise_->length_scale(dim);
  double shortest = std::numeric_limits<double>::infinity();
  for (const GaussianProcess& model : constraints_) {
    shortest = std::min(shortest, model.length_scale(dim));
  }
  return shortest;
}

}  // namespace attune::tune::internal
