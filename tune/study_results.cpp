// What a study says of its trials, in the user's own sense of better.

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tensor/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/nondominated.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

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

Params StudyState::to_params(const TrialRecord& trial) const {
  Params params;
  for (const TrialRecord::Use& use : trial.params) {
    const Param& p = *history_.params()[static_cast<size_t>(use.param)];
    params.set(p.name, p.external(use.value));
  }
  return params;
}

TrialResult StudyState::to_result(const TrialRecord& trial) const {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  TrialResult r{.number = trial.number, .state = trial.state, .value = kNaN};
  r.values = trial.losses;
  for (size_t i = 0; i < r.values.size(); ++i) r.values[i] *= signs_[i];
  if (!r.values.empty()) r.value = r.values.front();
  r.params = to_params(trial);
  for (const auto& [step, loss] : trial.reports) r.intermediate[step] = signs_.front() * loss;
  for (const auto& [name, value] : trial.constraints) r.constraints[name] = value;
  r.user = trial.user;
  r.system = trial.system;
  r.seconds = finished(trial.state) && trial.started > 0 ? trial.ended - trial.started : kNaN;
  return r;
}

Params StudyState::params(int64_t number) const {
  const std::lock_guard lock(mutex_);
  return to_params(record(number));
}

std::vector<TrialResult> StudyState::results() {
  const std::lock_guard lock(mutex_);
  sync();
  return all_results();
}

std::vector<TrialResult> StudyState::all_results() const {
  std::vector<TrialResult> all;
  for (const TrialRecord& trial : history_.trials()) all.push_back(to_result(trial));
  return all;
}

TrialResult StudyState::result(int64_t number) {
  const std::lock_guard lock(mutex_);
  sync();
  return to_result(record(number));
}

// Of the least violation the lowest loss; of equal ones the lowest number. Looks at each ended
// trial once.
const TrialRecord* StudyState::best_record() {
  const auto& ended = history_.finished();
  for (; best_scanned_ < ended.size(); ++best_scanned_) {
    const TrialRecord& trial = record(ended[best_scanned_]);
    if (trial.state != State::complete || repeats(trial.number)) continue;
    const TrialRecord* best = best_ < 0 ? nullptr : &record(best_);
    const auto rank = [](const TrialRecord& t) {
      return std::tuple(t.violation(), t.loss(), t.number);
    };
    if (!best || rank(trial) < rank(*best)) best_ = trial.number;
  }
  return best_ < 0 ? nullptr : &record(best_);
}

bool StudyState::has_best() {
  const std::lock_guard lock(mutex_);
  return signs_.size() == 1 && best_record() != nullptr;
}

TrialResult StudyState::best() {
  const std::lock_guard lock(mutex_);
  if (signs_.size() > 1) {
    throw ValueError(fmt::format("best_trial: study {} has {} objectives: see best_trials",
                                 in_quotes(options_.name), signs_.size()));
  }
  sync();
  const TrialRecord* best = best_record();
  if (!best) {
    throw ValueError(fmt::format("best_trial: study {} has no complete trial{}",
                                 in_quotes(options_.name), failures(all_results())));
  }
  return to_result(*best);
}

std::vector<TrialResult> StudyState::pareto() {
  const std::lock_guard lock(mutex_);
  sync();
  // Deb's rule: all feasible trials are better than the others, of which less violation is better.
  double least = std::numeric_limits<double>::infinity();
  for (const TrialRecord& trial : history_.trials()) {
    if (trial.state == State::complete && !repeats(trial.number)) {
      least = std::min(least, trial.violation());
    }
  }
  std::vector<const TrialRecord*> complete;
  std::vector<std::vector<double>> losses;
  for (const TrialRecord& trial : history_.trials()) {
    if (trial.state != State::complete || repeats(trial.number)) continue;
    if (trial.violation() > least) continue;
    complete.push_back(&trial);
    losses.push_back(trial.losses);
  }
  std::vector<TrialResult> results;
  for (const size_t i : internal::nondominated(losses)) results.push_back(to_result(*complete[i]));
  return results;
}

int64_t StudyState::size() {
  const std::lock_guard lock(mutex_);
  sync();
  return static_cast<int64_t>(history_.trials().size());
}

bool StudyState::exhausted() {
  const std::lock_guard lock(mutex_);
  sync();
  const std::shared_ptr<const Space> space = without_held(joint_space(search()), {});
  if (history_.count(State::waiting) > 0) return false;
  return options_.sampler->exhausted(
      {static_cast<int64_t>(history_.trials().size()), seed_, *space, search()});
}

std::map<std::string, std::string> StudyState::attributes() {
  const std::lock_guard lock(mutex_);
  sync();
  return history_.user();
}

}  // namespace attune::tune
