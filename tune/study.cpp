#include "attune/tune/study.h"

#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tensor/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

using Clock = std::chrono::steady_clock;

void print_to_clog(const Progress& p) {
  std::string line = fmt::format("{} trials", p.trials);
  if (p.wanted > 0) line = fmt::format("{} of {} trials", p.trials, p.wanted);
  if (p.best) line += fmt::format(", best {} in trial {}", p.best->value, p.best->number);
  if (p.failed > 0) line += fmt::format(", {} failed", p.failed);
  if (!p.first_error.empty()) line += fmt::format(" (first: {})", printable(p.first_error));
  if (!p.stopped.empty()) line += fmt::format(", stopped: {}", p.stopped);
  std::clog << line + fmt::format(", {:.1f} s\n", p.seconds);
}

// One call of optimize(): what its threads share.
class Run {
 public:
  Run(StudyState& study, const Objective& objective, const OptimizeOptions& options)
      : study_(study), objective_(objective), options_(options), begin_(Clock::now()) {
    progress_.wanted = options.trials;
  }

  void work() {
    try {
      while (std::optional<Trial> trial = next()) run(std::move(*trial));
    } catch (...) {
      keep(std::current_exception());
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

  void run(Trial trial) {
    const int64_t number = trial.number();
    const std::exception_ptr error = run_trial(study_, trial, objective_);
    after(number);
    if (error && !options_.catch_errors) std::rethrow_exception(error);
  }

 private:
  // The question whether to go on and the start of a trial are one step, so that threads cannot
  // both start the one trial that was still to come.
  std::optional<Trial> next() {
    const std::lock_guard lock(mutex_);
    if (error_ || ended_ || study_.stopping || started_ >= options_.trials) return std::nullopt;
    if (options_.timeout && Clock::now() - begin_ >= *options_.timeout) return std::nullopt;
    if (study_.exhausted()) return std::nullopt;
    if (options_.stop_when) {
      std::string reason = study_.stops(*options_.stop_when);
      ended_ = !reason.empty();
      if (ended_) {
        report_end(std::move(reason));
        return std::nullopt;
      }
    }
    ++started_;
    return study_.ask(true);
  }

  void report_end(std::string reason) {
    study_.set_attribute(Attribute::kStudy, kStopped, json::quote(reason));
    const std::lock_guard lock(callback_mutex_);
    progress_.stopped = std::move(reason);
    if (options_.progress) report();
  }

  void after(int64_t number) {
    if (!options_.progress && !options_.on_trial) return;
    const std::lock_guard lock(callback_mutex_);
    const TrialResult result = study_.result(number);
    ++progress_.trials;
    progress_.complete += result.state == State::complete;
    progress_.pruned += result.state == State::pruned;
    progress_.failed += result.state == State::failed;
    if (progress_.first_error.empty()) progress_.first_error = result.error();
    if (options_.on_trial) options_.on_trial(result);
    if (options_.progress) report();
  }

  void report() {
    if (study_.has_best()) progress_.best = study_.best();
    progress_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    options_.progress(progress_);
  }

  void keep(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }

  StudyState& study_;
  const Objective& objective_;
  const OptimizeOptions& options_;
  Clock::time_point begin_;
  std::mutex mutex_, callback_mutex_;
  int64_t started_ = 0;
  bool ended_ = false;  // by stop_when
  Progress progress_;
  std::exception_ptr error_;
};

}  // namespace

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
  } catch (const std::exception& e) {
    outcome = Failed{e.what()};
    error = std::current_exception();
  } catch (...) {
    outcome = Failed{"an exception of unknown type"};
    error = std::current_exception();
  }
  study.tell(trial, outcome);
  return error;
}

ProgressSink::ProgressSink(bool to_clog) {
  if (to_clog) sink_ = print_to_clog;
}

Study::Study(StudyOptions options) : state_(std::make_shared<StudyState>(std::move(options))) {}

void Study::optimize(const Objective& objective, OptimizeOptions options) {
  if (options.trials < 0)
    throw ValueError(fmt::format("optimize: trials must be 0 or more, not {}", options.trials));
  if (options.jobs < 1)
    throw ValueError(fmt::format("optimize: jobs must be 1 or more, not {}", options.jobs));
  Run run(*state_, objective, options);
  {
    std::vector<std::jthread> threads;
    for (int i = 1; i < options.jobs; ++i) threads.emplace_back([&run] { run.work(); });
    run.work();
  }
  state_->stopping = false;
  run.rethrow();
}

bool Study::step(const Objective& objective) {
  if (state_->exhausted()) return false;
  const OptimizeOptions options;
  Run(*state_, objective, options).run(state_->ask(true));
  return !state_->exhausted();
}

void Study::stop() { state_->stopping = true; }

Trial Study::ask() { return state_->ask(false); }

Trial Study::ask(const Space& space) {
  Trial trial = state_->ask(false);
  trial.suggest(space);
  return trial;
}

void Study::tell(Trial& trial, const Outcome& outcome) { state_->tell(trial, outcome); }

void Study::tell(Trial&& trial, const Outcome& outcome) { tell(trial, outcome); }

Trial Study::begin(const Params& params) { return state_->begin(params); }

int64_t Study::enqueue(const Params& params) { return state_->enqueue(params); }

TrialResult Study::best_trial() const { return state_->best(); }
std::vector<TrialResult> Study::best_trials() const { return state_->pareto(); }
std::vector<TrialResult> Study::trials() const { return state_->results(); }
TrialResult Study::trial(int64_t number) const { return state_->result(number); }
int64_t Study::size() const { return state_->size(); }
History Study::history() const { return state_->history(); }
Space Study::space() const { return state_->space(); }
const std::string& Study::name() const { return state_->options().name; }
const std::vector<Direction>& Study::directions() const { return state_->directions(); }
uint64_t Study::seed() const { return state_->seed(); }
Rng Study::rng(int64_t trial, std::string_view name) const { return state_->rng(trial).fork(name); }
bool Study::exhausted() const { return state_->exhausted(); }

void Study::set_attribute(std::string_view name, const ParamValue& value) {
  set_attribute_json(name, json::text(value));
}

void Study::set_attribute_json(std::string_view name, std::string json) {
  state_->set_attribute(Attribute::kStudy, name, std::move(json));
}

std::optional<std::string> Study::attribute(std::string_view name) const {
  const auto all = state_->attributes();
  const auto it = all.find(std::string(name));
  return it == all.end() ? std::nullopt : std::optional(it->second);
}

std::map<std::string, std::string> Study::attributes() const { return state_->attributes(); }

}  // namespace attune::tune
