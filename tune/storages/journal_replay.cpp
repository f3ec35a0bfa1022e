#include "attune/tune/storages/internal/journal_replay.h"

#include <algorithm>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/storages/internal/optuna_attributes.h"
#include "attune/tune/storages/internal/optuna_text.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune::journal {
namespace {

State state_of(int64_t number) {
  switch (static_cast<OptunaState>(number)) {
    case OptunaState::running: return State::running;
    case OptunaState::complete: return State::complete;
    case OptunaState::pruned: return State::pruned;
    case OptunaState::failed: return State::failed;
    case OptunaState::waiting: return State::waiting;
  }
  throw ValueError(fmt::format("there is no state {}", number));
}

bool null(std::string_view value) { return value.empty() || value == "null"; }

// As Python's isoformat() writes it. Without an offset it is local time: Optuna before 5.0.
double time_of(std::string_view value) {
  if (null(value)) return 0;
  const std::string written = text(value);
  constexpr size_t kDate = 10;
  const size_t sign = written.find_first_of("+-", kDate);
  const std::string_view time(written.data(), std::min(sign, written.size()));
  const double seconds = optuna::time_of(time);
  if (sign == std::string::npos) {
    const auto whole = static_cast<std::time_t>(std::floor(seconds));
    std::tm t{};
    gmtime_r(&whole, &t);
    t.tm_isdst = -1;
    return static_cast<double>(std::mktime(&t)) + (seconds - std::floor(seconds));
  }
  const std::string_view offset = std::string_view(written).substr(sign + 1);
  if (offset.size() < 5 || offset[2] != ':') throw ValueError("an offset of time is hh:mm");
  const double minutes = 60.0 * static_cast<double>(integer(offset.substr(0, 2))) +
                         static_cast<double>(integer(offset.substr(3, 2)));
  return written[sign] == '+' ? seconds - 60 * minutes : seconds + 60 * minutes;
}

// Values out of the range may have been enqueued.
bool can_have(const Param& param, double value) {
  if (param.kind != Param::Kind::categorical) return std::isfinite(value);
  return value >= 0 && value < static_cast<double>(param.choices.size()) &&
         value == std::floor(value);
}

}  // namespace

// The members of a line that anything looks at, as they are written; empty: it has none.
struct Replay::Fields {
  explicit Fields(std::string_view object) {
    Members members(object);
    std::string_view key, written;
    while (members.next(key, written)) {
      if (std::string_view* field = place(key)) *field = written;
    }
  }
  std::string_view* place(std::string_view key) {
    struct Known {
      std::string_view key;
      std::string_view Fields::*field;
    };
    constexpr Known kKnown[] = {{"\"op_code\"", &Fields::op},
                                {"\"trial_id\"", &Fields::trial},
                                {"\"step\"", &Fields::step},
                                {"\"intermediate_value\"", &Fields::intermediate},
                                {"\"param_name\"", &Fields::name},
                                {"\"param_value_internal\"", &Fields::value_of_param},
                                {"\"distribution\"", &Fields::distribution},
                                {"\"state\"", &Fields::state},
                                {"\"values\"", &Fields::values},
                                {"\"value\"", &Fields::value},
                                {"\"datetime_start\"", &Fields::start},
                                {"\"datetime_complete\"", &Fields::complete},
                                {"\"study_id\"", &Fields::study},
                                {"\"user_attr\"", &Fields::user},
                                {"\"user_attrs\"", &Fields::user},
                                {"\"system_attr\"", &Fields::system},
                                {"\"system_attrs\"", &Fields::system},
                                {"\"further\"", &Fields::further},
                                {"\"params\"", &Fields::params},
                                {"\"distributions\"", &Fields::distributions},
                                {"\"intermediate_values\"", &Fields::reports},
                                {"\"study_name\"", &Fields::study_name},
                                {"\"directions\"", &Fields::directions}};
    for (const Known& known : kKnown) {
      if (known.key == key) return &(this->*known.field);
    }
    return nullptr;
  }
  std::string_view op, trial, step, intermediate, name, value_of_param, distribution, state, values,
      value, start, complete, study, user, system, further, params, distributions, reports,
      study_name, directions;
};

size_t Replay::take(std::string_view bytes, const Sink& sink) {
  size_t taken = 0;
  std::vector<Line> lines;
  while (true) {
    // One append: lines that count down, or one of another program's.
    lines.clear();
    size_t at = taken;
    bool whole = false;
    while (!whole) {
      const size_t end = bytes.find('\n', at);
      if (end == std::string_view::npos) return taken;
      const std::optional<Line> line = read_line(bytes.substr(at, end - at));
      if (!line) {
        // Torn, if nothing follows.
        for (size_t next = end + 1, stop = 0; next < bytes.size(); next = stop + 1) {
          stop = bytes.find('\n', next);
          if (stop == std::string_view::npos) return taken;
          if (!read_line(bytes.substr(next, stop - next))) continue;
          throw StorageError(fmt::format(
              "storage '{}': the journal is damaged: the line at byte {} is broken, and others "
              "follow it",
              path_, position_ + static_cast<int64_t>(at - taken)));
        }
        return taken;
      }
      // An append that its writer died in stands as far as it goes once another program, which
      // knows nothing of appends, has written behind it.
      if (!lines.empty() && (!line->sealed || line->more + 1 != lines.back().more)) break;
      lines.push_back(*line);
      at = end + 1;
      whole = line->more == 0;
    }
    for (const Line& line : lines) {
      sealed_ = line.sealed;
      try {
        apply(line.object, sink);
      } catch (const ValueError& e) {
        throw StorageError(fmt::format(
            "storage '{}': the journal is damaged: the line at byte {} says what "
            "cannot be: {}",
            path_, position_ + (line.object.data() - (bytes.data() + taken)), e.what()));
      }
    }
    position_ += static_cast<int64_t>(at - taken);
    taken = at;
  }
}

void Replay::apply(std::string_view object, const Sink& sink) {
  const Fields f(object);
  const auto op = static_cast<Op>(integer(f.op));
  switch (op) {
    case Op::create_study: return create_study(f);
    case Op::delete_study: return delete_study(f);
    case Op::create_trial: return create_trial(f, sink);
    case Op::study_user_attribute:
    case Op::study_system_attribute: {
      if (integer(f.study) != followed()) return;
      const bool system = op == Op::study_system_attribute;
      return attributes(system ? f.system : f.user, Attribute::kStudy, system, sink);
    }
    case Op::discard_trials: return;
    case Op::param:
    case Op::state_values:
    case Op::report:
    case Op::user_attribute:
    case Op::system_attribute: break;
  }
  const int64_t id = integer(f.trial);
  if (id < 0 || id >= next_trial_id()) return;
  const auto [study, number] = places_[static_cast<size_t>(id)];
  if (study != followed() || finished(trials_[static_cast<size_t>(number)].state)) return;
  switch (op) {
    case Op::param: return param(number, f.name, f.distribution, f.value_of_param, sink);
    case Op::state_values: return state_values(f, number, sink);
    case Op::report: return report(f, number, sink);
    case Op::user_attribute: return attributes(f.user, number, false, sink);
    case Op::system_attribute: return attributes(f.system, number, true, sink);
    default: throw ValueError(fmt::format("there is no op_code {}", static_cast<int64_t>(op)));
  }
}

void Replay::create_study(const Fields& f) {
  Study study{.name = text(f.study_name)};
  Elements elements(f.directions);
  std::string_view number;
  while (elements.next(number)) {  // 0: not set
    study.directions.push_back(integer(number) == 2 ? Direction::maximize : Direction::minimize);
  }
  if (study.directions.empty()) throw ValueError("a study needs a direction");
  const bool taken = std::any_of(studies_.begin(), studies_.end(),
                                 [&](const auto& s) { return s.second.name == study.name; });
  if (taken) return;
  const int64_t id = next_study_++;
  if (!name_.empty() && study.name == name_) {
    followed_ = id;
    trials_.clear(), running_.clear(), system_.clear();
  }
  studies_.emplace(id, std::move(study));
}

void Replay::delete_study(const Fields& f) { studies_.erase(integer(f.study)); }

void Replay::create_trial(const Fields& f, const Sink& sink) {
  const int64_t study_id = integer(f.study);
  const auto study = studies_.find(study_id);
  if (study == studies_.end()) return;
  const int64_t number = study->second.trials++;
  places_.push_back({study_id, number});
  if (study_id != followed_) return;
  trials_.push_back({.id = next_trial_id() - 1});
  sink(Created{number});
  const int64_t code =
      f.state.empty() ? static_cast<int64_t>(OptunaState::running) : integer(f.state);
  const State state = state_of(code);
  if (state != State::waiting) {
    set_state(number, State::running);
    sink(Claimed{number, time_of(f.start), {}});
  }
  if (!f.params.empty()) {
    Members params(f.params);
    std::string_view name, value, key, distribution;
    while (params.next(name, value)) {
      Members distributions(f.distributions);
      while (distributions.next(key, distribution)) {
        if (key == name) param(number, name, distribution, value, sink);
      }
    }
  }
  if (!f.user.empty()) attributes(f.user, number, false, sink);
  if (!f.system.empty()) attributes(f.system, number, true, sink);
  if (!f.reports.empty()) {
    Members reports(f.reports);
    std::string_view step, value;
    while (reports.next(step, value)) {
      sink(Reported{number, integer(text(step)), journal::number(value), {}});
    }
  }
  if (finished(state)) {
    finish(number, static_cast<OptunaState>(code), f.values, f.value, f.complete, sink);
  }
}

void Replay::state_values(const Fields& f, int64_t number, const Sink& sink) {
  const int64_t code = integer(f.state);
  const State state = state_of(code);
  if (finished(state)) {
    return finish(number, static_cast<OptunaState>(code), f.values, {}, f.complete, sink);
  }
  const State before = trials_[static_cast<size_t>(number)].state;
  if (state != State::running || before != State::waiting) return;  // somebody runs it already
  set_state(number, State::running);
  sink(Claimed{number, time_of(f.start), {}});
}

void Replay::finish(int64_t number, OptunaState code, std::string_view values,
                    std::string_view value, std::string_view time, const Sink& sink) {
  Finished end{.trial = number,
               .state = state_of(static_cast<int64_t>(code)),
               .values = {},
               .time = time_of(time)};
  if (!null(values)) {
    Elements elements(values);
    std::string_view element;
    while (elements.next(element)) end.values.push_back(journal::number(element));
  } else if (!null(value)) {
    end.values.push_back(journal::number(value));
  }
  const size_t objectives = studies_.at(followed_).directions.size();
  const bool no_number =
      std::any_of(end.values.begin(), end.values.end(), [](double v) { return std::isnan(v); });
  if (no_number || end.values.size() > objectives ||
      (end.state == State::complete && end.values.size() != objectives)) {
    throw ValueError(fmt::format("trial {} ends with {} values{} for {} objectives", number,
                                 end.values.size(), no_number ? ", one of them NaN," : "",
                                 objectives));
  }
  set_state(number, end.state);
  sink(end);
}

void Replay::set_state(int64_t number, State state) {
  trials_[static_cast<size_t>(number)].state = state;
  if (state == State::running) {
    running_.insert(number);
  } else {
    running_.erase(number);
  }
}

void Replay::report(const Fields& f, int64_t number, const Sink& sink) {
  Reported report{number, integer(f.step), journal::number(f.intermediate), {}};
  if (!f.further.empty()) {
    Elements elements(f.further);
    std::string_view element;
    while (elements.next(element)) report.further.push_back(journal::number(element));
  }
  sink(report);
}

void Replay::param(int64_t number, std::string_view name, std::string_view distribution,
                   std::string_view value, const Sink& sink) {
  auto of_name = params_.find(name);
  if (of_name == params_.end()) of_name = params_.try_emplace(std::string(name)).first;
  auto known = of_name->second.find(distribution);
  if (known == of_name->second.end()) {
    auto read =
        std::make_shared<const Param>(optuna::distribution_of(text(name), text(distribution)));
    known = of_name->second.emplace(distribution, std::move(read)).first;
  }
  const double x = journal::number(value);
  if (!can_have(*known->second, x)) {
    throw ValueError(
        fmt::format("trial {} has the value {} for '{}'", number, value, known->second->name));
  }
  sink(ParamSet{number, known->second, x});
}

void Replay::attributes(std::string_view object, int64_t number, bool system, const Sink& sink) {
  const auto shared = [this](std::string_view value) {
    auto known = texts_.find(value);
    if (known == texts_.end()) {
      known = texts_.emplace(value, std::make_shared<const std::string>(value)).first;
    }
    return known->second;
  };
  Members members(object);
  std::string_view key, value;
  while (members.next(key, value)) {
    const std::string name = text(key);
    // What attune writes is as it was given to it; Python leaves out the spaces.
    auto json = std::make_shared<const std::string>(sealed_ ? std::string(value)
                                                            : json::text(json::parse(value)));
    if (system && number == Attribute::kStudy) system_.insert(name);
    if (system && number != Attribute::kStudy) {
      Trial& trial = trials_[static_cast<size_t>(number)];
      if (name == kWorkerAttribute) json = shared(*json);
      if (trial.state == State::waiting) {
        // A retry of Optuna's has the attributes of the trial that failed.
      } else if (name == kWorkerAttribute) {
        trial.worker = json;
        set_state(number, State::running);
        sink(Claimed{number, 0, *json});
      } else if (name == kPausedAttribute) {
        if (const auto step = step_of(*json)) {
          set_state(number, State::paused);
          trial.paused = *step;
          sink(Paused{number, *step});
        }
      } else if (name == kDecidedAttribute) {
        if (const auto decision = decision_of(number, *json)) sink(*decision);
      }
      if (name != kWorkerAttribute) {
        if (const auto event = event_of(number, name, *json, 0)) sink(*event);
      }
    }
    sink(Attribute{number, system, shared(name), std::move(json)});
  }
}

}  // namespace attune::tune::journal
