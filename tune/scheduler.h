#pragma once
// Who runs, and for how long. A scheduler says after each report whether the trial goes on, ends or
// pauses, and before each start whether a paused trial is resumed. Both are pure functions of what
// the study holds; losses are lower is better.

#include <cstdint>
#include <memory>

#include "attune/tune/history.h"

namespace attune::tune {

enum class Verdict : uint8_t { go_on, stop, pause };

class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // About `trial`, which has just reported. `history` holds the others, and may hold it.
  virtual Verdict after(const TrialRecord& trial, const History& history) const = 0;

  // The paused trial to resume next; -1: none, start a new one.
  virtual int64_t resume(const History& /*history*/) const { return -1; }
};

class Pruner;
// A pruner is a scheduler that only stops.
std::shared_ptr<const Scheduler> pruning(std::shared_ptr<const Pruner> pruner);

}  // namespace attune::tune
