#pragma once
// Who runs, and for how long. A scheduler says after each report whether the trial goes on, ends or
// pauses, and before each start what is run next. Both are pure functions of what the study holds;
// losses are lower is better.

#include <cstdint>
#include <memory>
#include <utility>

#include "attune/tune/history.h"
#include "attune/tune/space.h"
#include "attune/tune/value.h"

namespace attune::tune {

enum class Verdict : uint8_t { go_on, stop, pause };

// What a scheduler is asked before a trial is started, and all it may know.
struct Situation {
  const History& history;  // what runs now, in whatever process, is there as running
  const Space& space;      // the parameters that are chosen together, as in a sampler's Question
  uint64_t seed = 0;       // the study's
  int64_t number = 0;      // of the trial that a start or a fork would make
  // False: the run has started as many trials as it was asked for. What is paused may go on.
  bool may_start = true;
};

// What to do next.
struct Next {
  enum class What : uint8_t {
    start,   // a trial that waits, or a new one; where none may start: nothing is left to do
    resume,  // go on with the paused trial
    fork,    // a new trial that goes on from where the paused one stands
    stop,    // end the paused trial: it is pruned
    wait,    // what is next depends on trials that run; when none does: nothing is left to do
  };
  What what = What::start;
  int64_t trial = -1;
  Params params = {};  // of a new trial or a fork; what is missing the sampler chooses

  static Next resume(int64_t trial) { return {What::resume, trial, {}}; }
  static Next fork(int64_t parent, Params params) {
    return {What::fork, parent, std::move(params)};
  }
  static Next stop(int64_t trial) { return {What::stop, trial, {}}; }
  static Next wait() { return {What::wait, -1, {}}; }
};

// A study calls its scheduler from one thread at a time, and holds no lock that the study's own
// members would wait for; only a trial cannot be asked for from here (ValueError). One object may
// serve several studies when it keeps nothing.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  // About `trial`, which has just reported. `history` holds the others, and may hold it. A trial
  // that is to pause or stop is not asked about again until it is resumed.
  virtual Verdict after(const TrialRecord& trial, const History& history) const = 0;

  virtual Next next(const Situation& /*situation*/) const { return {}; }

  // It neither pauses trials nor has next() say anything: nobody waits for it.
  virtual bool only_stops() const { return false; }

  virtual bool pairs_steps() const { return false; }  // as Pruner's
};

class Pruner;
// A pruner is a scheduler that only stops.
std::shared_ptr<const Scheduler> pruning(std::shared_ptr<const Pruner> pruner);

}  // namespace attune::tune
