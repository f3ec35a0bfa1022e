// What analyses, stopping rules and confirm() get from a study.

#include <chrono>

#include "attune/tune/analysis/stopping.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

std::string StudyState::stops(const StoppingRule& rule) {
  std::unique_lock lock(mutex_);
  sync();
  if (history_.count(State::waiting) > 0) return {};
  const auto number = static_cast<int64_t>(history_.trials().size());
  if (options_.deterministic) {
    while (unsettled_below(number - options_.lag) >= 0) {
      ended_.wait_for(lock, std::chrono::milliseconds(50));
      sync();
    }
    prepare_view(number);
  }
  const History& seen = view(number);
  const std::shared_ptr<const Space> space = joint_space(seen);
  return rule.reason({number, seed_, *space, seen});
}

History StudyState::history() {
  const std::lock_guard lock(mutex_);
  sync();
  return search();
}

Space StudyState::space() {
  const std::lock_guard lock(mutex_);
  sync();
  return *joint_space(search());
}

// Where the space forbids it, what the study began with stands in for it.
std::pair<std::string, Params> StudyState::default_configuration() {
  const std::lock_guard lock(mutex_);
  sync();
  const bool forbidden = declared_ && !declared_->allowed(declared_->default_values());
  if (forbidden && !history_.trials().empty()) return {"\"first\"", to_params(record(0))};
  return {"\"default\"", {}};
}

}  // namespace attune::tune
