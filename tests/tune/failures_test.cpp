// The model of where trials fail, and that bayesian() makes use of it.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "attune/tune/samplers.h"
#include "attune/tune/samplers/internal/gp/failures.h"
#include "attune/tune/study.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::internal;

TEST_CASE("bayesian: finds the best beside a wall behind which trials fail") {
  const Space space{{"x", range(0, 1)}, {"y", range(0, 1)}};
  const auto best_of = [&](const std::function<bool(double x, Rng luck)>& fails) {
    Study study({.sampler = bayesian(), .seed = 4, .space = space});
    study.optimize(
        [&](Trial& t) -> Outcome {
          const Params p = t.suggest(space);
          const double x = p.at("x"), y = p.at("y");
          if (fails(x, t.rng("luck"))) return std::nan("");
          return (x - 0.7) * (x - 0.7) + (y - 0.3) * (y - 0.3);
        },
        {.trials = 50});
    return study.best_trial().value;
  };
  CHECK(best_of([](double x, Rng) { return x > 0.6; }) < 0.0105);  // 0.01 at the wall
  CHECK(best_of([](double, Rng luck) { return luck.uniform() < 0.3; }) < 1e-4);
}

TEST_CASE("failures: a model tells a region from chance") {
  Rng rng(8);
  std::vector<Point> fine, failed, lucky, unlucky;
  for (int i = 0; i < 40; ++i) {
    const Point p = {rng.uniform(), rng.uniform()};
    (p[0] > 0.6 ? failed : fine).push_back(p);
    (rng.uniform() < 0.3 ? unlucky : lucky).push_back(p);
  }
  const auto region = fit_failures(fine, failed, {false, false});
  const auto chance = fit_failures(lucky, unlucky, {false, false});
  PredictionScratch scratch;
  for (int i = 0; i < 100; ++i) {
    const Point p = {rng.uniform(), rng.uniform()};
    const double mean = region->model.predict(p, false, scratch).mean;
    if (p[0] < 0.5) CHECK(mean < region->limit);
    if (p[0] > 0.7) CHECK(mean > region->limit);
    CHECK(chance->model.predict(p, false, scratch).mean < chance->limit);
  }
  CHECK(!fit_failures(fine, {}, {false, false}));
  CHECK(!fit_failures({}, failed, {false, false}));
}
