// A study as it is opened; trials, how they report and end. How they begin is in study_begin.cpp,
// answers about them in study_results.cpp.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/study_state.h"
#include "attune/tune/samplers.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

constexpr const char* kSeed = "attune:seed";

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

StudyOptions checked(StudyOptions o) {
  if (!o.sampler) o.sampler = automatic();
  if (o.pruner && o.scheduler) throw ValueError("study: give either a pruner or a scheduler");
  if (o.name.empty()) throw ValueError("study: its name is empty");
  if (!o.must_exist && !o.read_only) require_utf8("study: the name", o.name);
  if (o.lag < 0) throw ValueError(fmt::format("study: lag must be 0 or more, not {}", o.lag));
  return o;
}

std::shared_ptr<const Scheduler> scheduler_of(const StudyOptions& o) {
  if (o.scheduler || !o.pruner) return o.scheduler;
  return pruning(o.pruner);
}

// The sampler's, and the scheduler's. A deterministic study shows them its turns.
size_t feeds_of(const StudyOptions& o) {
  if (o.deterministic) return 0;
  return o.scheduler || o.pruner ? 2 : 1;
}

// The study's log; a new study gets these directions and this seed.
std::unique_ptr<StudyLog> opened(const StudyOptions& o, uint64_t seed) {
  const bool must_exist = o.must_exist || o.read_only;
  std::shared_ptr<Storage> storage = o.storage.storage;
  if (!storage) {
    storage = must_exist ? open_existing_storage(o.storage.url) : open_storage(o.storage.url);
  }
  const std::vector<Direction> wanted = wanted_directions(o);
  std::vector<Direction> made_with = wanted;
  if (made_with.empty()) made_with = {Direction::minimize};
  if (must_exist) made_with.clear();
  const Attribute kept = attribute(Attribute::kStudy, true, kSeed, fmt::format("{}", seed));
  auto log = o.read_only ? storage->view(o.name) : storage->open(o.name, made_with, {kept});
  if (!log) {
    const std::string where =
        o.storage.storage ? "storage" : fmt::format("storage '{}'", shown_path(o.storage.url));
    throw StorageError(fmt::format("{}: there is no study {}", where, in_quotes(o.name)));
  }
  if (!wanted.empty() && wanted != log->directions()) {
    throw ValueError(fmt::format("study {}: it exists with other directions", in_quotes(o.name)));
  }
  return log;
}

}  // namespace

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Attribute attribute(int64_t trial, bool system, std::string_view name, std::string json) {
  return {trial, system, std::make_shared<const std::string>(name),
          std::make_shared<const std::string>(std::move(json))};
}

void require_utf8(std::string_view what, std::string_view text) {
  const size_t flaw = utf8_flaw(text);
  if (flaw == std::string_view::npos) return;
  throw ValueError(fmt::format("{} {} is not UTF-8: byte {} is 0x{:02x}", what, in_quotes(text),
                               flaw, static_cast<unsigned char>(text[flaw])));
}

StudyState::StudyState(StudyOptions options)
    : options_(checked(std::move(options))),
      seed_(options_.seed ? *options_.seed : drawn_seed()),
      ledger_(std::make_unique<Ledger>(opened(options_, seed_), feeds_of(options_),
                                       options_.deterministic)),
      chooser_(options_, *ledger_, prepare_views()),
      planner_(scheduler_of(options_), *ledger_, 1, views_ ? &*views_ : nullptr,
               chooser_.declared()),
      checkpoints_(ledger_->folder()) {
  ledger_->give_up_when([this] { return runs_.all_reached(); });
  ledger_->hurry_when([this] { return runs_.all_stopped() || (options_.stop && options_.stop()); });
  settle_seed();
}

const LaggedViews* StudyState::prepare_views() {
  if (!options_.deterministic) return nullptr;
  views_.emplace(options_.lag, ledger_->signs());
  return &*views_;
}

void StudyState::settle_seed() {
  const auto stored = [this] {
    return ledger_->look([](const History& history) {
      const auto it = history.system().find(kSeed);
      return it == history.system().end() ? std::string() : it->second;
    });
  };
  std::string text = stored();
  if (text.empty() && options_.read_only) return chooser_.set_seed(seed_);
  if (text.empty()) {  // a study of Optuna's: whoever is first says what its seed is
    const Event seed = attribute(Attribute::kStudy, true, kSeed, fmt::format("{}", seed_));
    const Expect absent{.trial = Attribute::kStudy, .absent = kSeed};
    ledger_->commit({&seed, 1}, {&absent, 1});
    text = stored();
  }
  uint64_t known = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), known).ec != std::errc()) {
    throw StorageError(
        fmt::format("study {}: its seed reads {}", in_quotes(options_.name), in_quotes(text)));
  }
  if (options_.seed && *options_.seed != known) {
    throw ValueError(
        fmt::format("study {}: its seed is {}, not {}; leave the seed out to resume it",
                    in_quotes(options_.name), known, *options_.seed));
  }
  seed_ = known;
  chooser_.set_seed(seed_);
  planner_.set_seed(seed_);
}

const TrialRecord& StudyState::record(const History& history, int64_t number) const {
  if (number < 0 || static_cast<size_t>(number) >= history.trials().size()) {
    throw ValueError(fmt::format("study {}: there is no trial {}; there are {}",
                                 in_quotes(options_.name), number, history.trials().size()));
  }
  return history.trials()[static_cast<size_t>(number)];
}

std::string StudyState::trial_name(int64_t number) const {
  return fmt::format("trial {} of study {}", number, in_quotes(options_.name));
}

void StudyState::tell(Trial& trial, const Outcome& outcome) {
  if (!trial.study_)
    throw ValueError(fmt::format("tell: {} has been told already", trial_name(trial.number_)));
  if (trial.study_.get() != this) throw ValueError("tell: the trial is another study's");
  if (!finish(trial, outcome)) {
    throw EndedElsewhere(
        fmt::format("tell: {} has been ended by another program", trial_name(trial.number_)));
  }
}

bool StudyState::finish(Trial& trial, const Outcome& outcome) {
  const bool done = tell(trial.number_, outcome);
  trial.study_ = nullptr;  // the study lives on: this is one of its members
  return done;
}

// The values of a trial's last report; none when one of them is NaN.
std::vector<double> StudyState::last_values(const TrialRecord& trial) const {
  if (trial.reports.empty()) return {};
  const std::vector<double>& signs = ledger_->signs();
  const TrialRecord::Report& last = trial.reports.back();
  std::vector<double> values{signs.front() * last.loss};
  for (size_t i = 0; i < last.further.size(); ++i) {
    values.push_back(signs[i + 1] * last.further[i]);
  }
  const bool whole =
      values.size() == signs.size() &&
      std::none_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
  return whole ? values : std::vector<double>{};
}

std::optional<Outcome> StudyState::end_at_pause(const Trial& ended) const {
  if (!ended.had_nothing_to_do()) return std::nullopt;
  const std::vector<double> values = ledger_->look([&](const History& history) {
    TrialRecord trial = record(history, ended.number_);
    if (trial.reports.empty() && trial.parent >= 0) {  // it stands where its parent stood
      const int64_t fork_step = trial.fork_step;
      trial = record(history, trial.parent);
      std::erase_if(trial.reports, [&](const auto& report) { return report.step > fork_step; });
    }
    return last_values(trial);
  });
  return values.empty() ? std::nullopt : std::optional<Outcome>(values);
}

bool StudyState::tell(int64_t number, const Outcome& outcome) {
  Finished end{
      .trial = number, .state = outcome.state(), .values = outcome.values(), .time = unix_time()};
  std::string reason = outcome.reason();
  if (end.state == State::complete) {
    if (end.values.size() != directions().size()) {
      throw ValueError(fmt::format("tell: {} has {} objectives, but was given {} values",
                                   trial_name(number), directions().size(), end.values.size()));
    }
    if (std::any_of(end.values.begin(), end.values.end(), [](double v) { return std::isnan(v); })) {
      end.state = State::failed;
      end.values.clear();
      reason = "the objective's value is NaN";
    }
  }
  const bool over = ledger_->look([&](const History& history) {
    const TrialRecord& trial = record(history, number);
    if (end.state == State::pruned) end.values = last_values(trial);
    return finished(trial.state);
  });
  if (over) return false;
  const std::string worker =
      ledger_->look([&](const History& history) { return record(history, number).worker; });
  const bool outside = worker.empty() || worker == kOutsideWorker;
  const Expect expect{number, State::running, outside ? worker : ledger_->worker(), {}};
  std::vector<Event> events;
  if (end.state == State::paused) {
    events.emplace_back(Paused{number, outcome.step()});
  } else {
    if (!reason.empty()) events.emplace_back(attribute(number, true, kError, json::quote(reason)));
    events.emplace_back(std::move(end));
  }
  const auto forget = [&] {  // what it kept, once its end stands
    if (outcome.state() != State::paused) checkpoints_.drop(number);
  };
  try {
    if (!ledger_->commit(events, {&expect, 1})) return false;
    forget();
    return true;
  } catch (const StorageError&) {
    // Kept, and written as soon as that is possible: nobody else could end this worker's trial.
    for (const Event& event : events) ledger_->post(event);
    forget();
    throw;
  }
}

TrialResult StudyState::hand_out(Trial& trial) {
  const int64_t number = trial.number_;
  const Event claim = Claimed{number, unix_time(), kOutsideWorker};
  const Expect expect{number, State::running, ledger_->worker(), {}};
  if (!ledger_->commit({&claim, 1}, {&expect, 1})) {
    throw StorageError(
        fmt::format("hand_out: {} was taken by another program", trial_name(number)));
  }
  trial.study_ = nullptr;
  return result(number);
}

void StudyState::check_told_by_number(std::string_view what, int64_t number) {
  ledger_->sync();
  const auto [state, worker] = ledger_->look([&](const History& history) {
    const TrialRecord& trial = record(history, number);
    return std::pair(trial.state, trial.worker);
  });
  if (state != State::running) {
    throw ValueError(
        fmt::format("{}: {} is not running, but {}", what, trial_name(number), name_of(state)));
  }
  if (worker.empty() || worker == kOutsideWorker || worker == ledger_->worker()) return;
  throw ValueError(
      fmt::format("{}: {} is run by {}", what, trial_name(number), worker_name(worker)));
}

bool StudyState::report_by_number(int64_t number, int64_t step, std::span<const double> values) {
  check_told_by_number("report", number);
  const Event report = checked_report(number, step, values);
  if (!reported(number, step)) ledger_->commit({&report, 1}, {});
  int64_t turn = -1;
  ledger_->look_at_all([&](const History& history, const auto& left_out) {
    if (!views_ || left_out(number)) return;
    turn = ledger_->turns()->last_of(number);
    views_->prepare(turn, *ledger_->turns(), history, left_out);
  });
  return verdict(number, turn, step) != Verdict::go_on;
}

bool StudyState::reported(int64_t number, int64_t step) const {
  return ledger_->look([&](const History& history) {
    const auto& reports = record(history, number).reports;
    return std::any_of(reports.rbegin(), reports.rend(),
                       [step](const auto& report) { return report.step == step; });
  });
}

Reported StudyState::checked_report(int64_t number, int64_t step,
                                    std::span<const double> values) const {
  if (values.size() != directions().size()) {
    throw ValueError(fmt::format("report: {} was given {} values for {} objectives",
                                 trial_name(number), values.size(), directions().size()));
  }
  if (step < 0 || step > kLastStep) {
    throw ValueError(fmt::format("report: steps count from 0 to 2^53, {} is none of them", step));
  }
  return {number, step, values.front(), {values.begin() + 1, values.end()}};
}

void StudyState::report(int64_t number, int64_t step, std::span<const double> values) {
  Reported report = checked_report(number, step, values);
  if (!reported(number, step)) ledger_->post(std::move(report));  // the first value stays
}

Verdict StudyState::verdict(int64_t number, int64_t turn, int64_t step) {
  ledger_->sync();
  return planner_.after(number, turn, step);
}

// Where Optuna looks for them: a list of those without a name (which its dashboard knows too), an
// attribute for each with a name.
void StudyState::set_constraint(int64_t number, std::string_view name, double value,
                                int64_t place) {
  if (std::isnan(value)) {
    throw ValueError(fmt::format("set_constraint: {}{} is NaN", trial_name(number),
                                 name.empty() ? "" : ", " + in_quotes(name)));
  }
  require_utf8("set_constraint: the name", name);
  constexpr double kLargest = std::numeric_limits<double>::max();
  value = std::clamp(value, -kLargest, kLargest);  // an infinity is no JSON for browsers
  const auto system =
      ledger_->look([&](const History& history) { return record(history, number).system; });
  if (!name.empty()) {
    const std::string key = fmt::format("constraints:{}", name);
    if (!system.contains(key)) ledger_->post(attribute(number, true, key, json::number(value)));
    return;
  }
  const auto known = system.find("constraints");
  std::string list = known == system.end() ? "[]" : known->second;
  if (!list.ends_with("]")) list = "[]";  // not a list: nobody could read it
  const auto known_values = list == "[]" ? 0 : std::count(list.begin(), list.end(), ',') + 1;
  if (place < known_values) return;  // of an earlier run of the trial
  list.pop_back();
  if (list != "[") list += ", ";
  ledger_->post(attribute(number, true, "constraints", list + json::number(value) + "]"));
}

void StudyState::set_attribute(int64_t trial, std::string_view name, std::string json,
                               bool at_once) {
  require_utf8("set_attribute: the name", name);
  require_utf8("set_attribute: the text", json);
  json::parse(json);  // one bad row would make the study unreadable to others
  Event event = attribute(trial, false, name, std::move(json));
  if (trial != Attribute::kStudy && !at_once) return ledger_->post(std::move(event));
  ledger_->commit({&event, 1}, {});
}

void StudyState::drop_old_checkpoints() {
  checkpoints_.drop_if([this](int64_t other) {
    return ledger_->look(
        [&](const History& history) { return finished(record(history, other).state); });
  });
}

void StudyState::keep(int64_t number, int64_t step, std::span<const keeping::StateRef> states) {
  drop_old_checkpoints();
  checkpoints_.keep(number, step, states);
}

void StudyState::kept_in_files(int64_t number, int64_t step, size_t states) {
  drop_old_checkpoints();
  checkpoints_.kept(number, step, states);
}

}  // namespace attune::tune
