#include "attune/tune/samplers/internal/gp/output_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::tune::internal {
namespace {

struct Moments {
  double mean, variance;
};

Moments moments(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0, variance = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) variance += (v - mean) * (v - mean) / n;
  return {mean, variance};
}

// For exponents up to 1, which compress what is large.
double yeo_johnson(double v, double exponent) {
  if (v < 0) return -(std::pow(1 - v, 2 - exponent) - 1) / (2 - exponent);
  return std::abs(exponent) < 1e-9 ? std::log1p(v) : (std::pow(1 + v, exponent) - 1) / exponent;
}

double log_likelihood(std::span<const double> values, double exponent,
                      std::vector<double>& transformed) {
  double log_jacobian = 0;
  transformed.clear();
  for (const double v : values) {
    transformed.push_back(yeo_johnson(v, exponent));
    log_jacobian += (exponent - 1) * std::copysign(std::log1p(std::abs(v)), v);
  }
  const double variance = moments(transformed).variance;
  return -0.5 * static_cast<double>(values.size()) * std::log(variance + 1e-300) + log_jacobian;
}

}  // namespace

// Scaled by the largest loss first, so that no square overflows.
std::vector<double> standardize(std::span<const double> losses) {
  std::vector<double> z(losses.begin(), losses.end());
  double top = 0;
  for (const double v : z) top = std::max(top, std::abs(v));
  if (top == 0) return z;
  for (double& v : z) v /= top;
  const Moments m = moments(z);
  const double deviation = std::sqrt(m.variance);
  const bool flat = !(deviation > 1e-12 * std::abs(m.mean));
  for (double& v : z) v = flat ? 0 : (v - m.mean) / deviation;
  return z;
}

std::vector<double> winsorize(std::span<const double> losses, double factor) {
  std::vector<double> cut(losses.begin(), losses.end());
  const double lowest = *std::min_element(cut.begin(), cut.end());
  double middle = median(losses);
  if (middle == lowest) {
    double next = std::numeric_limits<double>::infinity();
    for (const double v : cut) {
      if (v > lowest) next = std::min(next, v);
    }
    if (next == std::numeric_limits<double>::infinity()) return cut;
    middle = next;
  }
  const double ceiling = middle + factor * (middle - lowest);
  for (double& v : cut) v = std::min(v, ceiling);
  return cut;
}

std::vector<double> yeo_johnson(std::span<const double> losses) {
  const std::vector<double> z = standardize(losses);
  std::vector<double> transformed, best;
  double best_likelihood = -std::numeric_limits<double>::infinity();
  for (int tenth = -10; tenth <= 10; ++tenth) {
    const double likelihood = log_likelihood(z, tenth / 10.0, transformed);
    if (likelihood > best_likelihood) best_likelihood = likelihood, best = transformed;
  }
  return standardize(best);
}

double median(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const size_t middle = sorted.size() / 2;
  if (sorted.size() % 2 == 1) return sorted[middle];
  return sorted[middle - 1] + (sorted[middle] - sorted[middle - 1]) / 2;
}

}  // namespace attune::tune::internal
