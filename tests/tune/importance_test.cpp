#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <numbers>

#include "attune/base/error.h"
#include "attune/tune/analysis/importance.h"
#include "attune/tune/analysis/internal/fanova.h"
#include "tests/tune/optuna_importance.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

using Shares = std::map<std::string, double>;

Shares shares(const std::vector<ParamImportance>& all) {
  Shares map;
  for (const auto& [name, importance] : all) map[name] = importance;
  return map;
}

double total(const std::vector<ParamImportance>& all) {
  double sum = 0;
  for (const ParamImportance& one : all) sum += one.importance;
  return sum;
}

// Points of the unit cube under a function.
Study sampled(const Objective& objective, int64_t trials, uint64_t seed = 5) {
  Study study({.sampler = tune::random(), .seed = seed, .first = First::sampler});
  study.optimize(objective, {.trials = trials});
  return study;
}

const Space kMixedSpace{{"lr", log_range(1e-4, 1e-1)},
                        {"width", log_int_range(1, 300)},
                        {"depth", int_range(2, 20, 3)},
                        {"act", choice({"relu", "gelu", "tanh"})},
                        {"slope", range(0, 1).when("act", "gelu")}};
const Space kSmoothSpace{{"x", range(-1, 1)},
                         {"y", range(0, 3)},
                         {"n", int_range(0, 9)},
                         {"gate", int_range(0, 1)},
                         {"nothing", range(0, 1)}};

Study told(const std::vector<OptunaTrial>& trials, const Space& space) {
  Study study({.sampler = tune::random(), .seed = 1, .space = space});
  for (const OptunaTrial& t : trials) {
    study.enqueue(t.params);
    Trial trial = study.ask();
    const Params params = trial.suggest(space);
    for (const auto& [name, value] : t.params) REQUIRE(params.at(name) == value);
    study.tell(trial, t.value);
  }
  return study;
}

}  // namespace

TEST_CASE("importances: boxes of a tree are added up exactly") {
  // Every cell of a grid of 5 x 4 x 3 choices once: the tree is the function.
  internal::EffectsTable table{{{.values = {}}, {.values = {}}, {.values = {}, .choices = 3}}, {}};
  const auto f = [](int i, int j, int k) {
    const double c[] = {0, 3, -1};
    return i * i + 2 * j + c[k] + 0.5 * i * j * (k == 1);
  };
  double effect[3][5] = {}, mean = 0, variance = 0;
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 4; ++j) {
      for (int k = 0; k < 3; ++k) {
        table.columns[0].values.push_back((i + 0.5) / 5);
        table.columns[1].values.push_back((j + 0.5) / 4);
        table.columns[2].values.push_back(k);
        table.losses.push_back(f(i, j, k));
        mean += f(i, j, k) / 60;
        effect[0][i] += f(i, j, k) / 12, effect[1][j] += f(i, j, k) / 15;
        effect[2][k] += f(i, j, k) / 20;
      }
    }
  }
  for (const double v : table.losses) variance += (v - mean) * (v - mean) / 60;
  const std::vector<double> weights(60, 1.0);
  const internal::RegressionTree tree(table, weights, 64, Rng(3));
  double volume = 0;
  tree.for_each_leaf([&](const internal::Box& box, double) { volume += box.volume; });
  CHECK(volume == doctest::Approx(1).epsilon(1e-12));
  const std::vector<double> found = internal::main_effects(tree, 3);
  const int levels[] = {5, 4, 3};
  for (int c = 0; c < 3; ++c) {
    double expected = 0;
    for (int i = 0; i < levels[c]; ++i) {
      expected += (effect[c][i] - mean) * (effect[c][i] - mean) / levels[c] / variance;
    }
    CHECK(found[static_cast<size_t>(c)] == doctest::Approx(expected).epsilon(1e-10));
  }
}

TEST_CASE("importances: fanova finds the variances of a weighted sum") {
  const Study study = sampled(
      [](Trial& t) -> Outcome {
        double sum = 0;
        for (const int weight : {1, 3, 2}) {
          sum += weight * t.suggest_float("x" + std::to_string(weight), 0, 1);
        }
        t.suggest_float("idle", 0, 1);
        return sum;
      },
      1500);
  const auto all = study.importances();
  CHECK(total(all) == doctest::Approx(1));
  CHECK(all[0].name == "x3");
  CHECK(all[1].name == "x2");
  CHECK(all[2].name == "x1");
  CHECK(all[0].importance == doctest::Approx(9.0 / 14).epsilon(0.03));
  CHECK(all[1].importance == doctest::Approx(4.0 / 14).epsilon(0.06));
  CHECK(all[2].importance == doctest::Approx(1.0 / 14).epsilon(0.15));
  CHECK(all[3].importance < 0.005);
  CHECK(shares(study.importances()) == shares(all));  // drawn by the study's seed
}

TEST_CASE("importances: Ishigami's function, whose third parameter acts by interaction alone") {
  const auto ishigami = [](Trial& t) -> Outcome {
    const double pi = std::numbers::pi;
    const double x = t.suggest_float("x", -pi, pi), y = t.suggest_float("y", -pi, pi);
    const double z = t.suggest_float("z", -pi, pi);
    return std::sin(x) + 7 * std::pow(std::sin(y), 2) + 0.1 * std::pow(z, 4) * std::sin(x);
  };
  const Study study = sampled(ishigami, 3000);
  Shares found = shares(study.importances({.normalize = false}));
  CHECK(std::abs(found["x"] - 0.3139) < 0.05);
  CHECK(std::abs(found["y"] - 0.4424) < 0.12);  // a wave is what trees find hard
  CHECK(found["z"] < 0.02);
}

TEST_CASE("importances: a logarithmic range counts by its logarithm") {
  const Study study = sampled(
      [](Trial& t) -> Outcome {
        const double lr = t.suggest_float("lr", 1e-5, 1e-1, tune::log);
        return std::log10(lr) + 4 * t.suggest_float("x", 0, 1);
      },
      1000);
  Shares found = shares(study.importances());
  CHECK(std::abs(found["lr"] - 0.5) < 0.05);
}

TEST_CASE("importances: a conditional parameter counts by what it changes over the whole space") {
  // y acts for one of two choices: main effects by hand for u in [0, 1] and c a fair coin,
  // f = c * y + d: Var_y E = Var(y) / 4, Var_c E = (E y)^2 / 4.
  const Study study = sampled(
      [](Trial& t) -> Outcome {
        const bool on = t.suggest_categorical("c", {0, 1}) == 1;
        return on ? t.suggest_float("y", 0, 2) : 0.0;
      },
      1500);
  Shares found = shares(study.importances());
  CHECK(std::abs(found["c"] - 0.25 / (0.25 + 1.0 / 12)) < 0.05);
  CHECK(std::abs(found["y"] - 1.0 / 12 / (0.25 + 1.0 / 12)) < 0.05);
}

TEST_CASE("importances: as Optuna's") {
  const Study smooth = told(kSmooth, kSmoothSpace), mixed = told(kMixed, kMixedSpace);
  for (const auto& [name, share] : shares(smooth.importances())) {
    CAPTURE(name);
    CHECK(std::abs(share - kSmoothFanova.at(name)) < 0.03);
  }
  const ImportanceOptions ped{.evaluator = ImportanceEvaluator::ped_anova};
  for (const auto& [name, share] : shares(smooth.importances(ped))) {
    CAPTURE(name);
    CHECK(share == doctest::Approx(kSmoothPedAnova.at(name)).epsilon(1e-6));
  }
  for (const auto& [name, share] : shares(mixed.importances(ped))) {
    CAPTURE(name);
    CHECK(share == doctest::Approx(kMixedPedAnova.at(name)).epsilon(1e-6));
  }
}

TEST_CASE("importances: directions, objectives, targets") {
  const auto two = [](Trial& t) -> Outcome {
    const double a = t.suggest_float("a", 0, 1), b = t.suggest_float("b", 0, 1);
    t.set_attribute("size", 3 * b);
    return {a, -b};
  };
  Study study({.directions = {minimize, maximize}, .sampler = tune::random(), .seed = 4});
  study.optimize(two, {.trials = 200});
  for (const auto evaluator : {ImportanceEvaluator::fanova, ImportanceEvaluator::ped_anova}) {
    CHECK(study.importances({.evaluator = evaluator}).front().name == "a");
    CHECK(study.importances({.evaluator = evaluator, .objective = 1}).front().name == "b");
    const auto size = [](const TrialResult& t) {
      return t.number % 3 == 0 ? NAN : from_json(t.user.at("size")).as_double();
    };
    CHECK(study.importances({.evaluator = evaluator, .target = size}).front().name == "b");
  }
  CHECK_THROWS_AS(study.importances({.objective = 2}), ValueError);
  CHECK_THROWS_AS(study.importances({.objective = -1}), ValueError);
  CHECK_THROWS_AS(study.importances({.quantile = 0}), ValueError);
  CHECK_THROWS_AS(study.importances({.quantile = NAN}), ValueError);

  // What maximises is what minimises upside down.
  Study up({.direction = maximize, .sampler = tune::random(), .seed = 4}),
      down({.sampler = tune::random(), .seed = 4});
  const auto sloped = [](double sign) {
    return [sign](Trial& t) -> Outcome {
      return sign * (t.suggest_float("x", 0, 1) + std::pow(t.suggest_float("y", 0, 1), 4));
    };
  };
  up.optimize(sloped(1), {.trials = 100}), down.optimize(sloped(-1), {.trials = 100});
  const ImportanceOptions ped{.evaluator = ImportanceEvaluator::ped_anova};
  CHECK(shares(up.importances(ped)) == shares(down.importances(ped)));
}

TEST_CASE("importances: edge cases") {
  CHECK_THROWS_AS(Study({.sampler = tune::random(), .seed = 1}).importances(), ValueError);
  for (const auto evaluator : {ImportanceEvaluator::fanova, ImportanceEvaluator::ped_anova}) {
    const ImportanceOptions options{.evaluator = evaluator};
    const auto of = [&](const Objective& objective, int64_t trials) {
      return sampled(objective, trials).importances(options);
    };
    const auto nothing = [](Trial&) -> Outcome { return 1; };
    CHECK(of(nothing, 3).empty());
    const auto flat = [](Trial& t) -> Outcome {
      return 0 * t.suggest_float("x", 0, 1) + 0 * t.suggest_float("y", 0, 1);
    };
    for (const int64_t trials : {1, 2, 20}) {
      for (const auto& [name, share] : of(flat, trials)) CHECK(share == 0.5);
    }
    const auto one = [](Trial& t) -> Outcome { return t.suggest_float("x", 0, 1); };
    CHECK(of(one, 30).front().importance == doctest::Approx(1));
    const auto single = [](Trial& t) -> Outcome {
      t.suggest_float("fixed", 2, 2), t.suggest_categorical("only", {"a"});
      return t.suggest_int("n", 0, 1);
    };
    Shares found = shares(of(single, 30));
    CHECK(found["fixed"] == 0);
    CHECK(found["only"] == 0);
    CHECK(found["n"] == doctest::Approx(1));
    for (const double size : {1e300, 1e-300}) {
      const auto extreme = [size](Trial& t) -> Outcome {
        const double x = t.suggest_float("x", -1, 1);
        return t.number() % 9 == 2 ? INFINITY : size * x;
      };
      CHECK(of(extreme, 40).front().importance == doctest::Approx(1));
    }
    const auto bad = [](Trial& t) -> Outcome {
      t.suggest_float("x", 0, 1);
      return INFINITY;
    };
    CHECK_THROWS_AS(of(bad, 4), ValueError);
    // A range that changed, pruned and failed trials, forbidden combinations.
    Study rough_study({.sampler = tune::random(), .pruner = median(), .seed = 3});
    rough_study.optimize(rough, {.trials = 60});
    CHECK(total(rough_study.importances(options)) == doctest::Approx(1));
    const auto wider = [](Trial& t) -> Outcome {
      return t.suggest_float("x", 0, t.number() < 20 ? 1 : 2) + t.suggest_float("y", 0, 0.1);
    };
    CHECK(of(wider, 60).front().name == "x");
  }
}
