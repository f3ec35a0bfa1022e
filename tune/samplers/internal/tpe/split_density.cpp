#include "attune/tune/samplers/internal/tpe/split_density.h"

#include <algorithm>
#include <cmath>

namespace attune::tune::internal {
namespace {

// Parameters in the order that estimators want them in: by kind, else as they are.
std::vector<size_t> axis_order(const std::vector<Param>& params) {
  std::vector<size_t> order;
  for (const auto kind :
       {ParzenAxis::Kind::smooth, ParzenAxis::Kind::levels, ParzenAxis::Kind::choices}) {
    for (size_t i = 0; i < params.size(); ++i) {
      if (ParzenAxis(params[i]).kind() == kind) order.push_back(i);
    }
  }
  return order;
}

std::shared_ptr<const ParzenAxes> make_axes(const std::vector<Param>& params) {
  ParzenAxes axes;
  for (const size_t i : axis_order(params)) axes.emplace_back(params[i]);
  return std::make_shared<const ParzenAxes>(std::move(axes));
}

bool has(const std::vector<int64_t>& numbers, int64_t number) {
  return std::binary_search(numbers.begin(), numbers.end(), number);
}

void add(std::vector<int64_t>& numbers, int64_t number) {
  numbers.insert(std::lower_bound(numbers.begin(), numbers.end(), number), number);
}

}  // namespace

SplitDensity::SplitDensity(std::vector<Param> params)
    : params_(std::move(params)),
      axis_of_(params_.size()),
      axes_(make_axes(params_)),
      good_(axes_, ParzenWeights::equal),
      bad_(axes_, ParzenWeights::ramp),
      point_(params_.size()) {
  const std::vector<size_t> order = axis_order(params_);
  for (size_t axis = 0; axis < order.size(); ++axis) axis_of_[order[axis]] = axis;
}

bool SplitDensity::read_point(const History& history, int64_t number) {
  const TrialRecord& trial = history.trials()[static_cast<size_t>(number)];
  for (size_t i = 0; i < params_.size(); ++i) {
    const double unit = history.unit(trial, params_[i]);
    if (std::isnan(unit)) return false;
    point_[axis_of_[i]] = (*axes_)[axis_of_[i]].coordinate(unit);
  }
  return true;
}

void SplitDensity::become_bad(const History& history, int64_t number) {
  if (has(window_, number) && read_point(history, number)) bad_.insert(number, point_);
}

void SplitDensity::update(const TrialLedger& ledger, std::span<const int64_t> good,
                          const History& history) {
  // Trials that have come, unless they are good.
  for (; taken_ < ledger.ranked().size(); ++taken_) {
    const int64_t number = ledger.ranked()[taken_];
    if (!read_point(history, number)) continue;
    add(window_, number);
    if (!std::binary_search(good.begin(), good.end(), number)) bad_.insert(number, point_);
    if (window_.size() <= kWindow) continue;
    if (bad_.contains(window_.front())) bad_.erase(window_.front());
    window_.erase(window_.begin());
  }
  // Trials that are good no longer, and that have become good.
  const std::vector<int64_t> before = std::move(good_numbers_);
  good_numbers_.clear();
  for (const int64_t number : good) {
    if (has(before, number) || read_point(history, number)) good_numbers_.push_back(number);
  }
  for (const int64_t number : before) {
    if (has(good_numbers_, number)) continue;
    good_.erase(number);
    become_bad(history, number);
  }
  for (const int64_t number : good_numbers_) {
    if (has(before, number)) continue;
    if (bad_.contains(number)) bad_.erase(number);
    read_point(history, number);
    good_.insert(number, point_);
  }
}

std::vector<double> SplitDensity::suggest(size_t candidates, std::span<const int64_t> pending,
                                          const History& history, Rng& rng) {
  std::vector<int64_t> lies;
  for (const int64_t number : pending) {
    if (!read_point(history, number)) continue;
    bad_.insert(number, point_);
    lies.push_back(number);
  }
  const ParzenPoints points(*axes_, good_.draw(candidates, rng));
  const std::vector<double> good = good_.log_density(points), bad = bad_.log_density(points);
  for (const int64_t number : lies) bad_.erase(number);

  size_t best = 0;
  for (size_t i = 1; i < points.size(); ++i) {
    if (good[i] - bad[i] > good[best] - bad[best]) best = i;
  }
  std::vector<double> units(params_.size());
  for (size_t i = 0; i < params_.size(); ++i) {
    units[i] = (*axes_)[axis_of_[i]].unit(points.coordinate(axis_of_[i], best));
  }
  return units;
}

}  // namespace attune::tune::internal
