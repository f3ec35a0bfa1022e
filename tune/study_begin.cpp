// How trials begin: which is next, who has died, what a deterministic study waits for.

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/study_state.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

constexpr const char* kTakeovers = "attune:takeovers";
constexpr int64_t kMostTakeovers = 10;          // of one trial, each from a worker that died
constexpr const char* kFixed = "fixed_params";  // Optuna's
constexpr auto kLookAgain = std::chrono::milliseconds(50);
// A trial that another program runs without a sign of life is not waited for longer.
constexpr auto kLongestWait = std::chrono::seconds(60);

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
      Finished{.trial = number, .state = State::failed, .values = {}, .time = unix_time()}};
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
    return trial.state == State::running &&
           (trial.worker.empty() || trial.worker == kOutsideWorker);
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
    // Here, and not before the question: other processes make trials too, and a number is claimed.
    const bool made = todo->state.has_value();
    if (!made && limits && limits->total && todo->number >= *limits->total) {
      todo = deal_with_lapsed(true);
      if (!todo) return std::nullopt;
    }
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
  events.emplace_back(Claimed{next.number, unix_time(), ledger_->worker()});
  if (next.state == State::running) {
    const int64_t before = ledger_->look(
        [&](const History& history) { return takeovers(record(history, next.number)); });
    events.emplace_back(attribute(next.number, true, kTakeovers, fmt::format("{}", before + 1)));
  }
  if (!ledger_->commit(events, {&expect, 1}, false)) return std::nullopt;
  Params fixed;
  std::vector<Trial::Set> set;
  std::vector<std::any> checkpoint;
  int64_t first_step = 0, resume_step = 0;
  try {
    if (!ledger_->knows(next.number)) ledger_->sync();  // it could not be read just now
    ledger_->look([&](const History& history) {
      const TrialRecord& trial = record(history, next.number);
      fixed = fixed_params(trial);
      for (const TrialRecord::Use& use : trial.params) {
        set.push_back({history.params()[static_cast<size_t>(use.param)], use.value});
      }
      resume_step = trial.resume_step;
    });
    if (next.begun()) checkpoint = kept(next.number, resume_step - 1);
    if (!checkpoint.empty()) first_step = resume_step;
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
  trial.repeats_ = ledger_->repeats(next.number);
  trial.last_step_ = first_step - 1;
  trial.kept_ = std::move(checkpoint);
  trial.first_step_ = first_step;
  return trial;
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
  events.emplace_back(Claimed{0, unix_time(), ledger_->worker()});
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

}  // namespace attune::tune
