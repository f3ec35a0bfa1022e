#include "attune/tune/samplers/internal/cma/space.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attune::tune::internal {
namespace {

constexpr double kSame = 1e-9;  // of a unit: rounding on another machine
constexpr int kBisections = 40;

}  // namespace

CmaSpace::CmaSpace(const Space& space) : params_(space.params()) {
  for (size_t i = 0; i < params_.size(); ++i) {
    const int64_t levels = params_[i].levels();
    if (levels == 1) continue;
    if (params_[i].kind == Param::Kind::categorical) {
      choices_.push_back(i);
    } else {
      numbers_.push_back(i);
      levels_.push_back(levels);
    }
  }
}

bool CmaSpace::is(const Space& space) const {
  return std::equal(params_.begin(), params_.end(), space.params().begin(), space.params().end(),
                    [](const Param& a, const Param& b) {
                      return a.same_distribution(b) && a.grid == b.grid && a.first == b.first;
                    });
}

std::vector<double> CmaSpace::start() const {
  std::vector<double> units;
  for (const size_t i : numbers_) units.push_back(params_[i].to_unit(params_[i].default_value()));
  return units;
}

std::vector<double> CmaSpace::units(const CmaPoint& point) const {
  std::vector<double> units(params_.size(), 0.5);
  for (size_t k = 0; k < numbers_.size(); ++k) units[numbers_[k]] = point.numbers[k];
  for (size_t k = 0; k < choices_.size(); ++k) {
    units[choices_[k]] =
        params_[choices_[k]].to_unit(static_cast<double>(std::max<int64_t>(point.choices[k], 0)));
  }
  return units;
}

std::vector<double> CmaSpace::values(const History& history, const TrialRecord& trial) const {
  const auto param_of = [&](const TrialRecord::Use& use) -> const Param& {
    return *history.params()[static_cast<size_t>(use.param)];
  };
  std::vector<double> values(params_.size(), std::numeric_limits<double>::quiet_NaN());
  for (size_t i = 0; i < params_.size(); ++i) {
    const Param& p = params_[i];
    const auto is_it = [&](const TrialRecord::Use& use) {
      const Param& used = param_of(use);
      return used.name == p.name && used.kind == p.kind;
    };
    if (i < trial.params.size() && is_it(trial.params[i])) {  // mostly they are in the same order
      values[i] = trial.params[i].value;
      continue;
    }
    const auto it = std::find_if(trial.params.begin(), trial.params.end(), is_it);
    if (it != trial.params.end()) values[i] = it->value;
  }
  return values;
}

bool CmaSpace::fits(std::span<const double> values, const CmaPoint& point) const {
  for (size_t k = 0; k < numbers_.size(); ++k) {
    const double value = values[numbers_[k]], u = point.numbers[k];
    const Param& p = params_[numbers_[k]];
    if (std::isnan(value) || p.from_unit(u) == value) continue;
    if (levels_[k] > 0 || !(std::abs(p.to_unit(value) - u) < kSame)) return false;
  }
  for (size_t k = 0; k < choices_.size(); ++k) {
    const double value = values[choices_[k]];
    if (!std::isnan(value) && static_cast<int64_t>(value) != point.choices[k]) return false;
  }
  return true;
}

CmaPoint CmaSpace::point(std::span<const double> values, std::span<const double> numbers) const {
  CmaPoint point{{numbers.begin(), numbers.end()}, std::vector<int64_t>(choices_.size(), -1)};
  for (size_t k = 0; k < numbers_.size(); ++k) {
    const double value = values[numbers_[k]];
    if (!std::isnan(value)) point.numbers[k] = params_[numbers_[k]].to_unit(value);
  }
  for (size_t k = 0; k < choices_.size(); ++k) {
    const double value = values[choices_[k]];
    if (!std::isnan(value)) point.choices[k] = static_cast<int64_t>(value);
  }
  return point;
}

void CmaSpace::forget_missing(std::span<const double> values, std::span<const double> numbers,
                              CmaPoint& point) const {
  for (size_t k = 0; k < numbers_.size(); ++k) {
    if (std::isnan(values[numbers_[k]])) point.numbers[k] = numbers[k];
  }
  for (size_t k = 0; k < choices_.size(); ++k) {
    if (std::isnan(values[choices_[k]])) point.choices[k] = -1;
  }
}

// By bisection, as Param alone knows how values lie on the unit interval.
std::pair<double, double> CmaSpace::cell(size_t number, double u) const {
  const Param& p = params_[numbers_[number]];
  const double value = p.from_unit(u);
  const auto edge = [&](double end) {
    if (p.from_unit(end) == value) return end;
    double inside = u, outside = end;
    for (int turn = 0; turn < kBisections; ++turn) {
      const double middle = 0.5 * (inside + outside);
      (p.from_unit(middle) == value ? inside : outside) = middle;
    }
    return inside;
  };
  return {edge(0), edge(1)};
}

}  // namespace attune::tune::internal
