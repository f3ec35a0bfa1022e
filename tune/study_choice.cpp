// How a trial's parameters are chosen: what was enqueued first, then the default configuration,
// then what the sampler proposed for all together, then what it says for one.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tensor/internal/text.h"
#include "attune/tune/internal/param_extras.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

constexpr int kProposals = 20;          // by the sampler, before others are tried
constexpr int kRandomDraws = 10'000;    // before every combination is looked at
constexpr int64_t kListable = 1 << 20;  // combinations

// The combination with that number, the last parameter fastest.
std::vector<double> combination(const Space& space, int64_t index) {
  std::vector<double> values(space.size());
  for (size_t i = space.size(); i-- > 0;) {
    const int64_t levels = space.params()[i].levels();
    values[i] = space.params()[i].level_value(index % levels);
    index /= levels;
  }
  return values;
}

// A proposal as a value of the parameter as it is asked for, whose range, steps and choices may be
// others; NaN: it has no such choice.
double as_asked(const Param& p, double proposed, const ParamValue& choice) {
  if (p.kind == Param::Kind::categorical) {
    const auto it = std::find_if(p.choices.begin(), p.choices.end(), [&](const ParamValue& c) {
      return c.variant() == choice.variant();
    });
    return it == p.choices.end() ? std::nan("") : static_cast<double>(it - p.choices.begin());
  }
  if (p.levels() == 0) return std::clamp(proposed, p.low, p.high);
  return p.level_value(p.level_of(proposed));
}

}  // namespace

// The parameters to be chosen together: as declared, else as the sampler brings them, else those
// seen.
std::shared_ptr<const Space> StudyState::joint_space(const History& history) const {
  return declared_ ? declared_ : history.shared_space();
}

std::shared_ptr<const Param> StudyState::admit(const Param& param) {
  const auto& known = history_.params();
  for (size_t i = known.size(); i-- > 0;) {
    if (known[i]->name != param.name || !known[i]->same_distribution(param)) continue;
    if (!param.local()) return known[i];
    break;
  }
  param.validate();
  const Param* declared = declared_ ? declared_->find(param.name) : nullptr;
  if (declared && declared->kind != param.kind) param.check_compatible(*declared);
  if (const Param* earlier = history_.latest(param.name)) param.check_compatible(*earlier);
  return std::make_shared<const Param>(param);
}

bool StudyState::first_is_default(const Trial& trial) const {
  return trial.number_ == 0 && options_.first == First::defaults &&
         options_.sampler->starts_with_defaults();
}

double StudyState::choose(Trial& trial, const Param& param) {
  const std::lock_guard lock(mutex_);
  if (!trial.proposed_any_) {
    const std::shared_ptr<const Space> space = joint_space(view(trial.number_));
    propose(trial, *space);
    trial.proposed_any_ = true;
  }
  return choose_locked(trial, param);
}

double StudyState::choose_locked(Trial& trial, const Param& param) {
  for (const TrialRecord::Use& use : record(trial.number_).params) {
    const Param& mine = *history_.params()[static_cast<size_t>(use.param)];
    if (mine.name != param.name) continue;
    if (mine.same_distribution(param)) return use.value;
    param.check_compatible(mine);
    return param.kind == Param::Kind::categorical ? param.internal(mine.external(use.value))
                                                  : use.value;
  }
  const std::shared_ptr<const Param> admitted = admit(param);
  const Param& p = *admitted;
  const double value = [&] {
    if (const ParamValue* fixed = trial.fixed_.find(p.name)) return p.internal(*fixed);
    if (p.kind != Param::Kind::real && p.low == p.high) return p.low;
    if (p.levels() == 1) return p.level_value(0);
    if (repeats(trial.number_)) return p.default_value();
    for (const Trial::Proposed& proposed : trial.proposal_) {
      if (proposed.name != p.name) continue;
      const double here = as_asked(p, proposed.value, proposed.choice);
      if (!std::isnan(here)) return here;
    }
    if (first_is_default(trial)) return p.default_value();
    const std::shared_ptr<const Space> space =
        without_held(joint_space(view(trial.number_)), trial.fixed_);
    chosen_.clear();
    for (const TrialRecord::Use& use : record(trial.number_).params) {
      chosen_.push_back({history_.params()[static_cast<size_t>(use.param)].get(), use.value});
    }
    const Question question{trial.number_, seed_, *space, view(trial.number_), chosen_};
    Rng rng = sampler_rng_.fork(trial.number_).fork(p.name);
    return p.from_unit(options_.sampler->sample(question, p, rng));
  }();
  remember(p);
  append(ParamSet{trial.number_, admitted, value});
  return value;
}

// What can be told before the trial runs: a later complaint would be a failed trial.
void StudyState::check_enqueued(const Params& params) const {
  for (const auto& [name, value] : params) {
    require_utf8("enqueue: the name", name);
    const Param* known = declared_ ? declared_->find(name) : history_.latest(name);
    if (declared_ && !known) {
      ListInQuotes names;
      for (const Param& p : declared_->params()) names.add(p.name);
      throw ValueError(fmt::format("enqueue: there is no parameter {}; there is {}",
                                   in_quotes(name), names.text()));
    }
    const auto* number = std::get_if<double>(&value.variant());
    if (known) {
      known->internal(value);  // of another kind, none of the choices, or not finite
    } else if (number && !std::isfinite(*number)) {
      throw ValueError(fmt::format("enqueue: {} is {}", in_quotes(name), *number));
    }
  }
}

// Once per parameter: only what changes is written.
void StudyState::remember(const Param& param) {
  if (!param.local()) return;
  const std::string extras = internal::extras_of(param);
  if (extras.empty()) return;
  const std::string key = std::string(internal::kExtrasPrefix) + param.name;
  const auto known = history_.system().find(key);
  if (known != history_.system().end() && known->second == extras) return;
  append(Attribute{Attribute::kStudy, true, std::make_shared<const std::string>(key),
                   std::make_shared<const std::string>(extras)});
}

// What the sampler wants known, where it is not yet.
void StudyState::keep_note(const Question& question) {
  const std::string note = options_.sampler->note(question);
  if (note.empty()) return;
  const std::string text = to_json(ParamValue(note));
  const auto known = history_.user().find("sampler");
  if (known != history_.user().end() && known->second == text) return;
  append(Attribute{Attribute::kStudy, false, std::make_shared<const std::string>("sampler"),
                   std::make_shared<const std::string>(text)});
}

Params StudyState::suggest(Trial& trial, const Space& space) {
  const std::lock_guard lock(mutex_);
  trial.proposed_any_ = true;
  propose(trial, space);
  std::vector<double> values = space.default_values();
  for (const size_t i : space.order()) {
    if (!space.active(values)[i]) continue;  // its parents have their values by now
    values[i] = choose_locked(trial, space.params()[i]);
  }
  return to_params(record(trial.number_));
}

// The space without what it, or the sampler, holds at a value; `enqueued` values go before.
std::shared_ptr<const Space> StudyState::without_held(std::shared_ptr<const Space> space,
                                                      const Params& enqueued) const {
  Params held;
  for (const Params* some : {&options_.sampler->held(), &space->frozen()}) {
    for (const auto& [name, value] : *some) {
      const ParamValue* first = enqueued.find(name);
      held.set(name, first ? *first : value);
    }
  }
  if (held.empty()) return space;
  return std::make_shared<const Space>(space->given(held));
}

void StudyState::propose(Trial& trial, const Space& whole) {
  if (repeats(trial.number_)) return;  // choose_locked() knows
  for (const Params* some : {&options_.sampler->held(), &whole.frozen()}) {
    for (const auto& [name, value] : *some) {
      if (!trial.fixed_.contains(name)) trial.fixed_.set(name, value);
    }
  }
  trial.proposal_.clear();
  const auto reference = std::shared_ptr<const Space>(std::shared_ptr<void>(), &whole);
  const std::shared_ptr<const Space> searched = without_held(reference, trial.fixed_);
  const Space& space = *searched;
  if (space.empty()) {
    if (space.allowed({})) return;
    throw SearchSpaceError(
        fmt::format("space: forbid() leaves nothing with {}", printable(trial.fixed_.to_string())));
  }
  if (!space.restricted() &&
      std::all_of(space.params().begin(), space.params().end(),
                  [&](const Param& p) { return trial.fixed_.contains(p.name); })) {
    return;  // enqueued as a whole, and nothing is forbidden: the sampler need not be asked
  }
  const Question question{trial.number_, seed_, space, view(trial.number_)};
  keep_note(question);
  std::vector<double> values;
  if (first_is_default(trial)) {
    values = space.default_values();
    if (!space.allowed(values)) values = draw(trial, space, question);
  } else {
    values = draw(trial, space, question);
  }
  for (size_t i = 0; i < values.size(); ++i) {
    const Param& p = space.params()[i];
    if (std::isnan(values[i])) continue;
    const bool choice = p.kind == Param::Kind::categorical;
    trial.proposal_.push_back({p.name, values[i], choice ? p.external(values[i]) : ParamValue()});
  }
}

// Values for all parameters, NaN for those left to Sampler::sample; none at all when every one is.
std::vector<double> StudyState::draw(Trial& trial, const Space& space, const Question& question) {
  const auto& params = space.params();
  const Rng own = sampler_rng_.fork(trial.number_);
  Rng rng = own;
  const auto fix = [&](std::vector<double>& values) {
    for (size_t i = 0; i < params.size(); ++i) {
      if (const ParamValue* v = trial.fixed_.find(params[i].name))
        values[i] = params[i].internal(*v);
    }
  };
  const bool all_fixed = std::all_of(params.begin(), params.end(),
                                     [&](const Param& p) { return trial.fixed_.contains(p.name); });
  std::vector<double> before;
  for (int attempt = 0; attempt < kProposals; ++attempt) {
    const std::vector<double> units = options_.sampler->propose(question, rng);
    if (!units.empty() && units.size() != params.size()) {
      throw ValueError(fmt::format("sampler: it proposed {} values for {} parameters", units.size(),
                                   params.size()));
    }
    if (units.empty() && !space.restricted()) return {};
    std::vector<double> values(params.size());
    for (size_t i = 0; i < params.size(); ++i) {
      double u = units.empty() ? std::nan("") : units[i];
      if (std::isnan(u) && space.restricted()) {  // the whole combination is needed
        Rng one = attempt == 0 ? own.fork(params[i].name) : own.fork(params[i].name).fork(attempt);
        u = options_.sampler->sample(question, params[i], one);
      }
      values[i] = std::isnan(u) ? u : params[i].from_unit(u);
    }
    fix(values);
    if (space.allowed(values)) return values;
    if (values == before) break;  // it will not say anything else
    before = std::move(values);
  }

  Rng fallback = own.fork("allowed");
  for (int k = 0; k < kRandomDraws && !all_fixed; ++k) {
    std::vector<double> values(params.size());
    for (size_t i = 0; i < params.size(); ++i) values[i] = params[i].from_unit(fallback.uniform());
    fix(values);
    if (space.allowed(values)) return values;
  }
  const int64_t total = space.combinations();
  const bool listable = total > 0 && total <= kListable && !all_fixed;
  const int64_t start =
      listable ? static_cast<int64_t>(fallback.below(static_cast<uint64_t>(total))) : 0;
  for (int64_t k = 0; k < total && listable; ++k) {
    std::vector<double> values = combination(space, (start + k) % total);
    fix(values);
    if (space.allowed(values)) return values;
  }
  ListInQuotes names;
  std::string fixed;
  for (const Param& p : params) names.add(p.name);
  if (!trial.fixed_.empty()) fixed = " with " + printable(trial.fixed_.to_string());
  throw SearchSpaceError(fmt::format(
      "params {}: forbid() leaves no combination{}{}", names.text(), fixed,
      listable || all_fixed ? "" : fmt::format(" that {} draws could find", kRandomDraws)));
}

}  // namespace attune::tune
