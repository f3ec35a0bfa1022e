#include "attune/tune/study.h"

#include <exception>
#include <iostream>
#include <optional>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/runner.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

void print_to_clog(const Progress& p) {
  std::string line = fmt::format("{} trials", p.trials);
  if (p.wanted > 0) line = fmt::format("{} of {} trials", p.trials, p.wanted);
  if (p.best) line += fmt::format(", best {} in trial {}", p.best->value, p.best->number);
  if (p.failed > 0) line += fmt::format(", {} failed", p.failed);
  if (!p.first_error.empty()) line += fmt::format(" (first: {})", printable(p.first_error));
  if (!p.waiting.empty()) line += fmt::format(", waiting for {}", p.waiting);
  if (!p.stopped.empty()) line += fmt::format(", stopped: {}", p.stopped);
  std::clog << line + fmt::format(", {:.1f} s\n", p.seconds);
}

}  // namespace

ProgressSink::ProgressSink(bool to_clog) {
  if (to_clog) sink_ = print_to_clog;
}

Study::Study(StudyOptions options) : state_(std::make_shared<StudyState>(std::move(options))) {}

void Study::optimize(const Objective& objective, OptimizeOptions options) {
  if (options.trials < 0)
    throw ValueError(fmt::format("optimize: trials must be 0 or more, not {}", options.trials));
  if (options.jobs < 1)
    throw ValueError(fmt::format("optimize: jobs must be 1 or more, not {}", options.jobs));
  if (options.retries < 0)
    throw ValueError(fmt::format("optimize: retries must be 0 or more, not {}", options.retries));
  if (options.trial_memory && *options.trial_memory < 1) {
    throw ValueError(fmt::format("optimize: trial_memory must be 1 byte or more, not {}",
                                 *options.trial_memory));
  }
  if (options.trial_memory && !options.isolate) {
    throw ValueError(
        "optimize: trial_memory needs .isolate = true: what a trial takes cannot be told from what "
        "others take in the same process");
  }
  Runner(*state_, objective, options).run();
}

bool Study::step(const Objective& objective) {
  const OptimizeOptions options;
  return Runner(*state_, objective, options).step();
}

void Study::stop() { state_->runs().stop(); }

Trial Study::ask() { return *state_->ask(nullptr); }

Trial Study::ask(const Space& space) {
  Trial trial = ask();
  try {
    trial.suggest(space);
  } catch (const std::exception& e) {
    state_->finish(trial, Failed{e.what()});
    throw;
  }
  return trial;
}

void Study::tell(Trial& trial, const Outcome& outcome) { state_->tell(trial, outcome); }

void Study::tell(Trial&& trial, const Outcome& outcome) { tell(trial, outcome); }

TrialResult Study::hand_out(const Space& space) {
  Trial trial = ask(space);
  return state_->hand_out(trial);
}

void Study::tell(int64_t number, const Outcome& outcome) {
  state_->check_told_by_number("tell", number);
  if (!state_->tell(number, outcome)) {
    throw StorageError(
        fmt::format("tell: {} has been ended by another program", state_->trial_name(number)));
  }
}

bool Study::report(int64_t number, int64_t step, const std::vector<double>& values) {
  return state_->report_by_number(number, step, values);
}

void Study::set_attribute_json(int64_t number, std::string_view name, std::string json) {
  state_->check_told_by_number("set_attribute", number);
  state_->set_attribute(number, name, std::move(json), true);
}

Trial Study::begin(const Params& params) { return state_->begin(params); }

int64_t Study::enqueue(const Params& params) { return state_->enqueue(params); }

TrialResult Study::best_trial() const { return state_->best(); }
std::vector<TrialResult> Study::best_trials() const { return state_->pareto(); }
std::vector<TrialResult> Study::trials() const { return state_->results(); }
TrialResult Study::trial(int64_t number) const { return state_->result(number); }
int64_t Study::size() const { return state_->size(); }
int64_t Study::total_steps() const { return state_->total_steps(); }
std::vector<LineagePart> Study::lineage(int64_t number) const { return state_->lineage(number); }
History Study::history() const { return state_->history(); }
Space Study::space() const { return state_->space(); }
const std::string& Study::name() const { return state_->options().name; }
const std::vector<Direction>& Study::directions() const { return state_->directions(); }
uint64_t Study::seed() const { return state_->seed(); }
Rng Study::rng(std::string_view name) const { return state_->study_rng(name); }
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
