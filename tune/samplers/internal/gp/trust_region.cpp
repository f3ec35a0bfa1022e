#include "attune/tune/samplers/internal/gp/trust_region.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/tune/samplers/internal/gp/output_transform.h"

namespace attune::tune::internal {
namespace {

constexpr double kFirstLength = 0.4, kShortest = 0.01, kLongest = 1;
constexpr int kSuccesses = 2, kFailures = 3;
constexpr double kGain = 1e-3;  // of (median - best)

}  // namespace

double trust_region_length(std::span<const TrialLoss> trials) {
  double length = kFirstLength, best = std::numeric_limits<double>::infinity();
  int successes = 0, failures = 0;
  std::vector<double> before;
  for (const TrialLoss& trial : trials) {
    if (trial.local && !before.empty()) {
      // The median costs a sort, so it waits until the trial is a new best.
      const bool success = trial.loss < best && trial.loss < best - kGain * (median(before) - best);
      successes = success ? successes + 1 : 0;
      failures = success ? 0 : failures + 1;
      if (successes == kSuccesses) length = std::min(2 * length, kLongest), successes = 0;
      if (failures == kFailures) length /= 2, failures = 0;
      if (length < kShortest) length = kFirstLength;
    }
    before.push_back(trial.loss);
    best = std::min(best, trial.loss);
  }
  return length;
}

TrustRegion::TrustRegion(const Domain& domain, Point center, double length)
    : domain_(domain),
      center_(std::move(center)),
      length_(length),
      low_(center_.size(), 0.0),
      width_(center_.size(), 1.0) {
  for (size_t i = 0; i < center_.size(); ++i) {
    if (!domain.continuous(i) || !is_active(center_[i])) continue;
    low_[i] = std::max(0.0, center_[i] - length / 2);
    width_[i] = std::min(1.0, center_[i] + length / 2) - low_[i];
  }
}

Point TrustRegion::to_local(Point point) const {
  for (size_t i = 0; i < point.size(); ++i) {
    if (width_[i] < 1) point[i] = (point[i] - low_[i]) / width_[i];
  }
  return point;
}

Point TrustRegion::to_global(Point point) const {
  for (size_t i = 0; i < point.size(); ++i) {
    if (width_[i] < 1 && is_active(point[i])) {
      point[i] = std::clamp(low_[i] + point[i] * width_[i], 0.0, 1.0);
    }
  }
  return point;
}

double TrustRegion::distance(const Point& point) const {
  constexpr double kElsewhere = 3;  // another choice, or another set of active parameters
  double distance = 0;
  for (size_t i = 0; i < point.size(); ++i) {
    if (is_active(point[i]) != is_active(center_[i])) return kElsewhere;
    if (!is_active(point[i])) continue;
    const double difference = std::abs(point[i] - center_[i]);
    if (domain_.categorical(i)) {
      if (difference > 0) distance = std::max(distance, kElsewhere);
    } else {
      distance = std::max(distance, difference * 2 / (domain_.continuous(i) ? length_ : 1));
    }
  }
  return distance;
}

std::vector<size_t> TrustRegion::neighbors(std::span<const Point> points, size_t least,
                                           size_t most) const {
  std::vector<std::pair<double, size_t>> ranked;
  for (size_t i = 0; i < points.size(); ++i) ranked.emplace_back(distance(points[i]), i);
  std::sort(ranked.begin(), ranked.end());
  std::vector<size_t> near;
  for (const auto& [distance, index] : ranked) {
    if (near.size() >= most || (near.size() >= least && distance > 2)) break;
    near.push_back(index);
  }
  return near;
}

}  // namespace attune::tune::internal
