#pragma once
// What each turn of a deterministic study may see: what the turns below it less the lag have left,
// and nothing else, however many run at a time and wherever. Without a scheduler that pauses, a
// trial has one turn, and turns are numbered as trials are.

#include <cstdint>
#include <functional>
#include <vector>

#include "attune/tune/history.h"
#include "attune/tune/internal/timeline.h"

namespace attune::tune {

class LaggedViews {
 public:
  LaggedViews(int64_t lag, const std::vector<double>& signs);

  int64_t lag() const { return lag_; }

  // Makes the view of the turn, once all it depends on are over. It may be read, without a lock,
  // until the turn is over. `left_out`: trials that the search does not know.
  void prepare(int64_t turn, const Timeline& turns, const History& now,
               const std::function<bool(int64_t)>& left_out);
  const History& of(int64_t turn) const;  // -1: of none, where there is nothing to see

 private:
  struct View {
    History history;
    int64_t seen = 0;  // turns
  };

  int64_t lag_;
  // Turn k uses views_[k % (lag + 1)]; turn k - lag - 1, which used it before, is over by then.
  std::vector<View> views_;
  History none_;
};

}  // namespace attune::tune
