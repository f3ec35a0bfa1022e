// What may change about a space while a study goes on: parameters held at a value, choices that
// come and go, bounds that move.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "attune/base/error.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

// Every value belongs to its parameter, what is there is what is active, nothing is forbidden.
void check_inside(const Space& space, const Params& p) {
  std::vector<double> values = space.default_values();
  for (const auto& [name, value] : p) {
    const Param* param = space.find(name);
    REQUIRE(param);
    const double v = param->internal(value);
    CHECK(v >= param->low);
    CHECK(v <= param->high);
    values[static_cast<size_t>(param - space.params().data())] = v;
  }
  CHECK(space.allowed(values));
  CHECK(space.to_params(values).size() == p.size());
}

Outcome told(const Params& p) { return bowl(p); }

}  // namespace

TEST_CASE("space: given() settles conditions, also of parameters that were waited for") {
  Space space{{"a", choice({"u", "v", "w"})},
              {"b", choice({1, 2}).when_any("a", {"u", "v"})},
              {"c", range(0, 1).when("b", 2)},
              {"d", range(0, 1).when("a", "w")},
              {"e", int_range(0, 9)}};
  space.forbid([](const Params& p) { return p.contains("b") && p.at("b") == 2 && p.at("e") == 5; });
  const Space a_held = space.given({{"a", "u"}});
  CHECK(a_held.size() == 3);  // d is never active
  CHECK(a_held.find("b")->conditions.empty());
  CHECK(a_held.find("c")->conditions.size() == 1);
  const Space b_held = space.given({{"b", 2}});
  REQUIRE(b_held.find("c"));
  CHECK(b_held.find("c")->conditions == std::vector<Condition>{{"a", {"u", "v"}}});
  // a, c, d, e: b = 2 is active with a = u, and then e = 5 is forbidden; with a = w it is not.
  CHECK_FALSE(b_held.allowed(std::vector<double>{0, 0.5, 0.5, 5}));
  CHECK(b_held.allowed(std::vector<double>{0, 0.5, 0.5, 4}));
  CHECK(b_held.allowed(std::vector<double>{2, 0.5, 0.5, 5}));
  CHECK(space.given({{"b", 1}}).find("c") == nullptr);
  CHECK(space.given({{"zzz", 1}}).size() == 5);
  CHECK(space.given({{"a", "u"}, {"b", 1}, {"e", 3}}).empty());
}

TEST_CASE("frozen: the value is in every trial and in the file, and the others are searched") {
  Space space = finite_space();
  space.freeze("act", "leaky").freeze("lr", 1e-2);
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    Study study({.sampler = make(), .seed = 3, .space = space});
    std::set<std::string> seen;
    for (int i = 0; i < 20; ++i) {
      Trial trial = study.ask(space);
      const Params p = trial.params();
      check_inside(space, p);
      CHECK(p.at("act") == "leaky");
      CHECK(p.at("lr").as_double() == 1e-2);
      CHECK(p.contains("slope"));
      seen.insert(p.to_string());
      study.tell(trial, told(p));
    }
    CHECK(seen.size() >= 7);
  }
  space.thaw("act");
  CHECK(space.frozen() == Params{{"lr", 1e-2}});
  Study study({.seed = 1, .space = space});
  study.enqueue({{"lr", 1e-4}});
  CHECK(study.ask(space).params().at("lr").as_double() == 1e-4);  // what was enqueued goes before
}

TEST_CASE("frozen: a grid lists the other parameters only, and ends") {
  Space space{{"a", int_range(1, 3)}, {"b", int_range(1, 4)}, {"c", choice({"u", "v"})}};
  space.freeze("b", 2);
  for (const bool own : {false, true}) {
    StudyOptions options{.sampler = own ? grid(space) : grid(), .seed = 1};
    if (!own) options.space = space;
    Study study(options);
    study.optimize(
        [&](Trial& t) -> Outcome {
          CHECK(t.suggest_int("b", 1, 4) == 2);
          return static_cast<double>(t.suggest_int("a", 1, 3)) +
                 (t.suggest_categorical("c", {"u", "v"}) == "u");
        },
        {.trials = 100});
    CHECK(study.size() == 6);
    CHECK(study.exhausted());
  }
}

TEST_CASE("fixed: these parameters have these values, exactly, and the inner sampler the others") {
  for (const auto& [name, make] : all_samplers()) {
    if (name == std::string("fixed")) continue;
    CAPTURE(name);
    Study study({.sampler = fixed({{"lr", 1e-3}, {"act", "relu"}}, make()), .seed = 3});
    Study reference({.sampler = make(), .seed = 3});
    const Space rest = finite_space().given({{"lr", 1e-3}, {"act", "relu"}});
    for (int i = 0; i < 12; ++i) {
      Trial trial = study.ask(finite_space()), other = reference.ask(rest);
      Params p = trial.params(), q = other.params();
      CHECK(p.at("lr").as_double() == 1e-3);
      CHECK(p.at("act") == "relu");
      CHECK_FALSE(p.contains("slope"));
      CHECK(p.at("layers") == q.at("layers"));
      CHECK(p.at("batch") == q.at("batch"));
      q.set("lr", 1e-3);
      study.tell(trial, told(p));
      reference.tell(other, told(q));
    }
  }
  Study by_run({.sampler = fixed({{"x", 0.1}}, bayesian()), .seed = 1});
  by_run.optimize(
      [](Trial& t) -> Outcome {
        CHECK(t.suggest_float("x", 0, 1) == 0.1);
        return t.suggest_float("y", 0, 1);
      },
      {.trials = 8});
  CHECK(by_run.trial(7).state == State::complete);
  CHECK_THROWS_AS(fixed({}, nullptr), ValueError);
  // The outer one's word counts.
  Study twice(
      {.sampler = fixed({{"x", 1}}, fixed({{"x", 2}, {"y", 3}}, tune::random())), .seed = 1});
  Trial t = twice.ask();
  CHECK(t.suggest_int("x", 0, 5) == 1);
  CHECK(t.suggest_int("y", 0, 5) == 3);
}

TEST_CASE("choices may be added, dropped and moved: trials keep theirs, and samplers go on") {
  const auto space_with = [](std::vector<ParamValue> acts) {
    return Space{{"act", choice(std::move(acts))}, {"n", int_range(0, 6)}};
  };
  const auto cost = [](const Params& p) {
    return std::abs(p.at("n").as_double() - 4) + (p.at("act") == "gelu" ? 0 : 1);
  };
  const Space before = space_with({"relu", "tanh"}), after = space_with({"gelu", "tanh", "relu"}),
              last = space_with({"gelu", "relu"});
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    for (const auto& [kept, make_storage] : all_storages()) {
      if (kept != std::string("memory") && name != std::string("random")) continue;  // slow
      const Folder folder;
      const auto storage = make_storage(folder);
      std::vector<Params> all;
      for (const Space* space : {&before, &after, &last}) {
        Study study({.storage = storage, .sampler = make(), .seed = 1, .space = *space});
        study.optimize(
            [&](Trial& t) -> Outcome {
              all.push_back(t.suggest(*space));
              check_inside(*space, all.back());
              return cost(all.back());
            },
            {.trials = 10});
      }
      const Study study({.storage = storage});
      const auto trials = study.trials();
      REQUIRE(trials.size() == all.size());
      std::set<std::string> acts;
      for (size_t i = 0; i < all.size(); ++i) {
        CHECK(trials[i].params == all[i]);  // by name, not by place in the list
        acts.insert(all[i].at("act").as_string());
      }
      CHECK(acts.contains("gelu"));
    }
  }
}

TEST_CASE("choices may be added in an objective that defines its space by running") {
  for (const auto& [name, make] : all_samplers()) {
    if (name == std::string("grid")) continue;
    CAPTURE(name);
    Study study({.sampler = make(), .seed = 2});
    std::set<std::string> seen;
    for (int i = 0; i < 24; ++i) {
      Trial t = study.ask();
      std::vector<ParamValue> acts{"relu", "gelu"};
      if (i >= 8) acts.insert(acts.begin(), "tanh");
      const std::string act = t.suggest_categorical("act", acts).as_string();
      seen.insert(act);
      const auto n = static_cast<double>(t.suggest_int("n", 0, 5));
      study.tell(t, std::abs(n - 3) + (act == "tanh" ? 0 : 1));
      CHECK(study.trial(i).params.at("act") == act);
    }
    CHECK(seen.size() == 3);
  }
}

TEST_CASE("bounds may move: suggestions keep to the new ones, and trials outside have no unit") {
  const Space wide{{"x", stepped_range(0, 2, 0.125)}, {"n", int_range(-8, 8)}};
  const Space narrow{{"x", stepped_range(0.5, 1, 0.125)}, {"n", int_range(0, 20)}};
  const auto cost = [](const Params& p) {
    return std::pow(p.at("x").as_double() - 0.75, 2) + std::abs(p.at("n").as_double() - 7) / 8;
  };
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    const auto storage = memory_storage();
    for (const Space* space : {&wide, &narrow, &wide}) {
      Study study({.storage = storage, .sampler = make(), .seed = 1, .space = *space});
      study.optimize(
          [&](Trial& t) -> Outcome {
            const Params p = t.suggest(*space);
            check_inside(*space, p);
            return cost(p);
          },
          {.trials = 10});
      CHECK(study.trials().back().state == State::complete);
    }
  }
  History h;
  Param x = range(0, 2);
  x.name = "x";
  h.apply(Created{0});
  h.apply(ParamSet{0, std::make_shared<const Param>(x), 1.5});
  CHECK(h.unit(h.trials()[0], x) == 0.75);
  x.high = 1;
  CHECK(std::isnan(h.unit(h.trials()[0], x)));
  x.high = 3;
  CHECK(h.unit(h.trials()[0], x) == 0.5);
}

TEST_CASE("forbidden combinations: never tried, by any sampler, nor by what is enqueued") {
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    Study study({.sampler = make(), .seed = 4, .space = finite_space()});
    study.enqueue({{"layers", 3}});  // the rest is chosen so that it is allowed
    study.enqueue({{"batch", 64}, {"act", "relu"}});
    study.enqueue({{"layers", 3}, {"batch", 64}});  // cannot be: the trial fails before it starts
    int ran = 0;
    study.optimize(
        [&](Trial& t) -> Outcome {
          const Params p = t.suggest(finite_space());
          ++ran;
          check_inside(finite_space(), p);
          return told(p);
        },
        {.trials = 30});
    CHECK(ran == 29);
    CHECK(study.trial(0).params.at("layers") == 3);
    CHECK(study.trial(1).params.at("batch") == 64);
    CHECK(study.trial(2).state == State::failed);
    CHECK(study.trial(2).params.empty());
  }
}
