#include "attune/tune/internal/chooser.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/configurations.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/param_extras.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

constexpr int kProposals = 20;          // by the sampler, before others are tried
constexpr int kRandomDraws = 10'000;    // before every combination is looked at
constexpr int64_t kListable = 1 << 20;  // combinations

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

Chooser::Chooser(const StudyOptions& options, Ledger& ledger, const LaggedViews* views)
    : options_(options), ledger_(ledger), views_(views), sampler_rng_(0), seen_(ledger, 0) {
  const Space* brought = options.sampler->space();
  if (!options.space.empty() || brought) {
    declared_ = std::make_shared<const Space>(options.space.empty() ? *brought : options.space);
  }
}

void Chooser::set_seed(uint64_t seed) {
  seed_ = seed;
  sampler_rng_ = Rng(seed).fork("sampler");
}

std::shared_ptr<const Space> Chooser::joint_space(const History& history) const {
  return declared_ ? declared_ : history.shared_space();
}

const History& Chooser::view(int64_t turn) { return views_ ? views_->of(turn) : seen_.read(); }

bool Chooser::exhausted() {
  const std::lock_guard lock(mutex_);
  if (ledger_.look([](const History& h) { return h.count(State::waiting); }) > 0) return false;
  const auto ask = [this](const History& history) {
    const std::shared_ptr<const Space> space = without_held(joint_space(history), {});
    return options_.sampler->exhausted(
        {static_cast<int64_t>(history.trials().size()), seed_, *space, history});
  };
  return views_ ? ledger_.look_at_search(ask) : ask(seen_.read());
}

std::string Chooser::stops(const StoppingRule& rule, int64_t number, int64_t turn) {
  const std::lock_guard lock(mutex_);
  const History& history = view(turn);
  const std::shared_ptr<const Space> space = joint_space(history);
  return rule.reason({number, seed_, *space, history});
}

std::shared_ptr<const Param> Chooser::admit(const Param& param) {
  return ledger_.look([&](const History& history) {
    const auto& known = history.params();
    for (size_t i = known.size(); i-- > 0;) {
      if (known[i]->name != param.name || !known[i]->same_distribution(param)) continue;
      if (!param.local()) return known[i];
      break;
    }
    param.validate();
    const Param* declared = declared_ ? declared_->find(param.name) : nullptr;
    if (declared && declared->kind != param.kind) param.check_compatible(*declared);
    if (const Param* earlier = history.latest(param.name)) param.check_compatible(*earlier);
    return std::make_shared<const Param>(param);
  });
}

bool Chooser::first_is_default(const Trial& trial) const {
  return trial.number_ == 0 && options_.first == First::defaults &&
         options_.sampler->starts_with_defaults();
}

double Chooser::choose(Trial& trial, const Param& param) {
  const std::lock_guard lock(mutex_);
  if (!trial.proposed_any_) {
    const std::shared_ptr<const Space> space = joint_space(view(trial.turn_));
    propose(trial, *space);
    trial.proposed_any_ = true;
  }
  return choose_locked(trial, param);
}

double Chooser::choose_locked(Trial& trial, const Param& param) {
  for (const Trial::Set& known : trial.set_) {
    const Param& mine = *known.param;
    if (mine.name != param.name) continue;
    if (mine.same_distribution(param)) return known.value;
    param.check_compatible(mine);
    return param.kind == Param::Kind::categorical ? param.internal(mine.external(known.value))
                                                  : known.value;
  }
  const std::shared_ptr<const Param> admitted = admit(param);
  const double value = value_of(trial, *admitted);
  remember(*admitted);
  trial.set_.push_back({admitted, value});
  ledger_.post(ParamSet{trial.number_, admitted, value});
  return value;
}

double Chooser::value_of(Trial& trial, const Param& p) {
  if (const ParamValue* fixed = trial.fixed_.find(p.name)) return p.internal(*fixed);
  if (p.kind != Param::Kind::real && p.low == p.high) return p.low;
  if (p.levels() == 1) return p.level_value(0);
  if (trial.repeats_) return p.default_value();
  for (const Trial::Proposed& proposed : trial.proposal_) {
    if (proposed.name != p.name) continue;
    const double here = as_asked(p, proposed.value, proposed.choice);
    if (!std::isnan(here)) return here;
  }
  if (first_is_default(trial)) return p.default_value();
  const History& history = view(trial.turn_);
  const std::shared_ptr<const Space> space = without_held(joint_space(history), trial.fixed_);
  std::vector<Chosen> chosen;
  for (const Trial::Set& set : trial.set_) chosen.push_back({set.param.get(), set.value});
  const Question question{.number = trial.number_,
                          .seed = seed_,
                          .space = *space,
                          .history = history,
                          .chosen = chosen,
                          .parent = trial.parent_params_};
  Rng rng = sampler_rng_.fork(trial.number_).fork(p.name);
  return p.from_unit(options_.sampler->sample(question, p, rng));
}

void Chooser::check_enqueued(const Params& params) const {
  for (const auto& [name, value] : params) {
    require_utf8("enqueue: the name", name);
    const auto known = ledger_.look([&](const History& history) -> std::optional<Param> {
      const Param* param = declared_ ? declared_->find(name) : history.latest(name);
      return param ? std::optional(*param) : std::nullopt;
    });
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
  if (!declared_) return;  // ranges may differ from trial to trial
  if (const std::string flaw = declared_->flaw_of_some(params); !flaw.empty()) {
    throw ValueError(flaw);
  }
}

// Once per parameter: only what changes is written.
void Chooser::remember(const Param& param) {
  if (!param.local()) return;
  std::string extras = internal::extras_of(param);
  if (extras.empty()) return;
  std::string key = std::string(internal::kExtrasPrefix) + param.name;
  const bool known = ledger_.look([&](const History& history) {
    const auto at = history.system().find(key);
    return at != history.system().end() && at->second == extras;
  });
  if (known) return;
  ledger_.post(Attribute{Attribute::kStudy, true,
                         std::make_shared<const std::string>(std::move(key)),
                         std::make_shared<const std::string>(std::move(extras))});
}

// What the sampler wants known, where it is not yet.
void Chooser::keep_note(const Question& question) {
  const std::string note = options_.sampler->note(question);
  if (note.empty()) return;
  std::string text = to_json(ParamValue(note));
  const bool known = ledger_.look([&](const History& history) {
    const auto at = history.user().find("sampler");
    return at != history.user().end() && at->second == text;
  });
  if (known) return;
  ledger_.post(Attribute{Attribute::kStudy, false, std::make_shared<const std::string>("sampler"),
                         std::make_shared<const std::string>(std::move(text))});
}

Params Chooser::suggest(Trial& trial, const Space& space) {
  const std::lock_guard lock(mutex_);
  trial.proposed_any_ = true;
  propose(trial, space);
  std::vector<double> values = space.default_values();
  for (const size_t i : space.order()) {
    if (!space.active(values)[i]) continue;  // its parents have their values by now
    values[i] = choose_locked(trial, space.params()[i]);
  }
  Params params;
  for (const Trial::Set& set : trial.set_)
    params.set(set.param->name, set.param->external(set.value));
  return params;
}

// The space without what it, or the sampler, holds at a value; `enqueued` values go before.
std::shared_ptr<const Space> Chooser::without_held(std::shared_ptr<const Space> space,
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

void Chooser::propose(Trial& trial, const Space& whole) {
  if (trial.repeats_) return;  // value_of() knows
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
  const Question question{.number = trial.number_,
                          .seed = seed_,
                          .space = space,
                          .history = view(trial.turn_),
                          .parent = trial.parent_params_};
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
std::vector<double> Chooser::draw(Trial& trial, const Space& space, const Question& question) {
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
    std::vector<double> values = internal::combination(space, (start + k) % total);
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
