#include "attune/tune/schedulers/internal/brackets.h"

#include <algorithm>

#include "attune/tune/schedulers/internal/rungs.h"

namespace attune::tune::internal {

std::optional<Next> next_in(const Bracket& bracket, const Situation& now, int64_t reduction) {
  const auto& open = now.history.open();
  const auto begin = std::lower_bound(open.begin(), open.end(), bracket.first);
  const auto end = std::lower_bound(begin, open.end(), bracket.first + bracket.size);
  if (begin == end) return std::nullopt;
  const auto& trials = now.history.trials();
  const bool full = !now.may_start || now.number >= bracket.first + bracket.size;
  if (!full) return std::nullopt;

  auto lowest = static_cast<int64_t>(bracket.rungs.size());  // that one who runs has passed
  for (auto at = begin; at != end; ++at) {
    const TrialRecord& trial = trials[static_cast<size_t>(*at)];
    const bool runs = trial.state == State::running || trial.interrupted();
    if (runs) lowest = std::min(lowest, passed(bracket.rungs, trial.resume_step));
  }
  for (size_t k = 0; k < bracket.rungs.size(); ++k) {
    if (lowest <= static_cast<int64_t>(k)) return std::nullopt;
    std::vector<int64_t> waiting;
    for (auto at = begin; at != end; ++at) {
      const TrialRecord& trial = trials[static_cast<size_t>(*at)];
      const bool here = passed(bracket.rungs, trial.resume_step) == static_cast<int64_t>(k) + 1;
      if (paused(trial) && here) waiting.push_back(*at);
    }
    if (waiting.empty()) continue;
    std::vector<const TrialRecord*> all;
    const auto last = std::min(static_cast<int64_t>(trials.size()), bracket.first + bracket.size);
    for (int64_t number = bracket.first; number < last; ++number) {
      all.push_back(&trials[static_cast<size_t>(number)]);
    }
    std::vector<int64_t> ranked = ranked_after(bracket.rungs[k], all);
    const size_t quota = std::max<size_t>(ranked.size() / static_cast<size_t>(reduction), 1);
    ranked.resize(std::min(ranked.size(), quota));
    for (const int64_t number : ranked) {
      if (std::find(waiting.begin(), waiting.end(), number) != waiting.end()) {
        return Next::resume(number);
      }
    }
    return Next::stop(waiting.front());
  }
  return std::nullopt;
}

}  // namespace attune::tune::internal
