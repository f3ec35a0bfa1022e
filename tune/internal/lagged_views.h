#pragma once
// What each trial of a deterministic study may see: the trials below its number less the lag, and
// no others, however many run at a time and wherever.

#include <cstdint>
#include <functional>
#include <vector>

#include "attune/tune/history.h"

namespace attune::tune {

class LaggedViews {
 public:
  LaggedViews(int64_t lag, const std::vector<double>& signs);

  // The first trial that `number` depends on and that has not ended; -1: all have.
  int64_t open_before(int64_t number, const History& history) const;

  // Makes the view of trial `number`, once all it depends on have ended. It may be read, without a
  // lock, until the trial ends. `left_out`: trials that the search does not know.
  void prepare(int64_t number, const History& history,
               const std::function<bool(int64_t)>& left_out);
  const History& of(int64_t number) const;

 private:
  int64_t lag_;
  std::vector<double> signs_;
  // Trial k uses views_[k % (lag + 1)]; trial k - lag - 1, which used it before, has ended by then.
  std::vector<History> views_;
};

}  // namespace attune::tune
