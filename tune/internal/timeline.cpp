#include "attune/tune/internal/timeline.h"

#include <algorithm>

namespace attune::tune {

void Timeline::apply(const Event& event, const History& now) {
  if (const auto* claimed = std::get_if<Claimed>(&event)) {
    const TrialRecord& trial = now.trials()[static_cast<size_t>(claimed->trial)];
    const int64_t last = last_of(trial.number);
    const bool goes_on = last >= 0 && !turns_[static_cast<size_t>(last)].over;
    if (trial.state != State::running || goes_on) return;
    last_.resize(std::max(last_.size(), static_cast<size_t>(trial.number) + 1), -1);
    last_[static_cast<size_t>(trial.number)] = size();
    turns_.push_back({.trial = trial.number});
  } else if (const auto* paused = std::get_if<Paused>(&event)) {
    const TrialRecord& trial = now.trials()[static_cast<size_t>(paused->trial)];
    const int64_t last = last_of(trial.number);
    if (last < 0 || trial.state != State::paused || trial.interrupted()) return;
    Turn& turn = turns_[static_cast<size_t>(last)];
    if (turn.over) return;
    turn.over = true;
    turn.after = std::make_shared<const TrialRecord>(trial);
  } else if (const auto* finished = std::get_if<Finished>(&event)) {
    end(finished->trial);
  }
}

void Timeline::end(int64_t trial) {
  last_.resize(std::max(last_.size(), static_cast<size_t>(trial) + 1), -1);
  int64_t& last = last_[static_cast<size_t>(trial)];
  if (last >= 0) {
    Turn& turn = turns_[static_cast<size_t>(last)];
    if (turn.over && !turn.after) return;  // its end came twice
    if (!turn.over) {
      turn.over = true;
      return;
    }
  }
  last = size();
  turns_.push_back({.trial = trial, .over = true, .instant = true});
}

int64_t Timeline::open_before(int64_t limit) const {
  while (all_over_ < size() && turns_[static_cast<size_t>(all_over_)].over) ++all_over_;
  return all_over_ < std::min(limit, size()) ? all_over_ : -1;
}

int64_t Timeline::last_of(int64_t trial) const {
  return trial >= 0 && static_cast<size_t>(trial) < last_.size() ? last_[static_cast<size_t>(trial)]
                                                                 : -1;
}

const TrialRecord& Timeline::result(int64_t turn, const History& now) const {
  const Turn& one = turns_[static_cast<size_t>(turn)];
  return one.after ? *one.after : now.trials()[static_cast<size_t>(one.trial)];
}

}  // namespace attune::tune
