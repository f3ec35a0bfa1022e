#include "attune/tune/samplers/internal/cma/choices.h"

#include <algorithm>

namespace attune::tune::internal {
namespace {

constexpr double kRate = 0.3;  // of a probability that a generation replaces

}  // namespace

CmaChoices::CmaChoices(size_t count)
    : probabilities_(count, 1 / static_cast<double>(std::max<size_t>(count, 1))) {}

int64_t CmaChoices::at(double u) const {
  double left = u;
  for (size_t k = 0; k + 1 < probabilities_.size(); ++k) {
    left -= probabilities_[k];
    if (left < 0) return static_cast<int64_t>(k);
  }
  return static_cast<int64_t>(probabilities_.size()) - 1;
}

void CmaChoices::update(std::span<const int64_t> choices, std::span<const double> weights,
                        double margin) {
  const double count = static_cast<double>(probabilities_.size());
  std::vector<double> wanted(probabilities_.size());
  double total = 0;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i] < 0) continue;
    wanted[static_cast<size_t>(choices[i])] += weights[i];
    total += weights[i];
  }
  margin = std::min(margin, 1 / count);
  double above = 0;
  for (size_t k = 0; k < wanted.size(); ++k) {
    // Where only some points had the parameter, they speak for as much as they weigh.
    double& p = probabilities_[k];
    p = std::max(p + kRate * (wanted[k] - total * p), margin);
    above += p - margin;
  }
  if (!(above > 0)) return;
  for (double& p : probabilities_) p = margin + (p - margin) * (1 - count * margin) / above;
}

}  // namespace attune::tune::internal
