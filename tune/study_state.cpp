// Trials: how they begin, get their parameters and end. Answers about them are in
// study_results.cpp.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tensor/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/study_state.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

constexpr const char* kSeed = "attune:seed";
constexpr const char* kFixed = "fixed_params";  // Optuna's

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Attribute attribute(int64_t trial, bool system, std::string_view name, std::string json) {
  return {trial, system, std::make_shared<const std::string>(name),
          std::make_shared<const std::string>(std::move(json))};
}

std::vector<Direction> wanted_directions(const StudyOptions& o) {
  if (o.direction && !o.directions.empty()) {
    throw ValueError("study: give either direction or directions, not both");
  }
  if (o.direction) return {*o.direction};
  return o.directions;
}

uint64_t drawn_seed() {  // below 2^53, so that any JSON reader gets it right
  std::random_device source;
  return (uint64_t{source()} << 21) ^ (source() & 0x1FFFFF);
}

Params fixed_params(const TrialRecord& trial) {
  Params fixed;
  const auto it = trial.system.find(kFixed);
  if (it == trial.system.end()) return fixed;
  const json::Value document = json::parse(it->second);
  for (const auto& [name, value] : document.object()) fixed.set(name, value.scalar());
  return fixed;
}

}  // namespace

void require_utf8(std::string_view what, std::string_view text) {
  const size_t flaw = utf8_flaw(text);
  if (flaw == std::string_view::npos) return;
  throw ValueError(fmt::format("{} {} is not UTF-8: byte {} is 0x{:02x}", what, in_quotes(text),
                               flaw, static_cast<unsigned char>(text[flaw])));
}

StudyState::StudyState(StudyOptions options) : options_(std::move(options)), sampler_rng_(0) {
  if (!options_.sampler) options_.sampler = automatic();
  if (!options_.pruner) options_.pruner = no_pruning();
  if (options_.name.empty()) throw ValueError("study: its name is empty");
  if (!options_.must_exist) require_utf8("study: the name", options_.name);
  if (options_.lag < 0)
    throw ValueError(fmt::format("study: lag must be 0 or more, not {}", options_.lag));
  const Space* brought = options_.sampler->space();
  if (!options_.space.empty() || brought) {
    declared_ = std::make_shared<const Space>(options_.space.empty() ? *brought : options_.space);
  }
  storage_ = options_.storage.storage;
  if (!storage_) {
    storage_ = options_.must_exist ? open_existing_storage(options_.storage.url)
                                   : open_storage(options_.storage.url);
  }

  const std::vector<Direction> wanted = wanted_directions(options_);
  seed_ = options_.seed ? *options_.seed : drawn_seed();
  const std::vector<Attribute> initial{
      attribute(Attribute::kStudy, true, kSeed, fmt::format("{}", seed_))};
  const std::vector<Direction> made_with = options_.must_exist ? std::vector<Direction>{}
                                           : wanted.empty()
                                               ? std::vector<Direction>{Direction::minimize}
                                               : wanted;
  log_ = storage_->open(options_.name, made_with, initial);
  if (!log_) {
    throw StorageError(fmt::format("storage '{}': there is no study {}",
                                   shown_path(options_.storage.url), in_quotes(options_.name)));
  }
  if (!wanted.empty() && wanted != log_->directions()) {
    throw ValueError(
        fmt::format("study {}: it exists with other directions", in_quotes(options_.name)));
  }
  for (const Direction d : log_->directions()) signs_.push_back(d == Direction::maximize ? -1 : 1);
  history_ = History(signs_);
  sync();
  settle_seed();
  sampler_rng_ = Rng(seed_).fork("sampler");
  if (options_.deterministic) {
    views_.assign(static_cast<size_t>(options_.lag) + 1, History(signs_));
  }
}

void StudyState::settle_seed() {
  const auto it = history_.system().find(kSeed);
  if (it == history_.system().end()) {  // a study of Optuna's
    append(attribute(Attribute::kStudy, true, kSeed, fmt::format("{}", seed_)));
    return;
  }
  uint64_t stored = 0;
  const std::string& text = it->second;
  if (std::from_chars(text.data(), text.data() + text.size(), stored).ec != std::errc()) {
    throw StorageError(
        fmt::format("study {}: its seed reads {}", in_quotes(options_.name), in_quotes(text)));
  }
  if (options_.seed && *options_.seed != stored) {
    throw ValueError(
        fmt::format("study {}: its seed is {}, not {}; leave the seed out to go on with it",
                    in_quotes(options_.name), stored, *options_.seed));
  }
  seed_ = stored;
}

void StudyState::sync() {
  log_->read([this](const Event& event) {
    history_.apply(event);
    if (search_) search_->apply(event);
    const auto* a = std::get_if<Attribute>(&event);
    if (a && a->system && a->trial >= 0 && *a->name == kRepeats &&
        repeats_.insert(a->trial).second) {
      if (!search_) search_ = history_;
      search_->hide(a->trial);
    }
  });
}

bool StudyState::append(std::span<const Event> events) {
  const bool done = log_->append(events);
  sync();
  return done;
}

const TrialRecord& StudyState::record(int64_t number) const {
  if (number < 0 || static_cast<size_t>(number) >= history_.trials().size()) {
    throw ValueError(fmt::format("study {}: there is no trial {}; there are {}",
                                 in_quotes(options_.name), number, history_.trials().size()));
  }
  return history_.trials()[static_cast<size_t>(number)];
}

std::string StudyState::trial_name(int64_t number) const {
  return fmt::format("trial {} of study {}", number, in_quotes(options_.name));
}

int64_t StudyState::unsettled_below(int64_t limit) const {
  const auto& trials = history_.trials();
  const auto end = std::min(limit, static_cast<int64_t>(trials.size()));
  while (settled_ < end && finished(trials[static_cast<size_t>(settled_)].state)) ++settled_;
  return settled_ < end ? settled_ : -1;
}

const History& StudyState::view(int64_t number) const {
  if (!options_.deterministic) return search();
  return views_[static_cast<size_t>(number % (options_.lag + 1))];
}

void StudyState::prepare_view(int64_t number) {
  History& mine = views_[static_cast<size_t>(number % (options_.lag + 1))];
  const int64_t limit = number - options_.lag;
  if (static_cast<int64_t>(mine.trials().size()) > std::max<int64_t>(limit, 0)) {
    mine = History(signs_);  // an enqueued trial with a number lower than one that ran before it
  }
  for (auto k = static_cast<int64_t>(mine.trials().size()); k < limit; ++k) {
    if (repeats(k)) {
      mine.apply(Created{k});
    } else {
      mine.adopt(record(k), history_);
    }
  }
}

Trial StudyState::ask(bool wait) {
  std::unique_lock lock(mutex_);
  sync();
  if (options_.deterministic && !wait) {
    const int64_t limit = static_cast<int64_t>(history_.trials().size()) - options_.lag;
    if (const int64_t open = unsettled_below(limit); open >= 0) {
      throw ValueError(
          fmt::format("study {}: it is deterministic with lag {}, so tell trial {} before "
                      "asking for another",
                      in_quotes(options_.name), options_.lag, open));
    }
  }
  const int64_t number = log_->start(now());
  Params fixed;
  try {
    sync();
    fixed = fixed_params(record(number));
    if (options_.deterministic) {
      while (unsettled_below(number - options_.lag) >= 0) {
        ended_.wait_for(lock, std::chrono::milliseconds(50));
        sync();  // the trial may be another process's
      }
      prepare_view(number);
    }
  } catch (...) {
    append(Finished{.trial = number, .state = State::failed, .values = {}, .time = now()});
    throw;
  }
  Trial trial(shared_from_this(), number);  // last: a trial that goes away takes the lock
  trial.fixed_ = std::move(fixed);
  return trial;
}

void StudyState::tell(Trial& trial, const Outcome& outcome) {
  if (!trial.study_)
    throw ValueError(fmt::format("tell: {} has been told already", trial_name(trial.number_)));
  if (trial.study_.get() != this) throw ValueError("tell: the trial is another study's");
  tell(trial.number_, outcome);
  trial.study_ = nullptr;  // the study lives on: this is one of its members
}

void StudyState::tell(int64_t number, const Outcome& outcome) {
  const std::unique_lock lock(mutex_);
  const TrialRecord& trial = record(number);
  if (finished(trial.state)) {
    throw StorageError(fmt::format("tell: {} has already ended", trial_name(number)));
  }
  std::vector<Event> events;
  Finished end{
      .trial = number, .state = outcome.state(), .values = outcome.values(), .time = now()};
  std::string reason = outcome.reason();
  if (end.state == State::complete) {
    if (end.values.size() != signs_.size()) {
      throw ValueError(fmt::format("tell: {} has {} objectives, but was given {} values",
                                   trial_name(number), signs_.size(), end.values.size()));
    }
    if (std::any_of(end.values.begin(), end.values.end(), [](double v) { return std::isnan(v); })) {
      end.state = State::failed;
      end.values.clear();
      reason = "the objective's value is NaN";
    }
  } else if (end.state == State::pruned && signs_.size() == 1 && !trial.reports.empty()) {
    const double last = signs_.front() * trial.reports.back().loss;
    if (!std::isnan(last)) end.values = {last};
  }
  if (!reason.empty()) events.emplace_back(attribute(number, true, kError, json::quote(reason)));
  events.emplace_back(std::move(end));
  const bool done = append(events);
  ended_.notify_all();
  if (!done) {
    throw StorageError(fmt::format("tell: {} was ended by somebody else", trial_name(number)));
  }
}

int64_t StudyState::enqueue(const Params& params) {
  const std::lock_guard lock(mutex_);
  check_enqueued(params);
  const int64_t number = log_->create({attribute(0, true, kFixed, json::text(params))});
  sync();
  return number;
}

Trial StudyState::created(std::vector<Event> events, const Params& params) {
  std::unique_lock lock(mutex_);
  events.insert(events.begin(),
                {Started{0, now()}, attribute(0, true, kFixed, json::text(params))});
  const int64_t number = log_->create(std::move(events));
  sync();
  lock.unlock();  // a trial that goes away takes it
  Trial trial(shared_from_this(), number);
  trial.fixed_ = params;
  return trial;
}

Trial StudyState::begin(const Params& params) {
  if (options_.deterministic) {
    throw ValueError("begin: a deterministic study chooses its trials itself; see enqueue");
  }
  {
    const std::lock_guard lock(mutex_);
    check_enqueued(params);
  }
  return created({}, params);
}

Trial StudyState::repeat(const std::string& what, const Params& params) {
  return created({attribute(0, true, kRepeats, what)}, params);
}

void StudyState::report(int64_t number, int64_t step, std::span<const double> values) {
  const std::lock_guard lock(mutex_);
  if (signs_.size() > 1)
    throw ValueError("report: a study with several objectives takes no reports");
  if (values.size() != signs_.size()) {
    throw ValueError(
        fmt::format("report: {} values for {} objectives", values.size(), signs_.size()));
  }
  if (step < 0) throw ValueError(fmt::format("report: steps count from 0, not {}", step));
  append(Reported{number, step, values.front()});
}

bool StudyState::should_stop(int64_t number) {
  const std::lock_guard lock(mutex_);
  if (finished(record(number).state)) return true;  // somebody else has ended it
  return !repeats(number) && options_.pruner->should_stop(record(number), view(number));
}

// Where Optuna looks for them: a list of those without a name (which its dashboard knows too), an
// attribute for each with a name.
void StudyState::set_constraint(int64_t number, std::string_view name, double value) {
  if (std::isnan(value)) {
    throw ValueError(fmt::format("set_constraint: {}{} is NaN", trial_name(number),
                                 name.empty() ? "" : ", " + in_quotes(name)));
  }
  require_utf8("set_constraint: the name", name);
  constexpr double kLargest = std::numeric_limits<double>::max();
  value = std::clamp(value, -kLargest, kLargest);  // an infinity is no JSON for browsers
  const std::lock_guard lock(mutex_);
  const auto& system = record(number).system;
  if (!name.empty()) {
    const std::string key = fmt::format("constraints:{}", name);
    if (system.find(key) == system.end()) append(attribute(number, true, key, json::number(value)));
    return;
  }
  const auto known = system.find("constraints");
  std::string list = known == system.end() ? "[]" : known->second;
  if (!list.ends_with("]")) list = "[]";  // not a list: nobody could read it
  list.pop_back();
  if (list != "[") list += ", ";
  append(attribute(number, true, "constraints", list + json::number(value) + "]"));
}

void StudyState::set_attribute(int64_t trial, std::string_view name, std::string json) {
  require_utf8("set_attribute: the name", name);
  require_utf8("set_attribute: the text", json);
  json::parse(json);  // one bad row would make the study unreadable to others
  const std::lock_guard lock(mutex_);
  append(attribute(trial, false, name, std::move(json)));
}

}  // namespace attune::tune
