#include "attune/tune/internal/runner.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/threads.h"
#include "attune/tune/internal/isolation/isolated_trials.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point after_seconds(std::chrono::duration<double> time) {
  constexpr double kLongest = 1e9;  // some thirty years: beyond it a clock would overflow
  const double seconds = std::clamp(time.count(), 0.0, kLongest);
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

std::unique_ptr<IsolatedTrials> isolated_trials(StudyState& study, const Objective& objective,
                                                const OptimizeOptions& options) {
  if (!options.isolate) return nullptr;
  return std::make_unique<IsolatedTrials>(study, objective, options.jobs, options.trial_memory,
                                          options.trial_timeout);
}

}  // namespace

Runner::Runner(StudyState& study, const Objective& objective, const OptimizeOptions& options)
    : study_(study),
      objective_(objective),
      options_(options),
      begin_(Clock::now()),
      limits_(study.runs().begin(
          options.timeout ? std::optional(after_seconds(*options.timeout)) : std::nullopt,
          options.total, options.retries)),
      cores_(max_threads()),
      isolated_(isolated_trials(study, objective, options)),
      watch_(options.stop, limits_) {
  // grid_search and the like ask for as many as there are.
  const bool endless = options.trials == std::numeric_limits<int64_t>::max();
  progress_.wanted = endless ? 0 : options.trials;
}

Runner::~Runner() = default;

void Runner::run() {
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i < options_.jobs; ++i) threads.emplace_back([this] { work(); });
    work();
  }
  if (error_) std::rethrow_exception(error_);
  watch_.finish();
}

bool Runner::step() {
  std::optional<Trial> trial = study_.ask(limits_, !study_.exhausted());
  if (!trial) return false;
  run_one(std::move(*trial));
  return !study_.exhausted();
}

void Runner::work() {
  try {
    while (std::optional<Trial> trial = next()) run_one(std::move(*trial));
  } catch (...) {
    limits_->stopped = true;  // another thread may wait, under the lock, for what this one ran
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

// The question whether to go on and the start of a trial are one step, so that threads cannot both
// start the one trial that was still to come.
std::optional<Trial> Runner::next() {
  const std::lock_guard lock(mutex_);
  if (error_ || ended_ || limits_->reached()) return std::nullopt;
  if (started_ >= options_.trials) return study_.ask(limits_, false);
  const bool full = options_.total && study_.made() >= *options_.total;  // but for those that wait
  if (!full && study_.exhausted()) return study_.ask(limits_, false);
  if (!full && options_.stop_when) {
    std::string reason = study_.stops(*options_.stop_when, *limits_);
    ended_ = !reason.empty();
    if (ended_) {
      report_end(std::move(reason));
      return std::nullopt;
    }
  }
  std::optional<Trial> trial = study_.ask(limits_);
  if (trial && !trial->begun_ && !trial->retry_) ++started_;
  return trial;
}

void Runner::run_one(Trial trial) {
  const int64_t number = trial.number();
  if (options_.trial_timeout) trial.end_by(after_seconds(*options_.trial_timeout));
  const ::attune::internal::CoreBudget::Part part(cores_);
  const std::exception_ptr error =
      isolated_ ? run_trial(study_, trial, [this](Trial& one) { return isolated_->run(one); })
                : run_trial(study_, trial, objective_);
  after(number);
  if (error && !options_.catch_errors) std::rethrow_exception(error);
}

void Runner::report_wait(const std::string& trial) {
  const std::lock_guard lock(callback_mutex_);
  progress_.waiting = trial;
  report();
  progress_.waiting.clear();
}

void Runner::report_end(std::string reason) {
  study_.set_attribute(Attribute::kStudy, kStopped, json::quote(reason));
  const std::lock_guard lock(callback_mutex_);
  progress_.stopped = std::move(reason);
  if (options_.progress) report();
}

void Runner::after(int64_t number) {
  if (!options_.progress && !options_.on_trial) return;
  const std::lock_guard lock(callback_mutex_);
  const TrialResult result = study_.result(number);
  progress_.trials += !result.retry_of;
  progress_.complete += result.state == State::complete;
  progress_.pruned += result.state == State::pruned;
  progress_.failed += result.state == State::failed;
  if (progress_.first_error.empty()) progress_.first_error = result.error();
  if (options_.on_trial) options_.on_trial(result);
  if (options_.progress) report();
}

void Runner::report() {
  if (study_.has_best()) progress_.best = study_.best();
  progress_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  progress_.running = study_.count(State::running);
  progress_.paused = study_.count(State::paused);
  options_.progress(progress_);
}

// A trial that somebody else has ended meanwhile keeps that end, and the next is run.
std::exception_ptr run_trial(StudyState& study, Trial& trial, const Objective& objective) {
  Outcome outcome = pruned;
  std::exception_ptr error;
  try {
    outcome = objective(trial);
    const size_t wanted = study.directions().size(), given = outcome.values().size();
    if (outcome.state() == State::complete && given != wanted) {
      throw ValueError(
          fmt::format("the objective returned {} values for {} objectives", given, wanted));
    }
    if (outcome.state() == State::complete) {
      if (const std::optional<Outcome> last = study.end_at_pause(trial)) outcome = *last;
    }
  } catch (const std::exception& e) {
    outcome = Failed{e.what()};
    error = std::current_exception();
  } catch (...) {
    outcome = Failed{"an exception of unknown type"};
    error = std::current_exception();
  }
  study.finish(trial, outcome);
  return error;
}

}  // namespace attune::tune
