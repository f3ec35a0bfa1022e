// The stagnation test: nothing new for a number of trials.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/analysis/stopping.h"

namespace attune::tune {
namespace {

bool counts(const TrialRecord& trial) {
  return trial.state == State::complete &&
         std::none_of(trial.losses.begin(), trial.losses.end(),
                      [](double loss) { return std::isnan(loss); });
}

class Stagnation : public StoppingRule {
 public:
  Stagnation(int64_t trials, double delta) : trials_(trials), delta_(delta) {}

  std::string reason(const Question& question) const override {
    const History& history = question.history;
    const auto& finished = history.finished();  // in order of finishing
    const auto ended = static_cast<int64_t>(finished.size());
    if (ended <= trials_) return {};
    std::vector<const TrialRecord*> before, since;
    for (int64_t k = 0; k < ended; ++k) {
      const auto number = static_cast<size_t>(finished[static_cast<size_t>(k)]);
      const TrialRecord& trial = history.trials()[number];
      if (counts(trial)) (k < ended - trials_ ? before : since).push_back(&trial);
    }
    if (before.empty()) return {};
    for (const TrialRecord* one : since) {
      if (std::all_of(before.begin(), before.end(),
                      [&](const TrialRecord* old) { return gains(*one, *old); })) {
        return {};
      }
    }
    return fmt::format("none of the last {} trials was better than those before by more than {}",
                       trials_, delta_);
  }

 private:
  bool gains(const TrialRecord& trial, const TrialRecord& old) const {
    if (trial.violation() != old.violation()) return trial.violation() < old.violation();
    for (size_t i = 0; i < trial.losses.size(); ++i) {
      if (trial.losses[i] < old.losses[i] - delta_) return true;
    }
    return false;
  }

  int64_t trials_;
  double delta_;
};

}  // namespace

std::shared_ptr<const StoppingRule> stagnation(int64_t trials, double delta) {
  if (trials < 1 || !(delta >= 0)) {
    throw ValueError(fmt::format("stagnation: trials ({}) must be 1 or more, delta ({}) 0 or more",
                                 trials, delta));
  }
  return std::make_shared<Stagnation>(trials, delta);
}

}  // namespace attune::tune
