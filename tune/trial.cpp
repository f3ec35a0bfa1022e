#include "attune/tune/trial.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "attune/tensor/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {

bool TrialResult::feasible() const {
  return std::all_of(constraints.begin(), constraints.end(),
                     [](const auto& c) { return c.second <= 0; });
}

Trial::Trial(std::shared_ptr<StudyState> study, int64_t number)
    : study_(std::move(study)), number_(number) {}

Trial::Trial(Trial&& other) noexcept = default;

Trial& Trial::operator=(Trial&& other) noexcept {
  std::swap(study_, other.study_);  // what this one was is failed when `other` goes
  std::swap(number_, other.number_);
  std::swap(proposed_any_, other.proposed_any_);
  std::swap(fixed_, other.fixed_);
  std::swap(proposal_, other.proposal_);
  return *this;
}

Trial::~Trial() {
  if (!study_) return;
  try {
    study_->tell(number_, Failed{"the trial was given up"});
  } catch (
      ...) {  // a destructor cannot say so; the next to open the study sees a dead process's trial
  }
}

double Trial::choose(const Param& param) {
  if (!study_) throw ValueError("trial: it has been told already");
  return study_->choose(*this, param);
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
  if (!study_) throw ValueError("trial: it has been told already");
  return study_->suggest(*this, space);
}

Trial& Trial::report(int64_t step, double value) {
  if (!study_) throw ValueError("trial: it has been told already");
  study_->report(number_, step, {&value, 1});
  return *this;
}

Trial& Trial::report(int64_t step, const std::vector<double>& values) {
  if (!study_) throw ValueError("trial: it has been told already");
  study_->report(number_, step, values);
  return *this;
}

Trial& Trial::set_constraint(std::string_view name, double value) {
  if (!study_) throw ValueError("trial: it has been told already");
  study_->set_constraint(number_, name, value);
  return *this;
}

Trial& Trial::set_constraint(double value) {
  if (!study_) throw ValueError("trial: it has been told already");
  study_->set_constraint(number_, {}, value);
  return *this;
}

bool Trial::should_stop() { return study_ && study_->should_stop(number_); }

Params Trial::params() const {
  if (!study_) throw ValueError("trial: it has been told already");
  return study_->params(number_);
}

Rng Trial::rng(std::string_view name) const {
  if (!study_) throw ValueError("trial: it has been told already");
  return study_->rng(number_).fork(name);
}

void Trial::set_attribute(std::string_view name, const ParamValue& value) {
  set_attribute_json(name, json::text(value));
}

void Trial::set_attribute_json(std::string_view name, std::string json) {
  if (!study_) throw ValueError("trial: it has been told already");
  study_->set_attribute(number_, name, std::move(json));
}

}  // namespace attune::tune
