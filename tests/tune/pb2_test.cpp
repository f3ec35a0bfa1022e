// Populations that train with a schedule: population() and pb2().
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>

#include "attune/base/error.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/study.h"
#include "tests/tune/learner.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

constexpr int64_t kSteps = 40;

// Descent on a quadratic whose gradient is noisy: a high rate gains ground first, a low one then
// averages the noise out.
double descend(double& w, Rng& noise, double rate) {
  w -= rate * (w + 2 * noise.normal());
  return w * w;
}

Outcome noisy_descent(Trial& t) {
  const double rate = t.suggest_float("rate", 1e-3, 1, tune::log);
  double w = 30, loss = 0;
  Rng noise = t.rng("noise");
  t.checkpointable(w);
  t.checkpointable(noise);
  for (int64_t step = t.first_step(); step < kSteps; ++step) {
    loss = descend(w, noise, rate);
    if (t.report(step, loss).should_stop()) return t.stopped();
  }
  return loss;
}

}  // namespace

TEST_CASE("pb2: the forks' rates fall as training goes on, and the outcome is better by it") {
  double fixed = 0, scheduled = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Study alone({.sampler = tune::random(), .seed = seed});
    alone.optimize(noisy_descent, {.trials = 8});
    fixed += std::log(alone.best_trial().value) / 10;

    Study study(
        {.sampler = tune::random(), .scheduler = pb2({.size = 8, .interval = 4}), .seed = seed});
    study.optimize(noisy_descent, {.trials = 8 + 18});
    CHECK(study.total_steps() <= 8 * kSteps);
    scheduled += std::log(study.best_trial().value) / 10;
    const auto parts = study.lineage(study.best_trial().number);
    CHECK(parts.back().last == kSteps - 1);
  }
  CHECK(scheduled < fixed - 0.5);
}

TEST_CASE("pb2: a lineage trains again to the same bits") {
  Study study({.sampler = tune::random(), .scheduler = pb2({.size = 6, .interval = 5}), .seed = 4});
  study.optimize(noisy_descent, {.trials = 16});
  const auto parts = study.lineage(study.best_trial().number);
  double w = 30, loss = 0;
  Rng noise = study.rng(parts.front().trial, "noise");
  for (const LineagePart& part : parts) {
    const double rate = part.params.at("rate");
    for (int64_t step = part.first; step <= part.last; ++step) loss = descend(w, noise, rate);
  }
  CHECK(loss == study.best_trial().value);
}

TEST_CASE("pb2: every kind of parameter, and what is forbidden") {
  const Space space = [] {
    Space s{{"rate", log_range(1e-3, 1)},
            {"width", int_range(1, 8)},
            {"kind", choice({"a", "b", "c"})},
            {"grid", linear_grid(0, 1, 5)}};
    s.forbid([](const Params& p) { return p.at("width").as_int() == 3; });
    return s;
  }();
  Study study({.sampler = tune::random(),
               .scheduler = pb2({.size = 5, .interval = 2}),
               .seed = 4,
               .space = space});
  study.optimize(
      [&](Trial& t) -> Outcome {
        const Params p = t.suggest(space);
        CHECK(space.flaw(p).empty());
        CHECK(p.at("width").as_int() != 3);
        double sum = 0;
        t.checkpointable(sum);
        for (int64_t step = t.first_step(); step < 8; ++step) {
          sum += p.at("rate").as_double() + (p.at("kind") == "b" ? 0 : 1);
          if (t.report(step, sum).should_stop()) return t.stopped();
        }
        return sum;
      },
      {.trials = 30});
  int64_t forks = 0;
  for (const TrialResult& t : study.trials()) forks += t.parent.has_value();
  CHECK(forks > 8);
}

TEST_CASE("pb2: options that make no sense") {
  CHECK_THROWS_AS(pb2({.size = 1}), ValueError);
  CHECK_THROWS_WITH_AS(pb2({.interval = 0}),
                       "pb2: size (16) must be 2 or more, interval (0) 1 or more", ValueError);
}
