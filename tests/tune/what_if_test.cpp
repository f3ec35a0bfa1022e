#include <doctest/doctest.h>

#include <cmath>

#include "attune/base/error.h"
#include "attune/tune/analysis/what_if.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

// A curve that falls to x, with some noise on the way.
Outcome curve(Trial& trial) {
  const double x = trial.suggest_float("x", 0, 1);
  Rng rng = trial.rng("noise");
  for (int step = 0; step < 8; ++step) {
    const double loss = x + (1 + 0.3 * rng.normal()) / (step + 1);
    if (trial.report(step, loss).should_stop()) return pruned;
  }
  return x;
}

Outcome rising(Trial& trial) {  // for maximising
  const double x = trial.suggest_float("x", 0, 1);
  for (int step = 0; step < 8; ++step) {
    if (trial.report(step, x - 1.0 / (step + 1)).should_stop()) return pruned;
  }
  return x;
}

// Stops the trial `number` at `step`, and notes what it is shown.
class Probe : public Pruner {
 public:
  Probe(int64_t number, int64_t step) : number_(number), step_(step) {}
  bool should_stop(const TrialRecord& trial, const History& history) const override {
    std::string line =
        std::to_string(trial.number) + '@' + std::to_string(trial.reports.back().step);
    for (const TrialRecord& t : history.trials()) {
      line += ' ';
      line += t.state == State::waiting    ? "w"
              : t.state == State::running  ? "r"
              : t.state == State::complete ? "c"
              : t.state == State::pruned   ? "p"
                                           : "f";
      line += std::to_string(t.reports.size());
    }
    seen.push_back(line);
    return trial.number == number_ && trial.reports.back().step == step_;
  }
  mutable std::vector<std::string> seen;

 private:
  int64_t number_, step_;
};

std::shared_ptr<const Param> x_param() {
  Param p = range(0, 1);
  p.name = "x";
  return std::make_shared<const Param>(p);
}

// A trial that ran from `start` to `end` and reported `losses` at steps 0, 1, ...
void add(History& h, int64_t number, double start, double end, const std::vector<double>& losses) {
  h.apply(Created{number});
  h.apply(Claimed{number, start});
  h.apply(ParamSet{number, x_param(), 0.5});
  for (size_t i = 0; i < losses.size(); ++i) {
    h.apply(Reported{number, static_cast<int64_t>(i), losses[i]});
  }
  h.apply(Finished{number, State::complete, {losses.back()}, end});
}

}  // namespace

TEST_CASE("what_if: the pruner that there was gives the study that there was") {
  for (const bool deterministic : {false, true}) {
    for (const Direction direction : {minimize, maximize}) {
      Study study({.direction = direction,
                   .sampler = tune::random(),
                   .pruner = median({.startup_trials = 3}),
                   .seed = 11,
                   .deterministic = deterministic});
      study.optimize(direction == minimize ? curve : rising, {.trials = 40});
      const WhatIfResult same = study.what_if({.pruner = median({.startup_trials = 3})});
      REQUIRE(same.trials.size() == 40);
      int64_t stopped = 0;
      for (const WhatIfTrial& t : same.trials) {
        const TrialResult logged = study.trial(t.number);
        CHECK(t.state == logged.state);
        CHECK(t.reports == static_cast<int64_t>(logged.intermediate.size()));
        CHECK(t.stopped_at.has_value() == (logged.state == State::pruned));
        if (t.stopped_at) CHECK(*t.stopped_at == logged.intermediate.rbegin()->first);
        CHECK(t.value == logged.value);
        stopped += logged.state == State::pruned;
      }
      CHECK(stopped > 5);
      CHECK(same.stopped == stopped);
      CHECK(same.unknown == 0);
      CHECK(same.regret == 0);
      CHECK(same.reports == same.reports_logged);
      CHECK(same.best == study.best_trial().number);
      CHECK(same.best_value == study.best_trial().value);
    }
  }
}

TEST_CASE("what_if: another pruner on a full log is the study with that pruner") {
  for (const bool deterministic : {false, true}) {
    Study full({.sampler = tune::random(), .seed = 5, .deterministic = deterministic});
    full.optimize(curve, {.trials = 40});
    Study pruned_study(
        {.sampler = tune::random(), .pruner = median(), .seed = 5, .deterministic = deterministic});
    pruned_study.optimize(curve, {.trials = 40});
    const WhatIfResult r = full.what_if({.pruner = median()});
    int64_t reports = 0;
    for (const TrialResult& t : pruned_study.trials()) {
      CHECK(r.trials[static_cast<size_t>(t.number)].state == t.state);
      CHECK(r.trials[static_cast<size_t>(t.number)].value == t.value);
      reports += static_cast<int64_t>(t.intermediate.size());
    }
    CHECK(r.reports == reports);
    CHECK(r.reports_logged == 40 * 8);
    CHECK(r.reports < r.reports_logged);
    CHECK(r.best == pruned_study.best_trial().number);
    CHECK(r.actual_best == full.best_trial().number);
    CHECK(r.regret == pruned_study.best_trial().value - full.best_trial().value);
    CHECK(r.seconds <= r.seconds_logged);
  }
}

TEST_CASE("what_if: nothing changed, fewer trials, fewer steps") {
  Study study({.direction = maximize,
               .sampler = tune::random(),
               .pruner = median({.startup_trials = 2}),
               .seed = 2});
  study.optimize(rising, {.trials = 30});
  const WhatIfResult as_is = study.what_if({});
  CHECK(as_is.stopped == 0);
  int64_t pruned_ones = 0;
  for (const TrialResult& t : study.trials()) pruned_ones += t.state == State::pruned;
  CHECK(as_is.unknown == pruned_ones);
  CHECK(as_is.regret == 0);

  for (const int64_t count : {0, 1, 7, 30, 99}) {
    const WhatIfResult some = study.what_if({.trials = count});
    CHECK(static_cast<int64_t>(some.trials.size()) == std::min<int64_t>(count, 30));
    double best = -INFINITY;
    for (int64_t k = 0; k < std::min<int64_t>(count, 30); ++k) {
      if (study.trial(k).state == State::complete) best = std::max(best, study.trial(k).value);
    }
    CHECK(some.best.has_value() == (best > -INFINITY));
    if (some.best) {
      CHECK(some.best_value == best);
      CHECK(some.regret == study.best_trial().value - best);
    } else {
      CHECK(std::isnan(some.regret));
    }
  }

  const WhatIfResult three = study.what_if({.steps = 3});
  for (const WhatIfTrial& t : three.trials) {
    const TrialResult logged = study.trial(t.number);
    CHECK(t.reports == std::min<int64_t>(3, static_cast<int64_t>(logged.intermediate.size())));
    if (logged.intermediate.size() > 3) {
      CHECK(t.state == State::complete);
      CHECK(t.value == logged.intermediate.at(2));
    }
  }
  CHECK(!study.what_if({.steps = 0}).best);
  CHECK_THROWS_AS(study.what_if({.trials = -1}), ValueError);
  CHECK_THROWS_AS(study.what_if({.steps = -1}), ValueError);
  Study two({.directions = {minimize, minimize}, .sampler = tune::random(), .seed = 1});
  CHECK_THROWS_AS(two.what_if({}), ValueError);
  const WhatIfResult empty =
      Study({.sampler = tune::random(), .seed = 1}).what_if({.pruner = median()});
  CHECK(empty.trials.empty());
  CHECK(!empty.best);
}

TEST_CASE("what_if: pruners see concurrent trials as they were then") {
  History h;
  add(h, 0, 100, 104, {4, 3, 2, 1});  // reports at 101, 102, 103, 104
  add(h, 1, 101.5, 105.5, {8, 7});    // at 103.5 and 105.5
  add(h, 2, 104, 106, {9});           // starts as trial 0 ends
  const auto watch = std::make_shared<Probe>(-1, 0);
  what_if(h, {.pruner = watch});
  CHECK(watch->seen == std::vector<std::string>{"0@0 r1", "0@1 r2 r0", "0@2 r3 r0", "1@0 r3 r1",
                                                "0@3 r4 r1", "1@1 c4 r2 r0", "2@0 c4 c2 r1"});
  // Stopped at its second report, trial 0 is pruned when trial 1 reports; nothing else moves.
  const auto stop = std::make_shared<Probe>(0, 1);
  const WhatIfResult r = what_if(h, {.pruner = stop});
  CHECK(stop->seen == std::vector<std::string>{"0@0 r1", "0@1 r2 r0", "1@0 p2 r1", "1@1 p2 r2 r0",
                                               "2@0 p2 c2 r1"});
  CHECK(r.trials[0].stopped_at == 1);
  CHECK(r.trials[0].value == 3);
  CHECK(r.seconds == doctest::Approx(2 + 4 + 2));
  CHECK(r.seconds_logged == doctest::Approx(4 + 4 + 2));
  CHECK(r.best == 1);
  CHECK(r.regret == 6);
  // With a lag of 1, trial 2 sees trial 0 alone, and trial 1 nothing.
  const auto lagged = std::make_shared<Probe>(-1, 0);
  what_if(h, {.pruner = lagged}, 1);
  CHECK(lagged->seen ==
        std::vector<std::string>{"0@0", "0@1", "0@2", "0@3", "1@0", "1@1", "2@0 c4"});
}

TEST_CASE("what_if: without times trials are taken one after the other") {
  History h;
  add(h, 0, 0, 0, {4, 3});
  add(h, 1, 0, 0, {2, 1});
  h.apply(Created{2});  // waits: is left out
  const auto watch = std::make_shared<Probe>(-1, 0);
  const WhatIfResult r = what_if(h, {.pruner = watch});
  CHECK(watch->seen == std::vector<std::string>{"0@0 r1", "0@1 r2", "1@0 c2 r1", "1@1 c2 r2"});
  CHECK(r.trials.size() == 2);
  CHECK(r.seconds == 0);
}

TEST_CASE("what_if: failed trials, NaN reports and trials that still run") {
  Study study({.sampler = tune::random(), .seed = 3});
  study.optimize(rough, {.trials = 30});
  Trial running = study.ask();
  running.suggest_float("lr", 1e-4, 1e-1, tune::log);
  running.report(0, NAN).report(1, 2);
  const WhatIfResult r = study.what_if({.pruner = median({.startup_trials = 1})});
  CHECK(r.trials.size() == 31);
  CHECK((r.trials.back().state == State::pruned || r.trials.back().state == State::running));
  for (const WhatIfTrial& t : r.trials) {
    if (t.number < 30 && study.trial(t.number).state == State::failed) {
      CHECK((t.state == State::failed || t.stopped_at));
    }
  }
  CHECK(r.regret >= 0);
}

TEST_CASE("what_if: a trial that keeps its constraints is better than any that does not") {
  Study study({.sampler = tune::random(), .seed = 1});
  study.optimize(
      [](Trial& t) -> Outcome {
        t.suggest_float("x", 0, 1);
        t.set_constraint("memory", t.number() == 0 || t.number() == 3 ? 2.0 : -1.0);
        return 10.0 - static_cast<double>(t.number());  // the last are the lowest
      },
      {.trials = 4});
  const WhatIfResult all = study.what_if({});
  CHECK(all.actual_best == 2);
  CHECK(all.best == 2);
  CHECK(all.regret == 0);
  CHECK(study.best_trial().number == 2);
  CHECK(study.what_if({.trials = 2}).best == 1);
  CHECK(study.what_if({.trials = 1}).best == 0);  // there is no other
}
