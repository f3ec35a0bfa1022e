// Which trials are tried again. A deterministic study asks only about turns older than its lag,
// and, once nothing else is left, about one turn after the other, so that the answer is the same
// for any number of jobs.

#include <algorithm>

#include "attune/tune/internal/results.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

// Nothing: it has not failed, or has been tried often enough.
std::optional<StudyState::Todo> StudyState::retry_of(int64_t number, const History& history,
                                                     int64_t most) const {
  const TrialRecord& trial = record(history, number);
  if (trial.state != State::failed || trial.parent >= 0) return std::nullopt;
  const int64_t first = history.first_attempt(trial);
  if (first < 0 || record(history, first).retries >= most) return std::nullopt;
  Todo todo{.number = static_cast<int64_t>(history.trials().size()),
            .params = fixed_params(trial),
            .retry_of = first};
  for (const auto& [name, value] : params_of(trial, history)) todo.params.set(name, value);
  return todo;
}

StudyState::Again StudyState::failed_before(const RunLimits& limits, bool last) {
  const std::lock_guard lock(retry_mutex_);
  if (limits.retries > retries_) retry_from_ = 0;
  retries_ = limits.retries;
  Again again;
  ledger_->look_at_all([&](const History& history, const auto& left_out) {
    const Timeline* turns = ledger_->turns();
    const auto all = turns ? turns->size() : static_cast<int64_t>(history.finished().size());
    const int64_t end = turns && !last ? all - options_.lag : all;
    for (; retry_from_ < end; ++retry_from_) {
      int64_t number = -1;
      if (turns) {
        number = (*turns)[retry_from_].trial;
        if (!(*turns)[retry_from_].over) again.open = number;
        if (again.open >= 0) return;
        if (turns->last_of(number) != retry_from_) continue;  // it has gone on since
      } else {
        number = history.finished()[static_cast<size_t>(retry_from_)];
      }
      if (left_out(number)) continue;
      again.todo = retry_of(number, history, limits.retries);
      if (again.todo) return;
    }
  });
  return again;
}

std::string StudyState::attempts_text(int64_t first) const {
  return ledger_->look([&](const History& history) {
    std::string text = "[" + std::to_string(first);
    for (const TrialRecord& trial : history.trials()) {
      if (trial.retry_of == first) text += ", " + std::to_string(trial.number);
    }
    return text + "]";
  });
}

}  // namespace attune::tune
