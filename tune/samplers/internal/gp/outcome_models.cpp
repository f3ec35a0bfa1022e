#include "attune/tune/samplers/internal/gp/outcome_models.h"

#include <algorithm>
#include <cmath>

#include "attune/tune/samplers/internal/gp/evidence.h"
#include "attune/tune/samplers/internal/gp/fit.h"
#include "attune/tune/samplers/internal/gp/output_transform.h"

namespace attune::tune::internal {
std::vector<double> believable(std::vector<double> losses, const std::vector<size_t>& kept) {
  const std::vector<double> cut = winsorize(losses, 2);
  double ceiling = *std::max_element(cut.begin(), cut.end());
  for (const size_t i : kept) ceiling = std::max(ceiling, losses[i]);
  for (double& loss : losses) loss = std::min(loss, ceiling);
  return standardize(losses);
}

ConstraintValues around_zero(const std::vector<double>& constraint) {
  std::vector<double> sizes;
  for (const double c : constraint) {
    if (c != 0) sizes.push_back(std::abs(c));
  }
  const double unit = sizes.empty() ? 1 : median(sizes);
  std::vector<double> values;
  for (const double c : constraint) {
    values.push_back(std::copysign(std::log1p(std::abs(c) / unit), c));
  }
  double mean = 0, variance = 0;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) mean += v / n;
  for (const double v : values) variance += (v - mean) * (v - mean) / n;
  const double deviation = std::sqrt(variance);
  if (!(deviation > 1e-12)) return {{}, 0};
  for (double& v : values) v = (v - mean) / deviation;
  return {std::move(values), -mean / deviation};
}

OutcomeModeler::OutcomeModeler(const Domain& domain, bool additive, std::span<const Point> pending)
    : domain_(domain), pending_(pending) {
  kernel_ = additive ? ard_additive_kernel(domain.size()) : anova_kernel(domain.size());
}

GaussianProcess OutcomeModeler::operator()(std::vector<Point> points, std::vector<double> values,
                                           const std::vector<double>& ranks) const {
  Observations data{std::move(points), std::move(values), domain_.categorical()};
  GaussianProcess model = fit_gaussian_process(kernel_, std::move(data), ranks);
  if (pending_.empty()) return model;
  return model.extended(pending_, model.predict(pending_));
}

}  // namespace attune::tune::internal
