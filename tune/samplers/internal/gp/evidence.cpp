#include "attune/tune/samplers/internal/gp/evidence.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "attune/tune/samplers/internal/gp/output_transform.h"

namespace attune::tune::internal {
namespace {

constexpr double kAbsurd = 30;  // times (median - best) above the median: more is not believed

Point point_of(const TrialRecord& trial, const Question& question, const Domain& domain) {
  const auto& params = question.space.params();
  Point point(params.size(), kInactive);
  for (size_t i = 0; i < params.size(); ++i) {
    const double unit = question.history.unit(trial, params[i]);
    if (!is_active(unit)) continue;
    point[i] = domain.categorical(i) ? params[i].from_unit(unit) : unit;
  }
  return point;
}

bool among(const Point& point, const std::vector<Point>& points) {
  return std::any_of(points.begin(), points.end(),
                     [&](const Point& other) { return same_point(point, other); });
}

}  // namespace

bool Evidence::taken(const Point& point) const {
  return among(point, points) || among(point, pending) || among(point, failed) ||
         among(point, unusable);
}

Evidence collect(const Question& question, const Domain& domain) {
  std::vector<double> complete;
  for (const TrialRecord& trial : question.history.trials()) {
    if (trial.state == State::complete && std::isfinite(trial.loss())) {
      complete.push_back(trial.loss());
    }
  }
  const double middle = complete.empty() ? 0 : median(complete);

  Evidence evidence;
  for (const TrialRecord& trial : question.history.trials()) {
    if (trial.state == State::waiting || trial.number == question.number) continue;
    Point point = point_of(trial, question, domain);
    if (std::none_of(point.begin(), point.end(), is_active)) continue;
    const bool believable =
        std::isfinite(trial.loss()) &&
        (trial.state == State::complete ||
         (trial.state == State::pruned && !complete.empty() && trial.loss() > middle));
    if (trial.state == State::running) {
      evidence.pending.push_back(std::move(point));
    } else if (believable) {
      evidence.numbers.push_back(trial.number);
      evidence.points.push_back(std::move(point));
      evidence.losses.push_back(trial.loss());
    } else if (trial.state == State::failed && question.history.first_attempt(trial) < 0) {
      continue;  // the attempt after it says more
    } else if (trial.state == State::failed) {
      evidence.failed.push_back(std::move(point));
    } else {
      evidence.unusable.push_back(std::move(point));
    }
  }
  if (!evidence.losses.empty()) evidence.losses = winsorize(evidence.losses, kAbsurd);
  return evidence;
}

std::vector<size_t> lowest(std::span<const double> values, size_t count) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return values[a] < values[b]; });
  order.resize(std::min(count, order.size()));
  return order;
}

std::vector<size_t> representative(std::span<const double> losses, size_t limit) {
  if (losses.size() <= limit) {
    std::vector<size_t> all(losses.size());
    std::iota(all.begin(), all.end(), size_t{0});
    return all;
  }
  const std::vector<size_t> order = lowest(losses, losses.size());
  const size_t best = limit / 2, spread = limit - best, others = order.size() - best;
  std::vector<size_t> chosen(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(best));
  for (size_t k = 0; k < spread; ++k) chosen.push_back(order[best + k * others / spread]);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace attune::tune::internal
