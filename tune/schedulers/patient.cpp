#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/pruner.h"

namespace attune::tune {
namespace {

class Patient : public Pruner {
 public:
  Patient(std::shared_ptr<const Pruner> inner, int64_t steps)
      : inner_(std::move(inner)), steps_(steps) {
    if (steps < 1) throw ValueError(fmt::format("patient: steps must be 1 or more, not {}", steps));
  }

  bool should_stop(const TrialRecord& trial, const History& history) const override {
    const auto& reports = trial.reports;
    const auto count = static_cast<std::ptrdiff_t>(reports.size());
    if (count <= steps_) return false;
    const auto best = [&](auto from, auto to) {
      double loss = std::numeric_limits<double>::quiet_NaN();
      for (; from != to; ++from) loss = std::fmin(loss, from->loss);  // skips NaN
      return loss;
    };
    const auto recent = reports.begin() + (count - steps_);
    const double before = best(reports.begin(), recent), lately = best(recent, reports.end());
    const bool improves = lately < before || (std::isnan(before) && !std::isnan(lately));
    return !improves && (!inner_ || inner_->should_stop(trial, history));
  }

  bool pairs_steps() const override { return inner_ && inner_->pairs_steps(); }

 private:
  std::shared_ptr<const Pruner> inner_;
  int64_t steps_;
};

}  // namespace

std::shared_ptr<Pruner> patient(std::shared_ptr<const Pruner> inner, int64_t steps) {
  return std::make_shared<Patient>(std::move(inner), steps);
}

}  // namespace attune::tune
