// What analyses, stopping rules and confirm() get from a study.

#include "attune/tune/analysis/stopping.h"
#include "attune/tune/internal/kept_space.h"
#include "attune/tune/internal/results.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

std::string StudyState::stops(const StoppingRule& rule, const RunLimits& limits) {
  Patience patience;
  for (;;) {
    ledger_->sync();
    if (broken_off(false)) return {};  // it is run first
    int64_t number = 0, turn = 0, open = -1;
    bool waiting = false;
    ledger_->look_at_all([&](const History& history, const auto& left_out) {
      number = static_cast<int64_t>(history.trials().size());
      waiting = history.count(State::waiting) > 0;
      if (!views_) return;
      turn = ledger_->turns()->size();
      const int64_t first = ledger_->turns()->open_before(turn - views_->lag());
      if (first >= 0) {
        open = (*ledger_->turns())[first].trial;
      } else {
        views_->prepare(turn, *ledger_->turns(), history, left_out);
      }
    });
    if (waiting) return {};
    if (open < 0) return chooser_.stops(rule, number, turn);
    if (!wait_for(open, limits, patience)) return {};
  }
}

History StudyState::history() {
  ledger_->sync();
  return ledger_->look_at_search([](const History& search) { return search; });
}

Space StudyState::space() {
  ledger_->sync();
  return ledger_->look_at_search([this](const History& search) {
    if (!chooser_.declared()) {
      if (const std::optional<KeptSpace> kept = KeptSpace::in(search)) return kept->space(search);
    }
    return *chooser_.joint_space(search);
  });
}

// Where the space forbids it, what the study began with stands in for it.
std::pair<std::string, Params> StudyState::default_configuration() {
  ledger_->sync();
  const Space* declared = chooser_.declared().get();
  const bool forbidden = declared && !declared->allowed(declared->default_values());
  if (!forbidden) return {"\"default\"", {}};
  return ledger_->look([](const History& history) {
    if (history.trials().empty()) return std::pair<std::string, Params>{"\"default\"", {}};
    return std::pair<std::string, Params>{"\"first\"",
                                          params_of(history.trials().front(), history)};
  });
}

}  // namespace attune::tune
