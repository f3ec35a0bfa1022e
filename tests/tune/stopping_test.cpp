#include <doctest/doctest.h>

#include <cmath>

#include "attune/base/error.h"
#include "attune/tune/analysis/stopping.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

// Returns the given values one after the other, and its last for ever.
Objective sequence(std::vector<double> values) {
  return [values](Trial& t) -> Outcome {
    t.suggest_float("x", 0, 1);
    const auto k = std::min(static_cast<size_t>(t.number()), values.size() - 1);
    return values[k];
  };
}

int64_t trials_of(const Objective& objective, std::shared_ptr<const StoppingRule> rule,
                  Direction direction = minimize) {
  Study study({.direction = direction, .sampler = tune::random(), .seed = 1});
  study.optimize(objective, {.trials = 60, .stop_when = std::move(rule)});
  return study.size();
}

Outcome bowl2(Trial& t) {
  const double x = t.suggest_float("x", -1, 1), y = t.suggest_float("y", -1, 1);
  return std::pow(x - 0.3, 2) + std::pow(y + 0.2, 2);
}

}  // namespace

TEST_CASE("stopping: stagnation counts the trials since the last improvement") {
  CHECK(trials_of(sequence({5, 4, 3, 3}), stagnation(4)) == 3 + 4);
  CHECK(trials_of(sequence({5, 4, 3, 2.5, 2.4, 2.4}), stagnation(4)) == 5 + 4);
  // Each step gains 0.4, but within three trials more than 0.5 is gained: from 5 to 3.8 at last.
  CHECK(trials_of(sequence({5, 4.6, 4.2, 3.8, 3.8}), stagnation(3, 0.5)) == 4 + 2);
  CHECK(trials_of(sequence({5, 5, 5}), stagnation(1)) == 2);
  CHECK(trials_of(sequence({1, 2, 3, 3}), stagnation(4), maximize) == 3 + 4);
  CHECK(trials_of(sequence({NAN, NAN, NAN}), stagnation(2)) == 60);  // nothing to compare with
  CHECK(trials_of(sequence({1, NAN, NAN}), stagnation(2)) == 3);
  CHECK(trials_of(sequence({1}), stagnation(1000)) == 60);
  CHECK_THROWS_AS(stagnation(0), ValueError);
  CHECK_THROWS_AS(stagnation(5, -1), ValueError);
  CHECK_THROWS_AS(stagnation(5, NAN), ValueError);
}

TEST_CASE("stopping: with several objectives any new point of the front is an improvement") {
  Study study({.directions = {minimize, maximize}, .sampler = tune::random(), .seed = 1});
  study.optimize(
      [](Trial& t) -> Outcome {
        const auto n = static_cast<double>(std::min<int64_t>(t.number(), 6));
        return {n, n};  // along the front, then on one spot
      },
      {.trials = 60, .stop_when = stagnation(3)});
  CHECK(study.size() == 7 + 3);
}

TEST_CASE("stopping: optimize says why it ended, and ends at once when it is called again") {
  Study study({.sampler = tune::random(), .seed = 1});
  std::vector<Progress> calls;
  const OptimizeOptions options{.trials = 60,
                                .progress = [&](const Progress& p) { calls.push_back(p); },
                                .stop_when = stagnation(5)};
  study.optimize(sequence({1}), options);
  CHECK(study.size() == 6);
  REQUIRE(calls.size() == 7);
  CHECK(calls[5].stopped.empty());
  CHECK(calls[6].stopped.find("last 5 trials") != std::string::npos);
  CHECK(calls[6].trials == 6);
  const std::string kept = study.attribute("attune:stopped").value_or("");
  CHECK(from_json(kept).as_string() == calls[6].stopped);
  study.optimize(sequence({1}), options);
  CHECK(study.size() == 6);
  CHECK(calls.size() == 8);
  study.enqueue({{"x", 0.5}});  // what a user wants to see is run all the same
  study.optimize(sequence({1}), options);
  CHECK(study.size() == 7);
  CHECK(Study({.sampler = tune::random(), .seed = 1}).attribute("attune:stopped") == std::nullopt);
}

TEST_CASE("stopping: a deterministic study ends with the same trials for any number of jobs") {
  std::string first;
  for (const int jobs : {1, 2, 4}) {
    Study study({.sampler = tune::random(), .seed = 9, .deterministic = true, .lag = 3});
    study.optimize(bowl2, {.trials = 400, .jobs = jobs, .stop_when = stagnation(12, 1e-3)});
    CHECK(study.size() < 400);
    if (first.empty()) first = table(study);
    CHECK(table(study) == first);
  }
}

TEST_CASE("stopping: a rule that throws ends optimize with what it threw") {
  Study study({.directions = {minimize, minimize}, .sampler = tune::random(), .seed = 1});
  const auto two = [](Trial& t) -> Outcome { return {t.suggest_float("x", 0, 1), 1}; };
  CHECK_THROWS_AS(study.optimize(two, {.trials = 5, .stop_when = regret_below(0.1)}), ValueError);
}

TEST_CASE("stopping: the regret bound ends a search when nothing is left to gain") {
  const auto noisy = [](Trial& t) -> Outcome {
    const Outcome exact = bowl2(t);
    return exact.values()[0] + 0.05 * t.rng("noise").normal();
  };
  int ended = 0, ended_by_itself = 0;  // not all: a corner that no trial is near can hold it up
  for (const uint64_t seed : {1, 2, 3}) {
    Study study({.sampler = bayesian(), .seed = seed});
    study.optimize(noisy, {.trials = 120, .stop_when = regret_below(0.05)});
    CHECK(study.size() >= 20);
    ended += study.size() < 120;
    const TrialResult best = study.best_trial();
    const double x = best.params.at("x"), y = best.params.at("y");
    CHECK(std::pow(x - 0.3, 2) + std::pow(y + 0.2, 2) < 0.1);

    Study estimated({.sampler = bayesian(), .seed = seed});
    estimated.optimize(noisy, {.trials = 120, .stop_when = regret_below()});
    CHECK(estimated.size() >= 20);
    ended_by_itself += estimated.size() < 120;
  }
  CHECK(ended >= 2);
  CHECK(ended_by_itself >= 2);
  // A smaller noise asks for more trials; one that nothing reaches, for all.
  const auto wavy = [](Trial& t) -> Outcome {
    const double x = t.suggest_float("x", 0, 1), y = t.suggest_float("y", 0, 1);
    return std::sin(20 * x) * std::cos(17 * y) + x;
  };
  Study coarse({.sampler = tune::random(), .seed = 1}), fine({.seed = 1});
  coarse.optimize(wavy, {.trials = 60, .stop_when = regret_below(5)});
  fine.optimize(wavy, {.trials = 60, .stop_when = regret_below(1e-6)});
  CHECK(coarse.size() == 20);
  CHECK(fine.size() == 60);
}

TEST_CASE("stopping: the regret bound's edge cases") {
  CHECK_THROWS_AS(regret_below(0), ValueError);
  CHECK_THROWS_AS(regret_below(-1), ValueError);
  CHECK_THROWS_AS(regret_below(NAN), ValueError);
  CHECK_THROWS_AS(regret_below(1, {.min_trials = 1}), ValueError);
  const auto rule = regret_below(0.1);
  CHECK(trials_of(sequence({3}), rule) == 20);  // a constant: nothing can be gained
  CHECK(trials_of(sequence({NAN}), rule) == 60);
  CHECK(trials_of([](Trial&) -> Outcome { return 1; }, rule) == 60);  // no parameters, no model
  CHECK(trials_of([](Trial& t) { return t.number() % 2 ? Outcome(1e300) : bowl2(t); }, rule) <= 60);
  Study finite({.sampler = tune::random(), .seed = 1, .space = finite_space()});
  finite.optimize(rough, {.trials = 60, .stop_when = rule});
  CHECK(finite.size() <= 60);
}
