#include "attune/tune/internal/lagged_views.h"

#include <algorithm>

namespace attune::tune {

LaggedViews::LaggedViews(int64_t lag, const std::vector<double>& signs)
    : lag_(lag), views_(static_cast<size_t>(lag) + 1, View{History(signs)}), none_(signs) {}

const History& LaggedViews::of(int64_t turn) const {
  return turn < 0 ? none_ : views_[static_cast<size_t>(turn % (lag_ + 1))].history;
}

void LaggedViews::prepare(int64_t turn, const Timeline& turns, const History& now,
                          const std::function<bool(int64_t)>& left_out) {
  View& mine = views_[static_cast<size_t>(turn % (lag_ + 1))];
  for (const int64_t limit = std::max<int64_t>(turn - lag_, 0); mine.seen < limit; ++mine.seen) {
    const TrialRecord& trial = turns.result(mine.seen, now);
    if (!left_out(trial.number)) {
      mine.history.adopt(trial, now);
    } else if (mine.history.trials().size() <= static_cast<size_t>(trial.number)) {
      mine.history.adopt({.number = trial.number}, now);
    }
  }
}

}  // namespace attune::tune
