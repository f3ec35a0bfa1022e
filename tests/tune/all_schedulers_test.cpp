// What holds for every scheduler.
#include <doctest/doctest.h>

#include <chrono>
#include <limits>
#include <set>

#include "attune/base/error.h"
#include "attune/tune/by_name.h"
#include "tests/tune/learner.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

OptimizeOptions run_of(int64_t trials, int jobs) {
  return {.trials = trials, .jobs = jobs, .timeout = 60s};
}

// None of the trials still runs, none that may go on waits without need, and some are complete.
void check_end(const Study& study, const std::string& name) {
  int64_t complete = 0;
  for (const TrialResult& t : study.trials()) {
    CAPTURE(t.number);
    CHECK(t.state != State::running);
    CHECK(t.state != State::waiting);
    const bool may_wait = name.starts_with("asha") || name == "freeze_thaw";
    if (t.state == State::paused) CHECK(may_wait);
    if (t.state == State::failed) CHECK(!t.error().empty());
    complete += t.state == State::complete;
  }
  CHECK(complete > 0);
}

}  // namespace

TEST_CASE("every scheduler: the same table for 1, 2 and 8 jobs, and no step is run twice") {
  for (const auto& [name, make] : all_schedulers()) {
    for (const int64_t every : {1, 3}) {
      CAPTURE(name);
      CAPTURE(every);
      std::string first;
      for (const int jobs : {1, 2, 8}) {
        CAPTURE(jobs);
        Learner learner{.every = every};
        Study study({.sampler = tpe({.startup_trials = 5}),
                     .scheduler = make(),
                     .seed = 3,
                     .deterministic = true});
        study.optimize(std::ref(learner), run_of(40, jobs));
        check_end(study, name);
        CHECK(study.size() == 40);
        CHECK(learner.most_runs() == 1);
        if (first.empty()) first = table(study);
        CHECK(table(study) == first);
      }
    }
  }
}

TEST_CASE("every scheduler: as many at a time as one likes") {
  for (const auto& [name, make] : all_schedulers()) {
    for (const int jobs : {1, 3}) {
      CAPTURE(name);
      Learner learner;
      Study study({.sampler = tune::random(), .scheduler = make(), .seed = 4});
      study.optimize(std::ref(learner), run_of(30, jobs));
      check_end(study, name);
      CHECK(study.size() == 30);
      CHECK(learner.most_runs() == 1);
      CHECK(study.total_steps() <= static_cast<int64_t>(learner.runs.size()));
      study.optimize(std::ref(learner), run_of(10, jobs));
      CHECK(study.size() == 40);
      check_end(study, name);
    }
  }
}

TEST_CASE("every scheduler: several objectives, constraints, and objectives that keep nothing") {
  for (const auto& [name, make] : all_schedulers()) {
    CAPTURE(name);
    Study study({.directions = {minimize, maximize},
                 .sampler = tune::random(),
                 .scheduler = make(),
                 .seed = 4,
                 .deterministic = true});
    study.optimize(
        [](Trial& t) -> Outcome {
          const double x = t.suggest_float("x", 0, 1);
          t.set_constraint(x - 0.9);
          for (int64_t step = t.first_step(); step < 10; ++step) {
            if (t.report(step, {x / double(step + 1), x}).should_stop()) return t.stopped();
          }
          return {x, x};
        },
        run_of(30, 2));
    int64_t complete = 0;
    for (const TrialResult& t : study.trials()) {
      complete += t.state == State::complete;
      if (t.state != State::failed) continue;
      CHECK((name == std::string("pb2") ||
             std::string(name).starts_with("population")));  // a fork of what keeps nothing
      CHECK(t.error().find("checkpointable") != std::string::npos);
    }
    CHECK(complete > 0);
  }
}

TEST_CASE("every scheduler: stopped anywhere and run on, the table is the same") {
  for (const auto& [name, make] : all_schedulers()) {
    CAPTURE(name);
    const auto options = [&, make = make] {
      return StudyOptions{
          .sampler = tune::random(), .scheduler = make(), .seed = 5, .deterministic = true};
    };
    Learner learner;
    Study whole(options());
    whole.optimize(std::ref(learner), run_of(25, 1));
    Learner broken;
    Study study(options());
    int64_t until = 3;
    const Objective objective = [&](Trial& t) -> Outcome {
      if (static_cast<int64_t>(broken.runs.size()) > until) {
        until = static_cast<int64_t>(broken.runs.size()) + 9;
        study.stop();
      }
      return broken(t);
    };
    for (int run = 0; run < 200; ++run) {
      study.optimize(objective, {.total = 25, .timeout = 60s});
    }
    CHECK(table(study) == table(whole));
    CHECK(broken.most_runs() == 1);
  }
}

TEST_CASE("schedulers by name, and options that make no sense") {
  std::set<std::string> names;
  for (const char* name : {"asha", "freeze_thaw", "hyperband", "median", "percentile", "population",
                           "successive_halving", "wilcoxon"}) {
    CHECK(scheduler_by_name(name));
    CHECK(scheduler_names().find(name) != std::string::npos);
  }
  CHECK(!scheduler_by_name("none"));
  CHECK_THROWS_WITH_AS(scheduler_by_name("ash"), doctest::Contains("there are asha, "), ValueError);
  CHECK_THROWS_AS(asha({.min_steps = 0}), ValueError);
  CHECK_THROWS_AS(asha({.reduction = 1}), ValueError);
  CHECK_THROWS_AS(hyperband({.min_steps = 10, .max_steps = 9}), ValueError);
  CHECK_THROWS_AS(population({.size = 1}), ValueError);
  CHECK_THROWS_AS(population({.interval = 0}), ValueError);
  CHECK_THROWS_AS(successive_halving({.size = -1}), ValueError);
  // Nothing overflows, however large the numbers are.
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  CHECK_THROWS_WITH_AS(hyperband({.max_steps = kMost, .reduction = 2}),
                       doctest::Contains("the first bracket would have"), ValueError);
  CHECK(hyperband({.min_steps = kMost / 4, .max_steps = kMost}));
  CHECK(successive_halving({.min_steps = kMost / 2, .reduction = 3, .size = kMost}));
  CHECK(successive_halving({.min_steps = 2, .reduction = kMost, .size = kMost}));
  CHECK(asha({.min_steps = kMost, .reduction = kMost}));
}

TEST_CASE("reports: steps that no JSON reader takes for whole numbers are refused") {
  Study study({.sampler = tune::random(), .scheduler = asha(), .seed = 1});
  Trial trial = study.ask();
  CHECK_THROWS_WITH_AS(trial.report(std::numeric_limits<int64_t>::max(), 1.0),
                       doctest::Contains("steps count from 0 to 2^53"), ValueError);
  CHECK_THROWS_AS(trial.report(-1, 1.0), ValueError);
  trial.report(kLastStep, 1.0);
  CHECK(trial.should_stop());  // it pauses
}
