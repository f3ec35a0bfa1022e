#pragma once
// What population based training and its kin have in common: the members of a population train at
// the same time, are compared after the same numbers of steps, and the worst quarter is replaced by
// forks of the best. How the forks' parameters are found is what they differ in.

#include <cstdint>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/scheduler.h"

namespace attune::tune::internal {

// Members of the population that is on: its first trials, and the forks of them.
using Members = std::vector<const TrialRecord*>;

class PopulationScheduler : public Scheduler {
 public:
  // ValueError, in the scheduler's name, for a size below 2 or an interval below 1.
  PopulationScheduler(const char* name, int64_t size, int64_t interval);

  Verdict after(const TrialRecord& trial, const History&) const override;
  Next next(const Situation& now) const override;

 protected:
  struct Fork {
    int64_t parent = 0;
    int64_t place = 0;  // how many forks have been made at this comparison before
    int64_t round = 0;  // the comparison: after so many intervals
    const Members& members;
    const Situation& now;
  };
  virtual Params explored(const Fork& fork, Rng& rng) const = 0;

  int64_t interval() const { return interval_; }
  static const TrialRecord& record(const Situation& now, int64_t number) {
    return now.history.trials()[static_cast<size_t>(number)];
  }
  // The trial's parameters as it has them; changed(param, value) is what becomes of each. Drawn
  // again where forbid() rules the result out; then, at last, they stay as they are.
  template <typename Changed>
  static Params changed_params(const Situation& now, const TrialRecord& trial, Changed&& changed) {
    constexpr int kDraws = 50;
    for (int draw = 0; draw <= kDraws; ++draw) {
      Params params;
      std::vector<double> values = now.space.default_values();
      for (const TrialRecord::Use& use : trial.params) {
        const Param& param = *now.history.params()[static_cast<size_t>(use.param)];
        const double value = draw == kDraws ? use.value : changed(param, use.value);
        params.set(param.name, param.external(value));
        for (size_t i = 0; i < values.size(); ++i) {
          if (now.space.params()[i].name == param.name) values[i] = value;
        }
      }
      if (draw == kDraws || now.space.allowed(values)) return params;
    }
    return {};
  }

 private:
  bool made_at(const TrialRecord& trial, int64_t round) const;
  bool came_to(const TrialRecord& trial, int64_t round) const;
  Members latest(const History& history, int64_t& started) const;
  Next compare(const Members& members, const Members& here, int64_t round,
               const Situation& now) const;

  const char* name_;
  int64_t size_, interval_;
};

}  // namespace attune::tune::internal
