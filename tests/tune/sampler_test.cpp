// One suite over all samplers, then what is special about each.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <mutex>
#include <set>

#include "attune/base/error.h"
#include "attune/tune/internal/math/sobol_sequence.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

TEST_CASE("samplers: stay in the space, mind conditions and forbid()") {
  const Space space = finite_space();
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    Study study({.sampler = make(), .seed = 3, .space = space});
    for (int i = 0; i < 30; ++i) {
      Trial trial = study.ask(space);
      const Params p = trial.params();
      CHECK(p.contains("slope") == (p.at("act") == "leaky"));
      CHECK_FALSE((p.at("layers") == 3 && p.at("batch") == 64));
      for (const auto& [key, value] : p) {
        const Param& param = *space.find(key);
        CHECK(param.level_value(param.level_of(param.internal(value))) == param.internal(value));
      }
      study.tell(trial, bowl(p));
    }
  }
}

TEST_CASE("samplers: one seed gives one study, with failed, NaN and pruned trials in it") {
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    std::string tables[3];
    for (int k = 0; k < 3; ++k) {
      const uint64_t seed = k < 2 ? 5 : 6;
      Study study({.sampler = make(),
                   .pruner = median({.startup_trials = 3}),
                   .seed = seed,
                   .space = finite_space()});
      study.optimize(rough, {.trials = 25});
      CHECK(study.size() == 25);
      tables[k] = table(study);
    }
    CHECK(tables[0] == tables[1]);
    if (!is_seedless(name)) CHECK(tables[0] != tables[2]);
  }
}

TEST_CASE("samplers: deterministic studies have one table for 1, 2 and 4 jobs") {
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    std::string first;
    for (const int jobs : {1, 2, 4}) {
      Study study({.sampler = make(),
                   .pruner = median({.startup_trials = 2}),
                   .seed = 5,
                   .space = finite_space(),
                   .deterministic = true});
      study.optimize(rough, {.trials = 24, .jobs = jobs});
      if (first.empty()) first = table(study);
      CHECK(table(study) == first);
    }
  }
}

TEST_CASE("samplers: define by run") {
  const auto objective = [](Trial& t) -> Outcome {
    const double x = t.suggest_float("x", -5, 5);
    const int64_t n = t.suggest_int("n", 1, 64, tune::log);
    const std::string act = t.suggest_categorical("act", {"relu", "gelu", "tanh"});
    const double shift = act == "gelu" ? 0 : t.suggest_float("shift", 0.5, 1.5, tune::step(0.25));
    return x * x + std::abs(static_cast<double>(n) - 8) / 8 + shift;
  };
  for (const auto& [name, make] : all_samplers()) {
    if (is_listing(name)) continue;  // x is continuous
    CAPTURE(name);
    Study study({.sampler = make(), .seed = 1});
    study.optimize(objective, {.trials = 30});
    for (const TrialResult& t : study.trials()) {
      CHECK(t.state == State::complete);
      const double x = t.params.at("x");
      CHECK(std::abs(x) <= 5);
      CHECK(t.params.contains("shift") == (t.params.at("act") != "gelu"));
    }
    CHECK(study.trial(0).params.at("x") == 0.0);  // the middle of the range
    CHECK(study.best_trial().value < 5);
  }
}

TEST_CASE("samplers: strange losses do no harm") {
  const Space space{{"x", stepped_range(0, 1, 0.01)}, {"y", int_range(0, 50)}};
  const std::vector<std::function<double(const Params&)>> objectives{
      [](const Params&) { return 1.0; }, [](const Params&) { return std::nan(""); },
      [](const Params& p) { return p.at("y").as_double() > 25 ? 1e300 : -1e300; },
      [](const Params& p) { return p.at("y").as_double() > 25 ? INFINITY : p.at("x").as_double(); },
      [](const Params& p) { return p.at("x").as_double() * 1e-300; }};
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    for (const auto& f : objectives) {
      Study study({.sampler = make(), .seed = 1, .space = space});
      study.optimize([&](Trial& t) -> Outcome { return f(t.suggest(space)); }, {.trials = 15});
      CHECK(study.size() == 15);
    }
  }
}

TEST_CASE("samplers: nothing allowed is said, and a needle is found") {
  Space none{{"a", int_range(0, 3)}};
  none.forbid([](const Params&) { return true; });
  Space needle{{"a", int_range(0, 99)}, {"b", int_range(0, 99)}, {"c", int_range(0, 9)}};
  needle.forbid(
      [](const Params& p) { return p.at("a") != 7 || p.at("b") != 77 || p.at("c") != 7; });
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    Study study({.sampler = make(), .seed = 1});
    CHECK_THROWS_AS(study.ask(none), SearchSpaceError);
    CHECK(study.ask(needle).params() == Params{{"a", 7}, {"b", 77}, {"c", 7}});
  }
}

TEST_CASE("random: a parameter's values do not depend on the others, and spread evenly") {
  const auto draw = [](bool with_other) {
    Study study({.sampler = tune::random(), .seed = 9, .first = First::sampler});
    std::vector<double> xs;
    for (int i = 0; i < 400; ++i) {
      Trial t = study.ask();
      if (with_other) t.suggest_float("other", 0, 1);
      xs.push_back(t.suggest_float("x", 0, 1));
      study.tell(t, 0);
    }
    return xs;
  };
  const auto xs = draw(false);
  CHECK(xs == draw(true));
  std::array<int, 4> count{};
  for (const double x : xs) ++count[static_cast<size_t>(x * 4)];
  for (const int c : count) CHECK(std::abs(c - 100) < 40);  // 4.6 deviations
}

TEST_CASE("grid: every combination once, in order, then it ends") {
  const Space space{{"a", int_range(1, 3)}, {"b", choice({"u", "v"})}, {"c", linear_grid(0, 1, 2)}};
  for (const bool given : {false, true}) {
    StudyOptions options{.sampler = given ? grid(space) : grid(), .seed = 1};
    if (!given) options.space = space;
    Study study(options);
    study.optimize(
        [&](Trial& t) -> Outcome {
          return t.suggest_float("c", 0, 1) + static_cast<double>(t.suggest_int("a", 1, 3)) +
                 (t.suggest_categorical("b", {"u", "v"}) == "u");
        },
        {.trials = 100});
    REQUIRE(study.size() == 12);
    std::set<std::string> seen;
    for (const auto& t : study.trials()) seen.insert(t.params.to_string());
    CHECK(seen.size() == 12);
    CHECK(study.trial(0).params.at("a") == 1);
    CHECK(study.trial(11).params.at("a") == 3);
    CHECK(study.exhausted());
    CHECK_FALSE(study.step([](Trial&) -> Outcome { return 0; }));
  }
}

TEST_CASE("grid: conditions and forbidden points are left out; a stopped one goes on") {
  // layers x batch without (3, 64): 8; lr: 4; act relu: 1, leaky with 4 slopes: 4
  const int64_t points = 8 * 4 * 5;
  const auto storage = memory_storage();
  std::set<std::string> seen;
  std::mutex mutex;  // of seen: part 3 has two jobs
  for (int part = 0; part < 5; ++part) {
    Study study({.storage = storage, .sampler = grid(), .space = finite_space()});
    if (part == 1) study.enqueue({{"lr", 1e-2}, {"layers", 1}, {"act", "relu"}, {"batch", 16}});
    study.optimize(
        [&](Trial& t) -> Outcome {
          const Params p = t.suggest(finite_space());
          if (part == 2) throw std::runtime_error("interrupted");  // these points come again
          const std::lock_guard lock(mutex);
          CHECK(seen.insert(p.to_string()).second);
          return bowl(p);
        },
        {.trials = 40, .jobs = part == 3 ? 2 : 1});
  }
  Study last({.storage = storage, .sampler = grid(), .space = finite_space()});
  last.optimize(
      [&](Trial& t) -> Outcome {
        CHECK(seen.insert(t.suggest(finite_space()).to_string()).second);
        return 0;
      },
      {.trials = 1000});
  CHECK(static_cast<int64_t>(seen.size()) == points);
  CHECK(last.exhausted());
}

TEST_CASE("grid: a continuous range without values is refused by name") {
  const Space space{{"a", int_range(1, 3)}, {"momentum", range(0, 1)}};
  CHECK_THROWS_WITH_AS(Study({.sampler = grid()}).ask(space),
                       "param 'momentum': grid() needs a finite range; give it a step, or values "
                       "by linear_grid, log_grid",
                       SearchSpaceError);
  Study study({.sampler = grid(Space{{"a", int_range(1, 3)}})});
  Trial trial = study.ask();
  CHECK(trial.suggest_int("a", 1, 3) == 1);
  CHECK_THROWS_AS(trial.suggest_int("b", 1, 3), SearchSpaceError);
}

TEST_CASE("sobol: the sequence's first points, and more even than chance") {
  const internal::SobolSequence plain(
      4);  // the values of Joe and Kuo's own program, in Gray order or not
  std::set<std::array<double, 3>> points;
  for (uint64_t i = 0; i < 4; ++i) {
    const auto p = plain.point(i);
    points.insert({p[0], p[1], p[2]});
  }
  CHECK(points == std::set<std::array<double, 3>>{
                      {0, 0, 0}, {0.5, 0.5, 0.5}, {0.75, 0.25, 0.25}, {0.25, 0.75, 0.75}});

  Study study({.sampler = sobol(), .seed = 4, .first = First::sampler});
  Space space;
  for (int d = 0; d < 45; ++d) space.add("x" + std::to_string(d), range(0, 1));
  std::vector<std::array<int, 16>> counts(45);
  for (int i = 0; i < 16; ++i) {
    Trial t = study.ask(space);
    const Params p = t.params();
    for (size_t d = 0; d < 45; ++d) {
      const double x = p.at("x" + std::to_string(d));
      ++counts[d][static_cast<size_t>(x * 16)];
    }
    study.tell(t, 0);
  }
  for (const auto& c :
       counts) {  // each sixteenth of each coordinate has one of the first 16 points
    for (const int one : c) CHECK(one == 1);
  }
}
