#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>

#include "attune/base/error.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

Outcome slope(Trial& t) { return t.suggest_float("x", 0, 1); }

}  // namespace

TEST_CASE("study: ask and tell, both directions") {
  for (const Direction direction : {minimize, maximize}) {
    Study study({.direction = direction, .seed = 2});
    for (int i = 0; i < 50; ++i) {
      Trial t = study.ask();
      const double x = t.suggest_float("x", 0, 1);
      CHECK(t.suggest_float("x", 0, 1) == x);
      study.tell(t, x);
      CHECK_THROWS_AS(study.tell(t, x), ValueError);
      CHECK_THROWS_AS(t.suggest_float("y", 0, 1), ValueError);
    }
    double best = study.trial(0).value;
    for (const TrialResult& t : study.trials()) {
      CHECK(t.value == t.params.at("x").as_double());
      best = direction == maximize ? std::max(best, t.value) : std::min(best, t.value);
    }
    CHECK(study.best_trial().value == best);
  }
}

TEST_CASE("study: random suggestions do not depend on the number of jobs") {
  std::string first;
  for (const int jobs : {1, 2, 4}) {
    Study study({.sampler = tune::random(), .seed = 9});
    study.optimize(slope, {.trials = 60, .jobs = jobs});
    if (first.empty()) first = table(study);
    CHECK(table(study) == first);
  }
}

TEST_CASE("study: how trials end") {
  Study study({.seed = 1});
  study.optimize(
      [](Trial& t) -> Outcome {
        t.set_attribute("n", t.number());
        t.set_attribute_json("list", "[1, 2]");
        switch (t.number()) {
          case 0: return std::nan("");
          case 1: throw std::runtime_error("boom");
          case 2: return t.report(0, 3).report(4, 5), pruned;
          case 3: return pruned;
          case 4: return Failed{"no luck"};
          case 5: throw 7;
          case 6: return -INFINITY;
          default: return 1;
        }
      },
      {.trials = 8});
  const auto t = study.trials();
  REQUIRE(t.size() == 8);
  for (const size_t i : {0, 1, 4, 5}) CHECK(t[i].state == State::failed);
  CHECK(t[1].system.at("attune:error") == "\"boom\"");
  CHECK(t[4].system.at("attune:error") == "\"no luck\"");
  CHECK(t[2].state == State::pruned);
  CHECK(t[2].value == 5);
  CHECK(t[2].intermediate == std::map<int64_t, double>{{0, 3}, {4, 5}});
  CHECK(t[3].state == State::pruned);
  CHECK(std::isnan(t[3].value));
  CHECK(study.best_trial().number == 6);
  CHECK(t[7].user.at("n") == "7");
  CHECK(t[7].user.at("list") == "[1, 2]");
  CHECK(t[7].seconds >= 0);
}

TEST_CASE("study: an exception ends the study when it is asked to") {
  for (const int jobs : {1, 3}) {
    Study study;
    CHECK_THROWS_WITH_AS(study.optimize(
                             [](Trial& t) -> Outcome {
                               if (t.number() == 2) throw std::logic_error("boom");
                               return 0;
                             },
                             {.trials = 100, .jobs = jobs, .catch_errors = false}),
                         "boom", std::logic_error);
    CHECK(study.trial(2).state == State::failed);
    CHECK(study.size() < 100);
    for (const auto& t : study.trials()) CHECK(t.state != State::running);
  }
}

TEST_CASE("study: stop, timeout, step, callbacks") {
  Study study({.seed = 1});
  int64_t called = 0, progress = 0;
  study.optimize(slope, {.trials = 1000,
                         .jobs = 2,
                         .progress = [&](const Progress& p) { progress = p.trials; },
                         .on_trial =
                             [&](const TrialResult& t) {
                               ++called;
                               if (t.number == 9) study.stop();
                             }});
  CHECK(called == study.size());
  CHECK(progress == called);
  CHECK(called >= 10);
  CHECK(called < 100);  // however late the callback comes on a busy machine
  study.optimize(slope, {.trials = 5});
  CHECK(study.size() == called + 5);
  CHECK(study.step(slope));
  CHECK(study.size() == called + 6);
  study.stop();
  study.optimize(slope, {.trials = 5});
  CHECK(study.size() == called + 6);
  const auto begin = std::chrono::steady_clock::now();
  study.optimize(
      [](Trial& t) -> Outcome {
        std::this_thread::sleep_for(5ms);
        return slope(t);
      },
      {.trials = 100000, .timeout = 50ms});
  CHECK(std::chrono::steady_clock::now() - begin < 5s);

  std::ostringstream captured;
  auto* before = std::clog.rdbuf(captured.rdbuf());
  study.optimize(slope, {.trials = 2, .progress = true});
  std::clog.rdbuf(before);
  CHECK(captured.str().find("2 of 2 trials, best ") != std::string::npos);
}

TEST_CASE("study: enqueued trials come first, with their values, even those out of range") {
  Study study({.seed = 1});
  CHECK(study.enqueue({{"x", 0.25}, {"act", "gelu"}}) == 0);
  study.enqueue({{"x", 7}});
  study.enqueue({{"act", "tanh"}});
  const auto objective = [](Trial& t) -> Outcome {
    const double x = t.suggest_float("x", 0, 1);
    return x + (t.suggest_categorical("act", {"relu", "gelu"}) == "relu");
  };
  study.optimize(objective, {.trials = 4});
  CHECK(study.trial(0).params == Params{{"x", 0.25}, {"act", "gelu"}});
  CHECK(study.trial(1).params.at("x") == 7);
  CHECK(study.trial(2).state == State::failed);  // tanh is no choice
  CHECK(study.trial(3).state == State::complete);
}

TEST_CASE("study: the first trial is the default configuration, unless it is not wanted") {
  const Space space{{"lr", log_range(1e-4, 1e-2)},
                    {"act", choice({"relu", "gelu"})},
                    {"batch", defaults::batch_size()}};
  for (const auto& [name, make] : all_samplers()) {
    CAPTURE(name);
    if (std::string(name) == "grid") continue;  // it has an order of its own
    Study study({.sampler = make(), .seed = 1});
    const Params p = study.ask(space).params();
    CHECK(p.at("lr").as_double() == doctest::Approx(1e-3));
    CHECK(p.at("act") == "relu");
    CHECK(p.at("batch") == 64);
  }
  Study other({.seed = 1, .first = First::sampler});
  CHECK(other.ask(space).params().at("lr").as_double() != doctest::Approx(1e-3));
}

TEST_CASE("study: several objectives") {
  Study study({.directions = {minimize, maximize},
               .sampler = tune::random(),
               .seed = 1,
               .first = First::sampler});
  study.optimize(
      [](Trial& t) -> Outcome {
        const double x = t.suggest_float("x", 0, 1), y = t.suggest_float("y", 0, 1);
        if (t.number() == 3) return {1.0};
        if (t.number() == 4) return {1.0, std::nan("")};
        return {x, y};
      },
      {.trials = 60});
  CHECK(study.trial(3).state == State::failed);
  CHECK(study.trial(4).state == State::failed);
  CHECK_THROWS_AS(study.best_trial(), ValueError);
  const auto front = study.best_trials();
  CHECK(front.size() >= 2);
  std::set<int64_t> in_front;
  for (const auto& t : front) in_front.insert(t.number);
  for (const auto& t : study.trials()) {
    if (t.state != State::complete) continue;
    bool beaten = false;
    for (const auto& o : study.trials()) {
      if (o.state != State::complete) continue;
      beaten |= o.values[0] <= t.values[0] && o.values[1] >= t.values[1] && o.values != t.values;
    }
    CHECK(beaten != in_front.contains(t.number));
  }
  Trial t = study.ask();
  CHECK_THROWS_AS(t.report(0, 1), ValueError);
}

TEST_CASE("study: bad spaces and bad options") {
  Study study({.seed = 1});
  Trial t = study.ask();
  CHECK_THROWS_AS(t.suggest_float("a", 2, 1), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_float("a", 0, 1, tune::log), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_float("a", 0, 1, tune::step(0)), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_float("a", 0, 1, tune::step(-1)), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_float("a", 0, INFINITY), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_float("a", std::nan(""), 1), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_int("a", 3, 1), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_int("a", 0, 3, tune::log), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_categorical("a", std::vector<ParamValue>{}), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_categorical("a", {"u", "u"}), SearchSpaceError);
  CHECK_THROWS_AS(t.suggest_float("", 0, 1), SearchSpaceError);
  t.suggest_float("b", 0, 1);
  CHECK_THROWS_AS(t.suggest_int("b", 0, 1), SearchSpaceError);
  study.tell(t, 1);
  Trial u = study.ask();
  CHECK_THROWS_AS(u.suggest_float("b", 0.5, 1, tune::log), SearchSpaceError);
  CHECK_NOTHROW(u.suggest_float("b", -1, 2));

  CHECK_THROWS_AS(Study({.direction = maximize, .directions = {minimize}}), ValueError);
  CHECK_THROWS_AS(Study({.name = ""}), ValueError);
  CHECK_THROWS_AS(study.optimize(slope, {.trials = -1}), ValueError);
  CHECK_THROWS_AS(study.optimize(slope, {.jobs = 0}), ValueError);
  CHECK_THROWS_AS(study.set_attribute_json("x", "{"), ValueError);
  CHECK_THROWS_AS(study.trial(99), ValueError);
  CHECK_THROWS_AS(Study().best_trial(), ValueError);
  CHECK_THROWS_AS(Study({.deterministic = true, .lag = -1}), ValueError);
}

TEST_CASE("study: a trial given up is failed; handles and trials keep the study alive") {
  auto study = std::make_unique<Study>(StudyOptions{.seed = 1});
  { Trial t = study->ask(); }
  CHECK(study->trial(0).state == State::failed);
  Trial t = study->ask();
  Study copy = *study;
  study.reset();
  t.suggest_float("x", 0, 1);
  copy.tell(std::move(t), 1);
  CHECK(copy.best_trial().number == 1);
}

TEST_CASE("study: a trial's streams are keyed by seed, number and name") {
  Study study({.seed = 11});
  Trial a = study.ask(), b = study.ask();
  CHECK(a.rng("w") == study.rng(0, "w"));
  CHECK(a.rng("w") == Rng(11).fork(int64_t{0}).fork("w"));
  CHECK(a.rng("w") != b.rng("w"));
  CHECK(a.rng("w") != a.rng("v"));
}

TEST_CASE("deterministic: suggestions see only what is far enough behind") {
  Study study({.seed = 1, .deterministic = true, .lag = 2});
  Trial a = study.ask(), b = study.ask(), c = study.ask();
  CHECK_THROWS_AS(study.ask(), ValueError);  // trial 3 depends on trial 0
  study.tell(b, 1);
  CHECK_THROWS_AS(study.ask(), ValueError);
  study.tell(a, 1);
  Trial d = study.ask();
  CHECK(d.number() == 3);
  study.tell(c, 1), study.tell(d, 1);

  // More jobs than the lag allows just wait for each other.
  Study many({.seed = 1, .deterministic = true, .lag = 1});
  std::atomic<int> running{0}, most{0};
  many.optimize(
      [&](Trial& t) -> Outcome {
        const int now = ++running;
        if (now > most) most = now;
        std::this_thread::sleep_for(1ms);
        --running;
        return slope(t);
      },
      {.trials = 30, .jobs = 6});
  CHECK(many.size() == 30);
  CHECK(most <= 2);
}
