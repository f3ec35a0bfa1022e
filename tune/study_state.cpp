// Trials: how they begin, report and end. Answers about them are in study_results.cpp.

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
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

constexpr const char* kSeed = "attune:seed";
constexpr const char* kFixed = "fixed_params";  // Optuna's
constexpr const char* kTakeovers = "attune:takeovers";
constexpr int64_t kMostTakeovers = 10;  // of one trial, each from a worker that died
constexpr auto kLookAgain = std::chrono::milliseconds(50);
// A trial that another program runs without a sign of life is not waited for longer.
constexpr auto kLongestWait = std::chrono::seconds(60);

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

StudyOptions checked(StudyOptions o) {
  if (!o.sampler) o.sampler = automatic();
  if (o.pruner && o.scheduler) throw ValueError("study: give either a pruner or a scheduler");
  if (o.name.empty()) throw ValueError("study: its name is empty");
  if (!o.must_exist && !o.read_only) require_utf8("study: the name", o.name);
  if (o.lag < 0) throw ValueError(fmt::format("study: lag must be 0 or more, not {}", o.lag));
  return o;
}

std::shared_ptr<const Scheduler> scheduler_of(const StudyOptions& o) {
  if (o.scheduler) return o.scheduler;
  return pruning(o.pruner ? o.pruner : no_pruning());
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
    throw StorageError(fmt::format("storage '{}': there is no study {}", shown_path(o.storage.url),
                                   in_quotes(o.name)));
  }
  if (!wanted.empty() && wanted != log->directions()) {
    throw ValueError(fmt::format("study {}: it exists with other directions", in_quotes(o.name)));
  }
  return log;
}

// What was enqueued.
Params fixed_params(const TrialRecord& trial) {
  Params fixed;
  const auto it = trial.system.find(kFixed);
  if (it == trial.system.end()) return fixed;
  const json::Value document = json::parse(it->second);
  for (const auto& [name, value] : document.object()) fixed.set(name, value.scalar());
  return fixed;
}

int64_t takeovers(const TrialRecord& trial) {
  const auto it = trial.system.find(kTakeovers);
  int64_t count = 0;
  if (it == trial.system.end()) return count;
  std::from_chars(it->second.data(), it->second.data() + it->second.size(), count);
  return count;
}

// It was paused because its run ended, not by a scheduler.
bool interrupted(const TrialRecord& trial) {
  return trial.state == State::paused &&
         !(trial.decided == Decided::What::pause && trial.decided_step + 1 == trial.resume_step);
}

}  // namespace

void require_utf8(std::string_view what, std::string_view text) {
  const size_t flaw = utf8_flaw(text);
  if (flaw == std::string_view::npos) return;
  throw ValueError(fmt::format("{} {} is not UTF-8: byte {} is 0x{:02x}", what, in_quotes(text),
                               flaw, static_cast<unsigned char>(text[flaw])));
}

StudyState::StudyState(StudyOptions options)
    : options_(checked(std::move(options))),
      scheduler_(scheduler_of(options_)),
      seed_(options_.seed ? *options_.seed : drawn_seed()),
      ledger_(std::make_unique<Ledger>(opened(options_, seed_), !options_.deterministic)),
      chooser_(options_, *ledger_, prepare_views()) {
  ledger_->give_up_when([this] { return runs_.all_reached(); });
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

// Those that were broken off come first, then what the scheduler resumes, what waits, a new one.
StudyState::Next StudyState::next(const History& history) const {
  int64_t waiting = -1;
  for (const int64_t number : history.open()) {
    const TrialRecord& trial = history.trials()[static_cast<size_t>(number)];
    if (interrupted(trial)) return {number, State::paused, {}};
    if (trial.state == State::waiting && waiting < 0) waiting = number;
  }
  if (history.count(State::paused) > 0) {
    if (const int64_t paused = scheduler_->resume(history); paused >= 0) {
      return {paused, State::paused, {}};
    }
  }
  if (waiting >= 0) return {waiting, State::waiting, {}};
  return {static_cast<int64_t>(history.trials().size()), {}, {}};
}

void StudyState::fail(int64_t number, const std::string& worker, const std::string& reason) {
  const Event events[] = {
      attribute(number, true, kError, json::quote(reason)),
      Finished{.trial = number, .state = State::failed, .values = {}, .time = now()}};
  const Expect expect{number, State::running, worker, {}};
  ledger_->commit(events, {&expect, 1});  // false: somebody was faster
}

// A running trial whose worker is gone is failed. In a deterministic study it is run again, since
// others depend on how it ends; but not for ever, for it may be what kills its workers.
std::optional<StudyState::Next> StudyState::deal_with_lapsed(bool now) {
  for (const int64_t number : ledger_->lapsed(now)) {
    const TrialRecord trial =
        ledger_->look([&](const History& history) { return record(history, number); });
    const bool again = options_.deterministic && !trial.worker.empty() &&
                       takeovers(trial) < kMostTakeovers && !ledger_->repeats(number);
    if (again) return Next{number, State::running, trial.worker};
    fail(number, trial.worker,
         fmt::format("{} ended without telling how the trial went", worker_name(trial.worker)));
  }
  return std::nullopt;
}

// Waits a moment for the trial that `number` depends on. False: the limits are reached.
bool StudyState::wait_for(int64_t open, int64_t number, const RunLimits& limits,
                          Patience& patience) {
  if (limits.reached()) return false;
  const auto now = std::chrono::steady_clock::now();
  if (open != patience.trial) patience = {open, now};
  const bool silent = ledger_->look([&](const History& history) {
    const TrialRecord& trial = record(history, open);
    return trial.state == State::running && trial.worker.empty();
  });
  if (silent && !ledger_->worker().empty() && now - patience.since > kLongestWait) {
    throw StorageError(
        fmt::format("{} depends on trial {}, which another program runs without a sign of life; "
                    "tell it, or use a "
                    "study that is not deterministic",
                    trial_name(number), open));
  }
  ledger_->wait_for_change(kLookAgain);
  return true;
}

int64_t StudyState::open_before(int64_t number) const {
  if (!views_) return -1;
  return ledger_->look(
      [&](const History& history) { return views_->open_before(number, history); });
}

std::optional<Trial> StudyState::ask(const std::shared_ptr<RunLimits>& limits, bool only_begun) {
  Patience patience;
  for (;;) {
    ledger_->sync();
    std::optional<Next> todo = deal_with_lapsed(only_begun);
    if (!todo) todo = ledger_->look([this](const History& history) { return next(history); });
    if (only_begun && !todo->begun()) return std::nullopt;
    const int64_t open = open_before(todo->number);
    if (open >= 0 && !limits) {
      throw ValueError(fmt::format(
          "study {}: it is deterministic with lag {}, so tell trial {} before asking for another",
          in_quotes(options_.name), options_.lag, open));
    }
    if (open >= 0) {
      if (!wait_for(open, todo->number, *limits, patience)) return std::nullopt;
      continue;
    }
    if (std::optional<Trial> trial = claim(*todo, limits)) return trial;
    if (limits && limits->reached()) return std::nullopt;
  }
}

// Nothing: another worker was faster.
std::optional<Trial> StudyState::claim(const Next& next, const std::shared_ptr<RunLimits>& limits) {
  const Expect expect{next.number, next.state, next.worker, {}};
  std::vector<Event> events;
  if (!next.state) events.emplace_back(Created{next.number});
  events.emplace_back(Claimed{next.number, now(), ledger_->worker()});
  if (next.state == State::running) {
    const int64_t before = ledger_->look(
        [&](const History& history) { return takeovers(record(history, next.number)); });
    events.emplace_back(attribute(next.number, true, kTakeovers, fmt::format("{}", before + 1)));
  }
  if (!ledger_->commit(events, {&expect, 1}, false)) return std::nullopt;
  Params fixed;
  std::vector<Trial::Set> set;
  std::vector<std::any> checkpoint;
  int64_t first_step = 0;
  try {
    if (next.begun()) checkpoint = kept(next.number);
    ledger_->look([&](const History& history) {
      const TrialRecord& trial = record(history, next.number);
      fixed = fixed_params(trial);
      for (const TrialRecord::Use& use : trial.params) {
        set.push_back({history.params()[static_cast<size_t>(use.param)], use.value});
      }
      if (!checkpoint.empty()) first_step = trial.resume_step;
    });
    prepare_view(next.number);
  } catch (const std::exception& e) {
    fail(next.number, ledger_->worker(), e.what());
    throw;
  }
  Trial trial(shared_from_this(), next.number);
  trial.fixed_ = std::move(fixed);
  trial.set_ = std::move(set);
  trial.limits_ = limits;
  trial.begun_ = next.begun();
  trial.kept_ = std::move(checkpoint);
  trial.first_step_ = first_step;
  return trial;
}

void StudyState::tell(Trial& trial, const Outcome& outcome) {
  if (!trial.study_)
    throw ValueError(fmt::format("tell: {} has been told already", trial_name(trial.number_)));
  if (trial.study_.get() != this) throw ValueError("tell: the trial is another study's");
  if (!finish(trial, outcome)) {
    throw StorageError(
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

bool StudyState::tell(int64_t number, const Outcome& outcome) {
  Finished end{
      .trial = number, .state = outcome.state(), .values = outcome.values(), .time = now()};
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
  int64_t last_step = -1;
  const bool over = ledger_->look([&](const History& history) {
    const TrialRecord& trial = record(history, number);
    if (end.state == State::pruned) end.values = last_values(trial);
    if (!trial.reports.empty()) last_step = trial.reports.back().step;
    return finished(trial.state);
  });
  if (over) return false;
  const Expect expect{number, State::running, ledger_->worker(), {}};
  std::vector<Event> events;
  if (end.state == State::paused) {
    events.emplace_back(Paused{number, last_step});
  } else {
    if (!reason.empty()) events.emplace_back(attribute(number, true, kError, json::quote(reason)));
    events.emplace_back(std::move(end));
    const std::lock_guard lock(kept_mutex_);
    kept_.erase(number);
  }
  return ledger_->commit(events, {&expect, 1});
}

int64_t StudyState::enqueue(const Params& params) {
  chooser_.check_enqueued(params);
  for (;;) {
    ledger_->sync();
    const auto number = ledger_->look(
        [](const History& history) { return static_cast<int64_t>(history.trials().size()); });
    const Event events[] = {Created{number}, attribute(number, true, kFixed, json::text(params))};
    const Expect fresh{.trial = number};
    if (ledger_->commit(events, {&fresh, 1})) return number;
  }
}

Trial StudyState::created(std::vector<Event> events, const Params& params) {
  const auto set_number = [](Event& event, int64_t number) {
    std::visit([number](auto& e) { e.trial = number; }, event);
  };
  events.insert(events.begin(), {Created{}, attribute(0, true, kFixed, json::text(params))});
  events.emplace_back(Claimed{0, now(), ledger_->worker()});
  for (;;) {
    ledger_->sync();
    const auto number = ledger_->look(
        [](const History& history) { return static_cast<int64_t>(history.trials().size()); });
    for (Event& event : events) set_number(event, number);
    const Expect fresh{.trial = number};
    if (!ledger_->commit(events, {&fresh, 1})) continue;
    Trial trial(shared_from_this(), number);
    trial.fixed_ = params;
    return trial;
  }
}

Trial StudyState::begin(const Params& params) {
  if (options_.deterministic) {
    throw ValueError("begin: a deterministic study chooses its trials itself; see enqueue");
  }
  chooser_.check_enqueued(params);
  return created({}, params);
}

Trial StudyState::repeat(const std::string& what, const Params& params,
                         const std::shared_ptr<RunLimits>& limits) {
  Trial trial = created({attribute(0, true, kRepeats, what)}, params);
  trial.repeats_ = true;
  trial.limits_ = limits;
  return trial;
}

void StudyState::report(int64_t number, int64_t step, std::span<const double> values) {
  if (values.size() != directions().size()) {
    throw ValueError(fmt::format("report: {} was given {} values for {} objectives",
                                 trial_name(number), values.size(), directions().size()));
  }
  if (step < 0) throw ValueError(fmt::format("report: steps count from 0, not {}", step));
  ledger_->post(Reported{number, step, values.front(), {values.begin() + 1, values.end()}});
}

// A decision stands: a step that a trial reports again after it was taken over gets the same.
Verdict StudyState::verdict(int64_t number) {
  ledger_->sync();
  if (ledger_->repeats(number)) return Verdict::go_on;
  std::optional<Decided> decided;
  const Verdict verdict = ledger_->look_at_search([&](const History& search) {
    const TrialRecord& trial = record(search, number);
    if (finished(trial.state)) return Verdict::stop;  // somebody else has ended it
    if (trial.reports.empty()) return Verdict::go_on;
    const int64_t step = trial.reports.back().step;
    if (trial.decided_step == step) {
      return trial.decided == Decided::What::pause ? Verdict::pause : Verdict::stop;
    }
    const Verdict said = scheduler_->after(trial, views_ ? views_->of(number) : search);
    if (said != Verdict::go_on) {
      decided = Decided{number, step,
                        said == Verdict::pause ? Decided::What::pause : Decided::What::stop};
    }
    return said;
  });
  if (decided) ledger_->post(*decided);
  return verdict;
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
  list.pop_back();
  if (list != "[") list += ", ";
  ledger_->post(attribute(number, true, "constraints", list + json::number(value) + "]"));
}

void StudyState::set_attribute(int64_t trial, std::string_view name, std::string json) {
  require_utf8("set_attribute: the name", name);
  require_utf8("set_attribute: the text", json);
  json::parse(json);  // one bad row would make the study unreadable to others
  Event event = attribute(trial, false, name, std::move(json));
  if (trial != Attribute::kStudy) return ledger_->post(std::move(event));
  ledger_->commit({&event, 1}, {});
}

void StudyState::keep(int64_t number, std::vector<std::any> checkpoint) {
  const std::lock_guard lock(kept_mutex_);
  kept_[number] = std::move(checkpoint);
}

std::vector<std::any> StudyState::kept(int64_t number) {
  const std::lock_guard lock(kept_mutex_);
  const auto at = kept_.find(number);
  return at == kept_.end() ? std::vector<std::any>{} : at->second;
}

}  // namespace attune::tune
