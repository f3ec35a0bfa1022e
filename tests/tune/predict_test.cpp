#include <doctest/doctest.h>

#include <cmath>

#include "attune/base/error.h"
#include "attune/tune/analysis/predict.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

const Space kSpace{{"lr", log_range(1e-4, 1)}, {"x", range(-2, 2)}, {"n", int_range(1, 9)}};

double smooth(const Params& p) {
  const double lr = p.at("lr"), x = p.at("x"), n = p.at("n");
  return 100 + 30 * std::sin(1.5 * std::log10(lr)) + 10 * x * std::cos(x) + std::pow(n - 4, 2);
}

Params random_params(Rng& rng) {
  Params p;
  for (const Param& param : kSpace.params()) {
    p.set(param.name, param.external(param.from_unit(rng.uniform())));
  }
  return p;
}

}  // namespace

TEST_CASE("predict: 95 % intervals hold the values of trials that were not run") {
  int inside = 0, all = 0;
  double error = 0, spread = 0;
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    for (const Direction direction : {minimize, maximize}) {
      Study study({.direction = direction, .sampler = sobol(), .seed = seed, .space = kSpace});
      study.optimize([](Trial& t) -> Outcome { return smooth(t.suggest(kSpace)); }, {.trials = 40});
      Rng rng(100 + seed);
      std::vector<Params> held_out;
      for (int k = 0; k < 100; ++k) held_out.push_back(random_params(rng));
      const std::vector<Estimate> estimates = study.predict(held_out);
      for (size_t k = 0; k < held_out.size(); ++k) {
        const double off = smooth(held_out[k]) - estimates[k].mean;
        CHECK(estimates[k].deviation > 0);
        inside += std::abs(off) <= 1.96 * estimates[k].deviation;
        error += off * off, spread += std::pow(smooth(held_out[k]) - 100, 2);
        ++all;
      }
    }
  }
  CAPTURE(static_cast<double>(inside) / all);
  CAPTURE(std::sqrt(error / spread));
  CHECK(inside >= 0.90 * all);
  CHECK(error < 0.02 * spread);  // and they are narrow because the model is good
}

TEST_CASE("predict: the noise of runs is told from what is not known of their mean") {
  double found = 0;
  for (const uint64_t seed : {1, 2, 3}) {
    Study study({.sampler = sobol(), .seed = seed, .space = kSpace});
    study.optimize(
        [](Trial& t) -> Outcome { return smooth(t.suggest(kSpace)) + 4 * t.rng("noise").normal(); },
        {.trials = 150});
    const Estimate e = study.predict({{"lr", 0.01}, {"x", 0.5}, {"n", 4}});
    found += e.noise / 3;
    CHECK(std::abs(e.mean - smooth({{"lr", 0.01}, {"x", 0.5}, {"n", 4}})) < 4 * e.deviation);
    CHECK(e.deviation < e.noise);
  }
  CHECK(found > 2.5);
  CHECK(found < 6);
}

TEST_CASE("predict: at a trial of a noiseless objective it gives that trial's value") {
  Study study({.direction = maximize, .sampler = tune::random(), .seed = 4});
  study.optimize(
      [](Trial& t) -> Outcome {
        const double x = t.suggest_float("x", 0, 1);
        const auto kind = t.suggest_categorical("kind", {"a", "b"});
        return (kind == "a" ? 1 : -1) * std::sin(3 * x);
      },
      {.trials = 40});
  for (const TrialResult& t : study.trials()) {
    CHECK(std::abs(study.predict(t.params).mean - t.value) < 0.05);
  }
}

TEST_CASE("predict: conditional parameters, units of any size") {
  Study study({.sampler = tune::random(), .seed = 3, .space = finite_space()});
  study.optimize([](Trial& t) -> Outcome { return bowl(t.suggest(finite_space())); },
                 {.trials = 60});
  const Params leaky{{"lr", 1e-2}, {"layers", 2}, {"act", "leaky"}, {"slope", 0.1}, {"batch", 32}};
  const Params relu{{"lr", 1e-2}, {"layers", 2}, {"act", "relu"}, {"batch", 32}};
  for (const Params& p : {leaky, relu}) {
    CHECK(std::abs(study.predict(p).mean - bowl(p)) < 0.5);
  }
  CHECK_THROWS_AS(study.predict({{"lr", 1e-2}, {"layers", 2}, {"act", "leaky"}, {"batch", 32}}),
                  ValueError);
  Params more = relu;
  more.set("widht", 3);
  CHECK_THROWS_AS(study.predict(more), ValueError);
  Params outside = relu;
  outside.set("layers", 4);
  CHECK_THROWS_AS(study.predict(outside), ValueError);
  outside = relu;
  outside.set("act", "tanh");
  CHECK_THROWS_AS(study.predict(outside), ValueError);

  for (const double size : {1e300, 1e-300}) {
    Study extreme({.sampler = tune::random(), .seed = 2});
    extreme.optimize([size](Trial& t) -> Outcome { return size * t.suggest_float("x", -1, 1); },
                     {.trials = 20});
    const Estimate e = extreme.predict({{"x", 0.25}});
    CHECK(e.mean / size == doctest::Approx(0.25).epsilon(0.1));
    CHECK(std::isfinite(e.deviation));
  }
}

TEST_CASE("predict: too little to go by") {
  Study study({.sampler = tune::random(), .seed = 1});
  CHECK_THROWS_AS(study.predict(Params{}), ValueError);
  const auto one = [](Trial& t) -> Outcome { return 0 * t.suggest_float("x", 0, 1) + 7; };
  study.optimize(one, {.trials = 1});
  CHECK_THROWS_AS(study.predict({{"x", 0.5}}), ValueError);
  study.optimize(one, {.trials = 3});
  const Estimate flat = study.predict({{"x", 0.5}});
  CHECK(flat.mean == 7);
  CHECK(flat.deviation == 0);
  Study empty({.sampler = tune::random(), .seed = 1});
  empty.optimize([](Trial&) -> Outcome { return 1; }, {.trials = 3});
  CHECK_THROWS_AS(empty.predict(Params{}), ValueError);
  Study two({.directions = {minimize, minimize}, .sampler = tune::random(), .seed = 1});
  CHECK_THROWS_AS(two.predict(Params{}), ValueError);
}
