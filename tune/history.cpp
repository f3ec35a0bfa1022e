#include "attune/tune/history.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/param_extras.h"

namespace attune::tune {
namespace {

// Optuna's: a list of the constraints without a name, and one attribute for each with a name.
constexpr std::string_view kConstraints = "constraints", kNamedConstraint = "constraints:";

// NaN for what is no number.
double number_of(const json::Value& value) {
  const auto* scalar = std::get_if<ParamValue>(&value.it);
  if (!scalar) return std::numeric_limits<double>::quiet_NaN();
  if (const auto* whole = std::get_if<int64_t>(&scalar->variant())) {
    return static_cast<double>(*whole);
  }
  const auto* real = std::get_if<double>(&scalar->variant());
  return real ? *real : std::numeric_limits<double>::quiet_NaN();
}

// Whether the attribute is a constraint, or some. What cannot be understood is left out: another
// program wrote it, and it must not make the study unreadable.
bool read_constraints(std::string_view name, const std::string& text,
                      std::vector<TrialRecord::Constraint>& constraints) {
  const bool list = name == kConstraints;
  if (!list && !name.starts_with(kNamedConstraint)) return false;
  const auto set = [&](std::string key, const json::Value& value, size_t place) {
    const double number = number_of(value);
    if (std::isnan(number)) return;
    for (TrialRecord::Constraint& known : constraints) {
      if (known.name == key) {
        known.value = number;
        return;
      }
    }
    constraints.insert(
        constraints.begin() + static_cast<std::ptrdiff_t>(std::min(place, constraints.size())),
        {std::move(key), number});
  };
  try {
    const json::Value value = json::parse(text);
    if (!list) {
      set(std::string(name.substr(kNamedConstraint.size())), value, constraints.size());
    } else if (const auto* all = std::get_if<json::List>(&value.it)) {
      for (size_t i = 0; i < all->size(); ++i) set(fmt::format("{}", i), (*all)[i], i);
    }
  } catch (const ValueError&) {  // no JSON
  }
  return !constraints.empty();
}

}  // namespace

double TrialRecord::violation() const {
  double sum = 0;
  for (const Constraint& c : constraints) sum += std::max(c.value, 0.0);
  return sum;
}

bool TrialRecord::interrupted() const {
  const bool as_decided = decided == Decided::What::pause && decided_step + 1 == resume_step;
  return state == State::paused && !as_decided;
}

History::History(std::vector<double> signs)
    : signs_(std::move(signs)), shared_(std::make_shared<const Space>()) {}

void History::apply(const Event& event) {
  std::visit([this](const auto& e) { on(e); }, event);
}

TrialRecord* History::unfinished(int64_t number) {
  if (number < 0 || static_cast<size_t>(number) >= trials_.size()) {
    throw StorageError(fmt::format("history: an event refers to trial {}, but there are {} trials",
                                   number, trials_.size()));
  }
  if (!hidden_.empty() && std::binary_search(hidden_.begin(), hidden_.end(), number)) {
    return nullptr;
  }
  TrialRecord& trial = trials_[static_cast<size_t>(number)];
  return tune::finished(trial.state) ? nullptr : &trial;
}

void History::set_state(TrialRecord& trial, State state) {
  --counts_[static_cast<size_t>(trial.state)];
  ++counts_[static_cast<size_t>(state)];
  trial.state = state;
  if (!tune::finished(state)) return;
  const auto at = std::lower_bound(open_.begin(), open_.end(), trial.number);
  if (at != open_.end() && *at == trial.number) open_.erase(at);
}

void History::hide(int64_t number) {
  TrialRecord* trial = unfinished(number);
  if (!trial) return;
  set_state(*trial, State::waiting);
  *trial = {.number = number};
  hidden_.insert(std::upper_bound(hidden_.begin(), hidden_.end(), number), number);
}

void History::on(const Created& e) {
  const auto known = static_cast<int64_t>(trials_.size());
  if (e.trial < known) return;
  if (e.trial > known) {
    throw StorageError(fmt::format("history: trial {} follows trial {}", e.trial, known - 1));
  }
  trials_.push_back({.number = e.trial});
  open_.push_back(e.trial);
  ++counts_[static_cast<size_t>(State::waiting)];
}

void History::on(const Claimed& e) {
  TrialRecord* trial = unfinished(e.trial);
  if (!trial) return;
  if (!e.worker.empty()) trial->worker = e.worker;
  if (trial->state == State::running) return;
  set_state(*trial, State::running);
  if (trial->started == 0) trial->started = e.time;
}

void History::on(const ParamSet& e) {
  TrialRecord* trial = unfinished(e.trial);
  if (!trial) return;
  const int32_t id = intern(*e.param);
  for (const TrialRecord::Use& use : trial->params) {  // the first value stays
    if (use.param == id || params_[static_cast<size_t>(use.param)]->name == e.param->name) return;
  }
  constexpr size_t kUsual = 8;
  if (trial->params.empty()) trial->params.reserve(kUsual);
  trial->params.push_back({id, e.value});
}

void History::on(const Reported& e) {
  TrialRecord* trial = unfinished(e.trial);
  if (!trial) return;
  auto& reports = trial->reports;
  auto added = std::lower_bound(reports.begin(), reports.end(), e.step,
                                [](const auto& r, int64_t step) { return r.step < step; });
  if (added == reports.end() || added->step != e.step) added = reports.insert(added, {e.step});
  added->loss = signs_.front() * e.value;  // another program may have changed it
  added->further.clear();
  for (size_t i = 0; i < e.further.size() && i + 1 < signs_.size(); ++i) {
    added->further.push_back(signs_[i + 1] * e.further[i]);
  }
}

void History::on(const Paused& e) {
  TrialRecord* trial = unfinished(e.trial);
  if (!trial) return;
  set_state(*trial, State::paused);
  trial->resume_step = e.step + 1;
}

void History::on(const Decided& e) {
  TrialRecord* trial = unfinished(e.trial);
  if (!trial || e.step <= trial->decided_step) return;
  trial->decided_step = e.step;
  trial->decided = e.what;
}

void History::on(const Attribute& e) {
  if (e.trial == Attribute::kStudy) {
    (e.system ? system_ : user_)[*e.name] = *e.json;
  } else if (TrialRecord* trial = unfinished(e.trial)) {
    (e.system ? trial->system : trial->user)[*e.name] = *e.json;
    if (e.system && read_constraints(*e.name, *e.json, trial->constraints)) constrained_ = true;
  }
}

void History::on(const Finished& e) {
  TrialRecord* trial = unfinished(e.trial);
  if (!trial) return;
  if (!tune::finished(e.state) ||
      (e.state == State::complete && e.values.size() != signs_.size()) ||
      e.values.size() > signs_.size()) {
    throw StorageError(fmt::format("history: trial {} ends with {} values for {} objectives",
                                   e.trial, e.values.size(), signs_.size()));
  }
  set_state(*trial, e.state);
  trial->ended = e.time;
  trial->losses = e.values;
  for (size_t i = 0; i < trial->losses.size(); ++i) trial->losses[i] *= signs_[i];
  note_finished(*trial);
}

void History::on(const Forked& e) {
  TrialRecord* trial = unfinished(e.trial);
  if (!trial || trial->parent >= 0) return;
  if (e.parent < 0 || e.parent >= e.trial || e.step < -1) {
    throw StorageError(fmt::format("history: trial {} is a fork of trial {} after step {}", e.trial,
                                   e.parent, e.step));
  }
  trial->parent = e.parent;
  trial->fork_step = e.step;
  trial->resume_step = e.step + 1;
}

void History::on(const Retried& e) {
  TrialRecord* trial = unfinished(e.trial);
  if (!trial || trial->retry_of >= 0) return;
  if (e.of < 0 || e.of >= e.trial) {
    throw StorageError(fmt::format("history: trial {} repeats trial {}", e.trial, e.of));
  }
  trial->retry_of = e.of;
  note_retry(*trial);
}

void History::note_retry(const TrialRecord& trial) {
  ++retries_;
  TrialRecord& first = trials_[static_cast<size_t>(trial.retry_of)];
  ++first.retries;
  first.last_retry = std::max(first.last_retry, trial.number);
}

int64_t History::first_attempt(const TrialRecord& trial) const {
  const int64_t first = trial.retry_of >= 0 ? trial.retry_of : trial.number;
  const int64_t last = trials_[static_cast<size_t>(first)].last_retry;
  return std::max(first, last) == trial.number ? first : -1;
}

void History::adopt(const TrialRecord& trial, const History& from) {
  for (auto next = static_cast<int64_t>(trials_.size()); next <= trial.number; ++next) {
    on(Created{next});
  }
  TrialRecord& mine = trials_[static_cast<size_t>(trial.number)];
  const State before = mine.state;
  if (tune::finished(before)) return;
  const bool new_retry = trial.retry_of >= 0 && mine.retry_of < 0;
  const int64_t retries = mine.retries, last_retry = mine.last_retry;
  mine = trial;
  mine.state = before;
  mine.retries = retries, mine.last_retry = last_retry;  // as far as they are known here
  if (new_retry) note_retry(mine);
  set_state(mine, trial.state);
  constrained_ = constrained_ || !trial.constraints.empty();
  for (TrialRecord::Use& use : mine.params) {
    use.param = intern(*from.params_[static_cast<size_t>(use.param)]);
  }
  if (tune::finished(trial.state)) note_finished(mine);
}

int32_t History::intern(const Param& param) {
  for (size_t i = params_.size(); i-- > 0;) {
    const Param& known = *params_[i];
    if (known.name != param.name || !known.same_distribution(param)) continue;
    // What a storage does not keep (grid values, a first value, ...) comes from the program.
    if (param.local() && !known.same_local(param)) {
      params_[i] = std::make_shared<const Param>(param);
      const auto id = static_cast<int32_t>(i);
      if (std::find(shared_ids_.begin(), shared_ids_.end(), id) != shared_ids_.end())
        rebuild_shared();
    }
    return static_cast<int32_t>(i);
  }
  const auto extras = system_.find(std::string(internal::kExtrasPrefix) + param.name);
  params_.push_back(std::make_shared<const Param>(
      param.local() || extras == system_.end() ? param
                                               : internal::with_extras(param, extras->second)));
  return static_cast<int32_t>(params_.size()) - 1;
}

const Param* History::latest(std::string_view name) const {
  for (size_t i = params_.size(); i-- > 0;) {
    if (params_[i]->name == name) return params_[i].get();
  }
  return nullptr;
}

double History::unit(const TrialRecord& trial, const Param& param) const {
  for (const TrialRecord::Use& use : trial.params) {
    const Param& used = *params_[static_cast<size_t>(use.param)];
    if (used.name != param.name) continue;
    const double value = param.value_from(used, use.value);
    return std::isnan(value) ? value : param.to_unit(value);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

void History::note_finished(const TrialRecord& trial) {
  finished_.push_back(trial.number);
  if (trial.state != State::complete) return;
  std::vector<int32_t> used;
  for (const TrialRecord::Use& use : trial.params) used.push_back(use.param);
  if (!any_complete_) {
    any_complete_ = true;
    shared_ids_ = std::move(used);
  } else {
    const size_t dropped = std::erase_if(shared_ids_, [&](int32_t id) {
      return std::find(used.begin(), used.end(), id) == used.end();
    });
    if (dropped == 0) return;
  }
  rebuild_shared();
}

// In the order of names, so that it depends on which trials are complete, not on who finished
// first.
void History::rebuild_shared() {
  std::sort(shared_ids_.begin(), shared_ids_.end(), [&](int32_t a, int32_t b) {
    return params_[static_cast<size_t>(a)]->name < params_[static_cast<size_t>(b)]->name;
  });
  auto space = std::make_shared<Space>();
  for (const int32_t id : shared_ids_) {
    Param param = *params_[static_cast<size_t>(id)];
    param.conditions.clear();  // every trial had it
    try {
      space->add(param.name, param);
    } catch (const SearchSpaceError&) {  // Optuna takes choices like 1 and True; not searched here
    }
  }
  shared_ = std::move(space);
}

}  // namespace attune::tune
