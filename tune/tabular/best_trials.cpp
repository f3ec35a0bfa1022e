#include "attune/tune/tabular/best_trials.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace attune::tune {

std::vector<TrialResult> best_trials(std::vector<TrialResult> trials, bool lower_is_better,
                                     int64_t count, const std::string& loss) {
  std::erase_if(trials, [](const TrialResult& trial) { return trial.state != State::complete; });
  const auto rank = [&](const TrialResult& trial) {
    const auto kept = trial.user.find(loss);
    return std::tuple(lower_is_better ? trial.value : -trial.value,
                      kept == trial.user.end() ? std::numeric_limits<double>::infinity()
                                               : from_json(kept->second).as_double(),
                      trial.number);
  };
  std::sort(trials.begin(), trials.end(),
            [&](const TrialResult& a, const TrialResult& b) { return rank(a) < rank(b); });
  std::vector<TrialResult> winners;
  for (TrialResult& trial : trials) {
    if (std::ssize(winners) >= count) break;
    const auto same = [&](const TrialResult& other) { return other.params == trial.params; };
    if (std::ranges::none_of(winners, same)) winners.push_back(std::move(trial));
  }
  return winners;
}

}  // namespace attune::tune
