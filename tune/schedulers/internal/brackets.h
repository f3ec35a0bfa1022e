#pragma once
// Successive halving of trials whose numbers follow one another.

#include <cstdint>
#include <optional>
#include <vector>

#include "attune/tune/scheduler.h"

namespace attune::tune::internal {

struct Bracket {
  int64_t first = 0, size = 0;      // numbers of its trials
  std::vector<int64_t> rungs = {};  // steps after which they wait for each other
};

// What is to be done in the bracket: one that waits goes on, or ends. Nothing: those that run must
// arrive first, or more must start.
std::optional<Next> next_in(const Bracket& bracket, const Situation& now, int64_t reduction);

// With one bracket after the other, of which `of(number)` is the trial's.
template <typename Of>
Next next_in_brackets(const Situation& now, int64_t reduction, Of&& of) {
  for (int64_t number = 0; number < static_cast<int64_t>(now.history.trials().size());) {
    const Bracket bracket = of(number);
    if (const std::optional<Next> next = next_in(bracket, now, reduction)) return *next;
    number = bracket.first + bracket.size;
  }
  const bool wait = !now.may_start && now.history.count(State::running) > 0;
  return wait ? Next::wait() : Next{};
}

}  // namespace attune::tune::internal
