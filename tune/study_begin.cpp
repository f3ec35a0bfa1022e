// How trials begin: which is next, who has died, what a deterministic study waits for.

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/internal/study_state.h"
#include "attune/tune/storages/internal/worker.h"

namespace attune::tune {
namespace {

constexpr const char* kTakeovers = "attune:takeovers";
constexpr int64_t kMostTakeovers = 10;              // of one trial, each from a worker that died
constexpr const char* kAttempts = "retry_history";  // Optuna's: numbers of those before
constexpr auto kLookAgain = std::chrono::milliseconds(50);
// A trial that another program runs without a sign of life is not waited for longer.
constexpr auto kLongestWait = std::chrono::seconds(60);

// A long wait is said: somebody may have to wake the other process.
constexpr auto kFirstNote = std::chrono::seconds(5);
constexpr auto kNextNote = std::chrono::minutes(1);

std::string waiting_text(const TrialRecord& trial) {
  if (trial.worker.empty() || trial.worker == kOutsideWorker) {
    return fmt::format("trial {}, which another program runs", trial.number);
  }
  const auto started = static_cast<std::time_t>(trial.started);
  std::tm local{};
  localtime_r(&started, &local);
  char clock[16] = "";
  std::strftime(clock, sizeof clock, "%H:%M:%S", &local);
  return fmt::format("trial {}, which {} has run since {}", trial.number, worker_name(trial.worker),
                     clock);
}

int64_t takeovers(const TrialRecord& trial) {
  const auto it = trial.system.find(kTakeovers);
  int64_t count = 0;
  if (it == trial.system.end()) return count;
  std::from_chars(it->second.data(), it->second.data() + it->second.size(), count);
  return count;
}

constexpr int64_t kMostRounds = 1000;  // of decisions that start nothing, before it is an error

}  // namespace

// What was enqueued.
Params fixed_params(const TrialRecord& trial) {
  Params fixed;
  const auto it = trial.system.find(kFixed);
  if (it == trial.system.end()) return fixed;
  const json::Value document = json::parse(it->second);
  for (const auto& [name, value] : document.object()) fixed.set(name, value.scalar());
  return fixed;
}

void StudyState::fail(int64_t number, const std::string& worker, const std::string& reason) {
  const Event events[] = {
      attribute(number, true, kError, json::quote(reason)),
      Finished{.trial = number, .state = State::failed, .values = {}, .time = unix_time()}};
  const Expect expect{number, State::running, worker, {}};
  ledger_->commit(events, {&expect, 1});  // false: somebody was faster
}

// What has begun and is nobody's: it comes before anything else.
std::optional<StudyState::Todo> StudyState::broken_off(bool look_now) {
  if (std::optional<Todo> todo = lapsed(look_now)) return todo;
  return ledger_->look([](const History& history) -> std::optional<Todo> {
    if (history.count(State::paused) == 0) return std::nullopt;
    for (const int64_t number : history.open()) {
      const TrialRecord& trial = history.trials()[static_cast<size_t>(number)];
      if (trial.interrupted()) {
        return Todo{.number = number, .state = State::paused, .step = trial.resume_step - 1};
      }
    }
    return std::nullopt;
  });
}

// A running trial whose worker is gone is failed. In a deterministic study it is run again, since
// others depend on how it ends; but not for ever, for it may be what kills its workers.
std::optional<StudyState::Todo> StudyState::lapsed(bool look_now) {
  for (const int64_t number : ledger_->lapsed(look_now)) {
    const TrialRecord trial =
        ledger_->look([&](const History& history) { return record(history, number); });
    const bool again = options_.deterministic && !trial.worker.empty() &&
                       takeovers(trial) < kMostTakeovers && !ledger_->repeats(number);
    if (again) return Todo{.number = number, .state = State::running, .worker = trial.worker};
    fail(number, trial.worker,
         fmt::format("{} ended without telling how the trial went", worker_name(trial.worker)));
  }
  return std::nullopt;
}

bool StudyState::anything_runs() const {
  return ledger_->look_at_search(
      [](const History& search) { return search.count(State::running) > 0; });
}

// Waits a moment for the trial `open`, or for anything; -1. False: the limits are reached.
bool StudyState::wait_for(int64_t open, const RunLimits& limits, Patience& patience) {
  if (limits.reached()) return false;
  const auto now = std::chrono::steady_clock::now();
  if (open != patience.trial) patience = {open, now, now + kFirstNote};
  if (open >= 0 && limits.on_wait && now >= patience.next_note) {
    patience.next_note = now + kNextNote;
    const std::string text = ledger_->look([&](const History& history) {
      const TrialRecord& trial = record(history, open);
      return trial.worker == ledger_->worker() ? std::string() : waiting_text(trial);
    });
    if (!text.empty()) limits.on_wait(text);
  }
  const bool silent = open >= 0 && ledger_->look([&](const History& history) {
    const TrialRecord& trial = record(history, open);
    return trial.state == State::running &&
           (trial.worker.empty() || trial.worker == kOutsideWorker);
  });
  if (silent && !ledger_->worker().empty() && now - patience.since > kLongestWait) {
    throw StorageError(fmt::format(
        "study {}: what is next depends on trial {}, which another program runs without a sign of "
        "life; tell it, or use a study that is not deterministic",
        in_quotes(options_.name), open));
  }
  ledger_->wait_for_change(kLookAgain);
  return true;
}

StudyState::Todo StudyState::todo_of(const Next& next) const {
  return ledger_->look([&](const History& history) {
    const auto fresh = static_cast<int64_t>(history.trials().size());
    if (next.what == Next::What::start) {
      for (const int64_t number : history.open()) {
        if (record(history, number).state == State::waiting) {
          return Todo{.number = number, .state = State::waiting};
        }
      }
      return Todo{.number = fresh, .params = next.params};
    }
    const TrialRecord& trial = record(history, next.trial);
    const int64_t step = trial.resume_step - 1;
    if (next.what == Next::What::resume) {
      return Todo{.number = next.trial, .state = State::paused, .step = step};
    }
    return Todo{.number = fresh, .step = step, .parent = next.trial, .params = next.params};
  });
}

// At the scheduler's word. Another worker may be faster.
void StudyState::end_paused(int64_t number) {
  Finished end{.trial = number, .state = State::pruned, .values = {}, .time = unix_time()};
  Expect expect{.trial = number, .state = State::paused};
  ledger_->look([&](const History& history) {
    const TrialRecord& trial = record(history, number);
    end.values = last_values(trial);
    expect.step = trial.resume_step - 1;
  });
  const Event event = std::move(end);
  if (ledger_->commit({&event, 1}, {&expect, 1})) checkpoints_.drop(number);
}

std::optional<Trial> StudyState::ask(const std::shared_ptr<RunLimits>& limits, bool may_start) {
  Patience patience;
  bool no_more = false;
  for (int64_t round = 0;;) {
    ledger_->sync();
    // Here, and not before the question: other processes make trials too, and a number is claimed.
    const auto [full, any_waits] = ledger_->look([&](const History& history) {
      const int64_t made = static_cast<int64_t>(history.trials().size()) - history.retries();
      return std::pair(limits && limits->total && made >= *limits->total,
                       history.count(State::waiting) > 0);
    });
    const bool may = may_start && (!full || (any_waits && !no_more));
    std::optional<Todo> todo = broken_off(!may);
    if (!todo && limits && limits->retries > 0) {
      Again again = failed_before(*limits, false);
      if (again.open >= 0) {
        if (!wait_for(again.open, *limits, patience)) return std::nullopt;
        continue;
      }
      todo = std::move(again.todo);
    }
    if (!todo) {
      const Planner::Plan plan = planner_.next(may);
      const auto& [next, open] = plan;
      const bool waits = next.what == Next::What::wait;
      const bool pointless = waits && open < 0 && !anything_runs();
      if ((next.what == Next::What::start && !may) || (limits && pointless)) {
        if (!limits || limits->retries == 0) return std::nullopt;
        Again again = failed_before(*limits, true);  // nothing else is left to do
        if (again.open >= 0) {
          if (!wait_for(again.open, *limits, patience)) return std::nullopt;
          continue;
        }
        if (!again.todo) return std::nullopt;
        todo = std::move(again.todo);
      } else if (waits) {
        if (!limits && open >= 0) {
          throw ValueError(
              fmt::format("study {}: it is deterministic with lag {}, so tell trial {} before "
                          "asking for another",
                          in_quotes(options_.name), options_.lag, open));
        }
        if (!limits) {
          throw ValueError(fmt::format("study {}: its scheduler {}", in_quotes(options_.name),
                                       pointless
                                           ? "starts no more trials"
                                           : "waits for the trials that run; tell them first"));
        }
        if (!wait_for(open, *limits, patience)) return std::nullopt;
        continue;
      }
      if (++round > kMostRounds && round > kMostRounds + 2 * size()) {
        throw ValueError(fmt::format("study {}: its scheduler decides on trial {} over and over",
                                     in_quotes(options_.name), next.trial));
      }
      if (!todo) {
        if (next.what == Next::What::stop) {
          end_paused(next.trial);
          continue;
        }
        todo = todo_of(next);
        if (full && !todo->state) {  // it would make one more
          no_more = true;
          continue;
        }
      }
    }
    if (std::optional<Trial> trial = claim(*todo, limits)) return trial;
    if (limits && limits->reached()) return std::nullopt;
  }
}

std::vector<Event> StudyState::claim_events(const Todo& todo) const {
  std::vector<Event> events;
  const int64_t number = todo.number;
  if (!todo.state) events.emplace_back(Created{number});
  if (todo.parent) {
    events.emplace_back(Forked{number, *todo.parent, *todo.step});
  }
  if (todo.retry_of) {
    events.emplace_back(Retried{number, *todo.retry_of});
    events.emplace_back(attribute(number, true, kAttempts, attempts_text(*todo.retry_of)));
  }
  if (!todo.params.empty()) {
    events.emplace_back(attribute(number, true, kFixed, json::text(todo.params)));
  }
  events.emplace_back(Claimed{number, unix_time(), ledger_->worker()});
  if (todo.state == State::running) {
    const int64_t before =
        ledger_->look([&](const History& history) { return takeovers(record(history, number)); });
    events.emplace_back(attribute(number, true, kTakeovers, fmt::format("{}", before + 1)));
  }
  return events;
}

// Nothing: another worker was faster, or what is to be run cannot be.
std::optional<Trial> StudyState::claim(const Todo& todo, const std::shared_ptr<RunLimits>& limits) {
  std::vector<Expect> expects{{.trial = todo.number, .state = todo.state, .worker = todo.worker}};
  if (todo.parent) {
    expects.push_back({.trial = *todo.parent, .state = State::paused, .step = todo.step});
  } else {
    expects.front().step = todo.step;
  }
  if (!ledger_->commit(claim_events(todo), expects, false)) return std::nullopt;
  Trial trial(shared_from_this(), todo.number);
  try {
    if (!ledger_->knows(todo.number)) ledger_->sync();  // it could not be read just now
    hand_over(trial, todo);
  } catch (const std::exception& e) {
    trial.study_ = nullptr;
    fail(todo.number, ledger_->worker(), e.what());
    if (todo.parent) return std::nullopt;
    throw;
  }
  trial.limits_ = limits;
  trial.begun_ = todo.begun();
  trial.retry_ = todo.retry_of.has_value();
  return trial;
}

// What the trial knows of before it runs: its parameters, where it goes on and with what.
void StudyState::hand_over(Trial& trial, const Todo& todo) {
  int64_t resume_step = 0, parent = -1, fork_step = -1;
  ledger_->look_at_all([&](const History& history, const auto& left_out) {
    const TrialRecord& mine = record(history, todo.number);
    trial.fixed_ = fixed_params(mine);
    for (const TrialRecord::Use& use : mine.params) {
      trial.set_.push_back({history.params()[static_cast<size_t>(use.param)], use.value});
    }
    trial.repeats_ = left_out(todo.number);
    resume_step = mine.resume_step, parent = mine.parent, fork_step = mine.fork_step;
    if (parent >= 0) {
      for (const TrialRecord::Use& use : record(history, parent).params) {
        const auto& param = history.params()[static_cast<size_t>(use.param)];
        trial.parent_set_.push_back({param, use.value});
        trial.parent_params_.push_back({param.get(), use.value});
      }
    }
    if (!views_ || trial.repeats_) return;
    trial.turn_ = ledger_->turns()->last_of(todo.number);
    views_->prepare(trial.turn_, *ledger_->turns(), history, left_out);
  });
  trial.parent_ = parent;
  trial.forked_ = parent >= 0 && resume_step == fork_step + 1;
  if (todo.parent) checkpoints_.fork(parent, fork_step, todo.number);
  if (resume_step == 0) return;
  trial.checkpoint_ = checkpoints_.of(todo.number, resume_step - 1);
  if (trial.checkpoint_) {
    trial.first_step_ = resume_step;
    trial.last_step_ = resume_step - 1;
  } else if (parent >= 0) {
    throw ValueError(fmt::format(
        "nothing is kept here of its state after step {}, and a fork of trial {} cannot start "
        "anew: "
        "name the state by trial.checkpointable(), and keep the study in a file if several "
        "processes work on it",
        resume_step - 1, parent));
  }
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
