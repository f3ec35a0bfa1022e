// What a study says of its trials, in the user's own sense of better.

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/kept_space.h"
#include "attune/tune/internal/order.h"
#include "attune/tune/internal/results.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

Params params_of(const TrialRecord& trial, const History& history) {
  Params params;
  for (const TrialRecord::Use& use : trial.params) {
    const Param& p = *history.params()[static_cast<size_t>(use.param)];
    params.set(p.name, p.external(use.value));
  }
  return params;
}

TrialResult result_of(const TrialRecord& trial, const History& history) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double>& signs = history.signs();
  TrialResult r{.number = trial.number, .state = trial.state, .value = kNaN};
  r.values = trial.losses;
  for (size_t i = 0; i < r.values.size(); ++i) r.values[i] *= signs[i];
  if (!r.values.empty()) r.value = r.values.front();
  r.params = params_of(trial, history);
  for (const TrialRecord::Report& report : trial.reports) {
    r.intermediate[report.step] = signs.front() * report.loss;
    if (report.further.empty()) continue;
    std::vector<double>& all = r.intermediate_values[report.step];
    all.push_back(signs.front() * report.loss);
    for (size_t i = 0; i < report.further.size(); ++i)
      all.push_back(signs[i + 1] * report.further[i]);
  }
  for (const auto& [name, value] : trial.constraints) r.constraints[name] = value;
  r.user = trial.user;
  r.system = trial.system;
  if (trial.parent >= 0) r.parent = trial.parent, r.parent_step = trial.fork_step;
  if (trial.retry_of >= 0) r.retry_of = trial.retry_of;
  r.seconds = finished(trial.state) && trial.started > 0 ? trial.ended - trial.started : kNaN;
  return r;
}

std::string TrialResult::error() const {
  const auto kept = system.find(kError);
  if (state != State::failed || kept == system.end()) return {};
  try {
    return json::parse(kept->second).scalar().as_string();
  } catch (const ValueError&) {  // not a text: another program's
    return kept->second;
  }
}

std::string failures(const std::vector<TrialResult>& trials) {
  const auto has_failed = [](const TrialResult& t) { return t.state == State::failed; };
  const auto first = std::find_if(trials.begin(), trials.end(), has_failed);
  if (first == trials.end()) return {};
  const std::string cause = first->error();
  return fmt::format("; {} of {} trials failed, the first (trial {}) with: {}",
                     std::count_if(trials.begin(), trials.end(), has_failed), trials.size(),
                     first->number, cause.empty() ? "an unknown cause" : printable(cause, 300));
}

std::string failures(const History& history) {
  std::vector<TrialResult> trials;
  for (const TrialRecord& trial : history.trials()) trials.push_back(result_of(trial, history));
  return failures(trials);
}

Params StudyState::params(int64_t number) const {
  return ledger_->look(
      [&](const History& history) { return params_of(record(history, number), history); });
}

std::vector<TrialResult> StudyState::results() {
  ledger_->sync();
  return ledger_->look([](const History& history) {
    std::vector<TrialResult> all;
    for (const TrialRecord& trial : history.trials()) all.push_back(result_of(trial, history));
    return all;
  });
}

TrialResult StudyState::result(int64_t number) {
  ledger_->sync();
  return ledger_->look(
      [&](const History& history) { return result_of(record(history, number), history); });
}

// Looks at each ended trial once; of equal ones the lowest number is best.
const TrialRecord* StudyState::best_record(const History& search) {
  const auto kept = search.user().find(kSpaceAttribute);
  const std::string now = kept == search.user().end() ? "" : kept->second;
  if (now != best_space_) {  // other trials count now
    best_space_ = now;
    best_ = -1;
    best_scanned_ = 0;
  }
  const std::optional<KeptSpace> space =
      best_scanned_ < search.finished().size() ? KeptSpace::in(search) : std::nullopt;
  const auto& ended = search.finished();
  for (; best_scanned_ < ended.size(); ++best_scanned_) {
    const TrialRecord& trial = record(search, ended[best_scanned_]);
    if (trial.state != State::complete || (space && !space->fits(trial, search))) continue;
    const TrialRecord* best = best_ < 0 ? nullptr : &record(search, best_);
    const bool first =
        !best || better(trial, *best) || (!better(*best, trial) && trial.number < best->number);
    if (first) best_ = trial.number;
  }
  return best_ < 0 ? nullptr : &record(search, best_);
}

bool StudyState::has_best() {
  const std::lock_guard lock(best_mutex_);
  return directions().size() == 1 && ledger_->look_at_search([this](const History& search) {
    return best_record(search) != nullptr;
  });
}

TrialResult StudyState::best() {
  if (directions().size() > 1) {
    throw ValueError(fmt::format("best_trial: study {} has {} objectives: see best_trials",
                                 in_quotes(options_.name), directions().size()));
  }
  ledger_->sync();
  const std::lock_guard lock(best_mutex_);
  return ledger_->look_at_search([this](const History& search) {
    const TrialRecord* best = best_record(search);
    if (!best) {
      throw ValueError(fmt::format("best_trial: study {} has no complete trial{}",
                                   in_quotes(options_.name), failures(search)));
    }
    return result_of(*best, search);
  });
}

std::vector<TrialResult> StudyState::pareto() {
  ledger_->sync();
  return ledger_->look_at_search([](const History& search) {
    const std::optional<KeptSpace> space = KeptSpace::in(search);
    const auto counts = [&](const TrialRecord& t) { return !space || space->fits(t, search); };
    std::vector<TrialResult> front;
    for (const int64_t number : best_numbers(search, counts)) {
      front.push_back(result_of(search.trials()[static_cast<size_t>(number)], search));
    }
    return front;
  });
}

int64_t StudyState::size() {
  ledger_->sync();
  return ledger_->look(
      [](const History& history) { return static_cast<int64_t>(history.trials().size()); });
}

int64_t StudyState::made() {
  ledger_->sync();
  return ledger_->look([](const History& history) {
    return static_cast<int64_t>(history.trials().size()) - history.retries();
  });
}

int64_t StudyState::count(State state) {
  return ledger_->look([&](const History& history) { return history.count(state); });
}

// Each step once, however often it was run.
int64_t StudyState::total_steps() {
  ledger_->sync();
  return ledger_->look([](const History& history) {
    size_t steps = 0;
    for (const TrialRecord& trial : history.trials()) steps += trial.reports.size();
    return static_cast<int64_t>(steps);
  });
}

std::vector<LineagePart> StudyState::lineage(int64_t number) {
  ledger_->sync();
  return ledger_->look([&](const History& history) {
    std::vector<LineagePart> parts;
    int64_t last = -1;  // of the trial itself
    for (int64_t n = number; n >= 0;) {
      const TrialRecord& trial = record(history, n);
      if (parts.empty() && !trial.reports.empty()) last = trial.reports.back().step;
      parts.push_back({n, trial.fork_step + 1, last, params_of(trial, history)});
      last = trial.fork_step, n = trial.parent;
    }
    std::reverse(parts.begin(), parts.end());
    return parts;
  });
}

bool StudyState::exhausted() {
  ledger_->sync();
  return chooser_.exhausted();
}

std::map<std::string, std::string> StudyState::attributes() {
  ledger_->sync();
  return ledger_->look([](const History& history) { return history.user(); });
}

}  // namespace attune::tune
