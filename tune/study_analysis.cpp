// What analyses, stopping rules and confirm() get from a study.

#include "attune/tune/analysis/stopping.h"
#include "attune/tune/internal/results.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

std::string StudyState::stops(const StoppingRule& rule, const RunLimits& limits) {
  Patience patience;
  for (;;) {
    ledger_->sync();
    if (deal_with_lapsed(false)) return {};  // it is run first
    const auto [waiting, number] = ledger_->look([this](const History& history) {
      return std::pair(next(history).state.has_value(),
                       static_cast<int64_t>(history.trials().size()));
    });
    if (waiting) return {};
    const int64_t open = open_before(number);
    if (open < 0) {
      prepare_view(number);
      return chooser_.stops(rule, number);
    }
    if (!wait_for(open, number, limits, patience)) return {};
  }
}

void StudyState::prepare_view(int64_t number) {
  if (!views_) return;
  ledger_->look_at_all([&](const History& history, const auto& left_out) {
    views_->prepare(number, history, left_out);
  });
}

History StudyState::history() {
  ledger_->sync();
  return ledger_->look_at_search([](const History& search) { return search; });
}

Space StudyState::space() {
  ledger_->sync();
  return ledger_->look_at_search(
      [this](const History& search) { return *chooser_.joint_space(search); });
}

// Where the space forbids it, what the study began with stands in for it.
std::pair<std::string, Params> StudyState::default_configuration() {
  ledger_->sync();
  const Space* declared = chooser_.declared();
  const bool forbidden = declared && !declared->allowed(declared->default_values());
  if (!forbidden) return {"\"default\"", {}};
  return ledger_->look([](const History& history) {
    if (history.trials().empty()) return std::pair<std::string, Params>{"\"default\"", {}};
    return std::pair<std::string, Params>{"\"first\"",
                                          params_of(history.trials().front(), history)};
  });
}

}  // namespace attune::tune
