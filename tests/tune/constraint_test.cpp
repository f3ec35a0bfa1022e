// Constraints on outcomes: how they are kept, which trial is best, and what samplers make of them.
#include <doctest/doctest.h>

#include <cmath>

#include "attune/base/error.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

TEST_CASE("constraints: kept by every storage, as Optuna writes them") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    for (const bool again : {false, true}) {
      Study study({.storage = storage, .seed = 1});
      if (!again) {
        Trial trial = study.ask();
        trial.set_constraint(-1.5).set_constraint("memory", 2).set_constraint(0.25);
        trial.set_constraint("memory", -7);  // the first value stays
        trial.set_constraint("time", -INFINITY);
        study.tell(trial, 1);
      }
      const TrialResult result = study.trial(0);
      CHECK(result.constraints ==
            std::map<std::string, double>{
                {"0", -1.5}, {"1", 0.25}, {"memory", 2}, {"time", -1.7976931348623157e308}});
      CHECK_FALSE(result.feasible());
      CHECK(result.system.at("constraints") == "[-1.5, 0.25]");
      CHECK(result.system.at("constraints:memory") == "2.0");
    }
  }
}

TEST_CASE("constraints: what cannot be is refused, what others wrote badly is left out") {
  Study study({.seed = 1});
  Trial trial = study.ask();
  CHECK_THROWS_AS(trial.set_constraint(NAN), ValueError);
  CHECK_THROWS_WITH_AS(trial.set_constraint("memory", NAN),
                       "set_constraint: trial 0 of study 'study', 'memory' is NaN", ValueError);
  study.tell(trial, 1);
  CHECK_THROWS_AS(trial.set_constraint(1), ValueError);
  CHECK(study.trial(0).constraints.empty());
  CHECK(study.trial(0).feasible());

  History history;
  history.apply(Created{0});
  const auto say = [&](const char* name, const char* json) {
    history.apply(Attribute{0, true, std::make_shared<const std::string>(name),
                            std::make_shared<const std::string>(json)});
  };
  for (const char* bad : {"null", "[null]", "[\"x\"]", "[[1]]", "{", "[NaN]", "true"}) {
    say("constraints", bad);
    say("constraints:a", bad);
  }
  CHECK(history.trials()[0].constraints.empty());
  CHECK_FALSE(history.constrained());
  say("constraints:a", "3");
  say("constraints", "[1, -0.5]");
  CHECK(history.constrained());
  const auto& kept = history.trials()[0].constraints;
  REQUIRE(kept.size() == 3);
  CHECK(kept[0].name == "0");
  CHECK(kept[1].value == -0.5);
  CHECK(kept[2].name == "a");
  CHECK(history.trials()[0].violation() == 4);
}

TEST_CASE("constraints: a feasible trial is best, then the least violation") {
  struct Row {
    double value, constraint;
    int64_t best;
  };
  const Row rows[] = {{1, 5, 0},  {9, 2, 1},  {8, 2, 2}, {0, 3, 2},
                      {50, 0, 4}, {7, -1, 5}, {6, 1, 5}};
  Study study({.seed = 1});
  for (const Row& row : rows) {
    Trial trial = study.ask();
    trial.set_constraint(row.constraint);
    study.tell(trial, row.value);
    CHECK(study.best_trial().number == row.best);
    CHECK(study.best_trials().front().number == row.best);
  }
}

TEST_CASE("constraints: the front is that of the feasible trials") {
  Study study({.directions = {minimize, maximize}, .seed = 1});
  const auto add = [&](double a, double b, double constraint) {
    Trial trial = study.ask();
    trial.set_constraint("c", constraint);
    study.tell(trial, {a, b});
  };
  const auto front = [&] {
    std::vector<int64_t> numbers;
    for (const TrialResult& t : study.best_trials()) numbers.push_back(t.number);
    return numbers;
  };
  add(0, 9, 2);
  add(1, 8, 1);
  add(2, 9, 1);
  CHECK(front() == std::vector<int64_t>{1, 2});
  add(3, 1, 0);
  CHECK(front() == std::vector<int64_t>{3});
  add(4, 2, -1);
  add(5, 1, -1);
  CHECK(front() == std::vector<int64_t>{3, 4});
}

TEST_CASE("constraints: samplers go on with constraints of any kind") {
  const Space space = finite_space();
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    std::string tables[2];
    for (std::string& rows : tables) {
      Study study({.sampler = make(), .seed = 2, .space = space});
      for (int i = 0; i < 24; ++i) {
        Trial trial = study.ask(space);
        const Params p = trial.params();
        if (i % 5 != 0) trial.set_constraint(p.at("layers").as_double() - 2.5);
        if (i % 3 == 0) trial.set_constraint("huge", i % 2 == 0 ? 1e300 : -1e300);
        if (i % 7 == 0) trial.set_constraint("always", 1);
        if (i % 11 == 3) {
          study.tell(trial, Failed{});
        } else {
          study.tell(trial, bowl(p));
        }
      }
      rows = table(study);
    }
    CHECK(tables[0] == tables[1]);
  }
}

TEST_CASE("constraints: bayesian() finds the best feasible point, and one where few are") {
  // The best point without the constraint is (0.8, 0.8); with it the border point (0.5, 0.5).
  const Space space{{"x", range(0, 1)}, {"y", range(0, 1)}};
  for (const double limit : {1.0, 0.02}) {  // 0.02: a five-thousandth of the square
    Study study({.sampler = bayesian(), .seed = 3, .space = space});
    study.optimize(
        [&](Trial& t) -> Outcome {
          const double x = t.suggest_float("x", 0, 1), y = t.suggest_float("y", 0, 1);
          t.set_constraint("sum", limit < 1 ? std::hypot(x - 0.2, y - 0.1) - limit : x + y - limit);
          return std::hypot(x - 0.8, y - 0.8);
        },
        {.trials = 40});
    CAPTURE(limit);
    const TrialResult best = study.best_trial();
    CHECK(best.feasible());
    const double optimum = limit < 1 ? std::hypot(0.6, 0.7) - limit : std::sqrt(0.18);
    CHECK(best.value < optimum + 0.005);
  }
}
