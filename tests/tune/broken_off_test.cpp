// Trials that are called again after a pause, and runs whose trials cannot be ended.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "attune/base/error.h"
#include "attune/tune/analysis/confirm.h"
#include "attune/tune/analysis/stopping.h"
#include "tests/tune/outside.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

class PauseAtZero : public Scheduler {
 public:
  Verdict after(const TrialRecord& trial, const History&) const override {
    return trial.reports.back().step == 0 ? Verdict::pause : Verdict::go_on;
  }
  Next next(const Situation& now) const override {
    for (const int64_t number : now.history.open()) {
      const TrialRecord& trial = now.history.trials()[static_cast<size_t>(number)];
      if (trial.state == State::paused) return Next::resume(number);
    }
    return {};
  }
};

}  // namespace

TEST_CASE(
    "broken off: an end that cannot be written stops the run, and is written once it can be") {
  for (const int jobs : {1, 2}) {
    const Folder folder;
    Study study({.storage = folder.url(), .seed = 1, .deterministic = true});
    study.optimize([](Trial&) -> Outcome { return 1; }, {.trials = 1});
    sql(folder.file("study.db"),
        "CREATE TRIGGER full BEFORE INSERT ON trial_values BEGIN SELECT RAISE(ABORT, 'full'); END");
    CHECK_THROWS_AS(study.optimize([](Trial&) -> Outcome { return 2; },
                                   {.trials = 20, .jobs = jobs, .timeout = 20s}),
                    StorageError);
    sql(folder.file("study.db"), "DROP TRIGGER full");
    study.optimize([](Trial&) -> Outcome { return 3; }, {.trials = 12, .timeout = 20s});
    CHECK(study.size() >= 13);
    for (const TrialResult& t : study.trials()) CHECK(t.state == State::complete);
    CHECK(study.trial(1).value == 2);
  }
}

TEST_CASE("broken off: a stopping rule does not wait for a trial that is to be resumed") {
  Study study({.seed = 1, .deterministic = true});
  study.optimize(
      [&](Trial& t) -> Outcome {
        if (t.number() < 6) return 0;
        study.stop();
        return t.stopped();
      },
      {.trials = 20});
  REQUIRE(study.trial(6).state == State::paused);
  study.optimize([](Trial& t) -> Outcome { return static_cast<double>(t.number()); },
                 {.trials = 10, .timeout = 20s, .stop_when = stagnation(3)});
  CHECK(study.trial(6).state == State::complete);
}

TEST_CASE("broken off: a trial starts again where this run of it ended, with that state") {
  Study study({.seed = 1});
  int64_t limit = 5;
  const auto objective = [&](bool keeps) {
    return [&, keeps](Trial& t) -> Outcome {
      double done = 0;
      if (keeps) t.checkpointable(done);
      CHECK(done == static_cast<double>(t.first_step()));
      for (int64_t step = t.first_step(); step < 12; ++step) {
        done += 1;
        if (step == limit) study.stop();
        if (t.report(step, 1).should_stop()) return t.stopped();
      }
      return done;
    };
  };
  study.optimize(objective(false), {.trials = 1});  // nothing is kept: it starts at 0 again
  limit = 2;
  study.optimize(objective(true), {.trials = 0});
  limit = 99;
  study.optimize(objective(true), {.trials = 0});
  CHECK(study.trial(0).value == 12);
}

TEST_CASE("broken off: a trial that keeps nothing is not paused again where it has been") {
  Study study({.scheduler = std::make_shared<const PauseAtZero>(), .seed = 1});
  int64_t calls = 0;
  study.optimize(
      [&](Trial& t) -> Outcome {
        ++calls;
        for (int64_t step = t.first_step(); step < 3; ++step) {
          if (t.report(step, 1).should_stop()) return t.stopped();
        }
        return 1;
      },
      {.trials = 3, .timeout = 20s});
  for (const TrialResult& t : study.trials()) CHECK(t.state == State::complete);
  CHECK(calls == 6);
}

TEST_CASE("broken off: constraints are not counted twice, a run of confirm() stays one") {
  Study study({.seed = 1});
  bool broken = false;
  const auto objective = [&](Trial& t) -> Outcome {
    const double x = t.suggest_float("x", 0, 1);
    t.set_constraint(1).set_constraint(-2);
    if (!broken && t.number() >= 3) {
      broken = true;
      study.stop();
      return t.stopped();
    }
    return x;
  };
  study.optimize(objective, {.trials = 3});
  study.optimize(objective, {.trials = 1});
  REQUIRE(study.trial(3).state == State::paused);
  study.optimize(objective, {.trials = 0});
  CHECK(study.trial(3).constraints == std::map<std::string, double>{{"0", 1}, {"1", -2}});

  broken = false;
  CHECK(study.confirm(1, objective, {.repeats = 2}).candidates.size() == 1);
  study.optimize(objective, {.trials = 1});
  for (const TrialResult& t : study.trials()) {
    if (t.system.contains("attune:confirms") && t.system.at("attune:confirms") == "\"default\"") {
      CHECK(t.params.at("x") == 0.5);
    }
  }
}

TEST_CASE("deterministic: grid and brute_force end") {
  for (const bool deterministic : {false, true}) {
    Study study({.sampler = grid(),
                 .seed = 1,
                 .space = {{"x", int_range(1, 6)}},
                 .deterministic = deterministic});
    study.optimize([](Trial& t) -> Outcome { return t.suggest_int("x", 1, 6); }, {.trials = 50});
    CHECK(study.size() == 6);
  }
}
