// automatic(): what it chooses, and that the study says so.
#include <doctest/doctest.h>

#include <string>

#include "attune/tune/study.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

Space floats(int count) {
  Space space;
  for (int i = 0; i < count; ++i) space.add("x" + std::to_string(i), range(0, 1));
  return space;
}

// The note after two trials.
std::string choice(const Space& space, size_t objectives) {
  Study study(
      {.directions = std::vector<Direction>(objectives, minimize), .seed = 1, .space = space});
  for (int i = 0; i < 2; ++i) {
    Trial trial = study.ask(space);
    study.tell(trial, Outcome(std::vector<double>(objectives, 1.0)));
  }
  return from_json(*study.attribute("sampler")).as_string();
}

}  // namespace

TEST_CASE("automatic: chooses by objectives and parameters, and the study says what and why") {
  CHECK(choice(floats(3), 1).starts_with("bayesian: 3 parameters"));
  CHECK(choice(floats(80), 1).starts_with("cmaes: 80 parameters"));
  Space mixed = floats(80);
  mixed.add("act", tune::choice({"relu", "gelu"}));
  CHECK(choice(mixed, 1).starts_with("tpe: 81 parameters"));
  CHECK(choice(floats(3), 2).starts_with("bayesian: 2 objectives"));
  CHECK(choice(floats(80), 2).starts_with("nsga2: 2 objectives"));
  CHECK(choice(floats(3), 4).starts_with("nsga3: 4 objectives"));
}

TEST_CASE("automatic: is the default, and on a small space the same as bayesian()") {
  const auto run = [](std::shared_ptr<Sampler> sampler) {
    Study study({.sampler = std::move(sampler), .seed = 5, .space = floats(2)});
    study.optimize(
        [](Trial& t) -> Outcome {
          const Params p = t.suggest(floats(2));
          const double x = p.at("x0"), y = p.at("x1");
          return (x - 0.3) * (x - 0.3) + y;
        },
        {.trials = 12});
    return table(study);
  };
  CHECK(run(nullptr) == run(bayesian()));
  CHECK(run(automatic()) == run(bayesian()));
  CHECK(run(automatic()) != run(tune::random()));
}

TEST_CASE("automatic: after a thousand trials it is cheap, and the study says that it changed") {
  Study study({.seed = 2, .space = floats(2)});
  const auto objective = [](Trial& t) -> Outcome {
    const Params p = t.suggest(floats(2));
    return p.at("x0").as_double() + p.at("x1").as_double();
  };
  study.optimize(objective, {.trials = 2});
  CHECK(from_json(*study.attribute("sampler")).as_string().starts_with("bayesian"));
  for (int i = 0; i < 998; ++i) {
    study.enqueue({{"x0", (i % 40) / 40.0}, {"x1", (i / 40) / 25.0}});
  }
  study.optimize(objective, {.trials = 1000});
  CHECK(from_json(*study.attribute("sampler")).as_string().starts_with("cmaes: after 1000 trials"));
}
