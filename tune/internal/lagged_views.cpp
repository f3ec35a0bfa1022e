#include "attune/tune/internal/lagged_views.h"

#include <algorithm>

namespace attune::tune {

LaggedViews::LaggedViews(int64_t lag, const std::vector<double>& signs)
    : lag_(lag), signs_(signs), views_(static_cast<size_t>(lag) + 1, History(signs)) {}

int64_t LaggedViews::open_before(int64_t number, const History& history) const {
  const auto& open = history.open();
  return open.empty() || *open.begin() >= number - lag_ ? -1 : *open.begin();
}

const History& LaggedViews::of(int64_t number) const {
  return views_[static_cast<size_t>(number % (lag_ + 1))];
}

void LaggedViews::prepare(int64_t number, const History& history,
                          const std::function<bool(int64_t)>& left_out) {
  History& mine = views_[static_cast<size_t>(number % (lag_ + 1))];
  const int64_t limit = std::max<int64_t>(number - lag_, 0);
  if (static_cast<int64_t>(mine.trials().size()) > limit) {
    mine = History(signs_);  // an enqueued trial with a number lower than one that ran before it
  }
  for (auto k = static_cast<int64_t>(mine.trials().size()); k < limit; ++k) {
    if (left_out(k)) {
      mine.apply(Created{k});
    } else {
      mine.adopt(history.trials()[static_cast<size_t>(k)], history);
    }
  }
}

}  // namespace attune::tune
