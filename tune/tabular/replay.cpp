#include "attune/tune/tabular/replay.h"

#include <bit>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/tabular/fit.h"

namespace attune::tune {

Replay replay(const Study& study, const Recipe& recipe, int64_t number) {
  if (number < 0 || number >= study.size()) {
    throw ValueError(fmt::format("replay: study '{}' has trials 0 to {}, not {}", study.name(),
                                 study.size() - 1, number));
  }
  const TrialResult trial = study.trial(number);
  if (!finished(trial.state) || trial.intermediate.empty()) {
    throw ValueError(fmt::format("replay: trial {} of study '{}' has reported nothing to compare",
                                 number, study.name()));
  }
  Replay result{.number = number, .state = trial.state};
  const int64_t last = trial.intermediate.rbegin()->first;
  const std::vector<Stage> before = stages_before(study, number);
  const int64_t first = before.empty() ? 0 : before.back().last + 1;
  const Recipe::Trained again = recipe.train(
      trial.params, streams_of(study, number), [&](int64_t epoch, double) { return epoch < last; },
      {}, nullptr, before);
  for (const auto& [step, value] : trial.intermediate) {
    ++result.reports;
    const auto i = static_cast<size_t>(step - first);
    const bool equal =
        i < again.training.scores.size() &&
        std::bit_cast<uint64_t>(again.training.scores[i]) == std::bit_cast<uint64_t>(value);
    if (!equal) result.different.push_back(step);
  }
  result.weights_now = hash_text(hash_weights(again.network));
  const auto kept = trial.user.find(kWeightsAttribute);
  if (kept != trial.user.end()) result.weights_then = from_json(kept->second).as_string();
  return result;
}

}  // namespace attune::tune
