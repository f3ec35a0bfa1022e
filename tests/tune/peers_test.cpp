// Several processes on one study, some of which die: nobody waits for the dead, and a deterministic
// study comes out as if nobody had died.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <sstream>
#include <thread>

#include "attune/base/error.h"
#include "attune/tune/by_name.h"
#include "attune/tune/study_view.h"
#include "tests/tune/outside.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSoon = 5s;  // well under two on a machine that is not busy

Outcome slow_bowl(Trial& trial) {
  const double x = trial.suggest_float("x", -1, 1), y = trial.suggest_float("y", -1, 1);
  for (int step = 0; step < 3; ++step) {
    std::this_thread::sleep_for(1ms);
    if (trial.report(step, x * x + y * y + 3 - step).should_stop()) return trial.stopped();
  }
  if (trial.number() % 7 == 3) throw std::runtime_error("out of luck");
  return x * x + y * y;
}

StudyOptions deterministic(const std::string& url) {
  return {.storage = url, .sampler = tpe(), .pruner = median(), .seed = 5, .deterministic = true};
}

std::string whole_table(int64_t trials) {
  Study alone(deterministic("memory"));
  alone.optimize(slow_bowl, {.trials = trials});
  return table(alone);
}

// Every sampler alike: a table is the same however many threads and processes make it.
Outcome stepped_bowl(Trial& trial, const Space& space) {
  const Params p = trial.suggest(space);
  const double value = p.at("x").as_double() * p.at("x").as_double() + 0.1 * p.at("n").as_double();
  if (trial.number() % 7 == 3) throw std::runtime_error("out of luck");
  for (int step = 0; step < 3; ++step) {
    std::this_thread::sleep_for(std::chrono::microseconds(100 * (trial.number() % 5)));
    if (trial.report(step, value + 1.0 / (step + 1)).should_stop()) return trial.stopped();
  }
  return value;
}

// Trials until the study has so many.
void work(const std::string& url, int64_t trials) {
  Study study(deterministic(url));
  study.optimize(slow_bowl, {.trials = trials, .stop = [&] { return study.size() >= trials; }});
}

}  // namespace

TEST_CASE("peers: a worker killed at any moment changes nothing in a deterministic study") {
  for (const auto& [kind, url_in] : all_shared_storages()) {
    CAPTURE(kind);
    constexpr int64_t kTrials = 60;
    const Folder folder;
    const std::string url = url_in(folder);
    { const Study made(deterministic(url)); }
    Rng rng(3);
    for (int round = 0; round < 15; ++round) {
      pid_t workers[2];
      for (pid_t& worker : workers) worker = in_child([&] { work(url, kTrials); });
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + rng.below(60)));
      for (const pid_t worker : workers) kill(worker, SIGKILL);
      for (const pid_t worker : workers) status_of(worker);
    }
    Study study(deterministic(url));
    const auto open = [&study] {
      const auto trials = study.trials();
      return std::any_of(trials.begin(), trials.end(),
                         [](const TrialResult& t) { return !finished(t.state); });
    };
    while (study.size() < kTrials || open()) study.optimize(slow_bowl, {.trials = 1});
    const std::string expected = whole_table(study.size());
    CHECK(table(study) == expected);
  }
}

TEST_CASE("peers: when one of two dies the other goes on within two seconds") {
  for (const auto& [kind, url_in] : all_shared_storages()) {
    CAPTURE(kind);
    const Folder folder;
    const std::string url = url_in(folder);
    { const Study made(deterministic(url)); }
    const pid_t hanging = in_child([&] {
      Study study(deterministic(url));
      study.optimize([](Trial& t) -> Outcome {
        t.suggest_float("x", -1, 1);
        std::this_thread::sleep_for(1h);
        return 0;
      });
    });
    std::this_thread::sleep_for(300ms);
    std::atomic<bool> killed{false};
    Clock::time_point when;
    std::jthread killer([&] {
      std::this_thread::sleep_for(500ms);
      when = Clock::now();
      kill(hanging, SIGKILL);
      status_of(hanging);
      killed = true;
    });
    Study study(deterministic(url));
    study.optimize(slow_bowl, {.trials = 12});
    CHECK(killed);
    CHECK(Clock::now() - when < kSoon);
    CHECK(table(study) == whole_table(study.size()));
  }
}

TEST_CASE(
    "peers: a wait for a living peer ends with stop(), the timeout, or the host's condition") {
  for (const char* how : {"stop", "timeout", "host"}) {
    CAPTURE(how);
    const Folder folder;
    { const Study made(deterministic(folder.url())); }
    const pid_t hanging = in_child([&] {
      Study study(deterministic(folder.url()));
      const Trial trial = study.ask();
      std::this_thread::sleep_for(1h);
    });
    std::this_thread::sleep_for(200ms);
    Study study(deterministic(folder.url()));
    OptimizeOptions options{.trials = 12};
    std::atomic<bool> asked{false};
    std::jthread later;
    const std::string way = how;
    if (way == "timeout") options.timeout = 300ms;
    if (way == "host") options.stop = [&] { return asked.load(); };
    if (way != "timeout") {
      later = std::jthread([&] {
        std::this_thread::sleep_for(300ms);
        asked = true;
        if (way == "stop") study.stop();
      });
    }
    const auto begin = Clock::now();
    study.optimize(slow_bowl, options);
    CHECK(Clock::now() - begin < kSoon);
    CHECK(study.trial(0).state == State::running);
    kill(hanging, SIGKILL);
    status_of(hanging);
  }
}

TEST_CASE(
    "peers: a trial that its run broke off is resumed, and the table is as if it had not been") {
  auto storages = all_shared_storages();
  storages.emplace_back("memory", [](const Folder&) { return "memory"; });
  for (const auto& [kind, url_in] : storages) {
    CAPTURE(kind);
    const Folder folder;
    Study study(deterministic(url_in(folder)));
    for (int part = 0; part < 40 && study.size() < 25; ++part) {
      study.optimize(
          [](Trial& t) -> Outcome {
            const double x = t.suggest_float("x", -1, 1), y = t.suggest_float("y", -1, 1);
            for (int64_t step = t.first_step(); step < 3; ++step) {
              std::this_thread::sleep_for(2ms);
              if (t.report(step, x * x + y * y + 3 - static_cast<double>(step)).should_stop()) {
                return t.stopped();
              }
            }
            if (t.number() % 7 == 3) throw std::runtime_error("out of luck");
            return x * x + y * y;
          },
          {.trials = 25, .timeout = 15ms});
    }
    study.optimize(slow_bowl, {.trials = 1});
    CHECK(table(study) == whole_table(study.size()));
  }
}

TEST_CASE("peers: fast trials of several processes on one file, new and existing") {
  for (const auto& [kind, url_in] : all_shared_storages()) {
    CAPTURE(kind);
    for (const bool existing : {false, true}) {
      for (int round = 0; round < 4; ++round) {
        const Folder folder;
        const std::string url = url_in(folder);
        if (existing) const Study made({.storage = url, .seed = 1});
        std::vector<pid_t> workers;
        for (int k = 0; k < 6; ++k) {
          workers.push_back(in_child([&] {
            Study study({.storage = url, .sampler = tune::random()});
            study.optimize([](Trial& t) -> Outcome { return t.suggest_float("x", 0, 1); },
                           {.trials = 12});
          }));
        }
        for (const pid_t worker : workers) CHECK(status_of(worker) == 0);
        const StudyView view(url, "study");
        CHECK(view.size() == 72);
        for (const TrialResult& t : view.trials()) CHECK(t.state == State::complete);
      }
    }
  }
}

TEST_CASE(
    "peers: every sampler's table is the same by 1, 2 and 8 jobs and by 1, 2 and 3 processes") {
  constexpr int64_t kTrials = 32;
  const Space space{
      {"x", stepped_range(-1, 1, 0.25)}, {"n", int_range(1, 8)}, {"c", choice({"a", "b", "c"})}};
  std::istringstream names(sampler_names());
  for (std::string name; names >> name;) {
    if (name.back() == ',') name.pop_back();
    CAPTURE(name);
    const auto run = [&](const std::string& url, int jobs) {
      Study study({.storage = url,
                   .sampler = sampler_by_name(name),
                   .pruner = median(),
                   .seed = 5,
                   .space = space,
                   .deterministic = true});
      study.optimize([&](Trial& trial) { return stepped_bowl(trial, space); },
                     {.total = kTrials, .jobs = jobs, .timeout = 60s});
      return table(study);
    };
    const std::string expected = run("memory", 1);
    CHECK(run("memory", 2) == expected);
    CHECK(run("memory", 8) == expected);
    for (const auto& [kind, url_in] : all_shared_storages()) {
      CAPTURE(kind);
      for (const int processes : {1, 2, 3}) {
        const Folder folder;
        const std::string url = url_in(folder);
        std::vector<pid_t> children;
        for (int i = 0; i < processes; ++i) children.push_back(in_child([&] { run(url, 1); }));
        for (const pid_t child : children) CHECK(status_of(child) == 0);
        const StudyView view(url, "study");
        CHECK(view.size() == kTrials);  // exactly: none was made by two at once
        CHECK(table(view.study()) == expected);
      }
    }
  }
}

TEST_CASE("peers: trials that wait run though the study has as many as it should") {
  Study study({.seed = 1});
  for (const double x : {0.25, 0.5, 0.75}) study.enqueue({{"x", x}});
  const auto objective = [](Trial& trial) -> Outcome { return trial.suggest_float("x", 0, 1); };
  study.optimize(objective, {.total = 3});
  CHECK(study.size() == 3);
  CHECK(study.best_trial().value == 0.25);
  study.optimize(objective, {.total = 5});
  CHECK(study.size() == 5);
}
