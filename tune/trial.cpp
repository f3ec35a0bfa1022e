#include "attune/tune/trial.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/isolation/trial_link.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

bool TrialResult::feasible() const {
  return std::all_of(constraints.begin(), constraints.end(),
                     [](const auto& c) { return c.second <= 0; });
}

Trial::Trial(std::shared_ptr<StudyState> study, int64_t number)
    : study_(std::move(study)), number_(number) {}

// Its limits are the parent's; what it goes on with is in files, or in memory as it was copied.
Trial::Trial(std::shared_ptr<TrialLink> link) : link_(std::move(link)) {
  const internal::WireBegin& begin = link_->begin();
  number_ = begin.number;
  first_step_ = begin.first_step;
  last_step_ = begin.last_step;
  parent_ = begin.parent;
  forked_ = begin.forked;
  begun_ = begin.begun;
  repeats_ = begin.repeats;
  deadline_ = begin.deadline;
  auto limits = std::make_shared<RunLimits>();
  limits->deadline = begin.run_deadline;
  limits_ = std::move(limits);
  if (begin.checkpoint) {
    checkpoint_ = std::shared_ptr<const Checkpoint>(std::shared_ptr<void>(), begin.checkpoint);
  } else if (begin.states > 0) {
    checkpoint_ = std::make_shared<const Checkpoint>(
        Checkpoint{.step = first_step_ - 1, .folder = link_->folder(), .states = begin.states});
  }
}

Trial::Trial(Trial&& other) noexcept = default;

Trial& Trial::operator=(Trial&& other) noexcept {
  if (this == &other) return *this;
  give_up();
  study_ = std::move(other.study_);
  link_ = std::move(other.link_);
  number_ = other.number_;
  repeats_ = other.repeats_;
  begun_ = other.begun_;
  retry_ = other.retry_;
  proposed_any_ = other.proposed_any_;
  fixed_ = std::move(other.fixed_);
  proposal_ = std::move(other.proposal_);
  set_ = std::move(other.set_);
  turn_ = other.turn_;
  parent_ = other.parent_;
  forked_ = other.forked_;
  parent_set_ = std::move(other.parent_set_);
  parent_params_ = std::move(other.parent_params_);
  limits_ = std::move(other.limits_);
  deadline_ = other.deadline_;
  first_step_ = other.first_step_;
  last_step_ = other.last_step_;
  unnamed_ = other.unnamed_;
  checkpoint_ = std::move(other.checkpoint_);
  states_ = std::move(other.states_);
  owned_ = std::move(other.owned_);
  return *this;
}

Trial::~Trial() { give_up(); }

void Trial::give_up() noexcept {
  if (!study_) return;
  try {
    study_->tell(number_, Failed{"the trial was given up"});
  } catch (...) {  // a destructor cannot say so; once this process has ended others see it
  }
}

StudyState& Trial::study() const {
  if (!study_) throw ValueError("trial: it has been told already");
  return *study_;
}

double Trial::choose(const Param& param) {
  return link_ ? link_->choose(param) : study().choose(*this, param);
}

double Trial::suggest_float(std::string_view name, double low, double high, Spacing spacing) {
  Param p = spacing.step ? stepped_range(low, high, *spacing.step) : range(low, high);
  p.name = name;
  p.log = spacing.log;
  return choose(p);
}

int64_t Trial::suggest_int(std::string_view name, int64_t low, int64_t high, Spacing spacing) {
  Param p = int_range(low, high);
  p.name = name;
  p.log = spacing.log;
  if (spacing.step) {
    p.step = *spacing.step;
    if (p.step >= 1 && p.high - p.low >= p.step) {
      p.high = p.low + p.step * std::floor((p.high - p.low) / p.step);
    }
  }
  return static_cast<int64_t>(choose(p));
}

ParamValue Trial::suggest_categorical(std::string_view name, std::vector<ParamValue> choices) {
  return suggest(name, choice(std::move(choices)));
}

ParamValue Trial::suggest(std::string_view name, const Param& range) {
  Param p = range;
  p.name = name;
  return p.external(choose(p));
}

Params Trial::suggest(const Space& space) {
  return link_ ? link_->suggest(space) : study().suggest(*this, space);
}

Trial& Trial::report(int64_t step, double value) {
  return report(step, std::span<const double>(&value, 1));
}

Trial& Trial::report(int64_t step, const std::vector<double>& values) {
  return report(step, std::span<const double>(values));
}

Trial& Trial::report(int64_t step, std::span<const double> values) {
  link_ ? link_->report(step, values) : study().report(number_, step, values);
  last_step_ = std::max(last_step_, step);
  return *this;
}

Trial& Trial::set_constraint(std::string_view name, double value) {
  link_ ? link_->set_constraint(name, value) : study().set_constraint(number_, name, value);
  return *this;
}

Trial& Trial::set_constraint(double value) {
  if (link_) {
    link_->set_constraint(std::nullopt, value);
  } else {
    study().set_constraint(number_, {}, value, unnamed_++);
  }
  return *this;
}

bool Trial::should_stop() { return stop_requested() || should_prune(); }

bool Trial::should_prune() {
  if (link_) return link_->verdict(last_step_).first != Verdict::go_on;
  return study_ && study_->verdict(number_, turn_, last_step_) != Verdict::go_on;
}

bool Trial::stop_requested() const {
  return (limits_ && limits_->reached()) || (link_ && link_->stop_requested()) ||
         (deadline_ && std::chrono::steady_clock::now() >= *deadline_);
}

Outcome Trial::stopped() {
  Verdict verdict = Verdict::go_on;
  bool run_ends = false;
  if (link_) {
    std::tie(verdict, run_ends) = link_->verdict(last_step_);
  } else {
    verdict = study().verdict(number_, turn_, last_step_);
    run_ends = limits_ && limits_->reached();
  }
  if (verdict == Verdict::stop) return pruned;
  if (verdict == Verdict::go_on && !run_ends) {
    if (stop_requested()) return Failed{"the trial's time was up"};
    return pruned;  // the objective's own decision
  }
  link_ ? link_->keep(last_step_, states_) : study_->keep(number_, last_step_, states_);
  return PausedHere{last_step_};
}

void Trial::keep(const keeping::StateRef& state) {
  if (link_ && (!state.save || !state.load)) {
    throw ValueError(fmt::format(
        "checkpointable: state {} cannot be saved to a file, which .isolate needs; give its type "
        "save(path) and load(path)",
        states_.size()));
  }
  if (checkpoint_) checkpoint_->restore(states_.size(), state, forked_);
  states_.push_back(state);
}

Params Trial::params() const { return link_ ? link_->params() : study().params(number_); }

Rng Trial::rng(std::string_view name) const {
  return (link_ ? link_->rng() : study().rng(number_)).fork(name);
}

Rng Trial::study_rng(std::string_view name) const {
  if (!study_) throw ValueError("trial: it has been told already");
  return study_->study_rng(name);
}

bool Trial::pairs_steps() const {
  if (!study_) throw ValueError("trial: it has been told already");
  const StudyOptions& options = study_->options();
  return (options.pruner && options.pruner->pairs_steps()) ||
         (options.scheduler && options.scheduler->pairs_steps());
}

void Trial::set_attribute(std::string_view name, const ParamValue& value) {
  set_attribute_json(name, json::text(value));
}

void Trial::set_attribute_json(std::string_view name, std::string json) {
  if (link_) return link_->set_attribute(name, json);
  study().set_attribute(number_, name, std::move(json));
}

}  // namespace attune::tune
