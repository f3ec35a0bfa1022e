// Spaces that contradict themselves: a SearchSpaceError that names the parameter, through a Space,
// through suggest_*, and through JSON. (tests/cli/study_test.cpp: through the command.)
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "attune/base/error.h"
#include "attune/tune/space_json.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

constexpr int64_t kBig = (int64_t{1} << 53) + 1;

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const SearchSpaceError& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("of another kind: ") + e.what();
  }
  return "nothing was thrown";
}

void refused(const char* case_name, const char* why, const std::function<void()>& work) {
  CAPTURE(case_name);
  const std::string message = message_of(work);
  CAPTURE(message);
  CHECK(message.find("'x'") != std::string::npos);
  CHECK(message.find(why) != std::string::npos);
  CHECK(message.find('\n') == std::string::npos);
}

struct Bad {
  const char* name;
  const char* why;
  std::function<Space()> space;
  std::function<void(Trial&)> suggest;  // empty: cannot be said so
  std::string json;                     // empty: cannot be said so
};

std::vector<Bad> all() {
  return {
      {"low above high", "low <= high",
       [] {
         return Space{{"x", range(2, 1)}};
       },
       [](Trial& t) { t.suggest_float("x", 2, 1); },
       R"({"x": {"type": "float", "low": 2, "high": 1}})"},
      {"integers, low above high", "low <= high",
       [] {
         return Space{{"x", int_range(2, 1)}};
       },
       [](Trial& t) { t.suggest_int("x", 2, 1); },
       R"({"x": {"type": "int", "low": 2, "high": 1}})"},
      {"log from 0", "above 0",
       [] {
         return Space{{"x", log_range(0, 1)}};
       },
       [](Trial& t) { t.suggest_float("x", 0, 1, tune::log); },
       R"({"x": {"type": "float", "low": 0, "high": 1, "log": true}})"},
      {"log from below 0", "above 0",
       [] {
         return Space{{"x", log_range(-1, 1)}};
       },
       [](Trial& t) { t.suggest_float("x", -1, 1, tune::log); },
       R"({"x": {"type": "float", "low": -1, "high": 1, "log": true}})"},
      {"log integers from 0", "above 0",
       [] {
         return Space{{"x", log_int_range(0, 8)}};
       },
       [](Trial& t) { t.suggest_int("x", 0, 8, tune::log); },
       R"({"x": {"type": "int", "low": 0, "high": 8, "log": true}})"},
      {"a log grid from 0",
       "above 0",
       [] {
         return Space{{"x", log_grid(0, 1, 3)}};
       },
       {},
       ""},
      {"no step", "a step must be above 0, not 0",
       [] {
         return Space{{"x", stepped_range(0, 1, 0)}};
       },
       [](Trial& t) { t.suggest_float("x", 0, 1, tune::step(0)); },
       R"({"x": {"type": "float", "low": 0, "high": 1, "step": 0}})"},
      {"a step down", "above 0, not -1",
       [] {
         return Space{{"x", stepped_range(0, 1, -1)}};
       },
       [](Trial& t) { t.suggest_float("x", 0, 1, tune::step(-1)); },
       R"({"x": {"type": "float", "low": 0, "high": 1, "step": -1}})"},
      {"a step of NaN", "step",
       [] {
         return Space{{"x", stepped_range(0, 1, NAN)}};
       },
       [](Trial& t) { t.suggest_float("x", 0, 1, tune::step(NAN)); },
       R"({"x": {"type": "float", "low": 0, "high": 1, "step": NaN}})"},
      {"integers without a step", "step",
       [] {
         return Space{{"x", int_range(0, 4, 0)}};
       },
       [](Trial& t) { t.suggest_int("x", 0, 4, tune::step(0)); },
       R"({"x": {"type": "int", "low": 0, "high": 4, "step": 0}})"},
      {"an integer's step of a half",
       "1.5",
       {},
       [](Trial& t) { t.suggest_int("x", 0, 4, tune::step(1.5)); },
       ""},
      {"a step wider than the range", "wider",
       [] {
         return Space{{"x", stepped_range(0, 1, 5)}};
       },
       [](Trial& t) { t.suggest_float("x", 0, 1, tune::step(5)); },
       R"({"x": {"type": "float", "low": 0, "high": 1, "step": 5}})"},
      {"integers with a step wider than the range", "wider",
       [] {
         return Space{{"x", int_range(1, 3, 5)}};
       },
       [](Trial& t) { t.suggest_int("x", 1, 3, tune::step(5)); },
       R"({"x": {"type": "int", "low": 1, "high": 3, "step": 5}})"},
      {"NaN below", "finite",
       [] {
         return Space{{"x", range(NAN, 1)}};
       },
       [](Trial& t) { t.suggest_float("x", NAN, 1); },
       R"({"x": {"type": "float", "low": NaN, "high": 1}})"},
      {"infinite", "finite",
       [] {
         return Space{{"x", range(0, INFINITY)}};
       },
       [](Trial& t) { t.suggest_float("x", -INFINITY, 1); },
       R"({"x": {"type": "float", "low": 0, "high": 1e999}})"},
      {"no choices", "no choices",
       [] {
         return Space{{"x", choice({})}};
       },
       [](Trial& t) { t.suggest_categorical("x", std::vector<ParamValue>{}); },
       R"({"x": {"type": "categorical", "choices": []}})"},
      {"a choice twice", "equal",
       [] {
         return Space{{"x", choice({"a", "b", "a"})}};
       },
       [](Trial& t) {
         t.suggest_categorical("x", {"a", "b", "a"});
       },
       R"({"x": {"type": "categorical", "choices": ["a", "b", "a"]}})"},
      {"a choice twice for Python",
       "equal",
       [] {
         return Space{{"x", choice({1, true})}};
       },
       {},
       R"({"x": {"type": "categorical", "choices": [1, true]}})"},
      {"no values",
       "no values",
       [] {
         return Space{{"x", tune::values({})}};
       },
       {},
       ""},
      {"values that fall",
       "ascend",
       [] {
         return Space{{"x", tune::values({1, 3, 2, 4})}};
       },
       {},
       ""},
      {"an empty grid",
       "at least 1",
       [] {
         return Space{{"x", linear_grid(0, 1, 0)}};
       },
       {},
       ""},
      {"no power of two",
       "power of two",
       [] {
         return Space{{"x", powers_of_two(16, 100)}};
       },
       {},
       ""},
      {"integers that no double holds", "2^53",
       [] {
         return Space{{"x", int_range(0, kBig)}};
       },
       [](Trial& t) { t.suggest_int("x", 0, kBig); },
       R"({"x": {"type": "int", "low": 0, "high": 9007199254740993}})"},
      {"all 64 bits", "2^53",
       [] {
         return Space{{"x", int_range(std::numeric_limits<int64_t>::min(),
                                      std::numeric_limits<int64_t>::max(), 7)}};
       },
       [](Trial& t) {
         t.suggest_int("x", std::numeric_limits<int64_t>::min(),
                       std::numeric_limits<int64_t>::max());
       },
       R"({"x": {"type": "int", "low": -9223372036854775808, "high": 9223372036854775807}})"},
      {"powers of two beyond",
       "2^53",
       [] {
         return Space{{"x", powers_of_two(1, int64_t{1} << 62)}};
       },
       {},
       ""},
      {"a first value out of the range",
       "first value",
       [] {
         return Space{{"x", range(0, 1).starting_at(2)}};
       },
       {},
       R"({"x": {"type": "float", "low": 0, "high": 1, "default": 2}})"},
      {"a first value between the steps",
       "first value",
       [] {
         return Space{{"x", stepped_range(0, 1, 0.25).starting_at(0.3)}};
       },
       {},
       R"({"x": {"type": "float", "low": 0, "high": 1, "step": 0.25, "default": 0.3}})"},
      {"a first value that is no choice",
       "first value",
       [] {
         return Space{{"x", choice({"a"}).starting_at("b")}};
       },
       {},
       R"({"x": {"type": "categorical", "choices": ["a"], "default": "b"}})"},
      {"in the space twice",
       "twice",
       [] {
         return Space{{"x", range(0, 1)}, {"x", int_range(0, 1)}};
       },
       {},
       R"({"x": {"type": "float", "low": 0, "high": 1}, "x": {"type": "int", "low": 0, "high": 1}})"},
      {"another kind than before",
       "earlier",
       {},
       [](Trial& t) {
         t.suggest_float("x", 0, 1);
         t.suggest_int("x", 0, 1);
       },
       ""},
      {"a condition on nothing",
       "'ghost'",
       [] {
         return Space{{"x", range(0, 1).when("ghost", 1)}};
       },
       {},
       R"({"x": {"type": "float", "low": 0, "high": 1, "when": {"ghost": 1}}})"},
      {"a condition that never holds",
       "can never hold",
       [] {
         return Space{{"a", choice({1, 2})}, {"x", range(0, 1).when("a", 3)}};
       },
       {},
       R"({"a": {"type": "int", "low": 1, "high": 2}, "x": {"type": "int", "low": 0, "high": 1, "when": {"a": 3}}})"},
      {"a condition without values",
       "no value",
       [] {
         return Space{{"a", choice({1, 2})}, {"x", range(0, 1).when_any("a", {})}};
       },
       {},
       R"({"a": {"type": "int", "low": 1, "high": 2}, "x": {"type": "int", "low": 0, "high": 1, "when": {"a": []}}})"},
      {"a circle",
       "cyclic",
       [] {
         return Space{{"x", choice({1, 2}).when("b", 1)}, {"b", choice({1, 2}).when("x", 1)}};
       },
       {},
       R"({"x": {"type": "int", "low": 1, "high": 2, "when": {"b": 1}}, "b": {"type": "int", "low": 1, "high": 2, "when": {"x": 1}}})"},
      {"on itself",
       "cyclic",
       [] {
         return Space{{"x", choice({1, 2}).when("x", 1)}};
       },
       {},
       R"({"x": {"type": "int", "low": 1, "high": 2, "when": {"x": 1}}})"},
      {"a prior's mean outside",
       "mean 2",
       [] {
         return Space{{"x", range(0, 1).prior(2, 1)}};
       },
       {},
       R"({"x": {"type": "float", "low": 0, "high": 1, "prior": [2, 1]}})"},
      {"a prior without width",
       "deviation",
       [] {
         return Space{{"x", range(0, 1).prior(0.5, 0)}};
       },
       {},
       R"({"x": {"type": "float", "low": 0, "high": 1, "prior": [0.5, 0]}})"},
      {"a log prior whose factor is below 1",
       "factor",
       [] {
         return Space{{"x", log_range(1, 9).prior(3, 0.5)}};
       },
       {},
       R"({"x": {"type": "float", "low": 1, "high": 9, "log": true, "prior": [3, 0.5]}})"},
      {"too few weights",
       "2 weights",
       [] {
         return Space{{"x", choice({1, 2, 3}).prior({1, 2})}};
       },
       {},
       R"({"x": {"type": "categorical", "choices": [1, 2, 3], "prior": [1, 2]}})"},
      {"a weight of 0",
       "above 0",
       [] {
         return Space{{"x", choice({1, 2}).prior({1, 0})}};
       },
       {},
       R"({"x": {"type": "categorical", "choices": [1, 2], "prior": [1, 0]}})"},
      {"weights for a continuum",
       "mean and a deviation",
       [] {
         return Space{{"x", range(0, 1).prior({1, 2})}};
       },
       {},
       ""},
      {"frozen outside",
       "frozen",
       [] {
         return Space{{"x", range(0, 1)}}.freeze("x", 2);
       },
       {},
       R"({"x": {"type": "float", "low": 0, "high": 1, "frozen": 2}})"},
      {"frozen, but not there",
       "not in the space",
       [] {
         return Space{{"a", range(0, 1)}}.freeze("x", 0.5);
       },
       {},
       ""},
  };
}

}  // namespace

TEST_CASE("bad spaces: through Space, through suggest and through JSON, each names the parameter") {
  for (const Bad& bad : all()) {
    const std::string name = bad.name;
    if (bad.space) refused(("space: " + name).c_str(), bad.why, [&] { bad.space(); });
    if (bad.suggest) {
      Study study({.seed = 1});
      Trial trial = study.ask();
      refused(("suggest: " + name).c_str(), bad.why, [&] { bad.suggest(trial); });
    }
    if (!bad.json.empty()) {
      const std::string json = bad.json;
      refused(("json: " + name).c_str(), "", [&] { space_from_json(json); });
    }
  }
}

TEST_CASE("bad spaces: everything forbidden names the parameters, and what was enqueued") {
  Space space{{"x", int_range(0, 3)}, {"y", range(0, 1)}};
  Space none = space;
  none.forbid([](const Params&) { return true; });
  Space part = space;
  part.forbid([](const Params& p) { return p.at("x") == 2; });
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    Space finite{{"x", int_range(0, 3)}, {"y", linear_grid(0, 1, 3)}};
    finite.forbid([](const Params&) { return true; });
    Study study({.sampler = make(), .seed = 1});
    refused("none", "forbid()", [&] { study.ask(is_listing(name) ? finite : none); });
  }
  Study study({.seed = 1, .space = part});
  study.enqueue({{"x", 2}});
  study.enqueue({{"x", 2}, {"y", 0.5}});
  refused("half enqueued", "x = 2", [&] { study.ask(part); });
  refused("enqueued", "x = 2, y = 0.5", [&] { study.ask(part); });
  for (const TrialResult& t : study.trials()) {
    CHECK(t.state == State::failed);
    CHECK(t.params.empty());  // it was never tried
  }
  CHECK(study.ask(part).params().at("x") != 2);
}

TEST_CASE("bad spaces: what is frozen may be forbidden") {
  Space space{{"x", int_range(0, 3)}};
  space.forbid([](const Params& p) { return p.at("x") == 2; }).freeze("x", 2);
  Study study({.seed = 1});
  CHECK_THROWS_WITH_AS(study.ask(space), "space: forbid() leaves nothing with x = 2",
                       SearchSpaceError);
}

TEST_CASE("bad spaces: a declared parameter cannot be asked for as another kind") {
  Study study({.seed = 1, .space = Space{{"x", range(0, 1)}}});
  Trial trial = study.ask();
  refused("kind", "integer", [&] { trial.suggest_int("x", 0, 1); });
  CHECK_NOTHROW(trial.suggest_float("x", 0, 2));
}
