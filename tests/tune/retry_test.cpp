// Further attempts at trials that fail.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/study.h"
#include "tests/tune/learner.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;

namespace {

// Fails at its first attempt where x is below a half, always where it is below a tenth.
Outcome shaky(Trial& t, const Study& study) {
  const double x = t.suggest_float("x", 0, 1);
  if (x < 0.1) throw std::runtime_error("never");
  if (x < 0.5 && !study.trial(t.number()).retry_of) throw std::runtime_error("not yet");
  return x;
}

}  // namespace

TEST_CASE("retries: failed trials are tried again with the same parameters, so often") {
  for (const int jobs : {1, 4}) {
    Study study({.sampler = tune::random(), .seed = 3});
    study.optimize([&](Trial& t) { return shaky(t, study); },
                   {.trials = 40, .retries = 2, .jobs = jobs});
    std::map<int64_t, std::vector<TrialResult>> attempts;
    int64_t made = 0;
    for (const TrialResult& t : study.trials()) {
      made += !t.retry_of;
      attempts[t.retry_of.value_or(t.number)].push_back(t);
    }
    CHECK(made == 40);
    for (const auto& [first, all] : attempts) {
      const double x = all.front().params.at("x");
      CAPTURE(x);
      CHECK(all.size() == (x < 0.1 ? 3 : x < 0.5 ? 2 : 1));
      for (const TrialResult& t : all) {
        CHECK(t.params == all.front().params);
        CHECK((t.state == State::complete) == (&t == &all.back() && x >= 0.1));
      }
      if (all.size() == 3) {
        CHECK(all[1].system.at("retry_history") == fmt::format("[{}]", first));
        CHECK(all[2].system.at("retry_history") == fmt::format("[{}, {}]", first, all[1].number));
      }
    }
  }
}

TEST_CASE("retries: none unless asked for; those of an earlier call are made up for") {
  Study study({.sampler = tune::random(), .seed = 3});
  bool fails = true;
  const auto objective = [&](Trial& t) -> Outcome {
    t.suggest_float("x", 0, 1);
    if (fails && t.number() % 2 == 0) throw std::runtime_error("bad luck");
    return 1;
  };
  study.optimize(objective, {.trials = 10});
  CHECK(study.size() == 10);
  fails = false;
  study.optimize(objective, {.trials = 0, .retries = 1});
  CHECK(study.size() == 15);
  for (int64_t number = 10; number < 15; ++number) {
    CHECK(study.trial(number).state == State::complete);
    CHECK(study.trial(number).retry_of == 2 * (number - 10));
  }
  study.optimize(objective, {.trials = 0, .retries = 1});
  CHECK(study.size() == 15);
  CHECK_THROWS_AS(study.optimize(objective, {.retries = -1}), ValueError);
}

TEST_CASE("retries: what was enqueued keeps its values though it failed before it asked") {
  Study study({.sampler = tune::random(), .seed = 3});
  study.enqueue({{"x", 0.25}});
  int runs = 0;
  study.optimize(
      [&](Trial& t) -> Outcome {
        if (++runs == 1) throw std::runtime_error("too early");
        return t.suggest_float("x", 0, 1);
      },
      {.trials = 1, .retries = 1});
  CHECK(study.trial(1).value == 0.25);
}

TEST_CASE("retries: total counts first attempts") {
  Study study({.sampler = tune::random(), .seed = 3});
  study.optimize([&](Trial& t) { return shaky(t, study); },
                 {.trials = 100, .total = 20, .retries = 1, .jobs = 2});
  int64_t made = 0;
  for (const TrialResult& t : study.trials()) made += !t.retry_of;
  CHECK(made == 20);
  CHECK(study.size() > 20);
}

TEST_CASE("retries: a deterministic study has the same table for any number of jobs") {
  for (const auto& [name, make] : all_schedulers()) {
    CAPTURE(name);
    std::string first;
    for (const int jobs : {1, 2, 8}) {
      CAPTURE(jobs);
      Study study({.sampler = tpe({.startup_trials = 5}),
                   .scheduler = make(),
                   .seed = 3,
                   .deterministic = true});
      Learner learner;
      study.optimize(
          std::ref(learner),
          {.trials = 30, .retries = 1, .jobs = jobs, .timeout = std::chrono::seconds(60)});
      if (first.empty()) first = table(study);
      CHECK(table(study) == first);
      const auto trials = study.trials();
      CHECK(std::any_of(trials.begin(), trials.end(), [](const auto& t) { return t.retry_of; }));
    }
  }
}

TEST_CASE("retries: every storage keeps whose attempt a trial is") {
  for (const NamedStorage& storage : all_storages()) {
    CAPTURE(storage.name);
    const Folder folder;
    const auto kept = storage.make(folder);
    {
      Study study({.storage = kept, .sampler = tune::random(), .seed = 3});
      study.optimize([](Trial&) -> Outcome { throw std::runtime_error("never"); },
                     {.trials = 2, .retries = 2});
    }
    const Study study({.storage = kept, .read_only = true});
    CHECK(study.size() == 6);
    std::multiset<int64_t> of;
    for (const TrialResult& t : study.trials()) of.insert(t.retry_of.value_or(-1));
    CHECK(of == std::multiset<int64_t>{-1, -1, 0, 0, 3, 3});
  }
}

TEST_CASE("retries: of a study in processes of their own") {
  Study study({.sampler = tune::random(), .seed = 3});
  study.optimize([](Trial&) -> Outcome { std::abort(); },
                 {.trials = 5, .retries = 1, .jobs = 2, .isolate = true});
  CHECK(study.size() == 10);
  for (const TrialResult& t : study.trials()) CHECK(t.error() == "killed by SIGABRT");
}
