// Several objectives: what every sampler must stand, then nsga2(), nsga3() and bayesian().
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/base/error.h"
#include "attune/tune/internal/math/hypervolume.h"
#include "attune/tune/samplers/internal/genetic/reference_points.h"
#include "attune/tune/samplers/internal/genetic/variation.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

// Those of all_samplers() that look at losses, and random().
std::vector<Named<std::shared_ptr<Sampler>>> samplers_for_several() {
  auto all = all_samplers();
  std::erase_if(all, [](const auto& s) {
    const std::string name = s.name;
    return is_listing(name) || name == "sobol" || name == "cmaes";  // cmaes(): one objective
  });
  return all;
}

using Values = std::function<std::vector<double>(const Params&)>;

// Schaffer's problem with a choice, a level and a condition: the more layers the better the second
// objective and the worse the first.
std::vector<double> trade(const Params& p) {
  const double b = bowl(p), layers = p.at("layers");
  return {b + layers, b - 2 * layers};
}

double volume(const Study& study, const std::vector<double>& reference) {
  std::vector<internal::Losses> losses;
  for (const TrialResult& t : study.trials()) {
    if (t.state != State::complete) continue;
    losses.push_back(t.values);
    for (size_t i = 0; i < losses.back().size(); ++i) {
      if (study.directions()[i] == maximize) losses.back()[i] = -losses.back()[i];
    }
  }
  return internal::hypervolume(losses, reference);
}

// Zitzler's first problem with four parameters.
Outcome zdt1(Trial& t) {
  double sum = 0;
  const double x = t.suggest_float("x", 0, 1);
  for (const char* name : {"a", "b", "c"}) sum += t.suggest_float(name, 0, 1);
  const double g = 1 + 3 * sum;
  return {x, g * (1 - std::sqrt(x / g))};
}

Space four() {
  return Space{{"x", range(0, 1)}, {"a", range(0, 1)}, {"b", range(0, 1)}, {"c", range(0, 1)}};
}

double reached(std::shared_ptr<Sampler> sampler, int64_t trials) {
  double sum = 0;
  for (const uint64_t seed : {1, 2, 3}) {
    Study study({.directions = {minimize, minimize},
                 .sampler = sampler,
                 .seed = seed,
                 .space = four(),
                 .first = First::sampler});
    study.optimize(zdt1, {.trials = trials});
    sum += volume(study, {1.1, 4});
  }
  return sum / 3;
}

}  // namespace

TEST_CASE("several objectives: strange losses do no harm, and one seed gives one study") {
  const double kNaN = std::nan("");
  const std::vector<Values> all{trade,
                                [](const Params&) {
                                  return std::vector<double>{1, 1};
                                },
                                [&](const Params&) {
                                  return std::vector<double>{1, kNaN};
                                },
                                [](const Params& p) {
                                  return std::vector<double>{bowl(p), 7};
                                },
                                [](const Params& p) {
                                  return std::vector<double>{1e300 * bowl(p), -1e300 * bowl(p)};
                                },
                                [](const Params& p) {
                                  return std::vector<double>{1e-300 * bowl(p), p.at("layers")};
                                },
                                [](const Params& p) {
                                  return std::vector<double>{
                                      p.at("layers") == 2 ? INFINITY : bowl(p),
                                      p.at("layers") == 3 ? -INFINITY : 1 / bowl(p)};
                                }};
  for (const auto& [name, make] : samplers_for_several()) {
    CAPTURE(name);
    for (const Values& values : all) {
      std::string tables[2];
      for (std::string& rows : tables) {
        Study study({.directions = {minimize, maximize},
                     .sampler = make(),
                     .seed = 1,
                     .space = finite_space()});
        study.optimize(
            [&](Trial& t) -> Outcome {
              const Params p = t.suggest(finite_space());
              if (t.number() % 9 == 4) throw std::runtime_error("out of luck");
              if (t.number() % 9 == 5) return pruned;
              return values(p);
            },
            {.trials = 20});
        CHECK(study.size() == 20);
        rows = table(study);
      }
      CHECK(tables[0] == tables[1]);
    }
  }
}

TEST_CASE("several objectives: a study resumed after each trial goes on as if it had not stopped") {
  const auto objective = [](Trial& t) -> Outcome { return zdt1(t); };
  for (const auto& [name, make] : samplers_for_several()) {
    CAPTURE(name);
    std::string tables[2];
    for (const bool stops : {false, true}) {
      const auto storage = memory_storage();
      const auto open = [&] {
        return Study({.storage = storage,
                      .directions = {minimize, minimize},
                      .sampler = make(),
                      .seed = 4,
                      .space = four()});
      };
      Study study = open();
      for (int i = 0; i < 18; ++i) {
        if (stops) study = open();
        study.optimize(objective, {.trials = 1});
      }
      tables[stops] = table(study);
    }
    CHECK(tables[0] == tables[1]);
  }
}

TEST_CASE("several objectives: one sampler object may serve several studies by turns") {
  for (const auto& [name, make] : samplers_for_several()) {
    CAPTURE(name);
    const auto shared = make();
    const auto study_of = [&](std::shared_ptr<Sampler> sampler, uint64_t seed) {
      return Study({.directions = {minimize, maximize},
                    .sampler = std::move(sampler),
                    .seed = seed,
                    .space = four()});
    };
    Study first = study_of(shared, 1), second = study_of(shared, 1);  // of one seed, unlike losses
    Study apart = study_of(make(), 1), other = study_of(make(), 1);
    const auto mirrored = [](Trial& t) -> Outcome {
      const Outcome o = zdt1(t);
      return {o.values()[1], o.values()[0]};
    };
    for (int i = 0; i < 16; ++i) {
      first.step(zdt1);
      second.step(mirrored);
      apart.step(zdt1);
      other.step(mirrored);
    }
    CHECK(table(first) == table(apart));
    CHECK(table(second) == table(other));
  }
}

TEST_CASE("several objectives: maximising is minimising the opposite") {
  for (const auto& [name, make] : samplers_for_several()) {
    CAPTURE(name);
    Study down({.directions = {minimize, minimize}, .sampler = make(), .seed = 3, .space = four()});
    Study up({.directions = {minimize, maximize}, .sampler = make(), .seed = 3, .space = four()});
    down.optimize(zdt1, {.trials = 16});
    up.optimize(
        [](Trial& t) -> Outcome {
          const Outcome o = zdt1(t);
          return {o.values()[0], -o.values()[1]};
        },
        {.trials = 16});
    CHECK(table(down) == table(up));
  }
}

TEST_CASE("several objectives: trials that run keep others off their points") {
  for (const auto& [name, make] : samplers_for_several()) {
    CAPTURE(name);
    Study study(
        {.directions = {minimize, minimize}, .sampler = make(), .seed = 6, .space = four()});
    study.optimize(zdt1, {.trials = 12});
    std::vector<Trial> running;
    std::vector<std::string> points;
    for (int i = 0; i < 4; ++i) {
      running.push_back(study.ask(four()));
      points.push_back(running.back().params().to_string());
    }
    std::sort(points.begin(), points.end());
    CHECK(std::unique(points.begin(), points.end()) == points.end());
  }
}

TEST_CASE("nsga2, nsga3, bayesian: more hypervolume than random search") {
  const double chance = reached(tune::random(), 100);
  CHECK(reached(nsga2({.population = 20}), 100) > chance + 0.2);
  CHECK(reached(nsga3({.population = 20}), 100) > chance + 0.2);
  CHECK(reached(bayesian(), 30) > reached(nsga2({.population = 20}), 100) + 0.1);
}

TEST_CASE("nsga2, nsga3: one objective, conditions, choices and constraints") {
  for (const bool third : {false, true}) {
    Study study({.sampler = third ? nsga3({.population = 10}) : nsga2({.population = 10}),
                 .seed = 2,
                 .space = finite_space()});
    study.optimize(
        [](Trial& t) -> Outcome {
          const Params p = t.suggest(finite_space());
          t.set_constraint(1.5 - p.at("layers").as_double());
          return bowl(p);
        },
        {.trials = 120});
    CHECK(study.best_trial().value < 0.31);  // the best of 160 points is 0.25
    CHECK(study.best_trial().feasible());
  }
}

TEST_CASE("nsga2, nsga3, bayesian: define by run, and four objectives") {
  const auto objective = [](Trial& t) -> Outcome {
    const double x = t.suggest_float("x", -1, 1), y = t.suggest_float("y", -1, 1);
    const double z = x > 0 ? t.suggest_float("z", 0, 1) : 0.5;
    return {x * x + z, y * y - z, (x - 1) * (x - 1), (y - 1) * (y - 1) + z};
  };
  for (const auto& [name, make] : samplers_for_several()) {
    CAPTURE(name);
    Study study({.directions = std::vector<Direction>(4, minimize), .sampler = make(), .seed = 3});
    study.optimize(objective, {.trials = 20});
    for (const TrialResult& t : study.trials()) CHECK(t.state == State::complete);
    CHECK(study.best_trials().size() > 1);
  }
}

TEST_CASE("nsga2, nsga3: options that make no sense are refused") {
  CHECK_THROWS_WITH_AS(nsga2({.population = 1}), "nsga2: population is 1; give 2 or more",
                       ValueError);
  CHECK_THROWS_AS(nsga2({.offspring = -1}), ValueError);
  CHECK_THROWS_AS(nsga2({.crossover = 1.5}), ValueError);
  CHECK_THROWS_AS(nsga2({.mutation = NAN}), ValueError);
  CHECK_THROWS_AS(nsga2({.crossover_index = -1}), ValueError);
  CHECK_THROWS_AS(nsga3({.mutation_index = -1}), ValueError);
  CHECK_THROWS_AS(nsga3({.divisions = -1}), ValueError);
}

TEST_CASE("crossover and mutation: within bounds, around the parents") {
  Rng rng(1);
  for (const double index : {0.0, 2.0, 20.0}) {
    double sum = 0, squares = 0, steps = 0;
    constexpr int kDraws = 20'000;
    for (int k = 0; k < kDraws; ++k) {
      const double a = rng.uniform(), b = rng.uniform();
      const double child = internal::crossed(a, b, index, rng);
      CHECK((child >= 0 && child <= 1));
      const double changed = internal::mutated(a, index, rng);
      CHECK((changed >= 0 && changed <= 1));
      const double near = internal::crossed(0.45, 0.55, index, rng) - 0.5;
      sum += near, squares += near * near;
      steps += internal::mutated(0.5, index, rng) - 0.5;
    }
    const double mean = sum / kDraws;
    CHECK(std::abs(mean) < 5 * std::sqrt(squares / kDraws / kDraws));  // without favour
    CHECK(std::abs(steps) / kDraws < 5 * 0.5 / std::sqrt(kDraws));
    CHECK(std::sqrt(squares / kDraws) < (index > 10 ? 0.06 : 0.4));
  }
  CHECK(internal::crossed(0.3, 0.3, 15, rng) == 0.3);
  CHECK(internal::mutated(0, 20, rng) >= 0);
}

TEST_CASE("reference points: as many as Das and Dennis say, on the plane of sum one") {
  CHECK(internal::das_dennis(1, 4) == std::vector<internal::Losses>{{1}});
  CHECK(internal::das_dennis(2, 2) == std::vector<internal::Losses>{{0, 1}, {0.5, 0.5}, {1, 0}});
  CHECK(internal::das_dennis(3, 12).size() == 91);
  CHECK(internal::das_dennis(5, 6).size() == 210);
  for (const auto& p : internal::das_dennis(4, 5)) {
    CHECK(p[0] + p[1] + p[2] + p[3] == doctest::Approx(1));
  }
  CHECK(internal::divisions_for(1, 50) == 1);
  CHECK(internal::divisions_for(2, 50) == 49);
  CHECK(internal::divisions_for(3, 91) == 12);
  CHECK(internal::divisions_for(3, 90) == 11);
  CHECK(internal::divisions_for(20, 5) == 1);
  CHECK(internal::distance_to_line({3, 4}, {1, 0}) == 4);
  CHECK(internal::distance_to_line({2, 2, 2}, {1, 1, 1}) == doctest::Approx(0));
}

TEST_CASE("normalised losses: a front on a plane comes to lie on the one of sum one") {
  std::vector<internal::Losses> front;
  for (const auto& p : internal::das_dennis(3, 6)) {
    front.push_back({100 * p[0] - 7, 0.01 * p[1] + 1, 5e300 * p[2]});
  }
  for (const auto& p : internal::normalized(front)) {
    CHECK(p[0] + p[1] + p[2] == doctest::Approx(1));
  }
  const std::vector<internal::Losses> odd{{INFINITY, 1}, {2, -INFINITY}, {2, 1}, {0, 1}};
  for (const auto& p : internal::normalized(odd)) {
    CHECK((std::isfinite(p[0]) && std::isfinite(p[1])));
  }
  CHECK(internal::normalized(std::vector<internal::Losses>(3, {4, 4})) ==
        std::vector<internal::Losses>(3, {0, 0}));
}
